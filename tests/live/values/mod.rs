//! Values of every type, extreme and generated, written to and read from every version of Cassandra in
//! every protocol version. cqlwire or the Python driver writes, and the same or the other one reads.

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

use crate::Needs;
use crate::fleet::Node;
use round_trip::Way;

/// A test that runs against one node.
pub(crate) type Test = Box<dyn Fn(&Node) -> Result<(), Failed> + Send>;

/// Returns the tests for a version of Cassandra, with their names and requirements.
pub(crate) fn tests(cassandra: &str) -> Vec<(String, Needs, Test)> {
    let mut tests = vec![
        test("every_literal_round_trips", Needs::Nothing, literals::every_literal_round_trips),
        test(
            "values_survive_a_new_field_of_their_type",
            Needs::Nothing,
            growing::values_survive_a_new_field_of_their_type,
        ),
    ];
    for &protocol in protocols(cassandra) {
        for way in Way::ALL {
            let name = format!("{protocol}::{way}");
            let needs = if way == Way::Ours { Needs::Nothing } else { Needs::Python };
            tests.push(test(&name, needs, move |node| round_trip::all(node, protocol, way)));
        }
        let name = format!("{protocol}::known_differences_still_exist");
        tests.push(test(&name, Needs::Python, move |node| {
            known::known_differences_still_exist(node, protocol)
        }));
    }
    tests
}

/// Returns the protocol versions that a version of Cassandra supports.
fn protocols(cassandra: &str) -> &'static [Version] {
    if cassandra >= "4" { &Version::ALL } else { &[Version::V3, Version::V4] }
}

fn test(
    name: &str,
    needs: Needs,
    test: impl Fn(&Node) -> Result<(), Failed> + Send + 'static,
) -> (String, Needs, Test) {
    (format!("values::{name}"), needs, Box::new(test))
}
