//! Tests of heartbeats, of unresponsive servers and of frames that do not arrive in time.

use super::*;

const HALF: Duration = Duration::from_millis(500);

impl Pair {
    /// Advances the clock to each timeout that comes before `time` has passed, and then to its end.
    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(next) = self.client.poll_timeout()
            && next <= end
        {
            self.now = self.now.max(next);
            self.client.handle_timeout(self.now);
        }
        self.advance(end - self.now);
    }

    /// Returns the number of requests that the server has received since the last call.
    fn received(&mut self) -> Vec<(Stream, Request<'static>)> {
        self.deliver();
        let mut requests = Vec::new();
        while let Some(frame) = self.server.next_frame().unwrap() {
            let frame: &'static RawFrame =
                Box::leak(Box::new(frame.decompress(&self.context).unwrap()));
            let decoded = RequestFrame::decode(frame, &self.context).unwrap();
            requests.push((decoded.stream, decoded.request));
        }
        requests
    }

    /// Answers all OPTIONS that the server has received, and returns their number.
    fn answer_probes(&mut self) -> usize {
        let received = self.received();
        let probes = received.iter().filter(|(_, request)| *request == Request::Options(Options));
        let streams: Vec<_> = probes.map(|(stream, _)| *stream).collect();
        for stream in &streams {
            self.respond(*stream, Supported { options: vec![] });
        }
        streams.len()
    }

    fn events(&mut self) -> Vec<ConnectionEvent> {
        std::iter::from_fn(|| self.client.poll_event()).collect()
    }
}

/// Returns the bytes of a response with a body of `length` bytes on `stream`.
fn long_response(stream: Stream, length: u32) -> Vec<u8> {
    let [high, low] = stream.0.to_be_bytes();
    let mut bytes = vec![0x84, 0, high, low, 8];
    bytes.extend(length.to_be_bytes());
    bytes.resize(9 + length as usize, 0);
    bytes
}

#[test]
fn sends_a_heartbeat_to_a_silent_server() {
    let mut pair = Pair::open(ConnectionOptions::default());
    assert_eq!(pair.client.poll_timeout(), Some(pair.now + 30 * SECOND));
    pair.advance(30 * SECOND);
    let (stream, request) = pair.expect_request();
    assert_eq!(request, Request::Options(Options));
    pair.respond(stream, Supported { options: vec![] });
    assert_eq!(pair.client.poll_event(), None);
    assert_eq!(pair.client.poll_timeout(), Some(pair.now + 30 * SECOND));
    pair.run(35 * SECOND - Duration::from_millis(1));
    assert_eq!(pair.events(), [ConnectionEvent::Unresponsive]);
    pair.run(Duration::from_millis(1));
    assert_eq!(pair.close_reason(), CloseReason::HeartbeatTimeout);
    assert_eq!(pair.client.poll_timeout(), None);
}

#[test]
fn a_server_that_answers_nothing_is_unresponsive_within_a_second() {
    for version in Version::ALL {
        let mut pair = Pair::open(ConnectionOptions { version, ..Default::default() });
        pair.run(10 * SECOND);
        let stream = pair.query(90 * SECOND).unwrap();
        assert_eq!(pair.received().len(), 1);
        pair.run(HALF);
        assert_eq!(pair.received().len(), 1, "one probe");
        pair.run(HALF - Duration::from_millis(1));
        assert!(pair.client.is_responsive());
        pair.run(Duration::from_millis(1));
        assert_eq!(pair.events(), [ConnectionEvent::Unresponsive]);
        assert!(!pair.client.is_responsive());
        // The silence began when the connection was opened.
        pair.run(24 * SECOND - Duration::from_millis(1));
        assert_eq!(pair.received(), []);
        let mut responsive = pair;
        responsive.respond(stream, ResultMessage::Void);
        let [ConnectionEvent::Response { .. }, ConnectionEvent::Responsive] =
            &responsive.events()[..]
        else {
            panic!()
        };
        assert!(responsive.client.is_responsive());
        assert_eq!(responsive.client.poll_timeout(), Some(responsive.now + 30 * SECOND));
    }
}

#[test]
fn an_unresponsive_connection_ends_with_the_heartbeat_timeout() {
    let mut pair = Pair::open(ConnectionOptions::default());
    pair.query(90 * SECOND).unwrap();
    pair.run(35 * SECOND - Duration::from_millis(1));
    assert!(pair.client.is_open());
    pair.run(Duration::from_millis(1));
    assert_eq!(pair.close_reason(), CloseReason::HeartbeatTimeout);
}

#[test]
fn a_slow_query_is_not_taken_for_a_frozen_server() {
    let mut pair = Pair::open(ConnectionOptions::default());
    let stream = pair.query(600 * SECOND).unwrap();
    let mut probes = 0;
    for _ in 0..300 {
        pair.run(SECOND / 5);
        probes += pair.answer_probes();
    }
    assert_eq!(pair.events(), []);
    assert!((60..=130).contains(&probes), "{probes} probes in a minute");
    pair.respond(stream, ResultMessage::Void);
    assert_eq!(pair.events().len(), 1);
}

/// Otherwise each frame or request would reset the timer of the driver.
#[test]
fn the_time_of_the_next_check_does_not_move_with_each_frame() {
    let mut pair = Pair::open(ConnectionOptions::default());
    pair.run(SECOND / 10);
    let mut stream = pair.query(90 * SECOND).unwrap();
    // The time of sending is known at the next call only.
    assert!(pair.client.poll_timeout() < Some(pair.now));
    pair.advance(Duration::ZERO);
    let check = pair.client.poll_timeout();
    assert_eq!(check, Some(pair.now + HALF));
    for millis in 1..=400 {
        pair.now += Duration::from_millis(1);
        pair.deliver();
        pair.respond(stream, ResultMessage::Void);
        assert_eq!(pair.client.poll_timeout(), check, "after {millis} ms");
        stream = pair.query(90 * SECOND).unwrap();
        assert_eq!(pair.client.poll_timeout(), check, "after {millis} ms");
    }
    pair.respond(stream, ResultMessage::Void);
    let idle_since = pair.now;
    pair.run(HALF);
    assert_eq!(pair.client.poll_timeout(), Some(idle_since + 30 * SECOND));
}

#[test]
fn orphans_alone_cause_no_probes() {
    let mut pair = Pair::open(ConnectionOptions::default());
    let stream = pair.query(90 * SECOND).unwrap();
    pair.client.cancel(stream);
    pair.received();
    pair.run(29 * SECOND);
    assert_eq!(pair.received(), []);
}

#[test]
fn does_not_send_another_probe_while_one_is_unanswered() {
    let mut pair = Pair::open(ConnectionOptions::default());
    let streams: Vec<_> = (0..5).map(|_| pair.query(90 * SECOND).unwrap()).collect();
    pair.received();
    for stream in &streams[1..] {
        pair.run(3 * SECOND);
        assert!(!pair.client.is_responsive());
        pair.respond(*stream, ResultMessage::Void);
        assert!(pair.client.is_responsive());
    }
    assert_eq!(pair.received().len(), 1);
}

#[test]
fn orphans_of_an_unresponsive_server_do_not_end_the_connection() {
    let options = ConnectionOptions { max_orphans: 2, max_in_flight: 10, ..Default::default() };
    let mut pair = Pair::open(options.clone());
    let streams: Vec<_> = (0..9).map(|_| pair.query(90 * SECOND).unwrap()).collect();
    pair.received();
    pair.run(SECOND);
    streams.iter().for_each(|stream| pair.client.cancel(*stream));
    assert_eq!(pair.events(), [ConnectionEvent::Unresponsive]);
    pair.respond(streams[0], ResultMessage::Void);
    pair.advance(Duration::ZERO);
    assert_eq!(pair.events(), [ConnectionEvent::Responsive]);
    // New orphans count again.
    let stream = pair.query(90 * SECOND).unwrap();
    pair.client.cancel(stream);
    let stream = pair.query(90 * SECOND).unwrap();
    pair.client.cancel(stream);
    assert_eq!(pair.close_reason(), CloseReason::TooManyOrphans(10), "no stream is left");

    let mut pair = Pair::open(options);
    let streams: Vec<_> = (0..9).map(|_| pair.query(90 * SECOND).unwrap()).collect();
    pair.run(SECOND);
    streams.iter().for_each(|stream| pair.client.cancel(*stream));
    streams.iter().for_each(|stream| pair.respond(*stream, ResultMessage::Void));
    for _ in 0..4 {
        let stream = pair.query(90 * SECOND).unwrap();
        pair.client.cancel(stream);
    }
    assert!(matches!(pair.close_reason(), CloseReason::TooManyOrphans(3..=4)));
}

/// The header states a megabyte more than the server sends. The responses to other requests are taken
/// for the rest of the body.
#[test]
fn a_frame_that_lies_about_its_length_ends_the_connection() {
    let mut pair = Pair::open(ConnectionOptions::default());
    let liar = pair.query(90 * SECOND).unwrap();
    let started = pair.now;
    let mut lie = long_response(liar, 1 << 20);
    lie.truncate(9 + 100);
    pair.receive(&lie);
    while pair.client.is_open() {
        pair.query(90 * SECOND).unwrap();
        let requests = pair.received();
        for (stream, _) in requests {
            pair.respond(stream, ResultMessage::Void);
        }
        pair.run(Duration::from_millis(20));
        assert!(pair.now - started <= 5 * SECOND + SECOND / 10, "the connection is still open");
    }
    assert!(pair.now - started >= 5 * SECOND);
    let events = pair.events();
    assert!(events.contains(&ConnectionEvent::Unresponsive));
    assert_eq!(events.last(), Some(&ConnectionEvent::Closed(CloseReason::FrameTimeout)));
}

#[test]
fn a_long_frame_on_a_slow_network_arrives() {
    let mut pair = Pair::open(ConnectionOptions::default());
    let stream = pair.query(900 * SECOND).unwrap();
    let response = long_response(stream, 8 << 20);
    for piece in response.chunks(8 << 10) {
        // 80 KiB a second.
        pair.run(SECOND / 10);
        pair.receive(piece);
        pair.deliver();
    }
    let [ConnectionEvent::Response { frame, .. }] = &pair.events()[..] else { panic!() };
    assert_eq!(frame.body.len(), 8 << 20);
}

#[test]
fn a_frame_that_stops_ends_the_connection_even_if_it_is_an_event() {
    for version in Version::ALL {
        let mut pair = Pair::open(ConnectionOptions { version, ..Default::default() });
        // In v5, the first byte of a segment.
        pair.receive(&[0x80 | version.number()]);
        assert_eq!(pair.client.poll_timeout(), Some(pair.now + 5 * SECOND));
        pair.run(5 * SECOND);
        assert_eq!(pair.close_reason(), CloseReason::FrameTimeout);
    }
}

#[test]
fn a_skipped_frame_is_a_sign_of_life() {
    let mut pair = Pair::open(ConnectionOptions { max_body: 1 << 10, ..Default::default() });
    let stream = pair.query(90 * SECOND).unwrap();
    let response = long_response(stream, 1 << 20);
    let (first, rest) = response.split_at(1 << 19);
    pair.receive(first);
    pair.run(SECOND);
    pair.receive(rest);
    let [ConnectionEvent::ResponseTooLong { .. }] = &pair.events()[..] else { panic!() };
    assert_eq!(pair.client.poll_timeout(), Some(pair.now + 30 * SECOND));
}

/// The bytes may have arrived while the client did not run.
#[test]
fn a_client_that_was_suspended_reads_first() {
    let mut pair = Pair::open(ConnectionOptions::default());
    let stream = pair.query(900 * SECOND).unwrap();
    let response = long_response(stream, 1 << 20);
    let (first, rest) = response.split_at(1 << 14);
    pair.receive(first);
    pair.advance(11 * SECOND);
    assert!(pair.client.is_open());
    pair.receive(rest);
    assert!(pair.client.is_responsive());
}

impl Pair {
    /// Sends a request with a body of about `length` bytes.
    fn long_query(&mut self, length: usize) -> Stream {
        let parameters = Consistency::One.into();
        let query = Query { text: " ".repeat(length).into(), parameters };
        let request = RequestFrame::new(Stream::default(), query);
        self.client.send(&request, Some(self.now + 900 * SECOND)).unwrap()
    }

    /// Writes up to `count` bytes of the client. Returns false if there are none.
    fn write(&mut self, count: usize) -> bool {
        let bytes = self.client.transmit();
        let bytes = bytes[..count.min(bytes.len())].to_vec();
        self.client.transmitted(bytes.len());
        self.server.extend(&bytes);
        !bytes.is_empty()
    }
}

/// The request takes longer than all timeouts of the heartbeat.
#[test]
fn a_long_request_on_a_slow_network_is_sent() {
    for version in Version::ALL {
        let mut pair = Pair::open(ConnectionOptions { version, ..Default::default() });
        let stream = pair.long_query(8 << 20);
        let started = pair.now;
        // 80 KiB a second.
        while pair.write(8 << 10) {
            assert_eq!(pair.events(), [], "after {:?}", pair.now - started);
            pair.run(SECOND / 10);
        }
        assert!(pair.now - started > 90 * SECOND);
        pair.run(HALF / 2);
        assert!(pair.client.is_responsive());
        pair.respond(stream, ResultMessage::Void);
        assert!(matches!(&pair.events()[..], [ConnectionEvent::Response { .. }]));
    }
}

#[test]
fn a_server_that_stops_reading_a_long_request_is_unresponsive_within_a_second() {
    let mut pair = Pair::open(ConnectionOptions::default());
    pair.long_query(8 << 20);
    for _ in 0..100 {
        pair.write(8 << 10);
        pair.run(SECOND / 10);
    }
    assert_eq!(pair.events(), []);
    pair.run(SECOND);
    assert_eq!(pair.events(), [ConnectionEvent::Unresponsive]);
    // The connection does not end if the server reads on.
    pair.run(20 * SECOND);
    for _ in 0..200 {
        pair.write(8 << 10);
        pair.run(SECOND / 10);
    }
    assert_eq!(pair.events(), []);
    pair.run(10 * SECOND);
    assert_eq!(pair.close_reason(), CloseReason::HeartbeatTimeout);
}

/// The buffers of the socket take the requests, although the server does not read them.
#[test]
fn requests_after_a_heartbeat_do_not_hide_a_frozen_server() {
    let mut pair = Pair::open(ConnectionOptions::default());
    pair.long_query(1 << 10);
    let started = pair.now;
    while pair.client.is_responsive() {
        pair.long_query(16 << 10);
        pair.write(usize::MAX);
        pair.run(SECOND / 10);
        assert!(pair.now - started <= SECOND, "the server is still responsive");
    }
}

#[test]
fn a_client_that_was_too_busy_to_read_a_long_frame_reads_first() {
    let mut pair = Pair::open(ConnectionOptions::default());
    let stream = pair.query(900 * SECOND).unwrap();
    let response = long_response(stream, 1 << 20);
    pair.run(HALF);
    assert_eq!(pair.received().len(), 2, "one probe");
    let (first, rest) = response.split_at(1 << 14);
    pair.receive(first);
    pair.advance(HALF + HALF / 2);
    assert_eq!(pair.events(), []);
    pair.receive(rest);
    assert!(matches!(&pair.events()[..], [ConnectionEvent::Response { .. }]));
}

#[test]
fn a_client_that_was_too_busy_to_send_a_long_request_sends_first() {
    let mut pair = Pair::open(ConnectionOptions::default());
    pair.long_query(1 << 20);
    pair.write(1 << 10);
    pair.run(HALF);
    pair.advance(HALF + HALF / 2);
    assert_eq!(pair.events(), []);
    pair.run(HALF);
    assert_eq!(pair.events(), [ConnectionEvent::Unresponsive]);
}
