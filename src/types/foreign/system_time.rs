//! `SystemTime` is a `timestamp`.

use std::time::SystemTime;

use crate::types::Timestamp;

by_way_of! {
    SystemTime as "SystemTime", Timestamp, |instant| Timestamp::try_from(*instant);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::super::tests::{crossed, survives, written};
    use super::*;
    use crate::types::{NativeType, ValueError};

    /// Some platforms count 100 nanoseconds from 1601, and end sooner.
    fn holds(millis: i64) -> bool {
        SystemTime::try_from(Timestamp(millis)).is_ok()
    }

    #[test]
    fn instants_before_1970_and_at_the_ends() {
        for millis in [0, 1, -1, -999, -1_000, -86_400_001, i64::MIN, i64::MAX] {
            match SystemTime::try_from(Timestamp(millis)) {
                Ok(instant) => survives(&instant, &Timestamp(millis), NativeType::Timestamp),
                Err(error) => assert_eq!(error, ValueError::TooLarge("SystemTime")),
            }
        }
        assert!(holds(-1) && holds(253_402_300_799_999));
    }

    #[test]
    fn what_is_finer_than_a_millisecond_belongs_to_the_one_before() {
        let micros = Duration::from_micros(1_500);
        assert_eq!(Timestamp::try_from(SystemTime::UNIX_EPOCH + micros), Ok(Timestamp(1)));
        assert_eq!(Timestamp::try_from(SystemTime::UNIX_EPOCH - micros), Ok(Timestamp(-2)));
    }

    #[test]
    fn what_is_later_than_a_timestamp_goes_is_refused() {
        let beyond = Duration::from_millis(i64::MAX.unsigned_abs()) + Duration::from_millis(2);
        for instant in
            [SystemTime::UNIX_EPOCH.checked_add(beyond), SystemTime::UNIX_EPOCH.checked_sub(beyond)]
                .into_iter()
                .flatten()
        {
            assert!(written(&instant, NativeType::Timestamp).is_err());
        }
    }

    proptest! {
        #[test]
        fn every_instant_survives(millis: i64) {
            match crossed::<_, SystemTime>(&Timestamp(millis), NativeType::Timestamp) {
                Ok(instant) => survives(&instant, &Timestamp(millis), NativeType::Timestamp),
                Err(error) => prop_assert_eq!(error, ValueError::TooLarge("SystemTime")),
            }
        }
    }
}
