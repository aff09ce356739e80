//! The listeners of a network in memory, and the connections that they have not accepted yet.

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use cqlwire::simulation::{SimulatedListener, SimulatedSocket};

/// The port of a listener that asks for any.
const PORT: u16 = 9_042;

/// The listeners of a network. Clones share their state.
#[derive(Clone, Debug, Default)]
pub(crate) struct Backlogs(Arc<Mutex<BTreeMap<SocketAddr, Backlog>>>);

/// The connections that a listener has not accepted yet.
#[derive(Debug, Default)]
struct Backlog {
    sockets: VecDeque<Box<dyn SimulatedSocket>>,
    waker: Option<Waker>,
}

impl Backlogs {
    /// Listens on an address.
    ///
    /// # Errors
    /// Returns an error if there is a listener with this address.
    pub(crate) fn listen(&self, mut address: SocketAddr) -> io::Result<Box<dyn SimulatedListener>> {
        if address.port() == 0 {
            address.set_port(PORT);
        }
        let mut backlogs = self.lock();
        if backlogs.contains_key(&address) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        backlogs.insert(address, Backlog::default());
        drop(backlogs);
        Ok(Box::new(Listener { backlogs: self.clone(), address }))
    }

    /// Checks that there is a listener with this address.
    ///
    /// # Errors
    /// Returns an error if there is none.
    pub(crate) fn check(&self, address: SocketAddr) -> io::Result<()> {
        match self.lock().contains_key(&address) {
            true => Ok(()),
            false => Err(io::ErrorKind::ConnectionRefused.into()),
        }
    }

    /// Gives the server's end of a connection to the listener.
    ///
    /// # Errors
    /// Returns an error if there is no listener with this address.
    pub(crate) fn offer(
        &self,
        address: SocketAddr,
        socket: impl SimulatedSocket + 'static,
    ) -> io::Result<()> {
        let mut backlogs = self.lock();
        let backlog = backlogs.get_mut(&address).ok_or(io::ErrorKind::ConnectionRefused)?;
        backlog.sockets.push_back(Box::new(socket));
        if let Some(waker) = backlog.waker.take() {
            waker.wake();
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<SocketAddr, Backlog>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A listener of a node. Connections are refused when it is dropped.
#[derive(Debug)]
struct Listener {
    backlogs: Backlogs,
    address: SocketAddr,
}

impl SimulatedListener for Listener {
    fn local_addr(&self) -> SocketAddr {
        self.address
    }

    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<Box<dyn SimulatedSocket>>> {
        let mut backlogs = self.backlogs.lock();
        let backlog = backlogs.entry(self.address).or_default();
        match backlog.sockets.pop_front() {
            Some(socket) => Poll::Ready(Ok(socket)),
            None => {
                backlog.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // The sockets that were not accepted are closed after the lock is released.
        let _backlog = self.backlogs.lock().remove(&self.address);
    }
}
