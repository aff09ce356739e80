//! The file that notes up to which place all rows are loaded.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;

use serde_json::{Value as Json, json};

use super::input_thread::ReadPosition;
use crate::bulk::{BadRowSizes, FileError, InputPlace};
use crate::cli::Failure;

/// The state of a load in which no row is in flight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Checkpoint {
    pub(super) job: Job,
    /// The write time of the row with the number 0, in microseconds.
    pub(super) timestamp: i64,
    pub(super) position: ReadPosition,
    pub(super) counts: Counts,
    /// The sizes of the error files of each input.
    pub(super) bad: Vec<BadRowSizes>,
    /// True if the inputs have been read to their ends.
    pub(super) is_complete: bool,
}

/// What a load does. A load that goes on after a checkpoint must do the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Job {
    pub(super) table: String,
    pub(super) columns: Vec<String>,
    pub(super) inputs: Vec<String>,
}

/// Numbers of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Counts {
    /// Records that were read.
    pub(super) read: u64,
    /// Rows that were passed to the sink.
    pub(super) sent: u64,
    pub(super) acknowledged: u64,
    pub(super) failed: u64,
}

/// Version of the file's format.
const VERSION: u64 = 1;

impl Checkpoint {
    /// Reads the file of an earlier load. Returns `None` if it does not exist.
    ///
    /// # Errors
    /// Returns an error if the file cannot be read, if it is no checkpoint, or if it is one of another job.
    pub(super) fn read(path: &Path, job: &Job) -> Result<Option<Self>, Failure> {
        let text = match fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failure("read", path, error)),
        };
        let json: Option<Json> = serde_json::from_slice(&text).ok();
        let Some(checkpoint) = json.as_ref().and_then(Self::of_json) else {
            let path = path.display();
            return Err(Failure::Text(format!("{path} is not the checkpoint of a load")));
        };
        if checkpoint.job != *job {
            return Err(Failure::Arguments(format!(
                "{} is the checkpoint of another load ({}): give the same table, columns and files, or another file",
                path.display(),
                checkpoint.job.table,
            )));
        }
        Ok(Some(checkpoint))
    }

    /// Writes the file. A program that is killed leaves the old or the new state.
    ///
    /// # Errors
    /// Returns an error if the file cannot be written.
    pub(super) fn write(&self, path: &Path) -> Result<(), Failure> {
        let mut new = path.as_os_str().to_owned();
        new.push(".new");
        let written = fs::File::create(&new).and_then(|mut file| {
            file.write_all(format!("{:#}\n", self.json()).as_bytes())?;
            file.sync_all()?;
            fs::rename(&new, path)
        });
        written.map_err(|error| failure("write", path, error))
    }

    fn json(&self) -> Json {
        let Self { job, timestamp, position, counts, bad, is_complete } = self;
        let last = position
            .last
            .map(|InputPlace { line, offset }| json!({"line": line, "offset": offset}));
        let bad: Vec<Json> = bad.iter().map(|BadRowSizes { bad, err }| json!([bad, err])).collect();
        json!({
            "version": VERSION,
            "table": job.table,
            "columns": job.columns,
            "inputs": job.inputs,
            "timestamp": timestamp,
            "input": position.input,
            "last": last,
            "read": counts.read,
            "sent": counts.sent,
            "acknowledged": counts.acknowledged,
            "failed": counts.failed,
            "error_files": bad,
            "complete": is_complete,
        })
    }

    fn of_json(json: &Json) -> Option<Self> {
        let number = |key: &str| json.get(key)?.as_u64();
        let strings = |key: &str| {
            let strings = json.get(key)?.as_array()?.iter();
            strings.map(|text| text.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
        };
        if number("version")? != VERSION {
            return None;
        }
        let last = match json.get("last")? {
            Json::Null => None,
            last => Some(InputPlace {
                line: last.get("line")?.as_u64()?,
                offset: last.get("offset")?.as_u64()?,
            }),
        };
        let sizes = |sizes: &Json| {
            Some(BadRowSizes { bad: sizes.get(0)?.as_u64()?, err: sizes.get(1)?.as_u64()? })
        };
        Some(Self {
            job: Job {
                table: json.get("table")?.as_str()?.to_owned(),
                columns: strings("columns")?,
                inputs: strings("inputs")?,
            },
            timestamp: json.get("timestamp")?.as_i64()?,
            position: ReadPosition { input: usize::try_from(number("input")?).ok()?, last },
            counts: Counts {
                read: number("read")?,
                sent: number("sent")?,
                acknowledged: number("acknowledged")?,
                failed: number("failed")?,
            },
            bad: json.get("error_files")?.as_array()?.iter().map(sizes).collect::<Option<_>>()?,
            is_complete: json.get("complete")?.as_bool()?,
        })
    }
}

fn failure(action: &'static str, path: &Path, error: std::io::Error) -> Failure {
    FileError::new(action, path.display(), error).into_failure()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_survives_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoint");
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let job = Job {
            table: "ks.t".to_owned(),
            columns: names(&["a", "\"B\""]),
            inputs: names(&["a.csv", "standard input"]),
        };
        assert_eq!(Checkpoint::read(&path, &job).unwrap(), None);
        let mut checkpoint = Checkpoint {
            job: job.clone(),
            timestamp: -1,
            position: ReadPosition {
                input: 1,
                last: Some(InputPlace { line: 7, offset: 1 << 60 }),
            },
            counts: Counts { read: 4, sent: 3, acknowledged: 2, failed: 1 },
            bad: vec![BadRowSizes { bad: 1, err: 2 }, BadRowSizes::default()],
            is_complete: false,
        };
        for last in [checkpoint.position.last, None] {
            checkpoint.position.last = last;
            checkpoint.write(&path).unwrap();
            assert_eq!(Checkpoint::read(&path, &job).unwrap(), Some(checkpoint.clone()));
        }
        let other = Job { table: "ks.u".to_owned(), ..job.clone() };
        assert!(Checkpoint::read(&path, &other).is_err());
        fs::write(&path, "{}").unwrap();
        assert!(Checkpoint::read(&path, &job).is_err());
    }
}
