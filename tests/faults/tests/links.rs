//! Links in memory, under virtual time: a recorded client and a recorded server talk through them.

mod recorded;

use std::time::Duration;

use cqlwire::wire::{Compression, Version};
use cqlwire_faults::{
    Direction, Fault, FaultKind, FramePart, Honesty, OtherStream, Plan, PlannedFault, Profile,
    Trigger, WrongLength,
};
use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;
use recorded::{Conversation, Received, run};

const V4: Conversation = Conversation { version: Version::V4, compression: None };
const V5: Conversation = Conversation { version: Version::V5, compression: None };

const CONVERSATIONS: [Conversation; 6] = [
    Conversation { version: Version::V3, compression: None },
    V4,
    Conversation { version: Version::V4, compression: Some(Compression::Lz4) },
    Conversation { version: Version::V4, compression: Some(Compression::Snappy) },
    V5,
    Conversation { version: Version::V5, compression: Some(Compression::Lz4) },
];

/// Returns what arrives if one fault changes the responses.
fn responses(conversation: Conversation, trigger: Trigger, fault: Fault) -> Received {
    run(conversation, Plan::new([PlannedFault::of_responses(trigger, fault)]), usize::MAX)
}

/// Returns the streams of the responses that arrive.
fn streams(conversation: Conversation, trigger: Trigger, fault: Fault) -> Vec<i16> {
    responses(conversation, trigger, fault).responses(conversation).unwrap()
}

fn strategy() -> impl Strategy<Value = Conversation> {
    prop::sample::select(CONVERSATIONS.to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn bytes_pass_unchanged_without_faults(
        conversation in strategy(),
        piece in prop_oneof![1..40_usize, Just(usize::MAX)],
        is_split: bool,
    ) {
        // A fault that is never reached makes the link split the bytes into frames.
        let fault = Fault::Drop { frames: 1 };
        let never = PlannedFault::of_responses(Trigger::Frame(u64::MAX), fault);
        let plan = if is_split { Plan::new([never]) } else { Plan::default() };
        let received = run(conversation, plan, piece);
        prop_assert_eq!(received.bytes(Direction::Requests), conversation.requests());
        prop_assert_eq!(received.bytes(Direction::Responses), conversation.responses());
        prop_assert_eq!(received.applied.counts().total(), 0);
    }

    #[test]
    fn bytes_that_are_no_frames_pass_unchanged(bytes: Vec<u8>, piece in 1..9_usize) {
        let fault = Fault::Drop { frames: 1 };
        let plan = Plan::new([PlannedFault::of_responses(Trigger::Frame(u64::MAX), fault)]);
        let received = recorded::run_bytes(&bytes, &bytes, plan, piece);
        prop_assert_eq!(received.bytes(Direction::Requests), &bytes[..]);
        prop_assert_eq!(received.bytes(Direction::Responses), &bytes[..]);
    }

    #[test]
    fn a_seed_has_the_same_effects_each_time(seed: u64, conversation in strategy()) {
        let profile = Profile::new(conversation.version).lies_to_client(true).lies_to_server(true);
        let plan = || Plan::random(&mut StdRng::seed_from_u64(seed), &profile);
        prop_assert_eq!(plan(), plan());
        let (one, other) = (run(conversation, plan(), 100), run(conversation, plan(), 100));
        prop_assert_eq!(one.pieces, other.pieces);
        prop_assert_eq!(one.applied.counts(), other.applied.counts());
    }

    #[test]
    fn a_plan_is_printed_and_parsed(seed: u64) {
        for profile in [Profile::new(Version::V4), Profile::new(Version::V5), Profile::encrypted()] {
            let profile = profile.lies_to_client(true).lies_to_server(true);
            let plan = Plan::random(&mut StdRng::seed_from_u64(seed), &profile);
            prop_assert_eq!(plan.to_string().parse(), Ok(plan));
        }
    }
}

#[test]
fn random_plans_have_all_kinds_of_faults_and_lies_only_where_allowed() {
    let mut counts = cqlwire_faults::FaultCounts::default();
    let mut random = StdRng::seed_from_u64(1);
    for lies in [false, true] {
        for version in [Version::V4, Version::V5] {
            let profile = Profile::new(version).lies_to_client(lies).lies_to_server(lies);
            for _ in 0..2_000 {
                for planned in Plan::random(&mut random, &profile).faults {
                    counts.add(planned.fault.kind());
                    let framing = match version {
                        Version::V5 => cqlwire_faults::Framing::Segments,
                        _ => cqlwire_faults::Framing::Frames,
                    };
                    let honesty = planned.fault.honesty(planned.direction, framing);
                    assert!(lies || honesty < Honesty::Lying, "{planned}");
                }
            }
        }
    }
    for &kind in FaultKind::ALL {
        assert!(counts.get(kind) > 0, "{kind} never happens");
    }
}

#[test]
fn a_connection_is_truncated_at_a_byte() {
    let all = V4.responses();
    for at in [0, 1, 20, all.len() as u64 - 1] {
        for fault in [Fault::Close, Fault::Reset, Fault::HalfClose] {
            let received = responses(V4, Trigger::Byte(at), fault.clone());
            assert_eq!(
                received.bytes(Direction::Responses),
                &all[..at as usize],
                "{fault} at {at}"
            );
            assert_eq!(received.applied.counts().total(), 1);
        }
    }
    let received = responses(V4, Trigger::Byte(9), Fault::HalfClose);
    assert_eq!(received.bytes(Direction::Requests), V4.requests());
    let never = responses(V4, Trigger::Byte(all.len() as u64 + 1), Fault::Close);
    assert_eq!(never.applied.counts().total(), 0);
}

#[test]
fn delays_keep_the_bytes() {
    let delay = Duration::from_millis(30);
    let faults = [
        Fault::Latency(delay),
        Fault::Stall(Some(delay)),
        Fault::Trickle { piece: 3, pause: Duration::from_millis(1), bytes: 90 },
    ];
    for fault in faults {
        let received = responses(V4, Trigger::Byte(1), fault.clone());
        assert_eq!(received.bytes(Direction::Responses), V4.responses(), "{fault}");
        let undelayed = run(V4, Plan::default(), usize::MAX);
        let last = |received: &Received| received.pieces.last().unwrap().at;
        assert!(last(&received) >= last(&undelayed) + Duration::from_millis(29), "{fault}");
    }
    let stalled = responses(V4, Trigger::Byte(25), Fault::Stall(None));
    // The recording ends by stopping the faults, which delivers the bytes.
    assert_eq!(stalled.bytes(Direction::Responses), V4.responses());
    assert!(stalled.pieces.last().unwrap().at >= recorded::STOPPED_AT);
}

#[test]
fn frames_are_lost_repeated_and_reordered() {
    for conversation in [V4, V5, CONVERSATIONS[2], CONVERSATIONS[5]] {
        let streams = |trigger, fault| streams(conversation, trigger, fault);
        let ms = Duration::from_millis;
        assert_eq!(streams(Trigger::Frame(9), Fault::Duplicate), [0, 1, 2, 3, 4, 5]);
        assert_eq!(streams(Trigger::Frame(2), Fault::Drop { frames: 2 }), [0, 1, 4, 5]);
        assert_eq!(streams(Trigger::Frame(2), Fault::Duplicate), [0, 1, 2, 2, 3, 4, 5]);
        assert_eq!(streams(Trigger::Frame(2), Fault::Repeat { after: 2 }), [0, 1, 2, 3, 4, 2, 5]);
        assert_eq!(
            streams(Trigger::Frame(2), Fault::Reorder { within: ms(9) }),
            [0, 1, 3, 2, 4, 5]
        );
        // No frame follows the last one.
        assert_eq!(
            streams(Trigger::Frame(5), Fault::Reorder { within: ms(9) }),
            [0, 1, 2, 3, 4, 5]
        );
        assert_eq!(streams(Trigger::Frame(2), Fault::Late(ms(9))), [0, 1, 3, 4, 5, 2]);
    }
}

#[test]
fn responses_are_misdirected_and_inserted() {
    for conversation in [V4, V5, CONVERSATIONS[2], CONVERSATIONS[5]] {
        let misdirected =
            |stream| streams(conversation, Trigger::Frame(2), Fault::Misdirect(stream));
        assert_eq!(misdirected(OtherStream::Free), [0, 1, i16::MAX, 3, 4, 5]);
        assert_eq!(misdirected(OtherStream::InUse), [0, 1, 3, 3, 4, 5]);
        assert_eq!(misdirected(OtherStream::Zero), [0, 1, 0, 3, 4, 5]);
        assert_eq!(misdirected(OtherStream::Event), [0, 1, -1, 3, 4, 5]);
        let message = cqlwire_faults::Inserted::Void;
        let inserted =
            |stream| streams(conversation, Trigger::Frame(2), Fault::Insert { stream, message });
        assert_eq!(inserted(OtherStream::Free), [0, 1, i16::MAX, 2, 3, 4, 5]);
        assert_eq!(inserted(OtherStream::InUse), [0, 1, 2, 2, 3, 4, 5]);
        let event = cqlwire_faults::FloodEvent::Up;
        let flood = streams(conversation, Trigger::Frame(0), Fault::Events { count: 3, event });
        // The flood waits for the end of the handshake.
        assert_eq!(flood, [0, -1, -1, -1, 1, 2, 3, 4, 5]);
    }
}

#[test]
fn wrong_lengths_and_flags_change_one_field() {
    let second = 9 + 9; // READY has no body
    let length = |fault| {
        let received = responses(V4, Trigger::Frame(1), fault);
        let bytes = received.bytes(Direction::Responses);
        assert_eq!(bytes.len(), V4.responses().len());
        i32::from_be_bytes(bytes[second - 4..second].try_into().unwrap())
    };
    let true_length = length(Fault::CompressionFlag);
    assert_eq!(length(Fault::Length(WrongLength::Shorter(3))), true_length - 3);
    assert_eq!(length(Fault::Length(WrongLength::Longer(7))), true_length + 7);
    assert_eq!(length(Fault::Length(WrongLength::Negative)), -1);
    assert_eq!(length(Fault::Length(WrongLength::Huge)), i32::MAX);
    let flagged = responses(V4, Trigger::Frame(1), Fault::CompressionFlag);
    assert_eq!(flagged.bytes(Direction::Responses)[9 + 1], 1);
}

#[test]
fn corruption_inverts_bits_of_one_byte() {
    let faults = [
        Fault::FlipBits(0x10),
        Fault::CorruptFrame { part: FramePart::Header, offset: 3, mask: 0x10 },
        Fault::CorruptFrame { part: FramePart::Body, offset: 3, mask: 0x10 },
    ];
    for fault in faults {
        let received = responses(V4, Trigger::Byte(9), fault.clone());
        let bytes = received.bytes(Direction::Responses);
        let differences: Vec<_> =
            std::iter::zip(bytes, V4.responses()).map(|(one, other)| one ^ other).collect();
        assert_eq!(differences.iter().filter(|&&bits| bits != 0).count(), 1, "{fault}");
        assert!(differences.contains(&0x10), "{fault}");
        assert!(received.applied.lied_to_client() && !received.applied.lied_to_server());
    }
}

#[test]
fn a_corrupt_segment_is_detected() {
    use cqlwire_faults::SegmentPart::{Checksum, Header, Payload};
    for conversation in [V5, CONVERSATIONS[5]] {
        for part in [Header, Payload, Checksum] {
            let fault = Fault::CorruptSegment { part, offset: 2, mask: 4 };
            let received = responses(conversation, Trigger::Frame(2), fault);
            assert_eq!(received.applied.counts().total(), 1);
            let honesty = received.applied.honesty(Direction::Responses);
            assert_eq!(honesty, Some(Honesty::Detectable));
            received.responses(conversation).unwrap_err();
        }
        let flipped = responses(conversation, Trigger::Byte(9), Fault::FlipBits(1));
        assert_eq!(flipped.applied.honesty(Direction::Responses), Some(Honesty::Detectable));
        flipped.responses(conversation).unwrap_err();
    }
}

#[test]
fn encrypted_bytes_are_never_read_as_frames() {
    let drop = PlannedFault::of_responses(Trigger::Frame(0), Fault::Drop { frames: 1 });
    let flip = PlannedFault::of_responses(Trigger::Byte(1), Fault::FlipBits(1));
    let received = recorded::run_encrypted(V4, Plan::new([drop, flip]));
    assert_eq!(received.bytes(Direction::Responses).len(), V4.responses().len());
    assert_eq!(received.applied.counts().get(FaultKind::Drop), 0);
    let honesty = received.applied.honesty(Direction::Responses);
    assert_eq!(honesty, Some(Honesty::Detectable));
}
