//! The image to run: the official one, or one built from the local Java and Maven's jars.

use std::{process::Command, time::Duration};

use crate::{
    error::{Error, IoContext},
    java::{Jdk, fetch_jars},
    run_dir::{create_dir, harness_dir, lock},
    tool,
};

/// Paths in a built image (see `image.sh`).
pub(crate) const JAVA: &str = "/jdk/bin/java";
pub(crate) const JARS: &str = "/jars";
pub(crate) const JAMM: &str = "/jamm.jar";

const PULL_LIMIT: Duration = Duration::from_secs(600);
const BUILD_LIMIT: Duration = Duration::from_secs(300);

/// The name of an image that the local daemon has.
#[derive(Debug)]
pub(crate) enum Image {
    /// `cassandra:VERSION`.
    Official(String),
    /// `cqlwire-cassandra:VERSION`.
    Built(String),
}

impl Image {
    /// Returns an image of `version`: an existing one, or else the official one, pulled, or else one
    /// built locally.
    pub(crate) fn find_or_build(version: &str, progress: fn(&str)) -> Result<Self, Error> {
        let official = format!("cassandra:{version}");
        let built = format!("cqlwire-cassandra:{version}");
        let dir = harness_dir().join(version);
        create_dir(&dir)?;
        let _lock = lock(&dir.join("image.lock"))?;
        if exists(&official) {
            return Ok(Self::Official(official));
        }
        if exists(&built) {
            return Ok(Self::Built(built));
        }
        progress(&format!("Pulling the Docker image {official} (only once)"));
        let mut pull = docker(&["pull", "--quiet", &official]);
        match tool::run_successfully("docker pull", &mut pull, PULL_LIMIT) {
            Ok(_) => Ok(Self::Official(official)),
            Err(pull_error) => {
                progress(&format!("Building the Docker image {built} instead: {pull_error}"));
                build(version, &built, progress)?;
                Ok(Self::Built(built))
            }
        }
    }
}

fn exists(image: &str) -> bool {
    tool::run(&mut docker(&["image", "inspect", image]), Duration::from_secs(30))
        .is_ok_and(|outcome| outcome.status.success())
}

fn build(version: &str, name: &str, progress: fn(&str)) -> Result<(), Error> {
    if !cfg!(target_os = "linux") {
        return Err(Error::Unsupported(format!(
            "cannot build a Docker image of Cassandra {version}: this needs a Linux machine's Java; \
             run `docker pull cassandra:{version}`, or set CQLWIRE_CASSANDRA=java"
        )));
    }
    let jdk = Jdk::find()?;
    let jars = fetch_jars(version, progress)?;
    let dir = harness_dir().join(version);
    let root =
        tempfile::tempdir_in(&dir).context(|| format!("creating a folder in {}", dir.display()))?;
    let mut sh = Command::new("sh");
    sh.args(["-ec", include_str!("image.sh"), "image.sh"]);
    sh.arg(jdk.home()).arg(jars).arg(root.path()).arg(name);
    tool::run_successfully("building a Docker image", &mut sh, BUILD_LIMIT).map(drop)
}

fn docker(args: &[&str]) -> Command {
    let mut command = Command::new("docker");
    command.args(args);
    command
}
