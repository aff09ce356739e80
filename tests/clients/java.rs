//! The Java driver, 4.19.

use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

use crate::client::{Client, UP_TO_V5};
use crate::install;
use crate::setup::{SetupError, download};
use crate::toolchain::{has_tools, install_packages, sources};

pub(crate) const CLIENT: Client =
    Client { name: "java", missing, command, settings: UP_TO_V5, unsupported: &[] };

fn missing() -> Option<&'static str> {
    let tools = ["java", "javac", "mvn"];
    (!has_tools(&tools, "-version")).then_some("JDK of Java 17 with Maven")
}

fn command() -> Result<Command, SetupError> {
    static CLASS_PATH: LazyLock<Result<String, SetupError>> = LazyLock::new(compile);
    let class_path = CLASS_PATH.as_ref().map_err(Clone::clone)?;
    let mut java = Command::new("java");
    // The first of Java's compilers is enough for a program of a few seconds.
    java.args(["-Xmx512m", "-XX:TieredStopAtLevel=1", "-cp", class_path, "Client"]);
    Ok(java)
}

/// Compiles the program and returns its class path. Maven downloads the driver.
fn compile() -> Result<String, SetupError> {
    let folder = install_packages("java", "pom.xml", |folder| {
        let mut maven = Command::new("mvn");
        maven.args(["-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=jars"]);
        download(maven.current_dir(folder))
    })?;
    let (classes, jars) = (folder.join("classes"), format!("{}/*", folder.join("jars").display()));
    let files = ["Client", "Errors", "Steps", "Types"].map(|name| format!("{name}.java"));
    let files: Vec<PathBuf> = files.map(|file| sources("java").join(file)).into();
    let mut compiler = Command::new("javac");
    compiler.args(["--release", "17", "-cp", &jars, "-d"]).arg(&classes).args(files);
    install::run(&mut compiler)?;
    Ok(format!("{}:{jars}", classes.display()))
}
