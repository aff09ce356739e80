//! A proxy that counts the frames that pass.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use cqlwire::wire::{FrameDecoder, FrameFlags, Version};

use crate::listen::serve;

/// How many frames have passed in one direction.
#[derive(Debug, Default)]
pub(crate) struct Passed {
    pub(crate) plain: AtomicUsize,
    pub(crate) compressed: AtomicUsize,
}

/// Passes connections on to a server.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    pub(crate) requests: Arc<Passed>,
    pub(crate) responses: Arc<Passed>,
    sockets: Arc<Mutex<Vec<TcpStream>>>,
}

impl Proxy {
    pub(crate) fn to(server: SocketAddr) -> Self {
        let (requests, responses) = (Arc::<Passed>::default(), Arc::<Passed>::default());
        let sockets = Arc::<Mutex<Vec<TcpStream>>>::default();
        let (there, back, open) =
            (Arc::clone(&requests), Arc::clone(&responses), Arc::clone(&sockets));
        let address = serve(move |client| {
            let server = TcpStream::connect(server).unwrap();
            open.lock().unwrap().push(client.try_clone().unwrap());
            pass(client.try_clone().unwrap(), server.try_clone().unwrap(), Arc::clone(&there));
            pass(server, client, Arc::clone(&back));
        });
        Self { address, requests, responses, sockets }
    }

    /// Cuts every connection there is.
    pub(crate) fn cut(&self) {
        for socket in self.sockets.lock().unwrap().drain(..) {
            let _gone = socket.shutdown(Shutdown::Both);
        }
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, passed: Arc<Passed>) {
    thread::spawn(move || {
        let mut frames = FrameDecoder::new(Version::V4);
        let mut buffer = vec![0; 64 << 10];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            frames.extend(&buffer[..count]);
            while let Some(frame) = frames.next_frame().unwrap() {
                let counter = match frame.header.flags.contains(FrameFlags::COMPRESSED) {
                    true => &passed.compressed,
                    false => &passed.plain,
                };
                counter.fetch_add(1, Ordering::SeqCst);
            }
            if to.write_all(&buffer[..count]).is_err() {
                break;
            }
        }
        let _gone = to.shutdown(Shutdown::Both);
    });
}
