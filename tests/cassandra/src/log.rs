//! A node's log, read while it grows.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use crate::error::{Error, Trying};

/// How many of the log's last lines an error shows, and how much of each: Cassandra writes lines of
/// thousands of characters.
const LAST_LINES: usize = 20;
const LINE_LENGTH: usize = 200;

/// What every generation of Cassandra logs before the exception that ends its start.
const WHY_NOT_STARTED: &str = "xception encountered during startup";

/// The log of one node. A restarted node goes on in the same file.
#[derive(Debug)]
pub(crate) struct Log {
    path: PathBuf,
}

impl Log {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The file, to be written at its end by a process that we start.
    pub(crate) fn open_for_process(&self) -> Result<File, Error> {
        File::options()
            .create(true)
            .append(true)
            .open(&self.path)
            .trying(|| format!("opening the log {}", self.path.display()))
    }

    /// Whether one of the lines contains `words`.
    pub(crate) fn has(&self, words: &str) -> bool {
        self.text(None).is_ok_and(|text| text.contains(words))
    }

    /// The last lines, indented, for an error's text; where the last of them tell how a node that
    /// could not start has shut down again, those that say why it could not.
    pub(crate) fn last_lines(&self) -> String {
        let text = self.text(Some(65_536)).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let cause = lines.iter().rposition(|line| line.contains(WHY_NOT_STARTED));
        let first = cause.unwrap_or(lines.len().saturating_sub(LAST_LINES));
        lines[first..]
            .iter()
            .take(LAST_LINES)
            .map(|line| format!("  {line:.LINE_LENGTH$}"))
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// The log's text, or what its last bytes hold of it.
    fn text(&self, last: Option<u64>) -> io::Result<String> {
        let mut file = File::open(&self.path)?;
        if let Some(last) = last {
            let length = file.metadata()?.len();
            file.seek(SeekFrom::Start(length.saturating_sub(last)))?;
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn finds_words_and_shows_the_last_lines() {
        let dir = tempfile::tempdir().unwrap();
        let log = Log::new(dir.path().join("node1.log"));
        assert_eq!((log.has("line"), log.last_lines().as_str()), (false, ""));

        let text: String = (1..=30).map(|n| format!("line {n}\n")).collect();
        fs::write(log.path(), text).unwrap();
        assert!(log.has("line 1\n") && !log.has("line 31"));
        let last = log.last_lines();
        assert!(last.starts_with("  line 11\n") && last.ends_with("line 30"), "{last}");

        let stopped = "Exception encountered during startup\njava.lang.X\n".to_owned();
        fs::write(log.path(), stopped + &"drained\n".repeat(100)).unwrap();
        let cause = "  Exception encountered during startup\n  java.lang.X\n  drained\n";
        assert!(log.last_lines().starts_with(cause), "{}", log.last_lines());

        fs::write(log.path(), "x".repeat(100_000)).unwrap();
        assert_eq!(log.last_lines().len(), 2 + LINE_LENGTH);
    }
}
