//! The file that is written, and the files of a run that has not ended.

use std::path::{Path, PathBuf};

use super::arguments::UnloadArgs;
use crate::bulk::amount::Shard;
use crate::bulk::{FileCompression, Format};

/// The file that is written, its format and its compression.
///
/// While a run writes `users.csv`, the rows are in `users.csv.part`, and what has been done is in
/// `users.csv.checkpoint`. When all rows have been written, `users.csv.part` becomes `users.csv`: the file is complete
/// if it exists.
#[derive(Debug, Clone)]
pub(super) struct Target {
    /// `None` is standard output.
    pub(super) file: Option<PathBuf>,
    pub(super) format: Format,
    pub(super) compression: FileCompression,
}

impl Target {
    /// Returns the target that the arguments name.
    pub(super) fn new(arguments: &UnloadArgs) -> Self {
        let UnloadArgs { to, table, shard, format, compress, .. } = arguments;
        let path = Path::new(to);
        let is_folder = to.ends_with('/') || path.is_dir();
        let named = (!is_folder).then_some(path);
        let format = format.or_else(|| Format::of_file(named?)).unwrap_or(Format::Csv);
        let compression = compress.or_else(|| Some(FileCompression::of_file(named?)));
        let compression = compression.unwrap_or_default();
        let file = match to.as_str() {
            "-" => None,
            _ if is_folder => {
                let name = table.as_deref().unwrap_or("query");
                let extensions = [Some(format.extension()), compression.extension()];
                Some(path.join(file_name(name, *shard, extensions)))
            }
            _ => Some(path.to_owned()),
        };
        Self { file, format, compression }
    }

    /// Returns the name for messages.
    pub(super) fn name(&self) -> String {
        let name = self.file.as_ref().map(|file| file.display().to_string());
        name.unwrap_or_else(|| "standard output".to_owned())
    }
}

/// Returns the name of a file in a folder, such as `k8s_test.users-3-of-8.csv.zst`.
fn file_name(table: &str, shard: Option<Shard>, extensions: [Option<&str>; 2]) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "._-".contains(c);
    let mut name: String = table.chars().filter(|c| is_plain(*c)).collect();
    if let Some(Shard { index, count }) = shard {
        name.push_str(&format!("-{index}-of-{count}"));
    }
    for extension in extensions.into_iter().flatten() {
        name.push('.');
        name.push_str(extension);
    }
    name
}

/// Returns the file that has the rows of a run that has not ended.
pub(super) fn part(file: &Path) -> PathBuf {
    with_extension(file, "part")
}

/// Returns the file that tells what a run that has not ended has done.
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
    fn files_in_folders_are_named_after_table_and_shard() {
        let shard = Some(Shard { index: 3, count: 8 });
        for (table, shard, extensions, name) in [
            ("k8s_test.users", None, [Some("csv"), None], "k8s_test.users.csv"),
            ("ks.\"T/..\"", shard, [Some("jsonl"), Some("zst")], "ks.T..-3-of-8.jsonl.zst"),
        ] {
            assert_eq!(file_name(table, shard, extensions), name);
        }
    }
}
