//! The image to run: the official one, or one made of this machine's Java and Maven's jars.

use std::{process::Command, time::Duration};

use crate::{
    error::{Error, Trying},
    java::{Jdk, fetch_jars},
    run_dir::{create_dir, harness_dir, lock},
    tool,
};

/// Where a home-made image has its things (see `image.sh`).
pub(crate) const JAVA: &str = "/jdk/bin/java";
pub(crate) const JARS: &str = "/jars";
pub(crate) const JAMM: &str = "/jamm.jar";

const PULL_LIMIT: Duration = Duration::from_secs(600);
const BUILD_LIMIT: Duration = Duration::from_secs(300);

/// An image of the local daemon, by its name.
#[derive(Debug)]
pub(crate) enum Image {
    /// `cassandra:VERSION`.
    Official(String),
    /// `cqlwire-cassandra:VERSION`.
    HomeMade(String),
}

impl Image {
    /// An image of `version`: one that is here already, else pulled, else built.
    pub(crate) fn find_or_make(version: &str, progress: fn(&str)) -> Result<Self, Error> {
        let official = format!("cassandra:{version}");
        let home_made = format!("cqlwire-cassandra:{version}");
        let dir = harness_dir().join(version);
        create_dir(&dir)?;
        let _lock = lock(&dir.join("image.lock"))?;
        if exists(&official) {
            return Ok(Self::Official(official));
        }
        if exists(&home_made) {
            return Ok(Self::HomeMade(home_made));
        }
        progress(&format!("Pulling the Docker image {official} (only once)"));
        let mut pull = docker(&["pull", "--quiet", &official]);
        match tool::run_successfully("docker pull", &mut pull, PULL_LIMIT) {
            Ok(_) => Ok(Self::Official(official)),
            Err(pull_error) => {
                progress(&format!("Building the Docker image {home_made}, because {pull_error}"));
                build(version, &home_made, progress)?;
                Ok(Self::HomeMade(home_made))
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
        let problem = "an image can only be made of a Linux machine's Java; pull it by hand, or \
                       let Java do it with CQLWIRE_CASSANDRA=java";
        return Err(Error::Unsupported(problem.to_owned()));
    }
    let jdk = Jdk::find()?;
    let jars = fetch_jars(version, progress)?;
    let dir = harness_dir().join(version);
    let root =
        tempfile::tempdir_in(&dir).trying(|| format!("creating a folder in {}", dir.display()))?;
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
