//! Drives the sans-I/O connection with a blocking socket, without tokio.
//!
//! `cargo run --example sans_io --no-default-features -- 127.0.0.1:9042`

use std::error::Error;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use cqlwire::message::{Query, RequestFrame, Response, ResponseFrame, ResultMessage};
use cqlwire::protocol::{ClientConnection, ConnectionEvent, ConnectionOptions};
use cqlwire::wire::{Consistency, Stream};

fn main() -> Result<(), Box<dyn Error>> {
    let server = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9042".to_owned());
    let mut socket = TcpStream::connect(server)?;
    let mut connection = ClientConnection::new(ConnectionOptions::default(), Instant::now());
    loop {
        while let Some(event) = connection.poll_event() {
            match event {
                ConnectionEvent::Opened => {
                    let text = "SELECT release_version FROM system.local".into();
                    let query = Query { text, parameters: Consistency::One.into() };
                    let deadline = Instant::now() + Duration::from_secs(10);
                    connection.send(&RequestFrame::new(Stream(0), query), Some(deadline))?;
                }
                ConnectionEvent::Response { frame, .. } => {
                    let response = ResponseFrame::decode(&frame, connection.context())?.response;
                    let Response::Result(ResultMessage::Rows(rows)) = response else {
                        return Err(format!("the server did not return rows: {response:?}").into());
                    };
                    for version in rows.rows::<&str>()? {
                        println!("Cassandra {}", version?);
                    }
                    return Ok(());
                }
                ConnectionEvent::Closed(reason) => return Err(reason.into()),
                other => println!("{other:?}"),
            }
        }
        drive(&mut connection, &mut socket)?;
    }
}

/// Writes all pending bytes, then waits for bytes from the server or for the next timeout.
fn drive(connection: &mut ClientConnection, socket: &mut TcpStream) -> Result<(), Box<dyn Error>> {
    let bytes = connection.transmit();
    socket.write_all(bytes)?;
    let written = bytes.len();
    connection.transmitted(written);

    let timeout = connection.poll_timeout().map(|at| at.saturating_duration_since(Instant::now()));
    // `set_read_timeout` refuses a timeout of zero.
    socket.set_read_timeout(timeout.map(|timeout| timeout.max(Duration::from_millis(1))))?;
    let mut bytes = [0; 4096];
    match socket.read(&mut bytes) {
        Ok(0) => connection.handle_end_of_input(),
        Ok(count) => {
            connection.receive_buffer().extend_from_slice(&bytes[..count]);
            connection.handle_input(Instant::now());
        }
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
            connection.handle_timeout(Instant::now());
        }
        Err(error) => return Err(error.into()),
    }
    Ok(())
}
