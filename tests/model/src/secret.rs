//! The secret that the load writes, and that no text of the driver may contain.

/// A part of every text that the load binds or writes as a literal. Callers use it as a part of their
/// passwords. No error, `Debug` text, log event or span of the driver may contain it.
pub const SECRET: &str = "s3cret-canary";

/// Returns true if a text contains [`SECRET`].
pub fn shows_secret(text: &str) -> bool {
    text.contains(SECRET)
}
