//! Ends the program if a run does not end: a loop without a pause does not let simulated time pass.

use std::{
    io::{Write, stderr},
    process,
    sync::{Mutex, Once, PoisonError},
    thread,
    time::{Duration, Instant},
};

/// Time of the wall clock within which a run must end. It takes milliseconds.
const LIMIT: Duration = Duration::from_secs(120);

/// The current run, and the time at which it began.
static CURRENT: Mutex<Option<(String, Instant)>> = Mutex::new(None);

/// Starts the watchdog, unless it runs already.
pub(crate) fn start() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| drop(thread::spawn(watch_runs)));
}

fn watch_runs() {
    loop {
        thread::sleep(Duration::from_secs(1));
        let current = CURRENT.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((name, begin)) = &*current
            && begin.elapsed() > LIMIT
        {
            // Tests do not capture what is written to the stream itself.
            let _ = writeln!(stderr(), "BROKEN: a run does not end: {name}");
            process::exit(1);
        }
    }
}

/// Sets the current run.
pub(crate) fn watch(name: Option<String>) {
    let current = name.map(|name| (name, Instant::now()));
    *CURRENT.lock().unwrap_or_else(PoisonError::into_inner) = current;
}
