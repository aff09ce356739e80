//! Ends the program if a run does not end: a loop without a pause does not let simulated time pass.

use std::{
    process,
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

/// Time of the wall clock within which a run must end. It takes milliseconds.
const LIMIT: Duration = Duration::from_secs(120);

/// The current run, and the time at which it began.
static CURRENT: Mutex<Option<(String, Instant)>> = Mutex::new(None);

/// Starts the watchdog.
pub(crate) fn start() {
    thread::spawn(|| {
        loop {
            thread::sleep(Duration::from_secs(1));
            let current = CURRENT.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((name, begin)) = &*current
                && begin.elapsed() > LIMIT
            {
                println!("BROKEN: a run does not end: {name}");
                process::exit(1);
            }
        }
    });
}

/// Sets the current run.
pub(crate) fn watch(name: Option<String>) {
    let current = name.map(|name| (name, Instant::now()));
    *CURRENT.lock().unwrap_or_else(PoisonError::into_inner) = current;
}
