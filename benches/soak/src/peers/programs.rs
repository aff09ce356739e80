//! The programs of the drivers, in `peers/`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::Result;

/// A program that has been compiled.
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    /// Arguments before those of the load.
    pub(crate) arguments: Vec<String>,
}

/// Compiles the program of a driver.
pub(crate) fn build(driver: &str) -> Result<Program> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers");
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/soak/peers");
    fs::create_dir_all(&target)?;
    match driver {
        "java" => java(&sources.join("java"), &target.join("java")),
        _ => {
            let binary = format!("{driver}-load");
            let mut cargo = Command::new("cargo");
            cargo.args(["build", "--quiet", "--locked", "--release", "--bin", &binary]);
            succeed(cargo.arg("--target-dir").arg(&target).current_dir(sources))?;
            Ok(Program { path: target.join("release").join(binary), arguments: Vec::new() })
        }
    }
}

/// Downloads the Java driver with Maven, and compiles the program.
fn java(sources: &Path, target: &Path) -> Result<Program> {
    fs::create_dir_all(target)?;
    fs::copy(sources.join("pom.xml"), target.join("pom.xml"))?;
    let mut maven = Command::new("mvn");
    maven.args(["-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=jars"]);
    succeed(maven.current_dir(target))?;
    let (classes, jars) = (target.join("classes"), format!("{}/*", target.join("jars").display()));
    let mut compiler = Command::new("javac");
    compiler.args(["--release", "17", "-cp", &jars, "-d"]).arg(&classes);
    succeed(compiler.arg(sources.join("Load.java")))?;
    let class_path = format!("{}:{jars}", classes.display());
    Ok(Program {
        path: PathBuf::from("java"),
        arguments: vec!["-cp".to_owned(), class_path, "Load".to_owned()],
    })
}

fn succeed(command: &mut Command) -> Result<()> {
    match command.status()? {
        status if status.success() => Ok(()),
        status => Err(format!("{command:?} failed ({status})").into()),
    }
}
