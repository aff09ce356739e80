//! The panics of a simulation, which tokio's tasks catch.

use std::{
    cell::RefCell,
    panic::{self, AssertUnwindSafe},
    sync::Once,
};

thread_local! {
    /// `None` while no simulation runs on this thread.
    static PANICS: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
}

/// Calls a function, and returns its result with the panics on this thread in the meantime, which are
/// not printed. The result is `None` if the function itself panicked.
pub(crate) fn collect<T>(f: impl FnOnce() -> T) -> (Option<T>, Vec<String>) {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let print = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            PANICS.with_borrow_mut(|panics| match panics {
                Some(panics) => panics.push(info.to_string()),
                None => print(info),
            });
        }));
    });
    PANICS.set(Some(Vec::new()));
    let result = panic::catch_unwind(AssertUnwindSafe(f)).ok();
    (result, PANICS.take().unwrap_or_default())
}
