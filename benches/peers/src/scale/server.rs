//! The server of a comparison: the stub in a process of its own, or a real node.

use std::env;
use std::io::{self, BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use crate::driver::{real_node, stub};

pub struct Server {
    address: SocketAddr,
    /// The process of the stub.
    stub: Option<Child>,
}

impl Server {
    /// Starts the stub.
    pub fn start() -> Result<Self, String> {
        let program = env::current_exe().map_err(|error| error.to_string())?;
        let mut command = Command::new(program);
        let command = command.arg("stub").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut stub = command.spawn().map_err(|error| error.to_string())?;
        let mut line = String::new();
        let output = stub.stdout.take().ok_or("the stub has no output")?;
        BufReader::new(output).read_line(&mut line).map_err(|error| error.to_string())?;
        let address = line.trim().parse().map_err(|_| "the stub did not start")?;
        Ok(Self { address, stub: Some(stub) })
    }

    /// Uses a real node, and fills its tables.
    pub fn at(address: &str) -> Result<Self, String> {
        Ok(Self { address: real_node(address)?, stub: None })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(stub) = &mut self.stub {
            // The process ends when its input does.
            drop(stub.stdin.take());
            let _status = stub.wait();
        }
    }
}

/// Runs the stub until the standard input ends.
pub fn serve() -> Result<(), String> {
    println!("{}", stub::start());
    let ended = io::stdin().read_to_end(&mut Vec::new());
    ended.map(drop).map_err(|error| error.to_string())
}
