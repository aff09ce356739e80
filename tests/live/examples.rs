//! The example programs, and their expected output.

use std::path::Path;
use std::process::Command;

use libtest_mimic::Failed;

use crate::fleet::Node;
use crate::program::{ADD_USERS, run};

/// The examples that connect to a server, and their expected output.
const EXAMPLES: [(&str, &str); 10] = [
    (
        "bind_struct",
        "(\"ada\", 37, Some(\"ada@example.org\"))\n(\"bob\", 41, None)\n(\"cyd\", 29, None)\n",
    ),
    ("cluster", "1 node(s) in datacenter1\ndatacenter1 says true\n1 attempt(s), Server(Invalid)\n"),
    (
        "collections",
        "[\"So What\", \"Blue in Green\"] {\"jazz\", \"modal\"} {\"ada\": 5, \"bob\": 4} 45:44\n\
         So What\nBlue in Green\nNone []\n",
    ),
    (
        "json",
        "{\"sensor\":\"north\",\"at\":\"2024-02-29 12:53:18.001Z\",\
         \"levels\":{\"1\":0.5,\"2\":\"NaN\"},\"\\\"batteryLeft\\\"\":0.75,\"note\":null}\n",
    ),
    (
        "null_and_unset",
        "(None, \"bob\")\nSELECT age, owner FROM pets WHERE name = ?: \
         cannot read row 0, column 0 \"age\" of type `int`: the value is null, but the Rust type is not an `Option`\n(Empty,)\n",
    ),
    ("query", "cyd is Some(41)\nada is Some(36)\ncyd\nada\n"),
    (
        "typed_rows",
        "Person { name: \"bob\", born: None, role: Guest, tags: [], \
         home: Home { city: City(\"Oslo\"), country: \"\" } }\n\
         Person { name: \"cyd\", born: Some(1970), role: Other(\"editor\"), tags: [], \
         home: Home { city: City(\"Oslo\"), country: \"\" } }\n\
         Person { name: \"ada\", born: Some(1815), role: SuperUser, tags: [], \
         home: Home { city: City(\"London\"), country: \"\" } }\n\
         cannot read the result of SELECT name, role, city FROM typed_people: \
         the result has no column \"birth_year\" for field `Person::born`; \
         its columns are name, role, city\n",
    ),
    (
        "udt",
        "Customer { name: \"ada\", home: Address { street: \"12 St James's Square\", \
         zip: Some(1815), country: \"\" }, others: [Address { street: \"Ockham Park\", \
         zip: None, country: \"\" }] }\n",
    ),
    ("vectors", "cat [0.9, 0.1, 0.0]\ndog [0.8, 0.2, 0.0]\n3 dimensions\n"),
    (
        "whole_table",
        "10000 rows written, 0 failed\n10000 rows read, their sum is 333283335000\n1336 rows in shard 3 of 8\n",
    ),
];

pub(crate) fn examples_print_the_expected_output(node: &Node) -> Result<(), Failed> {
    // `cargo test` for this test alone does not build the examples.
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--workspace", "--all-features", "--examples"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()?;
    assert!(built.success());
    let folder = Path::new(ADD_USERS).with_file_name("examples");
    for (name, output) in EXAMPLES {
        let program = folder.join(name);
        let program = program.to_str().ok_or("the path of the examples is not UTF-8")?;
        let ran = run(program, &[&node.address.to_string()]);
        assert_eq!((ran.code, &*ran.stdout, &*ran.stderr), (0, output, ""), "{name}");
    }
    Ok(())
}
