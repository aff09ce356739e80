//! The Java library `native-protocol`, which the drivers of that language are built on.

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

/// The library in a process of its own, installed when it is first asked.
pub(crate) struct Java;

static CHILD: LazyLock<Result<Child, String>> = LazyLock::new(|| {
    let class_path = installed()?;
    Child::start(Command::new("java").args(["-Xmx256m", "-cp"]).arg(class_path).arg("Peer"))
});

/// What this machine lacks, if anything.
pub(crate) fn missing() -> Option<&'static str> {
    let is_here = |tool: &str| install::succeeds(Command::new(tool).arg("-version"));
    let all = ["java", "javac", "mvn"].into_iter().all(is_here);
    (!all).then_some("JDK of Java 17 with Maven")
}

/// The class path of the library and of the classes beside this file.
fn installed() -> Result<String, String> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("java");
    let folder = install::folder().join("java");
    let pom = sources.join("pom.xml");
    let (jars, stamp) = (folder.join("jars"), folder.join("installed"));
    let wanted = fs::read_to_string(&pom).map_err(|error| format!("{}: {error}", pom.display()))?;
    if !fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        let mut maven = Command::new("mvn");
        maven.args(["-q", "-B", "dependency:copy-dependencies", "-f"]).arg(&pom);
        install::run(maven.arg(format!("-DoutputDirectory={}", jars.display())))?;
        fs::write(&stamp, wanted).map_err(|error| format!("{}: {error}", stamp.display()))?;
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

/// Asks the library; how is at the top of `Peer.java`.
fn call(request: &str) -> Result<Value, String> {
    CHILD.as_ref().map_err(Clone::clone)?.call(request)
}

/// The name that the other side knows a compression by.
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
        let question = format!("payloads {} {}", name(compression), hex::encode(bytes));
        segments::from_json(&call(&question)?)
    }

    fn write(&self, compression: Option<Compression>, of: &[Payload]) -> Result<Vec<u8>, String> {
        let mut question = format!("segments {}", name(compression));
        for payload in of {
            question += &format!(" {} {}", payload.self_contained, hex::encode(&payload.bytes));
        }
        hex::decode(call(&question)?.as_str().unwrap_or_default())
    }
}

/// The library leaves class names to the driver, so we read them.
fn read_class_names(fields: &mut Value) {
    if let [Value::String(kind), Value::String(class)] =
        fields.as_array().map_or(&[][..], |list| list)
        && kind == "custom"
    {
        let mut option = Vec::new();
        let mut writer = Writer::new(&mut option);
        writer.short(0);
        writer.string(class, "class").expect("it came in a [string]");
        *fields = json_values::type_to_json(
            &CqlType::decode(&mut Reader::new(&option)).expect("an option"),
        );
        return;
    }
    match fields {
        Value::Array(list) => list.iter_mut().for_each(read_class_names),
        Value::Object(object) => object.values_mut().for_each(read_class_names),
        _ => {}
    }
}

/// How it differs.
pub(crate) const SKIPS: &[Skip] = &[
    Skip {
        name: "unset",
        reason: "it reads a value that is not set as null",
        applies: |case| has_unset(case.message()),
    },
    Skip {
        name: "contentions",
        reason: "it stops before the last field of a WRITE_TIMEOUT of CAS",
        applies: |case| case.message()["details"]["contentions"].is_number(),
    },
    Skip {
        name: "mapped_addresses",
        reason: "Java takes an IPv4 address that is mapped into IPv6 for one of IPv4",
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
