//! Builds the routing key of a statement from its bound values.

use crate::types::Values;

/// Returns the routing key: the bytes that the partitioner hashes.
///
/// `partition_key` lists the index of the value for each partition key column, as a PREPARED
/// response does. A key of one column is borrowed from the values. A key of several columns is
/// written into `scratch`: for each column its length in two bytes, its value and a zero byte.
///
/// Returns `None` if `partition_key` is empty, if a value is missing, null, unset or longer than
/// 65,535 bytes, or if the values are bound by name.
pub(crate) fn routing_key<'a>(
    values: &'a Values<'_>,
    partition_key: &[u16],
    scratch: &'a mut Vec<u8>,
) -> Option<&'a [u8]> {
    if values.is_named() {
        return None;
    }
    if let [index] = *partition_key {
        let component = values.iter().nth(index.into())?.value.bytes()?;
        return u16::try_from(component.len()).is_ok().then_some(component);
    }
    scratch.clear();
    let (mut rest, mut at) = (values.iter(), 0);
    for &index in partition_key {
        // The iteration restarts only for a column that is bound before the previous key column.
        // Values bound in key order are iterated once.
        if index < at {
            (rest, at) = (values.iter(), 0);
        }
        let component = rest.nth((index - at).into())?.value.bytes()?;
        at = index.checked_add(1)?;
        let length = u16::try_from(component.len()).ok()?;
        scratch.extend_from_slice(&length.to_be_bytes());
        scratch.extend_from_slice(component);
        scratch.push(0);
    }
    (!scratch.is_empty()).then_some(scratch)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::ValuesBuffer;
    use crate::wire::RawValue;

    fn key(values: &[RawValue<'_>], partition_key: &[u16]) -> Option<Vec<u8>> {
        let mut buffer = ValuesBuffer::new();
        for value in values {
            buffer.push(None, *value).unwrap();
        }
        let mut scratch = b"left over".to_vec();
        routing_key(&buffer.values(), partition_key, &mut scratch).map(<[u8]>::to_vec)
    }

    const VALUES: [RawValue<'_>; 5] = [
        RawValue::Bytes(b"ada"),
        RawValue::Null,
        RawValue::Bytes(b""),
        RawValue::Unset,
        RawValue::Bytes(&[0, 0, 0, 36]),
    ];

    #[test]
    fn a_key_of_one_column_is_borrowed() {
        assert_eq!(key(&VALUES, &[0]).unwrap(), b"ada");
        assert_eq!(key(&VALUES, &[2]).unwrap(), b"");
        assert_eq!(key(&VALUES, &[4]).unwrap(), [0, 0, 0, 36]);
        let mut buffer = ValuesBuffer::new();
        buffer.push(None, VALUES[0]).unwrap();
        let (values, mut scratch) = (buffer.values(), Vec::new());
        routing_key(&values, &[0], &mut scratch).unwrap();
        assert_eq!(scratch.capacity(), 0);
    }

    #[test]
    fn a_key_of_several_columns_has_lengths_and_zeros_in_key_order() {
        let (ada, age) = (&b"\0\x03ada\0"[..], &b"\0\x04\0\0\0\x24\0"[..]);
        assert_eq!(key(&VALUES, &[0, 4]).unwrap(), [ada, age].concat());
        assert_eq!(key(&VALUES, &[4, 0]).unwrap(), [age, ada].concat());
        assert_eq!(key(&VALUES, &[4, 2, 0]).unwrap(), [age, b"\0\0\0", ada].concat());
        assert_eq!(key(&VALUES, &[0, 0]).unwrap(), [ada, ada].concat());
    }

    #[test]
    fn incomplete_and_overlong_keys_are_none() {
        for partition_key in [&[][..], &[1], &[3], &[5], &[0, 1], &[3, 0], &[4, 5], &[u16::MAX, 0]]
        {
            assert_eq!(key(&VALUES, partition_key), None, "{partition_key:?}");
        }
        assert_eq!(key(&[], &[0]), None);
        let (longest, longer) = (vec![0; 65_535], vec![0; 65_536]);
        let values = [RawValue::Bytes(&longest), RawValue::Bytes(&longer)];
        assert_eq!(key(&values, &[0]).unwrap(), longest);
        assert_eq!(key(&values, &[0, 0]).unwrap().len(), 2 * (65_535 + 3));
        assert_eq!(key(&values, &[1]), None);
        assert_eq!(key(&values, &[0, 1]), None);
    }

    #[test]
    fn values_bound_by_name_have_no_routing_key() {
        let mut buffer = ValuesBuffer::new();
        buffer.push(Some("username"), VALUES[0]).unwrap();
        assert_eq!(routing_key(&buffer.values(), &[0], &mut Vec::new()), None);
    }
}
