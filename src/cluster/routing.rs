//! The partition key of a statement, out of its values.

use crate::types::Values;

/// The bytes that the partitioner hashes: of one component its own, borrowed from the values; of
/// several each after its length in two bytes and before a zero, written into `scratch`.
///
/// `partition_key` says which values the components are, as PREPARED does. `None` where a partition
/// cannot be told: it names no value, or one that is missing, null, not set or longer than a key can
/// be, or values go by name.
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
        // Most keys are bound in their order, so that the values are walked once.
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
        let mut scratch = b"of the statement before".to_vec();
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
    fn one_component_is_borrowed_as_it_is() {
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
    fn several_components_have_lengths_and_zeros_in_the_order_of_the_key() {
        let (ada, age) = (&b"\0\x03ada\0"[..], &b"\0\x04\0\0\0\x24\0"[..]);
        assert_eq!(key(&VALUES, &[0, 4]).unwrap(), [ada, age].concat());
        assert_eq!(key(&VALUES, &[4, 0]).unwrap(), [age, ada].concat());
        assert_eq!(key(&VALUES, &[4, 2, 0]).unwrap(), [age, b"\0\0\0", ada].concat());
        assert_eq!(key(&VALUES, &[0, 0]).unwrap(), [ada, ada].concat());
    }

    #[test]
    fn what_cannot_be_a_key_is_none() {
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
    fn values_by_name_are_in_no_order() {
        let mut buffer = ValuesBuffer::new();
        buffer.push(Some("username"), VALUES[0]).unwrap();
        assert_eq!(routing_key(&buffer.values(), &[0], &mut Vec::new()), None);
    }
}
