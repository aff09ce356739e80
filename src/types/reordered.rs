//! Values in another order than the bind variables.

use super::{BindError, Binder, ColumnSpec, ToValues, ValuesBuffer};
use crate::wire::RawValue;

/// Values in another order than the bind variables of their statement.
pub(crate) struct Reordered<'v, V> {
    values: &'v V,
    /// For each bind variable, the index of its value.
    order: &'v [usize],
}

impl<'v, V: ToValues> Reordered<'v, V> {
    /// Returns values of which the one with the index `order[n]` is bound to variable `n`.
    pub(crate) const fn new(values: &'v V, order: &'v [usize]) -> Self {
        Self { values, order }
    }
}

impl<V: ToValues> ToValues for Reordered<'_, V> {
    fn bind(&self, binder: &mut Binder<'_>) -> Result<(), BindError> {
        let variables = binder.columns();
        let mut by_value: Vec<(usize, &ColumnSpec)> =
            self.order.iter().copied().zip(variables).collect();
        by_value.sort_by_key(|(index, _)| *index);
        let columns: Vec<_> = by_value.into_iter().map(|(_, column)| column.clone()).collect();
        let buffer = ValuesBuffer::from_values(self.values, &columns)?;
        let values = buffer.values();
        let cells: Vec<RawValue<'_>> = values.iter().map(|named| named.value).collect();
        binder.encoded(self.order.iter().filter_map(|index| cells.get(*index).copied()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::NativeType;

    #[test]
    fn values_are_bound_to_the_variables_in_order() {
        let column = |name, native| ColumnSpec::new("ks", "t", name, native);
        let variables = [
            column("c", NativeType::Counter),
            column("k", NativeType::Int),
            column("s", NativeType::Text),
        ];
        let reordered =
            ValuesBuffer::from_values(&Reordered::new(&(1, "a", 7_i64), &[2, 0, 1]), &variables);
        let expected = ValuesBuffer::from_values(&(7_i64, 1, "a"), &variables).unwrap();
        let (reordered, expected) = (reordered.unwrap(), expected);
        assert!(reordered.values().iter().eq(expected.values().iter()));
        let error =
            ValuesBuffer::from_values(&Reordered::new(&(1, 2, 7_i64), &[2, 0, 1]), &variables);
        assert!(error.unwrap_err().to_string().contains("\"s\""));
        let error = ValuesBuffer::from_values(&Reordered::new(&(1, "a"), &[2, 0, 1]), &variables);
        assert!(error.is_err());
    }
}
