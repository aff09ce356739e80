//! Finds an installed Java 17.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use super::INSTALL;
use crate::{error::Error, tool};

/// An installed Java 17.
#[derive(Clone, Debug)]
pub(crate) struct Jdk {
    home: PathBuf,
}

impl Jdk {
    /// Finds Java 17 in `JAVA_HOME` or else on the `PATH`. Java 17 is the only release that all
    /// three versions of Cassandra run on.
    pub(crate) fn find() -> Result<Self, Error> {
        let mut rejected = Vec::new();
        for java in candidates() {
            match release(&java) {
                Some(17) => {
                    if let Some(home) = java.parent().and_then(Path::parent) {
                        return Ok(Self { home: home.to_owned() });
                    }
                }
                Some(other) => rejected.push(format!("{} is Java {other}", java.display())),
                None => rejected.push(format!("{} prints no version", java.display())),
            }
        }
        let found = match rejected.is_empty() {
            true => "no Java was found in JAVA_HOME or on the PATH".to_owned(),
            false => rejected.join(", "),
        };
        let problem = format!("cannot find Java 17: {found}");
        Err(Error::Missing { problem, advice: INSTALL.to_owned() })
    }

    /// Returns the folder that contains `bin/java`.
    pub(crate) fn home(&self) -> &Path {
        &self.home
    }

    /// Returns the path of the `java` program.
    pub(crate) fn java(&self) -> PathBuf {
        self.home.join("bin/java")
    }
}

fn candidates() -> impl Iterator<Item = PathBuf> {
    let home = env::var_os("JAVA_HOME").map(|home| Path::new(&home).join("bin"));
    let path = env::var_os("PATH").unwrap_or_default();
    let folders: Vec<_> = home.into_iter().chain(env::split_paths(&path)).collect();
    // `java` on the PATH is usually a link; the home folder is that of the real file.
    folders.into_iter().filter_map(|dir| dir.join("java").canonicalize().ok())
}

fn release(java: &Path) -> Option<u32> {
    let outcome = tool::run(Command::new(java).arg("-version"), Duration::from_secs(30)).ok()?;
    parse_release(&outcome.text)
}

/// Parses the release from the output of `java -version`: 17 from `openjdk version "17.0.15"
/// 2025-04-15`, 8 from `java version "1.8.0_392"`.
fn parse_release(text: &str) -> Option<u32> {
    let line = text.lines().find(|line| line.contains(" version \""))?;
    let version = line.split('"').nth(1)?;
    let mut numbers = version.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    match numbers.next()? {
        Ok(1) => numbers.next()?.ok(),
        first => first.ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_the_version_output_of_several_vendors() {
        let outputs = [
            ("openjdk version \"17.0.15\" 2025-04-15\nOpenJDK Runtime Environment (build 17)", 17),
            ("java version \"1.8.0_392\"\nJava(TM) SE Runtime Environment", 8),
            ("Picked up JAVA_TOOL_OPTIONS: -Dx=\"9\"\nopenjdk version \"21\" 2023-09-19", 21),
            ("openjdk version \"24-ea\" 2025-03-18", 24),
        ];
        for (output, expected) in outputs {
            assert_eq!(parse_release(output), Some(expected), "{output}");
        }
        assert_eq!(parse_release("bash: java: command not found"), None);
        assert_eq!(parse_release("java version \"next\""), None);
    }
}
