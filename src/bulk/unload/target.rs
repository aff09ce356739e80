//! The file that is written, and the files of a run that has not ended.

use std::path::{Path, PathBuf};

use super::arguments::UnloadArgs;
use crate::bulk::amount::Shard;
use crate::bulk::{FileCompression, FileFormat, Format};

/// The output of a run: its place, format and compression.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) place: Place,
    pub(super) format: FileFormat,
    pub(super) compression: FileCompression,
}

/// The place to which the rows are written.
#[derive(Debug, Clone)]
pub(super) enum Place {
    Stdout,
    /// A pipe or a device, which cannot be continued.
    Device(PathBuf),
    /// A file. While a run writes `users.csv`, the rows are in `users.csv.part`, and the progress is in
    /// `users.csv.checkpoint`. When all rows have been written, `users.csv.part` becomes `users.csv`: the file is complete
    /// if it exists.
    File(PathBuf),
}

impl Target {
    /// Returns the target that the arguments name.
    pub(super) fn new(arguments: &UnloadArgs) -> Self {
        let UnloadArgs { to, shard, format, compress, .. } = arguments;
        let path = Path::new(to);
        let is_folder = to.ends_with('/') || path.is_dir();
        let named = (!is_folder).then_some(path);
        let format = format.or_else(|| FileFormat::of_file(named?));
        let format = format.unwrap_or(FileFormat::Text(Format::Csv));
        let by_name = match format {
            FileFormat::Text(_) => named.map(FileCompression::of_file).unwrap_or_default(),
            FileFormat::Parquet => FileCompression::Zstd,
        };
        let compression = compress.unwrap_or(by_name);
        let place = if to == "-" || to == "/dev/stdout" {
            Place::Stdout
        } else if is_folder {
            let mut name = file_name(arguments);
            let compressed = match format {
                FileFormat::Text(_) => compression.extension(),
                // The data in the file is compressed, not the file.
                FileFormat::Parquet => None,
            };
            for extension in [Some(format.extension()), compressed].into_iter().flatten() {
                name.push('.');
                name.push_str(extension);
            }
            Place::File(path.join(with_shard(&name, *shard)))
        } else if path.exists() && !path.is_file() {
            Place::Device(path.to_owned())
        } else {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            Place::File(path.with_file_name(with_shard(&name, *shard)))
        };
        Self { place, format, compression }
    }

    /// Returns the file, if it can be continued.
    pub(super) fn file(&self) -> Option<&Path> {
        match &self.place {
            Place::File(file) => Some(file),
            Place::Stdout | Place::Device(_) => None,
        }
    }

    /// Returns the name for messages.
    pub(super) fn name(&self) -> String {
        match &self.place {
            Place::File(file) | Place::Device(file) => file.display().to_string(),
            Place::Stdout => "standard output".to_owned(),
        }
    }
}

/// Returns the name of a file in a folder, without extensions: the table with its keyspace. Characters that file systems
/// may refuse are percent-encoded, so that different tables have different names.
fn file_name(arguments: &UnloadArgs) -> String {
    let UnloadArgs { table, keyspace, .. } = arguments;
    let table = table.as_deref().unwrap_or("query");
    let name = match keyspace {
        Some(keyspace) if !table.contains('.') => format!("{keyspace}.{table}"),
        _ => table.to_owned(),
    };
    let mut encoded = String::new();
    for byte in name.bytes() {
        match byte {
            b'.' | b'_' | b'-' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => {
                encoded.push(byte.into());
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// Returns a file name with the shard before its extensions, such as `users-3-of-8.csv.zst`, so that the processes never
/// write the same file.
fn with_shard(name: &str, shard: Option<Shard>) -> String {
    let Some(Shard { index, count }) = shard else { return name.to_owned() };
    let path = Path::new(name);
    let mut end = name.len();
    let mut extensions =
        [FileCompression::of_file(path).extension().is_some(), FileFormat::of_file(path).is_some()];
    extensions.sort_unstable();
    for _ in extensions.into_iter().filter(|has| *has) {
        end = name.get(..end).and_then(|rest| rest.rfind('.')).unwrap_or(end);
    }
    let (stem, extensions) = name.split_at(end);
    format!("{stem}-{index}-of-{count}{extensions}")
}

/// Returns the file that has the rows of a run that has not ended.
pub(super) fn part(file: &Path) -> PathBuf {
    with_extension(file, "part")
}

/// Returns the path of the checkpoint.
pub(super) fn checkpoint(file: &Path) -> PathBuf {
    with_extension(file, "checkpoint")
}

/// Adds an extension to a file name.
pub(super) fn with_extension(file: &Path, extension: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".");
    name.push(extension);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_shard_has_a_file_of_its_own() {
        let shard = Some(Shard { index: 3, count: 8 });
        for (name, with) in [
            ("users.csv", "users-3-of-8.csv"),
            ("k8s_test.users.jsonl.zst", "k8s_test.users-3-of-8.jsonl.zst"),
            ("users.gz", "users-3-of-8.gz"),
            ("a.b", "a.b-3-of-8"),
        ] {
            assert_eq!(with_shard(name, shard), with);
            assert_eq!(with_shard(name, None), name);
        }
    }
}
