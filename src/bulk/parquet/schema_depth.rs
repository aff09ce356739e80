//! The depth of the schema of a Parquet file. The crate parquet calls itself for each level, so that a schema which is too
//! deep would overflow its stack.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use arrow_schema::{DataType, Schema};
use parquet::errors::ParquetError;
use parquet::file::metadata::FooterTail;

/// Maximum number of groups in each other: a list has two, a tuple one, and all columns are in one. They fit in the stack
/// that a thread has by default, with 40 % to spare, without optimization.
const MAX_DEPTH: usize = 32;

/// Maximum depth of other structures in a footer, which the crate parquet has, too.
const MAX_SKIPPED: usize = 64;

/// Checks the depth of the schema in the footer of a file.
///
/// # Errors
/// Returns an error if the schema is too deep, or if the footer cannot be read.
pub(super) fn check_schema_depth(mut file: &File) -> Result<(), ParquetError> {
    const TAIL: usize = 8;
    let mut tail = [0; TAIL];
    let length = file.seek(SeekFrom::End(0))?;
    let start = |bytes: usize| length.checked_sub(bytes as u64);
    let failed = || ParquetError::General("the footer of the file is damaged".to_owned());
    file.seek(SeekFrom::Start(start(TAIL).ok_or_else(failed)?))?;
    file.read_exact(&mut tail)?;
    let footer_length = FooterTail::try_new(&tail)?.metadata_length();
    let footer_start = footer_length.checked_add(TAIL).and_then(start).ok_or_else(failed)?;
    file.seek(SeekFrom::Start(footer_start))?;
    let mut footer = vec![0; footer_length];
    file.read_exact(&mut footer)?;
    check(max_depth(&footer).ok_or_else(failed)?).map_err(ParquetError::General)
}

/// Checks that a file with a schema can be read again.
///
/// # Errors
/// Returns the reason if the schema is too deep.
pub(super) fn check_arrow_depth(schema: &Schema) -> Result<(), String> {
    let fields = schema.fields().iter().map(|field| arrow_depth(field.data_type()));
    check(1 + fields.max().unwrap_or_default())
}

fn check(depth: usize) -> Result<(), String> {
    match depth > MAX_DEPTH {
        true => Err(format!("its schema has {depth} levels, more than {MAX_DEPTH}")),
        false => Ok(()),
    }
}

/// Returns the number of groups in each other that a type has in a file.
fn arrow_depth(data_type: &DataType) -> usize {
    match data_type {
        DataType::List(element) | DataType::FixedSizeList(element, _) => {
            2 + arrow_depth(element.data_type())
        }
        DataType::Map(entries, _) => 1 + arrow_depth(entries.data_type()),
        DataType::Struct(fields) => {
            let fields = fields.iter().map(|field| arrow_depth(field.data_type()));
            1 + fields.max().unwrap_or_default()
        }
        _ => 0,
    }
}

/// Returns the depth of the deepest group of a schema. Returns `None` if the footer is not valid in the compact protocol of
/// Thrift, or is valid in a way that the crate may read differently.
fn max_depth(footer: &[u8]) -> Option<usize> {
    const SCHEMA: i16 = 2;
    let (mut reader, mut deepest) = (CompactReader { rest: footer }, 0);
    reader.fields(&mut |reader, id, kind| match (id, kind) {
        (SCHEMA, Kind::LIST) => {
            deepest = deepest.max(reader.schema_depth()?);
            Some(())
        }
        (SCHEMA, _) => None,
        _ => reader.skip(kind, MAX_SKIPPED),
    })?;
    Some(deepest)
}

/// A type of the compact protocol.
struct Kind;

impl Kind {
    const TRUE: u8 = 1;
    const FALSE: u8 = 2;
    const BYTE: u8 = 3;
    const I16: u8 = 4;
    const I32: u8 = 5;
    const I64: u8 = 6;
    const DOUBLE: u8 = 7;
    const BINARY: u8 = 8;
    const LIST: u8 = 9;
    const SET: u8 = 10;
    const MAP: u8 = 11;
    const STRUCT: u8 = 12;
}

/// A reader of the compact protocol. Its methods return `None` if the content is not valid.
struct CompactReader<'a> {
    rest: &'a [u8],
}

impl CompactReader<'_> {
    /// Returns the depth of the schema in a list, whose elements are in depth-first order.
    fn schema_depth(&mut self) -> Option<usize> {
        const CHILDREN: i16 = 5;
        let (count, kind) = self.list()?;
        // The number of children that follow, for each group that contains the next element.
        let (mut open, mut deepest): (Vec<i32>, usize) = (Vec::new(), 0);
        for _ in 0..count {
            let mut children = 0;
            if kind != Kind::STRUCT {
                return None;
            }
            self.fields(&mut |reader, id, kind| match (id, kind) {
                (CHILDREN, Kind::I32) => {
                    children = reader.integer()?.try_into().ok()?;
                    Some(())
                }
                (CHILDREN, _) => None,
                _ => reader.skip(kind, MAX_SKIPPED),
            })?;
            while open.pop_if(|rest| *rest <= 0).is_some() {}
            if let Some(rest) = open.last_mut() {
                *rest -= 1;
            }
            if children > 0 {
                open.push(children);
                deepest = deepest.max(open.len());
            }
        }
        Some(deepest)
    }

    /// Calls `field` with the id and the type of each field of a struct. `field` reads the value.
    fn fields(&mut self, field: &mut dyn FnMut(&mut Self, i16, u8) -> Option<()>) -> Option<()> {
        let mut id = 0_i16;
        loop {
            let header = self.byte()?;
            if header & 0xf == 0 {
                return Some(());
            }
            id = match header >> 4 {
                0 => self.integer()?.try_into().ok()?,
                delta => id.checked_add(delta.into())?,
            };
            field(self, id, header & 0xf)?;
        }
    }

    /// Skips the value of a field.
    fn skip(&mut self, kind: u8, depth: usize) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        match kind {
            // The type of the field is the value.
            Kind::TRUE | Kind::FALSE => Some(()),
            Kind::STRUCT => self.fields(&mut |reader, _, kind| reader.skip(kind, depth)),
            Kind::LIST | Kind::SET => {
                let (count, kind) = self.list()?;
                (0..count).try_for_each(|_| self.skip_element(kind, depth))
            }
            Kind::MAP => {
                let count = self.varint()?;
                let kinds = if count > 0 { self.byte()? } else { 0 };
                (0..count).try_for_each(|_| {
                    self.skip_element(kinds >> 4, depth)?;
                    self.skip_element(kinds & 0xf, depth)
                })
            }
            Kind::BYTE => self.byte().map(drop),
            Kind::I16 | Kind::I32 | Kind::I64 => self.varint().map(drop),
            Kind::DOUBLE => self.bytes(8),
            Kind::BINARY => {
                let length = self.varint()?;
                self.bytes(length.try_into().ok()?)
            }
            _ => None,
        }
    }

    /// Skips an element of a list or a map. The crate takes booleans for 0 bytes there, and they are 1 byte.
    fn skip_element(&mut self, kind: u8, depth: usize) -> Option<()> {
        match kind {
            Kind::TRUE | Kind::FALSE => None,
            kind => self.skip(kind, depth),
        }
    }

    /// Returns the number of elements of a list, and their type.
    fn list(&mut self) -> Option<(u64, u8)> {
        let header = self.byte()?;
        let count = match header >> 4 {
            0xf => self.varint()?,
            count => count.into(),
        };
        Some((count, header & 0xf))
    }

    /// Returns an integer in zigzag encoding.
    fn integer(&mut self) -> Option<i64> {
        let number = self.varint()?;
        Some((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    fn varint(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn bytes(&mut self, length: usize) -> Option<()> {
        self.rest = self.rest.get(length..)?;
        Some(())
    }
}
