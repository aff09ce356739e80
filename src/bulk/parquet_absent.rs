//! The module `parquet` in builds without the feature `parquet`. No file can be opened, so that no value of the other types
//! exists.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "the items of the module `parquet`, of which no values exist"
)]

use std::convert::Infallible;
use std::io;
use std::marker::PhantomData;
use std::ops::ControlFlow;
use std::path::Path;

use super::file_error::FileError;
use super::format::FileCompression;
use crate::cli::Failure;
use crate::session::QueryResult;
use crate::types::{ColumnSpec, MaybeUnset, Value};

#[derive(Debug)]
pub struct ParquetFile(Infallible);

#[derive(Debug)]
pub struct ParquetReader(Infallible);

#[derive(Debug)]
pub struct ParquetRows(Infallible);

#[derive(Debug, Clone)]
pub struct JsonRows(Infallible);

#[derive(Debug)]
pub struct ParquetRow {
    pub number: u64,
    pub values: Result<Vec<MaybeUnset<Value>>, InvalidRow>,
}

#[derive(Debug)]
pub struct InvalidRow {
    pub reason: String,
    pub json: Vec<u8>,
}

#[derive(Debug)]
pub struct ParquetWriter<W>(Infallible, PhantomData<W>);

const ABSENT: &str = "this cqlwire was built without Parquet; install it with `cargo install cqlwire --features parquet`";

/// # Errors
/// Returns an error that says how to build the program with Parquet.
pub(super) fn check_parquet_is_built() -> Result<(), Failure> {
    Err(Failure::Arguments(ABSENT.to_owned()))
}

impl ParquetFile {
    pub fn open(path: &Path) -> Result<Self, FileError> {
        Err(FileError::new("read", path.display(), io::Error::other(ABSENT)))
    }

    pub fn fields(&self) -> impl Iterator<Item = &str> {
        match self.0 {}
        #[expect(unreachable_code, reason = "the type of the iterator")]
        std::iter::empty()
    }

    pub fn read(self, _: &[ColumnSpec], _: &[Option<usize>]) -> Result<ParquetReader, FileError> {
        match self.0 {}
    }
}

impl ParquetReader {
    pub fn nulls_unset(self, _: bool) -> Self {
        match self.0 {}
    }

    pub fn json(&self) -> &JsonRows {
        match self.0 {}
    }

    pub fn columns(&self) -> &[ColumnSpec] {
        match self.0 {}
    }

    pub fn rows_after(self, _: u64) -> Result<ParquetRows, FileError> {
        match self.0 {}
    }
}

impl ParquetRows {
    pub fn read_batch(
        &mut self,
        _: &mut dyn FnMut(ParquetRow) -> ControlFlow<()>,
    ) -> Result<bool, FileError> {
        match self.0 {}
    }

    pub fn progress(&self) -> f64 {
        match self.0 {}
    }
}

impl<W> ParquetWriter<W> {
    pub fn new(_: W, _: &[ColumnSpec], _: FileCompression) -> io::Result<Self> {
        Err(io::Error::other(ABSENT))
    }

    pub fn resume(
        _: W,
        _: &[ColumnSpec],
        _: FileCompression,
        _: u64,
        _: &[u8],
    ) -> io::Result<Self> {
        Err(io::Error::other(ABSENT))
    }

    pub fn write_page(&mut self, _: &QueryResult) -> io::Result<()> {
        match self.0 {}
    }

    pub fn empty_values(&self) -> usize {
        match self.0 {}
    }

    pub fn has_short_group(&self) -> bool {
        match self.0 {}
    }

    pub fn end_group(&mut self) -> io::Result<()> {
        match self.0 {}
    }

    pub fn footer(&self) -> io::Result<Vec<u8>> {
        match self.0 {}
    }

    pub fn get_mut(&mut self) -> &mut W {
        match self.0 {}
    }

    pub fn finish(self) -> io::Result<W> {
        match self.0 {}
    }
}

impl JsonRows {
    pub fn line(&self, _: &[MaybeUnset<Value>]) -> Vec<u8> {
        match self.0 {}
    }
}
