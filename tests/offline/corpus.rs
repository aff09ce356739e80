//! Replays the fuzz corpus and earlier findings on stable Rust.

use std::path::{Path, PathBuf};

use cqlwire::fuzzing::TARGETS;

use crate::golden;

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// Every vector is a seed of two targets. `frames` has an extra first byte that says how the input is
/// split. `message` has no stream id and no length.
#[test]
fn the_vectors_are_in_the_fuzz_corpus() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    for vector in golden::all() {
        let &[version, flags, _, _, opcode, _, _, _, _, ref body @ ..] = &vector.bytes[..] else {
            panic!("{} is shorter than a frame header", vector.path.display())
        };
        let name = vector.path.file_stem().unwrap();
        for (target, seed) in [
            ("frames", [&[7][..], &vector.bytes].concat()),
            ("message", [&[version, opcode, flags][..], body].concat()),
        ] {
            let file = corpus.join(target).join(name);
            if std::env::var_os("CQLWIRE_BLESS").is_some() {
                std::fs::write(&file, &seed).unwrap();
            }
            assert!(std::fs::read(&file).is_ok_and(|there| there == seed), "{}", file.display());
        }
    }
}

#[test]
fn the_fuzz_corpus_passes_its_targets() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    for (name, target) in TARGETS {
        let seeds = files(&fuzz.join("corpus").join(name));
        assert!(!seeds.is_empty(), "the target {name} has no seeds");
        for file in seeds.into_iter().chain(files(&fuzz.join("regressions").join(name))) {
            // The test runner prints the file's name if the target panics.
            println!("{}", file.display());
            target(&std::fs::read(file).unwrap());
        }
    }
}

#[test]
fn every_fuzz_target_is_listed() {
    let targets = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/fuzz_targets");
    let mut there: Vec<String> = files(&targets)
        .iter()
        .map(|file| file.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    there.sort();
    let mut known = TARGETS.map(|(name, _)| name.to_owned());
    known.sort();
    assert_eq!(there, known);
}
