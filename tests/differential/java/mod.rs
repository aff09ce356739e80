//! The Java library `native-protocol`, on which the Java driver is built.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use cqlwire::types::CqlType;
use cqlwire::wire::{Compression, Reader, Writer};
use serde_json::Value;

use crate::cases::Case;
use crate::child::Child;
use crate::peer::{Answer, Peer, Skip};
use crate::segments::{self, Payload, Payloads, Segments};
use crate::{hex, install, json_values};

/// The library, in a child process that is installed and started on first use.
pub(crate) struct Java;

static CHILD: LazyLock<Result<Child, String>> = LazyLock::new(|| {
    let class_path = install_classes()?;
    Child::start(Command::new("java").args(["-Xmx256m", "-cp"]).arg(class_path).arg("Peer"))
});

/// Returns the requirement that this machine lacks, or `None` if it lacks none.
pub(crate) fn missing() -> Option<&'static str> {
    let is_installed = |tool: &str| install::succeeds(Command::new(tool).arg("-version"));
    let all = ["java", "javac", "mvn"].into_iter().all(is_installed);
    (!all).then_some("JDK of Java 17 with Maven")
}

/// Installs the library, compiles the classes in this folder, and returns the class path.
fn install_classes() -> Result<String, String> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("java");
    let folder = install::folder().join("java");
    let pom = sources.join("pom.xml");
    let (jars, stamp) = (folder.join("jars"), folder.join("installed"));
    let pom_text = fs::read_to_string(&pom)
        .map_err(|error| format!("cannot read {}: {error}", pom.display()))?;
    if !fs::read_to_string(&stamp).is_ok_and(|installed| installed == pom_text) {
        let mut maven = Command::new("mvn");
        maven.args(["-q", "-B", "dependency:copy-dependencies", "-f"]).arg(&pom);
        install::run(maven.arg(format!("-DoutputDirectory={}", jars.display())))?;
        fs::write(&stamp, pom_text)
            .map_err(|error| format!("cannot write {}: {error}", stamp.display()))?;
    }
    let class_path = format!("{}/*", jars.display());
    let mut compiler = Command::new("javac");
    compiler.args(["--release", "17", "-Xlint:all", "-Werror", "-cp", &class_path, "-d"]);
    compiler
        .arg(&folder)
        .args(["Peer", "Buffer", "Json", "Lz4"].map(|of| sources.join(format!("{of}.java"))));
    install::run(&mut compiler)?;
    Ok(format!("{}:{class_path}", folder.display()))
}

/// Sends a request to the library. `Peer.java` documents the requests.
fn call(request: &str) -> Result<Value, String> {
    CHILD.as_ref().map_err(Clone::clone)?.call(request)
}

/// Returns the name of a compression in requests.
fn name(compression: Option<Compression>) -> String {
    compression.map_or("none".to_owned(), |compression| compression.to_string())
}

impl Peer for Java {
    fn answer(&self, case: &Case) -> Result<Answer, String> {
        let compression = name(case.context.compression);
        let mut answer = call(&format!("frame {compression} {}", hex::encode(&case.bytes)))?;
        let bytes = hex::decode(answer["bytes"].as_str().unwrap_or_default())?;
        let mut fields = answer["fields"].take();
        read_class_names(&mut fields);
        Ok(Answer { fields: Some(fields), bytes: Some(bytes) })
    }
}

impl Segments for Java {
    fn read(&self, compression: Option<Compression>, bytes: &[u8]) -> Result<Payloads, String> {
        let request = format!("payloads {} {}", name(compression), hex::encode(bytes));
        segments::from_json(&call(&request)?)
    }

    fn write(&self, compression: Option<Compression>, of: &[Payload]) -> Result<Vec<u8>, String> {
        let mut request = format!("segments {}", name(compression));
        for payload in of {
            request += &format!(" {} {}", payload.self_contained, hex::encode(&payload.bytes));
        }
        hex::decode(call(&request)?.as_str().unwrap_or_default())
    }
}

/// Parses class names, which the library returns as text.
fn read_class_names(fields: &mut Value) {
    if let [Value::String(kind), Value::String(class)] =
        fields.as_array().map_or(&[][..], |list| list)
        && kind == "custom"
    {
        let mut option = Vec::new();
        let mut writer = Writer::new(&mut option);
        writer.short(0);
        writer.string(class, "class").expect("the class name should fit a [string]");
        *fields = json_values::type_to_json(
            &CqlType::decode(&mut Reader::new(&option)).expect("the type should decode"),
        );
        return;
    }
    match fields {
        Value::Array(list) => list.iter_mut().for_each(read_class_names),
        Value::Object(object) => object.values_mut().for_each(read_class_names),
        _ => {}
    }
}

/// The known differences of the library.
pub(crate) const SKIPS: &[Skip] = &[
    Skip {
        name: "unset",
        reason: "it reads unset values as null",
        applies: |case| has_unset(case.message()),
    },
    Skip {
        name: "contentions",
        reason: "it ignores the last field of a WRITE_TIMEOUT of CAS",
        applies: |case| case.message()["details"]["contentions"].is_number(),
    },
    Skip {
        name: "mapped_addresses",
        reason: "Java converts IPv4-mapped IPv6 addresses to IPv4",
        applies: |case| {
            let message = case.message();
            let is_mapped = |address: &str| address.starts_with("00000000000000000000ffff");
            let failures = message["details"]["failures"].as_object();
            message["address"][0].as_str().is_some_and(is_mapped)
                || failures.is_some_and(|of| of.keys().any(|address| is_mapped(address)))
        },
    },
];

fn has_unset(fields: &Value) -> bool {
    match fields {
        Value::Array(list) => list.iter().any(has_unset),
        Value::Object(object) => object.contains_key("unset") || object.values().any(has_unset),
        _ => false,
    }
}
