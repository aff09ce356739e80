//! The checkpoint file.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::time::UNIX_EPOCH;

use serde_json::{Value as Json, json};

use super::input_thread::ReadPosition;
use crate::bulk::{BadRowSizes, FileError, InputPlace, InputSource};
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

/// The arguments that a resumed load must repeat, and the files that it must find unchanged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Job {
    /// The keyspace and the table.
    pub(super) table: String,
    pub(super) columns: Vec<String>,
    pub(super) inputs: Vec<JobInput>,
    /// The arguments that decide how records become rows.
    pub(super) options: String,
}

/// An input of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct JobInput {
    pub(super) name: String,
    /// The size in bytes and the time of the last change in microseconds since 1970. `None` if the input is not a regular
    /// file.
    pub(super) version: Option<(u64, u64)>,
}

impl JobInput {
    pub(super) fn of(source: &InputSource) -> Self {
        let file = source.path().and_then(|path| fs::metadata(path).ok());
        let version = file.filter(fs::Metadata::is_file).map(|file| {
            let modified =
                file.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
            let micros = modified.unwrap_or_default().as_micros();
            (file.len(), u64::try_from(micros).unwrap_or(u64::MAX))
        });
        Self { name: source.to_string(), version }
    }
}

impl Job {
    /// Returns the first difference to the job of a checkpoint.
    fn difference(&self, earlier: &Self) -> Option<String> {
        let Self { table, columns, inputs, options } = earlier;
        if self.table != *table {
            return Some(format!("it loads the table {table}"));
        }
        let names =
            |inputs: &[JobInput]| inputs.iter().map(|input| input.name.clone()).collect::<Vec<_>>();
        if names(&self.inputs) != names(inputs) {
            return Some(format!("it loads {}", names(inputs).join(", ")));
        }
        let changed = self.inputs.iter().zip(inputs).find(|(own, earlier)| own != earlier);
        if let Some((input, _)) = changed {
            return Some(format!("{} has changed since", input.name));
        }
        if self.options != *options {
            return Some(match &**options {
                "" => "it has no options".to_owned(),
                options => format!("it has the options {options}"),
            });
        }
        (self.columns != *columns).then(|| format!("it loads the columns {}", columns.join(", ")))
    }
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
    /// Returns an error if the file cannot be read, if it is not a checkpoint, or if it is one of another job.
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
        if let Some(difference) = job.difference(&checkpoint.job) {
            return Err(Failure::Arguments(format!(
                "{} is the checkpoint of another load: {difference}; give the same arguments and files, or another --checkpoint",
                path.display(),
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
        let inputs: Vec<Json> = job
            .inputs
            .iter()
            .map(|JobInput { name, version }| {
                json!({
                    "name": name,
                    "size": version.map(|(size, _)| size),
                    "modified": version.map(|(_, modified)| modified),
                })
            })
            .collect();
        let bad: Vec<Json> = bad.iter().map(|BadRowSizes { bad, err }| json!([bad, err])).collect();
        json!({
            "version": VERSION,
            "table": job.table,
            "columns": job.columns,
            "inputs": inputs,
            "options": job.options,
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
        let input = |input: &Json| {
            let number = |key: &str| input.get(key)?.as_u64();
            Some(JobInput {
                name: input.get("name")?.as_str()?.to_owned(),
                version: number("size").zip(number("modified")),
            })
        };
        let sizes = |sizes: &Json| {
            Some(BadRowSizes { bad: sizes.get(0)?.as_u64()?, err: sizes.get(1)?.as_u64()? })
        };
        Some(Self {
            job: Job {
                table: json.get("table")?.as_str()?.to_owned(),
                columns: strings("columns")?,
                inputs: json.get("inputs")?.as_array()?.iter().map(input).collect::<Option<_>>()?,
                options: json.get("options")?.as_str()?.to_owned(),
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
            inputs: vec![
                JobInput { name: "a.csv".to_owned(), version: Some((7, 1 << 60)) },
                JobInput { name: "standard input".to_owned(), version: None },
            ],
            options: "--ttl 7".to_owned(),
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
        let mut changed = job.clone();
        changed.inputs[0].version = Some((8, 1 << 60));
        for (other, expected) in [
            (Job { table: "ks.u".to_owned(), ..job.clone() }, "it loads the table ks.t"),
            (Job { inputs: Vec::new(), ..job.clone() }, "it loads a.csv, standard input"),
            (changed, "a.csv has changed since"),
            (Job { options: String::new(), ..job.clone() }, "it has the options --ttl 7"),
            (Job { columns: Vec::new(), ..job.clone() }, "it loads the columns a, \"B\""),
        ] {
            let error = Checkpoint::read(&path, &other).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        fs::write(&path, "{}").unwrap();
        assert!(Checkpoint::read(&path, &job).is_err());
    }
}
