//! The fields of responses.

use cqlwire::{
    message::ErrorCode,
    wire::{FrameFlags, Header, Opcode, Version},
};

use super::{Walk, cells::Type};

/// The flags of result metadata.
const GLOBAL_TABLE: i64 = 1;
const HAS_MORE_PAGES: i64 = 2;
const NO_METADATA: i64 = 4;
const METADATA_CHANGED: i64 = 8;

impl Walk<'_> {
    pub(super) fn response(&mut self, header: &Header) -> Option<()> {
        if header.flags.contains(FrameFlags::TRACING) {
            self.fixed(16)?;
        }
        if header.flags.contains(FrameFlags::WARNING) {
            self.short_list()?;
        }
        if header.flags.contains(FrameFlags::CUSTOM_PAYLOAD) {
            self.bytes_map()?;
        }
        match header.opcode {
            Opcode::Error => self.error(),
            Opcode::Authenticate => self.short().map(drop),
            Opcode::Supported => {
                let count = self.count(2)?;
                self.repeat(count, |walk| walk.short().and_then(|_| walk.short_list()))
            }
            Opcode::Event => match self.short()? {
                b"SCHEMA_CHANGE" => self.schema_change(),
                b"GRACEFUL_DISCONNECT" => Some(()),
                _ => self.short().and_then(|_| self.address(true)),
            },
            Opcode::AuthChallenge | Opcode::AuthSuccess => self.long().map(drop),
            Opcode::Result => self.result(),
            _ => Some(()),
        }
    }

    fn error(&mut self) -> Option<()> {
        let code = self.code(4)?;
        self.short()?;
        match ErrorCode::from(i32::try_from(code).ok()?) {
            ErrorCode::Unprepared => self.short().map(drop),
            ErrorCode::AlreadyExists => self.short().and_then(|_| self.short()).map(drop),
            _ => Some(()),
        }
    }

    fn schema_change(&mut self) -> Option<()> {
        self.short()?;
        let target = self.short()?;
        self.short()?;
        match target {
            b"KEYSPACE" => Some(()),
            b"TABLE" | b"TYPE" => self.short().map(drop),
            _ => self.short().and_then(|_| self.short_list()),
        }
    }

    fn result(&mut self) -> Option<()> {
        match self.code(4)? {
            2 => {
                let columns = self.metadata(false)?;
                let rows = self.count(4)?;
                self.repeat(rows, |walk| columns.iter().try_for_each(|column| walk.cell(column)))
            }
            3 => self.short().map(drop),
            4 => {
                self.short()?;
                if self.version >= Version::V5 {
                    self.short()?;
                }
                self.metadata(true)?;
                self.metadata(false).map(drop)
            }
            5 => self.schema_change(),
            _ => Some(()),
        }
    }

    /// Reads the description of bind variables or of the columns of a result, and returns their types.
    fn metadata(&mut self, is_of_variables: bool) -> Option<Vec<Type>> {
        let flags = self.flags(4)?;
        let count = self.count(4)?;
        if is_of_variables && self.version >= Version::V4 {
            let indexes = self.count(4)?;
            self.repeat(indexes, |walk| walk.fixed(2))?;
        }
        if !is_of_variables && flags & HAS_MORE_PAGES != 0 {
            self.long()?;
        }
        if flags & METADATA_CHANGED != 0 && self.version >= Version::V5 {
            self.short()?;
        }
        let mut columns = Vec::new();
        if flags & NO_METADATA != 0 {
            columns.resize(count, Type::Other);
            return Some(columns);
        }
        let names_table = |walk: &mut Self| walk.short().and_then(|_| walk.short()).map(drop);
        if flags & GLOBAL_TABLE != 0 {
            names_table(self)?;
        }
        for _ in 0..count {
            if flags & GLOBAL_TABLE == 0 {
                names_table(self)?;
            }
            self.short()?;
            columns.push(self.option()?);
        }
        Some(columns)
    }
}
