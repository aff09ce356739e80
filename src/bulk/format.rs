//! The formats of rows and the compressions of files.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// A format of files of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FileFormat {
    /// A line or a few lines of text for each row.
    Text(Format),
    /// Apache Parquet, whose files have a footer and are read from their end.
    Parquet,
}

/// A format of rows as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// Comma-separated values (RFC 4180), or a dialect of them.
    Csv,
    /// One JSON object a line.
    JsonLines,
}

/// The compression of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum FileCompression {
    /// No compression.
    #[default]
    None,
    /// Gzip (RFC 1952).
    Gzip,
    /// Zstandard (RFC 8878).
    Zstd,
}

/// Names of formats, which are also extensions of files.
const FORMATS: [(&str, FileFormat); 6] = [
    ("csv", FileFormat::Text(Format::Csv)),
    ("jsonl", FileFormat::Text(Format::JsonLines)),
    ("json", FileFormat::Text(Format::JsonLines)),
    ("ndjson", FileFormat::Text(Format::JsonLines)),
    ("tsv", FileFormat::Text(Format::Csv)),
    ("parquet", FileFormat::Parquet),
];

impl FileFormat {
    /// Returns the format that a file name indicates, such as `users.csv.zst`. Returns `None` if the extension is
    /// unknown.
    pub fn of_file(name: &Path) -> Option<Self> {
        let name = &without_bad(name);
        let extension = name.extension()?.to_str()?;
        match FileCompression::of_extension(extension) {
            FileCompression::None => named(&FORMATS, extension),
            _ => Self::of_file(Path::new(name.file_stem()?)),
        }
    }

    /// Returns the usual extension of files in this format, such as `csv`.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Text(format) => format.extension(),
            Self::Parquet => "parquet",
        }
    }
}

impl Format {
    /// Returns true if a file name indicates fields with tabs between them, such as `users.tsv.gz`.
    pub fn is_tab_separated(name: &Path) -> bool {
        let name = &without_bad(name);
        let Some(extension) = name.extension().and_then(|extension| extension.to_str()) else {
            return false;
        };
        match FileCompression::of_extension(extension) {
            FileCompression::None => extension.eq_ignore_ascii_case("tsv"),
            _ => name.file_stem().is_some_and(|name| Self::is_tab_separated(Path::new(name))),
        }
    }

    /// Returns the usual extension of files in this format, such as `csv`.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::JsonLines => "jsonl",
        }
    }
}

impl FileCompression {
    /// Number of bytes at the start of a file that [`of_start`](Self::of_start) needs.
    pub const MAGIC: usize = 4;

    /// Returns the compression that a file name indicates, such as `users.csv.zst`.
    pub fn of_file(name: &Path) -> Self {
        let extension = name.extension().and_then(|extension| extension.to_str());
        extension.map_or(Self::None, Self::of_extension)
    }

    fn of_extension(extension: &str) -> Self {
        let names =
            [("gz", Self::Gzip), ("gzip", Self::Gzip), ("zst", Self::Zstd), ("zstd", Self::Zstd)];
        named(&names, extension).unwrap_or_default()
    }

    /// Returns the compression of a file that begins with the bytes `start`.
    pub const fn of_start(start: &[u8]) -> Self {
        match start {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            _ => Self::None,
        }
    }

    /// Returns the usual extension of files with this compression, such as `zst`, or `None` without compression.
    pub const fn extension(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Gzip => Some("gz"),
            Self::Zstd => Some("zst"),
        }
    }
}

/// Returns the name of the file whose rejected rows a file has, or the name itself.
fn without_bad(name: &Path) -> PathBuf {
    match name.extension() {
        Some(extension) if extension == "bad" => name.with_extension(""),
        _ => name.to_owned(),
    }
}

fn named<T: Copy>(names: &[(&str, T)], name: &str) -> Option<T> {
    let mut names = names.iter();
    names.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, named)| *named)
}

/// Parses `csv`, `jsonl`, `json`, `ndjson` or `parquet`.
impl FromStr for FileFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "tsv" => Err("use csv with --delimiter tab".to_owned()),
            _ => named(&FORMATS, text).ok_or_else(|| "not csv, jsonl or parquet".to_owned()),
        }
    }
}

/// Parses `none`, `gzip` or `zstd`.
impl FromStr for FileCompression {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, Self::of_extension(text)) {
            ("none", _) => Ok(Self::None),
            (_, Self::None) => Err("not none, gzip or zstd".to_owned()),
            (_, compression) => Ok(compression),
        }
    }
}

impl fmt::Display for FileFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.extension())
    }
}

impl fmt::Display for FileCompression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_indicate_format_and_compression() {
        let [csv, json] = [Format::Csv, Format::JsonLines].map(FileFormat::Text);
        for (name, format, compression) in [
            ("users.csv", Some(csv), FileCompression::None),
            ("a.b/users.CSV.zst", Some(csv), FileCompression::Zstd),
            ("users.jsonl.gz", Some(json), FileCompression::Gzip),
            ("users.json", Some(json), FileCompression::None),
            ("users.parquet", Some(FileFormat::Parquet), FileCompression::None),
            ("users.parquet.jsonl.bad", Some(json), FileCompression::None),
            ("users.gz", None, FileCompression::Gzip),
            ("users", None, FileCompression::None),
            (".gz", None, FileCompression::None),
        ] {
            assert_eq!(FileFormat::of_file(Path::new(name)), format, "{name}");
            assert_eq!(FileCompression::of_file(Path::new(name)), compression, "{name}");
        }
    }

    #[test]
    fn file_names_indicate_tabs() {
        for (name, expected) in
            [("a.tsv", true), ("a.b/a.TSV.gz", true), ("a.csv", false), ("tsv", false)]
        {
            assert_eq!(Format::is_tab_separated(Path::new(name)), expected, "{name}");
        }
    }

    #[test]
    fn names_parse_and_print() {
        let [csv, json] = [Format::Csv, Format::JsonLines].map(FileFormat::Text);
        for format in [csv, json, FileFormat::Parquet] {
            assert_eq!(format.to_string().parse(), Ok(format));
        }
        for compression in [FileCompression::None, FileCompression::Gzip, FileCompression::Zstd] {
            assert_eq!(compression.to_string().parse(), Ok(compression));
        }
        assert!("xml".parse::<FileFormat>().is_err());
        assert!("lz4".parse::<FileCompression>().is_err());
    }

    #[test]
    fn the_start_of_a_file_shows_its_compression() {
        assert_eq!(FileCompression::of_start(b"\x1f\x8b\x08\0"), FileCompression::Gzip);
        assert_eq!(FileCompression::of_start(b"\x28\xb5\x2f\xfd"), FileCompression::Zstd);
        assert_eq!(FileCompression::of_start(b"id,n"), FileCompression::None);
        assert_eq!(FileCompression::of_start(b""), FileCompression::None);
    }
}
