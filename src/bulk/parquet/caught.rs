//! Calls of the crate parquet, which may panic on damaged files.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

use parquet::errors::ParquetError;

/// Calls a function that reads a file. Returns a panic as an error, and does not print it.
///
/// # Errors
/// Returns the reason why the file cannot be read.
pub(super) fn caught<T>(read: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let print = take_hook();
        set_hook(Box::new(move |panic| {
            if !IS_CAUGHT.get() {
                print(panic);
            }
        }));
    });
    IS_CAUGHT.set(true);
    let result = catch_unwind(AssertUnwindSafe(read));
    IS_CAUGHT.set(false);
    match result {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(panic) => Err(format!("it is damaged: {}", text(&*panic))),
    }
}

thread_local! {
    /// True while this thread is in [`caught`].
    static IS_CAUGHT: Cell<bool> = const { Cell::new(false) };
}

fn text(panic: &(dyn Any + Send)) -> &str {
    let literal = panic.downcast_ref::<&str>().copied();
    literal.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("panic")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error() {
        assert_eq!(caught(|| Ok(1)), Ok(1));
        let index = std::hint::black_box(3);
        let error = caught(|| Ok([1, 2][index])).unwrap_err();
        assert!(error.starts_with("it is damaged: index out of bounds"), "{error}");
    }
}
