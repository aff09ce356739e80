//! A server that answers as a test says, on a thread and a real socket.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread;

use cqlwire::message::{
    QueryResult, Ready, Request, RequestFrame, Response, ResponseFrame, Supported,
};
use cqlwire::wire::{Compression, Context, FrameDecoder, FrameEncoder, Stream, Version};

use crate::listen::serve;

/// What a server does about a request.
pub(crate) enum Reply {
    /// Answers it.
    Response(Response),
    /// Sends these bytes.
    Bytes(Vec<u8>),
    /// Says nothing.
    Silence,
    /// Closes the connection.
    Close,
}

impl From<QueryResult> for Reply {
    fn from(result: QueryResult) -> Self {
        Self::Response(result.into())
    }
}

/// Speaks `version` with whoever connects: opens every connection, with LZ4 if that is asked for,
/// and leaves the other requests to `answer`.
pub(crate) fn speak(
    version: Version,
    answer: impl Fn(&Request<'_>, Stream) -> Reply + Send + Sync + 'static,
) -> SocketAddr {
    let answer = Arc::new(answer);
    serve(move |socket| {
        let answer = Arc::clone(&answer);
        talk(socket, version, move |request, stream| answer(request, stream));
    })
}

/// The same on one connection, on a thread of its own.
pub(crate) fn talk(
    socket: TcpStream,
    version: Version,
    answer: impl Fn(&Request<'_>, Stream) -> Reply + Send + 'static,
) {
    thread::spawn(move || converse(socket, version.into(), &answer));
}

fn converse(
    mut socket: TcpStream,
    mut context: Context,
    answer: &dyn Fn(&Request<'_>, Stream) -> Reply,
) {
    let mut frames = FrameDecoder::new(context);
    let mut buffer = [0; 4096];
    // The client going away ends this.
    while let Ok(count @ 1..) = socket.read(&mut buffer) {
        frames.extend(&buffer[..count]);
        while let Some(frame) = frames.next_frame().unwrap() {
            let frame = frame.decompress(&context).unwrap();
            let RequestFrame { request, stream, .. } =
                RequestFrame::decode(&frame, &context).unwrap();
            let reply = match &request {
                Request::Options(_) => {
                    let offer = ("COMPRESSION".into(), vec!["lz4".into()]);
                    Reply::Response(Supported { options: vec![offer] }.into())
                }
                Request::Startup(startup) => {
                    let asked = startup.get("COMPRESSION");
                    context.compression = asked.map(|_| Compression::Lz4);
                    Reply::Response(Ready.into())
                }
                request => answer(request, stream),
            };
            let bytes = match reply {
                Reply::Response(response) => {
                    let mut bytes = Vec::new();
                    let frame = ResponseFrame::new(stream, response);
                    frame.encode(&mut FrameEncoder::new(context), &mut bytes).unwrap();
                    bytes
                }
                Reply::Bytes(bytes) => bytes,
                Reply::Silence => continue,
                Reply::Close => return,
            };
            if socket.write_all(&bytes).is_err() {
                return;
            }
        }
    }
}
