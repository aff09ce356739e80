//! Cassandra's jars, fetched by Maven once and kept.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use super::INSTALL;
use crate::{
    error::{Error, Trying},
    run_dir::{create_dir, harness_dir, lock},
    tool,
    version::Generation,
};

/// The folder of `version`'s jars, `target/cassandra/<version>/jars`, filled by Maven when missing.
///
/// Processes that want the same version at once wait for each other, and one that is killed leaves
/// no half-filled folder.
pub(crate) fn fetch_jars(version: &str, progress: fn(&str)) -> Result<PathBuf, Error> {
    let dir = harness_dir().join(version);
    let jars = dir.join("jars");
    create_dir(&dir)?;
    let _lock = lock(&dir.join("jars.lock"))?;
    if jars.exists() {
        return Ok(jars);
    }
    progress(&format!("Fetching Cassandra {version} by Maven (about 60 MB, only once)"));
    let fresh =
        tempfile::tempdir_in(&dir).trying(|| format!("creating a folder in {}", dir.display()))?;
    copy_dependencies(version, fresh.path())?;
    let filled = fresh.path().join("jars");
    fs::rename(&filled, &jars).trying(|| format!("moving {}", filled.display()))?;
    Ok(jars)
}

/// The agent among the jars that has to be named by its file.
pub(super) fn jamm(jars: &Path) -> Result<String, Error> {
    let entries = fs::read_dir(jars).trying(|| format!("reading {}", jars.display()))?;
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    names
        .into_iter()
        .find(|name| name.starts_with("jamm-") && name.ends_with(".jar"))
        .map(|name| jars.join(name).display().to_string())
        .ok_or_else(|| {
            Error::Missing(format!("no jamm jar in {}: delete it and try again", jars.display()))
        })
}

fn copy_dependencies(version: &str, dir: &Path) -> Result<(), Error> {
    let pom = dir.join("pom.xml");
    fs::write(&pom, pom_text(version)?).trying(|| format!("writing {}", pom.display()))?;
    let mut maven = Command::new("mvn");
    maven.args(["-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=jars"]);
    maven.current_dir(dir);
    match tool::run_successfully("Maven", &mut maven, Duration::from_secs(900)) {
        Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            Err(Error::Missing(format!(
                "Cassandra {version} is fetched by Maven, but there is no `mvn`: {INSTALL}"
            )))
        }
        other => other.map(drop),
    }
}

fn pom_text(version: &str) -> Result<String, Error> {
    let mut dependencies = dependency("org.apache.cassandra", "cassandra-all", version, "");
    if Generation::of(version)? == Generation::V3 {
        // 3.11 does not start without the classes of its Thrift server, even when that is off, and
        // its UDFs convert values by the driver of that time, which brings a Netty of its own.
        let thrift = dependency("org.apache.cassandra", "cassandra-thrift", version, "");
        let shaded = "<classifier>shaded</classifier><exclusions><exclusion>\
                      <groupId>io.netty</groupId><artifactId>*</artifactId>\
                      </exclusion></exclusions>";
        let driver = dependency("com.datastax.cassandra", "cassandra-driver-core", "3.0.1", shaded);
        dependencies += &(thrift + &driver);
    }
    Ok(format!(
        "<project><modelVersion>4.0.0</modelVersion><groupId>cqlwire</groupId>\
         <artifactId>cassandra</artifactId><version>1</version><packaging>pom</packaging>\
         <dependencies>{dependencies}</dependencies></project>\n"
    ))
}

fn dependency(group: &str, artifact: &str, version: &str, more: &str) -> String {
    format!(
        "<dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId>\
         <version>{version}</version>{more}</dependency>"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pom_names_what_the_generation_needs() {
        let (old, new) = (pom_text("3.11.3").unwrap(), pom_text("5.0.6").unwrap());
        assert!(old.contains("<artifactId>cassandra-thrift</artifactId><version>3.11.3</version>"));
        assert!(new.contains("<artifactId>cassandra-all</artifactId><version>5.0.6</version>"));
        assert!(old.contains("driver-core") && !new.contains("driver-core"));
    }
}
