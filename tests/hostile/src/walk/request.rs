//! The fields of requests.

use cqlwire::wire::{FrameFlags, Header, Opcode, Version};

use super::Walk;

/// The flags of the parameters of a statement.
const VALUES: i64 = 0x01;
const PAGE_SIZE: i64 = 0x04;
const PAGING_STATE: i64 = 0x08;
const SERIAL_CONSISTENCY: i64 = 0x10;
const TIMESTAMP: i64 = 0x20;
const VALUE_NAMES: i64 = 0x40;
const KEYSPACE: i64 = 0x80;
const NOW_IN_SECONDS: i64 = 0x100;

impl Walk<'_> {
    pub(super) fn request(&mut self, header: &Header) -> Option<()> {
        if header.flags.contains(FrameFlags::CUSTOM_PAYLOAD) {
            self.bytes_map()?;
        }
        match header.opcode {
            Opcode::Startup => self.short_map(),
            Opcode::AuthResponse => self.long().map(drop),
            Opcode::Register => self.short_list(),
            Opcode::Query => self.long().and_then(|_| self.parameters()),
            Opcode::Prepare => {
                self.long()?;
                if self.version >= Version::V5 && self.flags(4)? & 1 != 0 {
                    self.short()?;
                }
                Some(())
            }
            Opcode::Execute => {
                self.short()?;
                if self.version >= Version::V5 {
                    self.short()?;
                }
                self.parameters()
            }
            Opcode::Batch => {
                self.code(1)?;
                let count = self.count(2)?;
                self.repeat(count, |walk| {
                    match walk.code(1)? {
                        0 => walk.long()?,
                        _ => walk.short()?,
                    };
                    let values = walk.count(2)?;
                    walk.repeat(values, |walk| walk.long().map(drop))
                })?;
                self.parameters()
            }
            _ => Some(()),
        }
    }

    /// Reads the parameters of a statement or of a batch.
    fn parameters(&mut self) -> Option<()> {
        self.code(2)?;
        let flags = self.flags(if self.version >= Version::V5 { 4 } else { 1 })?;
        let has = |flag| flags & flag != 0;
        if has(VALUES) {
            let count = self.count(2)?;
            self.repeat(count, |walk| {
                if has(VALUE_NAMES) {
                    walk.short()?;
                }
                walk.long().map(drop)
            })?;
        }
        if has(PAGE_SIZE) {
            self.fixed(4)?;
        }
        if has(PAGING_STATE) {
            self.long()?;
        }
        if has(SERIAL_CONSISTENCY) {
            self.code(2)?;
        }
        if has(TIMESTAMP) {
            self.fixed(8)?;
        }
        if has(KEYSPACE) {
            self.short()?;
        }
        if has(NOW_IN_SECONDS) {
            self.fixed(4)?;
        }
        Some(())
    }
}
