//! [`ToValues`] for tuples, slices and maps, and for pointers to values.

use std::borrow::Borrow;
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, Hash};

use super::{BindError, Binder, ToCql, ToNamedValues, ToValues};

macro_rules! maps {
    ($( $map:ident<$name:ident, $value:ident $(, $hasher:ident)?>: $($bound:path),+; )+) => {$(
        impl<$name, $value: ToCql $(, $hasher: BuildHasher)?> ToNamedValues
            for $map<$name, $value $(, $hasher)?>
        where
            $name: Borrow<str> $(+ $bound)+,
        {
            fn bind_named(&self, name: &str, binder: &mut Binder<'_>) -> Result<bool, BindError> {
                let bound = self.get(name).map(|value| binder.value(value)).transpose()?;
                Ok(bound.is_some())
            }
        }

        impl<$name, $value: ToCql $(, $hasher: BuildHasher)?> ToValues
            for $map<$name, $value $(, $hasher)?>
        where
            $name: Borrow<str> $(+ $bound)+,
        {
            fn bind(&self, binder: &mut Binder<'_>) -> Result<(), BindError> {
                binder.by_name(self)
            }

            fn is_empty(&self) -> bool {
                self.is_empty()
            }
        }
    )+};
}
maps! {
    BTreeMap<K, V>: Ord;
    HashMap<K, V, S>: Eq, Hash;
}

/// Implements [`ToNamedValues`] and [`ToValues`] for pointers, which bind the values that they
/// point to.
macro_rules! pointers {
    ($( $pointer:ty; )+) => {$(
        impl<V: ToNamedValues + ?Sized> ToNamedValues for $pointer {
            const STRUCT: Option<&'static str> = V::STRUCT;
            const IS_STRICT: bool = V::IS_STRICT;

            fn bind_named(&self, name: &str, binder: &mut Binder<'_>) -> Result<bool, BindError> {
                (**self).bind_named(name, binder)
            }

            fn unused(&self, has_variable: &dyn Fn(&str) -> bool) -> Option<&'static str> {
                (**self).unused(has_variable)
            }
        }

        impl<V: ToValues + ?Sized> ToValues for $pointer {
            #[inline]
            fn bind(&self, binder: &mut Binder<'_>) -> Result<(), BindError> {
                (**self).bind(binder)
            }

            fn is_empty(&self) -> bool {
                (**self).is_empty()
            }
        }
    )+};
}
pointers! {
    &V;
    Box<V>;
    std::sync::Arc<V>;
}

impl<T: ToCql> ToValues for [T] {
    fn bind(&self, binder: &mut Binder<'_>) -> Result<(), BindError> {
        self.iter().try_for_each(|value| binder.value(value))
    }

    fn is_empty(&self) -> bool {
        self.is_empty()
    }
}

impl<T: ToCql> ToValues for Vec<T> {
    fn bind(&self, binder: &mut Binder<'_>) -> Result<(), BindError> {
        self.as_slice().bind(binder)
    }

    fn is_empty(&self) -> bool {
        self.is_empty()
    }
}

impl<T: ToCql, const N: usize> ToValues for [T; N] {
    fn bind(&self, binder: &mut Binder<'_>) -> Result<(), BindError> {
        self.as_slice().bind(binder)
    }

    fn is_empty(&self) -> bool {
        N == 0
    }
}

impl ToValues for () {
    fn bind(&self, _: &mut Binder<'_>) -> Result<(), BindError> {
        Ok(())
    }

    fn is_empty(&self) -> bool {
        true
    }
}

macro_rules! tuples {
    ($first:ident $($rest:ident)*) => {
        impl<$first: ToCql, $($rest: ToCql),*> ToValues for ($first, $($rest,)*) {
            #[inline]
            fn bind(&self, binder: &mut Binder<'_>) -> Result<(), BindError> {
                #[expect(non_snake_case, reason = "values are named after their type parameters")]
                let ($first, $($rest,)*) = self;
                binder.value($first)?;
                $(binder.value($rest)?;)*
                Ok(())
            }
        }
        tuples!($($rest)*);
    };
    () => {};
}
tuples!(A B C D E F G H I J K L M N O P);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::ValuesBuffer;
    use crate::types::values_buffer::tests::columns;

    #[test]
    fn tuples_and_slices_bind_by_position() {
        let mut buffer = ValuesBuffer::new();
        let values = buffer.bind(&("ada", 36), &columns()).unwrap();
        let bytes: Vec<_> = values.iter().map(|named| named.value.bytes()).collect();
        assert_eq!(bytes, [Some(&b"ada"[..]), Some(&[0, 0, 0, 36])]);
        let both = [columns()[0].clone(), columns()[0].clone()];
        assert_eq!(buffer.bind(&["a", "b"], &both).unwrap().len(), 2);
    }

    #[test]
    fn pointers_bind_what_they_point_to() {
        let columns = columns();
        let mut buffer = ValuesBuffer::new();
        let values = buffer.bind(&("ada", 36), &columns).unwrap();
        let boxed: Box<dyn ToValues> = Box::new(("ada", 36));
        assert_eq!(ValuesBuffer::new().bind(&boxed, &columns).unwrap(), values);
        assert!(!ToValues::is_empty(&boxed));
        let shared: std::sync::Arc<dyn ToValues + Send + Sync> = std::sync::Arc::new(("ada", 36));
        assert_eq!(ValuesBuffer::new().bind(&shared, &columns).unwrap(), values);
        assert!(ToValues::is_empty(&Box::new(())));
    }
}
