//! Batches and transactions: statements that contain semicolons.

/// The position of a token in a batch or a transaction. Semicolons inside do not end the statement.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Block {
    /// No word of the statement was read.
    #[default]
    Start,
    /// The statement is neither a batch nor a transaction.
    None,
    /// After `BEGIN` and before `BATCH` or `TRANSACTION`; `UNLOGGED` or `COUNTER` may come between them.
    Begun,
    /// Inside the block.
    Open(&'static Ends),
    /// After the first word of the end of the block, and before the second.
    Ending(&'static Ends),
    /// After the end of the block.
    Ended,
}

/// The words that begin and end a block.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ends {
    /// The word after `BEGIN`, with which the block ends, too.
    kind: &'static str,
    /// The word before the last one.
    end: &'static str,
}

const BLOCKS: [Ends; 2] =
    [Ends { kind: "BATCH", end: "APPLY" }, Ends { kind: "TRANSACTION", end: "COMMIT" }];

impl Block {
    /// Returns true if a semicolon does not end the statement.
    pub(super) const fn is_open(self) -> bool {
        matches!(self, Self::Open(_))
    }

    /// Returns the position after a token that is neither white space nor a comment.
    pub(super) fn next(self, token: &str) -> Self {
        let is = |keyword: &str| token.eq_ignore_ascii_case(keyword);
        match self {
            Self::Start if is("BEGIN") => Self::Begun,
            Self::Start => Self::None,
            Self::Begun => BLOCKS.iter().find(|of| is(of.kind)).map_or(self, Self::Open),
            Self::Open(ends) | Self::Ending(ends) if is(ends.end) => Self::Ending(ends),
            Self::Ending(ends) if is(ends.kind) => Self::Ended,
            Self::Ending(ends) => Self::Open(ends),
            state => state,
        }
    }
}
