//! Intervals of tokens.

use std::fmt;

use super::{Partitioner, Token};

/// The tokens that are greater than [`start`](Self::start), and at most [`end`](Self::end).
///
/// The start is less than the end: a range never wraps around the ring. The rows of a range are those of
/// `WHERE token(key) > ? AND token(key) <= ?` with `start` and `end`.
///
/// ```
/// use cqlwire::cluster::{Partitioner, Token, TokenRange};
///
/// let range = TokenRange::new(Token::from(-100), Token::from(200)).unwrap();
/// assert_eq!(range.to_string(), "(-100, 200]");
/// assert!(range.contains(Token::from(200)) && !range.contains(Token::from(-100)));
///
/// let thirds = range.split(3).map(|part| part.to_string());
/// assert_eq!(thirds.collect::<Vec<_>>(), ["(-100, 0]", "(0, 100]", "(100, 200]"]);
///
/// // The third of eight equal parts of the ring, which depends on nothing else.
/// let part = TokenRange::ring(Partitioner::Murmur3).part(2, 8).unwrap();
/// assert_eq!(part.start(), Token::from(i64::MIN + (1 << 62) - 1));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenRange {
    start: Token,
    end: Token,
}

impl TokenRange {
    /// Returns the range from `start`, exclusive, to `end`, inclusive, or `None` if it would be empty or wrap
    /// around.
    pub fn new(start: Token, end: Token) -> Option<Self> {
        (start < end).then_some(Self { start, end })
    }

    /// Returns the range of the whole ring, which contains the token of every partition key.
    pub const fn ring(partitioner: Partitioner) -> Self {
        Self { start: partitioner.min_token(), end: partitioner.max_token() }
    }

    /// Returns the start of the range, which is exclusive.
    pub const fn start(self) -> Token {
        self.start
    }

    /// Returns the end of the range, which is inclusive.
    pub const fn end(self) -> Token {
        self.end
    }

    /// Returns true if the token is in the range.
    pub fn contains(self, token: Token) -> bool {
        self.start < token && token <= self.end
    }

    /// Returns the tokens that are in both ranges, or `None` if there are none.
    pub fn intersection(self, other: Self) -> Option<Self> {
        Self::new(self.start.max(other.start), self.end.min(other.end))
    }

    /// Returns the number of tokens in the range.
    pub const fn width(self) -> u128 {
        self.end.value().abs_diff(self.start.value())
    }

    /// Returns the part of the ring that the range covers, from 0 to 1. Partition keys are distributed evenly,
    /// so that this is also the expected part of a table's partitions.
    #[expect(clippy::cast_precision_loss, reason = "a fraction is an approximation")]
    pub fn fraction(self, partitioner: Partitioner) -> f64 {
        self.width() as f64 / Self::ring(partitioner).width() as f64
    }

    /// Cuts the range into adjacent parts, in token order, and returns them. The widths of two parts differ by
    /// one token at most. There are as many parts as the range has tokens if it has fewer than `parts`, and
    /// there is one part if `parts` is zero.
    pub fn split(self, parts: usize) -> impl Iterator<Item = Self> {
        let parts = parts.max(1);
        (0..parts).map_while(move |index| self.part(index, parts))
    }

    /// Returns the part `index` of those that [`split`](Self::split) returns, or `None` if there are fewer
    /// parts, or if `parts` is zero.
    ///
    /// The parts of the [whole ring](Self::ring) are the shards of a table: they depend on the partitioner and
    /// the number of parts only, so that processes that each take one of them read every row once.
    pub fn part(self, index: usize, parts: usize) -> Option<Self> {
        if parts == 0 {
            return None;
        }
        let parts = (parts as u128).min(self.width());
        let index = index as u128;
        // Equals width * index / parts, without overflow.
        let (quotient, remainder) = (self.width() / parts, self.width() % parts);
        let boundary = |index| {
            let offset = quotient * index + remainder * index / parts;
            Token::new(self.start.value().wrapping_add_unsigned(offset))
        };
        (index < parts).then(|| Self { start: boundary(index), end: boundary(index + 1) })
    }
}

/// Formats the range as an interval, such as `(-100, 200]`.
impl fmt::Display for TokenRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({}, {}]", self.start, self.end)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PARTITIONERS: [Partitioner; 2] = [Partitioner::Murmur3, Partitioner::Random];

    fn range(start: i128, end: i128) -> TokenRange {
        TokenRange::new(Token::new(start), Token::new(end)).unwrap()
    }

    #[test]
    fn a_range_is_neither_empty_nor_reversed() {
        for (start, end) in [(0, 0), (1, 0), (i64::MAX, i64::MIN)] {
            assert_eq!(TokenRange::new(start.into(), end.into()), None);
        }
    }

    #[test]
    fn a_range_excludes_its_start_and_includes_its_end() {
        let range = range(-1, 2);
        let tokens: Vec<_> = (-3..=4).filter(|token| range.contains(Token::from(*token))).collect();
        assert_eq!(tokens, [0, 1, 2]);
        assert_eq!(range.width(), 3);
    }

    #[test]
    fn the_ring_contains_every_token_but_the_minimum() {
        let [murmur3, random] = PARTITIONERS.map(TokenRange::ring);
        assert_eq!(murmur3.width(), u128::from(u64::MAX));
        assert_eq!(random.width(), 1 << 127);
        for partitioner in PARTITIONERS {
            let ring = TokenRange::ring(partitioner);
            assert!(!ring.contains(partitioner.min_token()));
            assert!(ring.contains(partitioner.max_token()));
            assert_eq!(ring.fraction(partitioner).to_bits(), 1_f64.to_bits());
        }
    }

    #[test]
    fn a_narrow_range_has_fewer_parts_than_requested() {
        let parts: Vec<_> = range(-2, 1).split(usize::MAX).collect();
        assert_eq!(parts, [range(-2, -1), range(-1, 0), range(0, 1)]);
        assert_eq!([range(-2, 1).part(3, 4), range(-2, 1).part(0, 0)], [None, None]);
        assert_eq!(range(-2, 1).split(0).collect::<Vec<_>>(), [range(-2, 1)]);
    }

    #[test]
    fn the_last_of_many_parts_ends_with_the_range() {
        let widest = range(i128::MIN, i128::MAX);
        for range in [TokenRange::ring(PARTITIONERS[0]), TokenRange::ring(PARTITIONERS[1]), widest]
        {
            for parts in [1, 2, 3, 1_000_003, usize::MAX - 1, usize::MAX] {
                assert_eq!(range.part(0, parts).unwrap().start(), range.start());
                let [before, last] = [2, 1].map(|left| range.part(parts.wrapping_sub(left), parts));
                assert_eq!(last.unwrap().end(), range.end());
                assert_eq!(before.map(TokenRange::end), before.and(last).map(TokenRange::start));
                assert_eq!(range.part(parts, parts), None);
            }
        }
    }

    #[test]
    fn a_fraction_is_that_of_the_ring() {
        for partitioner in PARTITIONERS {
            for part in TokenRange::ring(partitioner).split(7) {
                assert!((part.fraction(partitioner) * 7.0 - 1.0).abs() < 1e-9, "{part}");
            }
        }
    }

    proptest! {
        #[test]
        fn parts_are_adjacent_and_of_equal_width(start: i128, end: i128, parts in 1..500_usize) {
            for width in [end.abs_diff(start), 0, 1, end.abs_diff(start) % 1_000] {
                let Some(end) = start.checked_add_unsigned(width) else { continue };
                let Some(range) = TokenRange::new(Token::new(start), Token::new(end)) else { continue };
                let all: Vec<_> = range.split(parts).collect();
                prop_assert_eq!(all.len() as u128, range.width().min(parts as u128));
                prop_assert_eq!((all[0].start(), all[all.len() - 1].end()), (range.start(), range.end()));
                prop_assert!(all.windows(2).all(|pair| pair[0].end() == pair[1].start()));
                let widths = all.iter().map(|part| part.width());
                prop_assert!(widths.clone().max().unwrap() - widths.min().unwrap() <= 1);
            }
        }

        #[test]
        fn an_intersection_has_the_tokens_of_both_ranges(ends in [-9..9_i128, -9..9, -9..9, -9..9]) {
            let [a, b, c, d] = ends.map(Token::new);
            let (Some(one), Some(other)) = (TokenRange::new(a, b), TokenRange::new(c, d)) else { return Ok(()) };
            let both = one.intersection(other);
            for token in (-10..10).map(Token::new) {
                let expected = one.contains(token) && other.contains(token);
                prop_assert_eq!(both.is_some_and(|both| both.contains(token)), expected);
            }
        }
    }
}
