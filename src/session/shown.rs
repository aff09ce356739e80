//! The text of a request as errors and `Debug` texts show it.

use std::sync::Arc;

use crate::cql::redact;

const BATCH_OF: &str = "a batch of ";

/// Returns the phrase that stands for the text of a batch of this many statements.
pub(super) fn describe_batch(statements: usize) -> Arc<str> {
    let plural = if statements == 1 { "" } else { "s" };
    format!("{BATCH_OF}{statements} statement{plural}").into()
}

/// Returns the text of a request as it may be shown: a statement without secrets, or the phrase for a
/// batch.
pub(super) fn shown(text: &str) -> String {
    let count = text.strip_prefix(BATCH_OF).and_then(|rest| rest.split(' ').next()?.parse().ok());
    match count {
        Some(count) if *describe_batch(count) == *text => text.to_owned(),
        _ => redact(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_the_phrase_for_a_batch_and_no_literals() {
        for count in [0, 1, 2, 65_535] {
            assert_eq!(shown(&describe_batch(count)), *describe_batch(count));
        }
        assert_eq!(shown("a batch of 1 statement 's3cret'"), "a batch of ? statement ?");
        assert_eq!(shown("SELECT 1"), "SELECT ?");
    }
}
