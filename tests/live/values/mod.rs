//! Values of every type, at its edges and generated, through every version of Cassandra and of the
//! protocol: from us to us, from us to the Python driver, and from it to us.

mod extremes;
mod growing;
mod known;
mod literals;
mod python;
mod random;
mod round_trip;
mod schema;
mod shared;
mod table;

use cqlwire::wire::Version;
use libtest_mimic::Failed;

pub(crate) use shared::Shared;

use crate::fleet::Node;
use round_trip::Way;

/// A test that knows what it goes through.
pub(crate) type Test = Box<dyn Fn(&Node) -> Result<(), Failed> + Send>;

/// The tests of a version of Cassandra, and their names.
pub(crate) fn tests(cassandra: &str, with_python: bool) -> Vec<(String, Test)> {
    let ways = if with_python { &Way::ALL[..] } else { &[Way::Ours] };
    let mut tests = vec![
        test("every_literal", literals::every_literal),
        test("a_type_that_grows", move |node| growing::comes_through(node, ways)),
    ];
    for &protocol in protocols(cassandra) {
        for &way in ways {
            let name = format!("{protocol}::{way}");
            tests.push(test(&name, move |node| round_trip::all(node, protocol, way)));
        }
        if with_python {
            let name = format!("{protocol}::known_differences");
            tests.push(test(&name, move |node| known::are_there(node, protocol)));
        }
    }
    tests
}

/// The versions of the protocol that a version of Cassandra has.
fn protocols(cassandra: &str) -> &'static [Version] {
    if cassandra >= "4" { &Version::ALL } else { &[Version::V3, Version::V4] }
}

fn test(name: &str, test: impl Fn(&Node) -> Result<(), Failed> + Send + 'static) -> (String, Test) {
    (format!("values::{name}"), Box::new(test))
}
