//! Values of a schedule as text.
//!
//! A field with `#[serde(with = "text")]` is written as its [`Text::to_text`].

use std::time::Duration;

use cqlwire::wire::{Compression, Version};
use cqlwire_faults::PlannedFault;
use cqlwire_model::Kind;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{DeserializeOwned, Error},
};

/// A value that is written as text, or as a list or option of texts.
pub(crate) trait Text: Sized {
    /// The text.
    type Text: Serialize + DeserializeOwned + std::fmt::Debug;

    fn to_text(&self) -> Self::Text;

    /// Returns the value, or `None` if the text is invalid.
    fn from_text(text: &Self::Text) -> Option<Self>;
}

pub(crate) fn serialize<T: Text, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
    value.to_text().serialize(to)
}

pub(crate) fn deserialize<'d, T: Text, D: Deserializer<'d>>(from: D) -> Result<T, D::Error> {
    let text = T::Text::deserialize(from)?;
    T::from_text(&text).ok_or_else(|| D::Error::custom(format!("invalid value {text:?}")))
}

impl<T: Text> Text for Option<T> {
    type Text = Option<T::Text>;

    fn to_text(&self) -> Self::Text {
        self.as_ref().map(T::to_text)
    }

    fn from_text(text: &Self::Text) -> Option<Self> {
        match text {
            Some(text) => T::from_text(text).map(Some),
            None => Some(None),
        }
    }
}

impl<T: Text> Text for Vec<T> {
    type Text = Vec<T::Text>;

    fn to_text(&self) -> Self::Text {
        self.iter().map(T::to_text).collect()
    }

    fn from_text(text: &Self::Text) -> Option<Self> {
        text.iter().map(T::from_text).collect()
    }
}

impl Text for Duration {
    type Text = String;

    fn to_text(&self) -> String {
        format!("{}ms", self.as_millis())
    }

    fn from_text(text: &String) -> Option<Self> {
        text.strip_suffix("ms")?.parse().ok().map(Self::from_millis)
    }
}

impl Text for Kind {
    type Text = String;

    fn to_text(&self) -> String {
        self.name().to_owned()
    }

    fn from_text(text: &String) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == text)
    }
}

macro_rules! display {
    ($($name:ident),*) => {
        $(impl Text for $name {
            type Text = String;

            fn to_text(&self) -> String {
                self.to_string()
            }

            fn from_text(text: &String) -> Option<Self> {
                text.parse().ok()
            }
        })*
    };
}

display!(Version, Compression, PlannedFault);
