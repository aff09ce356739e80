//! The golden vectors of `protocol-spec/vectors/`.

use std::fs;
use std::path::{Path, PathBuf};

use cqlwire::wire::{Compression, Context, FrameDecoder, RawFrame, Version};

/// A golden vector. `protocol-spec/README.md` describes the format of its file.
#[derive(Debug, Clone)]
pub(crate) struct Vector {
    pub(crate) path: PathBuf,
    pub(crate) context: Context,
    pub(crate) bytes: Vec<u8>,
    /// True if the decoded message encodes to the same bytes.
    pub(crate) is_canonical: bool,
    /// The `Debug` text of the decoded message.
    pub(crate) expected: Option<String>,
}

/// The line between the bytes and the decoded text.
pub(crate) const DECODES_TO: &str = "decodes to:\n";

impl Vector {
    /// Returns the vector as a frame. Every vector is one frame.
    pub(crate) fn frame(&self) -> RawFrame {
        let mut frames = FrameDecoder::new(self.context);
        frames.extend(&self.bytes);
        let frame = frames.next_frame().unwrap().expect("a vector should be a complete frame");
        assert!(frames.is_empty(), "{}", self.path.display());
        frame
    }
}

/// Returns all vectors, sorted by file name.
pub(crate) fn all() -> Vec<Vector> {
    // The tested package may be the root of the workspace or a member of it.
    let roots = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let folder =
        roots.map(|root| root.join("protocol-spec/vectors")).find(|folder| folder.is_dir());
    let mut paths: Vec<_> = fs::read_dir(folder.expect("protocol-spec/vectors"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths.into_iter().map(read).collect()
}

fn read(path: PathBuf) -> Vector {
    let file = fs::read_to_string(&path).unwrap();
    let (head, expected) = match file.split_once(DECODES_TO) {
        Some((head, expected)) => (head, Some(expected.to_owned())),
        None => (file.as_str(), None),
    };
    let (title, bytes) = head.split_once("\n\n").expect("an empty line before the bytes");
    let hex = bytes
        .lines()
        .flat_map(|line| line.split('|').next().unwrap_or_default().split_whitespace());
    let bytes: Vec<u8> = hex.map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect();
    let mut context = Context::from(Version::from_first_byte(bytes[0]).unwrap().0);
    let mut is_canonical = true;
    for line in title.lines().skip(1) {
        match line.split_once(": ").unwrap() {
            ("compression", name) => {
                context.compression = Some(name.parse::<Compression>().unwrap());
            }
            ("extension", "metadata_id") => context.extensions.metadata_id = true,
            ("extension", "duration") => context.extensions.duration = true,
            ("extension", "rate_limit_error 0xf000") => {
                context.extensions.rate_limit_error = Some(0xf000);
            }
            ("encodes", "plain") => is_canonical = false,
            other => panic!("{}: {other:?}", path.display()),
        }
    }
    Vector { path, context, bytes, is_canonical, expected }
}
