//! Responses that belong to no request: on stream 0, or on the stream of a request that was answered.

use super::*;

fn overloaded() -> ServerError {
    ServerError::new(ErrorCode::Overloaded, "Query timed out before it could start")
}

#[test]
fn no_request_is_sent_on_stream_0() {
    let mut pair = Pair::new(with_credentials());
    assert_ne!(pair.expect_request().0, Stream(0));
    pair.answer(Supported { options: vec![] });
    assert_ne!(pair.expect_request().0, Stream(0));
    pair.answer(Ready);
    for _ in 0..1_000 {
        let stream = pair.query(SECOND).unwrap();
        assert_ne!(stream, Stream(0));
        pair.respond(stream, ResultMessage::Void);
    }
}

#[test]
fn an_overloaded_on_stream_0_neither_ends_the_connection_nor_a_request() {
    for version in Version::ALL {
        let options =
            ConnectionOptions { version, max_in_flight: 8, max_orphans: 1, ..Default::default() };
        let mut pair = Pair::open(options);
        for _ in 0..100 {
            let [lost, answered] = [(); 2].map(|()| pair.query(SECOND).unwrap());
            pair.deliver();
            pair.respond(Stream(0), overloaded());
            let event = ConnectionEvent::UnattributedError(Box::new(overloaded()));
            assert_eq!(pair.client.poll_event(), Some(event));
            assert_eq!(pair.client.poll_event(), None);
            pair.respond(answered, ResultMessage::Void);
            let event = pair.client.poll_event();
            assert!(
                matches!(event, Some(ConnectionEvent::Response { stream, .. }) if stream == answered)
            );
            pair.advance(SECOND);
            assert_eq!(pair.client.poll_event(), Some(ConnectionEvent::TimedOut { stream: lost }));
            assert_eq!((pair.client.in_flight(), pair.client.orphans()), (0, 0));
        }
        assert!(pair.client.is_open());
    }
}

#[test]
fn another_error_on_stream_0_ends_the_connection_and_its_requests_may_have_been_applied() {
    for version in Version::ALL {
        for code in [ErrorCode::Protocol, ErrorCode::Server, ErrorCode::Invalid] {
            let mut pair = Pair::open(ConnectionOptions { version, ..Default::default() });
            let stream = pair.query(SECOND).unwrap();
            pair.deliver();
            let error = || ServerError::new(code, "CRC mismatch");
            pair.respond(Stream(0), error());
            let failed = ConnectionEvent::RequestFailed { stream, written: true };
            assert_eq!(pair.client.poll_event(), Some(failed));
            assert_eq!(pair.close_reason(), CloseReason::ServerError(error()));
        }
    }
}

#[test]
fn the_close_reason_does_not_repeat_a_message_about_a_statement() {
    for (code, is_shown) in [
        (ErrorCode::Protocol, true),
        (ErrorCode::Overloaded, true),
        (ErrorCode::Bootstrapping, true),
        (ErrorCode::Server, false),
        (ErrorCode::Syntax, false),
        (ErrorCode::Invalid, false),
        (ErrorCode::Unauthorized, false),
        (ErrorCode::Config, false),
    ] {
        let mut pair = Pair::open(ConnectionOptions::default());
        let error = ServerError::new(code, "cannot parse 's3cret'");
        pair.respond(Stream(9), error.clone());
        let reason = pair.close_reason();
        assert_eq!(reason, CloseReason::ServerError(error));
        for text in [reason.to_string(), format!("{reason:?}")] {
            assert!(text.contains(&code.to_string()), "{text}");
            assert_eq!(text.contains("s3cret"), is_shown, "{text}");
        }
    }
}

#[test]
fn an_error_in_another_version_ends_the_connection_with_its_message() {
    let mut pair = Pair::open(ConnectionOptions::default());
    pair.context = Version::V3.into();
    pair.respond(Stream(0), overloaded());
    assert_eq!(pair.close_reason(), CloseReason::ServerError(overloaded()));
}

#[test]
fn a_result_on_stream_0_ends_the_connection() {
    let mut pair = Pair::open(ConnectionOptions::default());
    pair.query(SECOND).unwrap();
    pair.respond(Stream(0), ResultMessage::Void);
    assert!(matches!(pair.client.poll_event(), Some(ConnectionEvent::RequestFailed { .. })));
    assert_eq!(pair.close_reason(), CloseReason::UnknownStream(Stream(0)));
}

/// Cassandra answers on stream 0 if it cannot decode the request, or is overloaded.
#[test]
fn an_error_on_stream_0_is_the_response_to_the_request_of_the_handshake() {
    for answered in 0..3 {
        let mut pair = Pair::new(with_credentials());
        let authenticator = "org.apache.cassandra.auth.PasswordAuthenticator".to_owned();
        let steps: [Response; 2] =
            [Supported { options: vec![] }.into(), Authenticate { authenticator }.into()];
        for step in steps.into_iter().take(answered) {
            pair.expect_request();
            pair.answer(step);
        }
        pair.expect_request();
        pair.respond(Stream(0), overloaded());
        let reason = pair.close_reason();
        assert_eq!(reason, CloseReason::Refused(overloaded()));
        assert!(reason.is_starting(), "a later attempt may succeed");
    }
}

#[test]
fn a_second_response_is_detected_although_other_requests_follow() {
    for in_flight in [1, 200] {
        let mut pair = Pair::open(ConnectionOptions::default());
        let streams: Vec<_> = (0..in_flight).map(|_| pair.query(SECOND).unwrap()).collect();
        pair.respond(streams[0], ResultMessage::Void);
        for _ in 0..100 {
            assert_ne!(pair.query(SECOND).unwrap(), streams[0], "the id was allocated again");
        }
        pair.respond(streams[0], ResultMessage::Void);
        assert_eq!(pair.close_reason(), CloseReason::UnknownStream(streams[0]));
    }
}

#[test]
fn a_response_on_the_stream_of_events_ends_the_connection() {
    for version in Version::ALL {
        let mut pair = Pair::open(ConnectionOptions { version, ..Default::default() });
        let stream = pair.query(SECOND).unwrap();
        pair.deliver();
        pair.respond(Stream::EVENT, ResultMessage::Void);
        let failed = ConnectionEvent::RequestFailed { stream, written: true };
        assert_eq!(pair.client.poll_event(), Some(failed));
        assert_eq!(pair.close_reason(), CloseReason::UnknownStream(Stream::EVENT));
    }
}

#[test]
fn an_overloaded_on_stream_0_may_be_the_response_to_a_heartbeat() {
    let mut pair = Pair::open(ConnectionOptions::default());
    for _ in 0..3 {
        pair.advance(30 * SECOND);
        let (stream, request) = pair.expect_request();
        assert_eq!(request, Request::Options(Options));
        assert_ne!(stream, Stream(0));
        pair.respond(Stream(0), overloaded());
        assert!(matches!(pair.client.poll_event(), Some(ConnectionEvent::UnattributedError(_))));
    }
    assert!(pair.client.is_open());
}
