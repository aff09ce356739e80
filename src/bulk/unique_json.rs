//! JSON whose objects have each key once.

use std::fmt;

use serde_core::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value as Json};

/// A JSON value. An object that has a key twice is an error: `serde_json` would drop the first of the two values.
#[derive(Debug, PartialEq)]
pub(super) struct UniqueJson(pub(super) Json);

struct UniqueVisitor;

impl<'de> Deserialize<'de> for UniqueJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UniqueVisitor)
    }
}

impl<'de> Visitor<'de> for UniqueVisitor {
    type Value = UniqueJson;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<UniqueJson, E> {
        Ok(UniqueJson(Json::Null))
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<UniqueJson, E> {
        Ok(UniqueJson(flag.into()))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<UniqueJson, E> {
        Ok(UniqueJson(number.into()))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<UniqueJson, E> {
        Ok(UniqueJson(number.into()))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<UniqueJson, E> {
        Ok(UniqueJson(number.into()))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<UniqueJson, E> {
        Ok(UniqueJson(text.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<UniqueJson, A::Error> {
        let mut array = Vec::new();
        while let Some(UniqueJson(element)) = elements.next_element()? {
            array.push(element);
        }
        Ok(UniqueJson(Json::Array(array)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<UniqueJson, A::Error> {
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if object.contains_key(&key) {
                return Err(A::Error::custom(format_args!("an object has the key {key:?} twice")));
            }
            let UniqueJson(value) = entries.next_value()?;
            object.insert(key, value);
        }
        Ok(UniqueJson(Json::Object(object)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_have_each_key_once() {
        let text =
            r#"{"a": [null, true, -1, 18446744073709551615, 1.5, "\u00e9"], "b": {"a": {}}}"#;
        let expected: Json = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::from_str::<UniqueJson>(text).unwrap(), UniqueJson(expected));
        for text in [r#"{"a": 1, "a": 1}"#, r#"[{"b": {"a": 1, "\u0061": 2}}]"#] {
            let error = serde_json::from_str::<UniqueJson>(text).unwrap_err().to_string();
            assert!(error.starts_with("an object has the key \"a\" twice"), "{error}");
        }
    }
}
