//! The fields of types, and of cells with elements.

use super::Walk;
use crate::field::FieldKind;

/// The type of a column, as far as its cells have fields.
#[derive(Clone, Debug)]
pub(super) enum Type {
    /// A list or a set.
    List(Box<Self>),
    Map(Box<(Self, Self)>),
    /// A tuple or a user-defined type.
    Tuple(Vec<Self>),
    Other,
}

impl Walk<'_> {
    /// Reads the description of a type.
    pub(super) fn option(&mut self) -> Option<Type> {
        Some(match self.number(FieldKind::Type)? {
            0 => {
                self.short()?;
                Type::Other
            }
            0x20 | 0x22 => Type::List(Box::new(self.option()?)),
            0x21 => Type::Map(Box::new((self.option()?, self.option()?))),
            0x30 => {
                self.short()?;
                self.short()?;
                let count = self.count(2)?;
                let field = |walk: &mut Self| walk.short().and_then(|_| walk.option());
                Type::Tuple((0..count).map_while(|_| field(self)).collect())
            }
            0x31 => {
                let count = self.count(2)?;
                Type::Tuple((0..count).map_while(|_| self.option()).collect())
            }
            _ => Type::Other,
        })
    }

    /// Reads a cell, and then its elements.
    pub(super) fn cell(&mut self, of: &Type) -> Option<()> {
        let start = self.at + 4;
        let length = self.long()?.len();
        let end = self.at;
        if length == 0 {
            return Some(());
        }
        self.at = start;
        // The elements of an empty or short value are left out.
        let _elements = self.elements(of);
        self.at = end;
        Some(())
    }

    fn elements(&mut self, of: &Type) -> Option<()> {
        match of {
            Type::List(element) => {
                let count = self.count(4)?;
                self.repeat(count, |walk| walk.cell(element))
            }
            Type::Map(pair) => {
                let count = self.count(4)?;
                self.repeat(count, |walk| walk.cell(&pair.0).and_then(|()| walk.cell(&pair.1)))
            }
            Type::Tuple(fields) => fields.iter().try_for_each(|field| self.cell(field)),
            Type::Other => Some(()),
        }
    }
}
