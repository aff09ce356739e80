//! A node's log, read while it grows.

use std::{
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use crate::error::{Error, Trying};

/// How many of the log's last lines an error shows.
const LAST_LINES: usize = 20;

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

    /// The length so far: where the lines of the next start begin.
    pub(crate) fn length(&self) -> u64 {
        fs::metadata(&self.path).map_or(0, |metadata| metadata.len())
    }

    /// Whether a line written after the first `offset` bytes contains all of `words`.
    pub(crate) fn has_line(&self, offset: u64, words: &[&str]) -> bool {
        self.text_from(offset)
            .is_ok_and(|text| text.lines().any(|line| words.iter().all(|w| line.contains(w))))
    }

    /// The last lines, indented, for an error's text.
    pub(crate) fn last_lines(&self) -> String {
        let text = self.text_from(self.length().saturating_sub(16_384)).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let last = &lines[lines.len().saturating_sub(LAST_LINES)..];
        last.iter().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
    }

    fn text_from(&self, offset: u64) -> io::Result<String> {
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(offset))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_lines_of_this_start_only_and_shows_the_last_ones() {
        let dir = tempfile::tempdir().unwrap();
        let log = Log::new(dir.path().join("node1.log"));
        assert_eq!((log.length(), log.last_lines().as_str()), (0, ""));

        fs::write(log.path(), "INFO Node /127.0.0.1 state jump to NORMAL\n").unwrap();
        let words = ["/127.0.0.1", "NORMAL"];
        assert!(log.has_line(0, &words));
        assert!(!log.has_line(log.length(), &words), "a line of the start before");
        assert!(!log.has_line(0, &["/127.0.0.2", "NORMAL"]));

        let text: String = (1..=30).map(|n| format!("line {n}\n")).collect();
        fs::write(log.path(), text).unwrap();
        assert!(log.last_lines().starts_with("  line 11\n") && log.last_lines().ends_with("line 30"));
    }
}
