//! A proxy on `tokio_util`'s `Framed`: it forwards frames byte for byte and prints their messages.
//! Its arguments are the address to listen on, and the address of the server.
//!
//! `cargo run --features tokio-util-07 --example proxy -- 127.0.0.1:9043 127.0.0.1:9042`

use std::io;

use cqlwire::codec::{ClientCodec, RejectedRequest, ServerCodec};
use cqlwire::message::{RequestFrame, ResponseFrame, VersionRefusal};
use cqlwire::wire::Version;
use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::codec::Framed;

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let listen = arguments.next().unwrap_or_else(|| "127.0.0.1:9043".to_owned());
    let cassandra = arguments.next().unwrap_or_else(|| "127.0.0.1:9042".to_owned());
    let listener = TcpListener::bind(listen).await?;
    loop {
        let (client, _) = listener.accept().await?;
        let server = TcpStream::connect(&cassandra).await?;
        tokio::spawn(async move {
            if let Err(error) = forward(client, server).await {
                eprintln!("connection failed: {error}");
            }
        });
    }
}

/// Forwards requests and responses until one side closes its connection.
async fn forward(client: TcpStream, server: TcpStream) -> io::Result<()> {
    let mut client = Framed::new(client, ServerCodec::new(Version::V4));
    let mut server = Framed::new(server, ClientCodec::new(Version::V4));
    loop {
        tokio::select! {
            request = client.next() => {
                let Some(request) = request.transpose()? else { return Ok(()) };
                let request = match request {
                    Ok(request) => request,
                    // The client reads the supported versions in the answer, and tries one of them.
                    Err(RejectedRequest::UnsupportedVersion(header)) => {
                        println!("> {header:?}");
                        let refusal = VersionRefusal::new(header.version, Version::V3..=Version::V5);
                        client.send(refusal).await?;
                        continue;
                    }
                    Err(invalid) => return Err(invalid.into()),
                };
                match RequestFrame::decode(&request, client.codec().context()) {
                    Ok(frame) => println!("> {:?}", frame.request),
                    Err(error) => println!("> {:?}: {error}", request.header),
                }
                server.send(request).await?;
            }
            response = server.next() => {
                let Some(response) = response.transpose()? else { return Ok(()) };
                match ResponseFrame::decode(&response, server.codec().context()) {
                    Ok(frame) => println!("< {:?}", frame.response),
                    Err(error) => println!("< {:?}: {error}", response.header),
                }
                client.send(response).await?;
            }
        }
    }
}
