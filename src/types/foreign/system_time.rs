//! `SystemTime` as a `timestamp`.

use std::time::SystemTime;

use crate::types::Timestamp;

convert_via! {
    SystemTime as "SystemTime", Timestamp, |instant| Timestamp::try_from(*instant);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::super::tests::{assert_same, converted, encoded};
    use super::*;
    use crate::types::{NativeType, ValueError};

    /// Returns true if `SystemTime` can represent the instant. Its range differs between platforms.
    fn holds(millis: i64) -> bool {
        SystemTime::try_from(Timestamp(millis)).is_ok()
    }

    #[test]
    fn timestamps_before_1970_and_at_the_ends_round_trip() {
        for millis in [0, 1, -1, -999, -1_000, -86_400_001, i64::MIN, i64::MAX] {
            match SystemTime::try_from(Timestamp(millis)) {
                Ok(instant) => assert_same(&instant, &Timestamp(millis), NativeType::Timestamp),
                Err(error) => assert_eq!(error, ValueError::TooLarge("SystemTime")),
            }
        }
        assert!(holds(-1) && holds(253_402_300_799_999));
    }

    #[test]
    fn instants_are_rounded_down_to_the_millisecond() {
        let micros = Duration::from_micros(1_500);
        assert_eq!(Timestamp::try_from(SystemTime::UNIX_EPOCH + micros), Ok(Timestamp(1)));
        assert_eq!(Timestamp::try_from(SystemTime::UNIX_EPOCH - micros), Ok(Timestamp(-2)));
    }

    #[test]
    fn instants_outside_the_range_of_timestamp_are_errors() {
        let beyond = Duration::from_millis(i64::MAX.unsigned_abs()) + Duration::from_millis(2);
        for instant in
            [SystemTime::UNIX_EPOCH.checked_add(beyond), SystemTime::UNIX_EPOCH.checked_sub(beyond)]
                .into_iter()
                .flatten()
        {
            assert!(encoded(&instant, NativeType::Timestamp).is_err());
        }
    }

    proptest! {
        #[test]
        fn every_timestamp_round_trips(millis: i64) {
            match converted::<_, SystemTime>(&Timestamp(millis), NativeType::Timestamp) {
                Ok(instant) => assert_same(&instant, &Timestamp(millis), NativeType::Timestamp),
                Err(error) => prop_assert_eq!(error, ValueError::TooLarge("SystemTime")),
            }
        }
    }
}
