//! Finds the fields of a valid body.

mod cells;
mod request;
mod response;

use cqlwire::wire::Version;

use crate::{
    field::{Field, FieldKind},
    lie::SeenFrame,
};

/// Returns the fields of a body, in the order of their positions. The fields after a part that cannot be
/// read are left out.
pub(crate) fn fields(frame: &SeenFrame) -> Vec<Field> {
    let mut walk =
        Walk { body: &frame.body, at: 0, version: frame.header.version, fields: Vec::new() };
    let _end = match frame.header.is_response {
        true => walk.response(&frame.header),
        false => walk.request(&frame.header),
    };
    walk.fields
}

/// A walk over a body.
struct Walk<'b> {
    body: &'b [u8],
    at: usize,
    version: Version,
    fields: Vec<Field>,
}

impl<'b> Walk<'b> {
    /// Reads a number without adding a field.
    fn peek(&self, width: usize) -> Option<i64> {
        let bytes = self.body.get(self.at..self.at + width)?;
        let number = bytes.iter().fold(0, |number, byte| number << 8 | i64::from(*byte));
        // An `[int]` has a sign.
        Some(if width == 4 { i64::from(number as i32) } else { number })
    }

    /// Adds a field, and returns its number.
    fn number(&mut self, kind: FieldKind) -> Option<i64> {
        let number = self.peek(kind.width())?;
        self.fields.push(Field { at: self.at, kind });
        self.at += kind.width();
        Some(number)
    }

    /// Reads bytes of this number. Of more than 8, only the first 8 are a field.
    fn fixed(&mut self, width: usize) -> Option<()> {
        self.body.get(self.at..self.at + width)?;
        self.fields.push(Field { at: self.at, kind: FieldKind::Fixed(width.min(8)) });
        self.at += width;
        Some(())
    }

    fn flags(&mut self, width: usize) -> Option<i64> {
        self.number(FieldKind::Flags(width))
    }

    fn code(&mut self, width: usize) -> Option<i64> {
        self.number(FieldKind::Code(width))
    }

    /// Reads a number of elements. A negative number counts as 0.
    fn count(&mut self, width: usize) -> Option<usize> {
        self.number(FieldKind::Count(width)).map(|count| usize::try_from(count).unwrap_or(0))
    }

    /// Reads a `[string]` or `[short bytes]`.
    fn short(&mut self) -> Option<&'b [u8]> {
        let length = usize::try_from(self.peek(2)?).ok()?;
        self.content(FieldKind::Short(length))
    }

    /// Reads a `[long string]`, `[bytes]` or `[value]`.
    fn long(&mut self) -> Option<&'b [u8]> {
        let length = usize::try_from(self.peek(4)?).unwrap_or(0);
        self.content(FieldKind::Long(length))
    }

    fn content(&mut self, kind: FieldKind) -> Option<&'b [u8]> {
        let start = self.at + kind.width();
        let content = self.body.get(start..start + kind.content())?;
        self.fields.push(Field { at: self.at, kind });
        self.at = start + kind.content();
        Some(content)
    }

    fn repeat(
        &mut self,
        count: usize,
        mut element: impl FnMut(&mut Self) -> Option<()>,
    ) -> Option<()> {
        (0..count).try_for_each(|_| element(self))
    }

    /// Reads a `[string list]`.
    fn short_list(&mut self) -> Option<()> {
        let count = self.count(2)?;
        self.repeat(count, |walk| walk.short().map(drop))
    }

    /// Reads a `[string map]`.
    fn short_map(&mut self) -> Option<()> {
        let count = self.count(2)?;
        self.repeat(2 * count, |walk| walk.short().map(drop))
    }

    /// Reads a `[bytes map]`.
    fn bytes_map(&mut self) -> Option<()> {
        let count = self.count(2)?;
        self.repeat(count, |walk| walk.short().and_then(|_| walk.long()).map(drop))
    }

    /// Reads an address, with or without a port.
    fn address(&mut self, has_port: bool) -> Option<()> {
        let length = usize::try_from(self.peek(1)?).ok()?;
        self.number(FieldKind::Count(1))?;
        self.fixed(length)?;
        if has_port { self.fixed(4) } else { Some(()) }
    }
}
