//! Cassandra's jars, which Maven downloads once.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use super::INSTALL;
use crate::{
    error::{Error, IoContext},
    run_dir::{create_dir, harness_dir, lock},
    tool,
    version::Generation,
};

/// Returns the folder of `version`'s jars, `target/cassandra/<version>/jars`. Runs Maven to fill it
/// if it does not exist.
///
/// Processes that need the same version wait for each other. A process that is killed does not leave
/// an incomplete folder.
pub(crate) fn fetch_jars(version: &str, progress: fn(&str)) -> Result<PathBuf, Error> {
    let dir = harness_dir().join(version);
    let jars = dir.join("jars");
    create_dir(&dir)?;
    let _lock = lock(&dir.join("jars.lock"))?;
    if jars.exists() {
        return Ok(jars);
    }
    progress(&format!("Downloading Cassandra {version} with Maven (about 60 MB, only once)"));
    let fresh =
        tempfile::tempdir_in(&dir).context(|| format!("creating a folder in {}", dir.display()))?;
    copy_dependencies(version, fresh.path())?;
    let filled = fresh.path().join("jars");
    fs::rename(&filled, &jars).context(|| format!("moving {}", filled.display()))?;
    Ok(jars)
}

/// Checks that the jars of `version` are cached, or that Maven can download them.
///
/// # Errors
/// Returns an error if neither is the case.
pub(super) fn require_jars(version: &str) -> Result<(), Error> {
    let path = env::var_os("PATH").unwrap_or_default();
    let has_maven = || env::split_paths(&path).any(|folder| folder.join("mvn").is_file());
    match harness_dir().join(version).join("jars").exists() || has_maven() {
        true => Ok(()),
        false => Err(missing_maven(version)),
    }
}

/// Returns the path of the jamm jar, the Java agent that measures memory.
pub(super) fn jamm_jar(jars: &Path) -> Result<String, Error> {
    let entries = fs::read_dir(jars).context(|| format!("reading {}", jars.display()))?;
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    names
        .into_iter()
        .find(|name| name.starts_with("jamm-") && name.ends_with(".jar"))
        .map(|name| jars.join(name).display().to_string())
        .ok_or_else(|| Error::Missing {
            problem: format!("cannot start Cassandra: {} has no jamm jar", jars.display()),
            advice: "delete the folder and try again".to_owned(),
        })
}

fn copy_dependencies(version: &str, dir: &Path) -> Result<(), Error> {
    let pom = dir.join("pom.xml");
    fs::write(&pom, pom_text(version)?).context(|| format!("writing {}", pom.display()))?;
    let mut maven = Command::new("mvn");
    maven.args(["-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=jars"]);
    maven.current_dir(dir);
    match tool::run_successfully("Maven", &mut maven, Duration::from_secs(900)) {
        Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            Err(missing_maven(version))
        }
        other => other.map(drop),
    }
}

fn missing_maven(version: &str) -> Error {
    let problem = format!("cannot download Cassandra {version}: there is no `mvn` on the PATH");
    Error::Missing { problem, advice: INSTALL.to_owned() }
}

fn pom_text(version: &str) -> Result<String, Error> {
    let mut dependencies = dependency("org.apache.cassandra", "cassandra-all", version, "");
    if Generation::of(version)? == Generation::V3 {
        // 3.11 does not start without the classes of its Thrift server, even if that is disabled.
        // Its UDFs need the Java driver to convert values; the shaded jar includes its own Netty.
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
    fn the_pom_lists_the_dependencies_of_each_generation() {
        let (old, new) = (pom_text("3.11.3").unwrap(), pom_text("5.0.6").unwrap());
        assert!(old.contains("<artifactId>cassandra-thrift</artifactId><version>3.11.3</version>"));
        assert!(new.contains("<artifactId>cassandra-all</artifactId><version>5.0.6</version>"));
        assert!(old.contains("driver-core") && !new.contains("driver-core"));
    }
}
