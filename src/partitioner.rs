//! Tokens, and the partitioners that compute them from partition keys.

mod token;

use md5::{Digest, Md5};

pub use token::Token;

/// The function that computes the token of a partition key.
///
/// Other partitioners, such as `ByteOrderedPartitioner`, are not supported: in a cluster that uses
/// one, the driver does not know the replicas and sends requests to any node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Partitioner {
    /// `Murmur3Partitioner`, the default since Cassandra 1.2: 64 bits of MurmurHash3.
    Murmur3,
    /// `RandomPartitioner`, the default before Cassandra 1.2: 127 bits of MD5.
    Random,
}

impl Partitioner {
    /// Returns the partitioner with this Java class name, with or without its package, or `None` if it
    /// is not supported.
    pub fn from_class(class: &str) -> Option<Self> {
        match class.rsplit('.').next() {
            Some("Murmur3Partitioner") => Some(Self::Murmur3),
            Some("RandomPartitioner") => Some(Self::Random),
            _ => None,
        }
    }

    /// Returns the name of the Java class, without its package.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Murmur3 => "Murmur3Partitioner",
            Self::Random => "RandomPartitioner",
        }
    }

    /// Returns the minimum token, which is less than the token of every partition key: -2^63 or -1. Only
    /// the empty key, which Cassandra does not store, has this token.
    pub const fn min_token(self) -> Token {
        match self {
            Self::Murmur3 => Token::new(i64::MIN as i128),
            Self::Random => Token::new(-1),
        }
    }

    /// Returns the largest token that a partition key can have: 2^63 - 1 or 2^127. A [`Token`] represents
    /// 2^127 as 2^127 - 1.
    pub const fn max_token(self) -> Token {
        match self {
            Self::Murmur3 => Token::new(i64::MAX as i128),
            Self::Random => Token::new(i128::MAX),
        }
    }

    /// Returns the token of a partition key. A key of one column is the value of that column. A key
    /// of several columns consists of three parts for each column: the length of the value in two
    /// bytes, the value, and a zero byte.
    #[inline]
    pub fn token(self, key: &[u8]) -> Token {
        match self {
            // In Cassandra, the empty key has the partitioner's minimum token.
            Self::Murmur3 if key.is_empty() => self.min_token(),
            Self::Murmur3 => match murmur3(key) {
                // The minimum token is reserved, so a key with this hash has the maximum token in
                // Cassandra.
                i64::MIN => self.max_token(),
                hash => Token::from(hash),
            },
            Self::Random if key.is_empty() => self.min_token(),
            // The largest token, 2^127, does not fit the type and saturates to 2^127 - 1.
            Self::Random => {
                Token::new(i128::from_be_bytes(Md5::digest(key).into()).saturating_abs())
            }
        }
    }

    /// Parses a token as `system.local` and `system.peers` write it. Returns `None` if it is not a
    /// token of this partitioner.
    pub fn parse(self, text: &str) -> Option<Token> {
        self.parse_bytes(text.as_bytes())
    }

    /// Parses the bytes of a token's text. Returns `None` if it is not a token of this partitioner.
    pub(crate) fn parse_bytes(self, text: &[u8]) -> Option<Token> {
        match self {
            Self::Murmur3 => parse_i64(text).map(Token::from),
            Self::Random => {
                if text == b"-1" {
                    return Some(self.min_token());
                }
                let text = std::str::from_utf8(text).ok()?;
                let token: u128 = text.parse().ok().filter(|token| *token <= 1 << 127)?;
                Some(Token::new(token.try_into().unwrap_or(i128::MAX)))
            }
        }
    }
}

/// Parses a decimal number. Returns `None` if the text is not a number, or out of range.
///
/// The tokens of a large cluster are hundreds of thousands of numbers, of 19 digits each. Eight digits at once
/// take a third of the time of `str::parse`.
fn parse_i64(text: &[u8]) -> Option<i64> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    if digits.is_empty() || digits.len() > MAX_DIGITS {
        return None;
    }
    let (blocks, rest) = digits.as_chunks::<8>();
    // 19 digits are less than 2^64.
    let mut number = 0_u64;
    for block in blocks {
        number = number.wrapping_mul(100_000_000).wrapping_add(eight_digits(*block)?);
    }
    for digit in rest {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number = number.wrapping_mul(10).wrapping_add(digit.into());
    }
    match digits.len() < text.len() {
        true => 0_i64.checked_sub_unsigned(number),
        false => i64::try_from(number).ok(),
    }
}

/// Number of digits of the largest `i64`.
const MAX_DIGITS: usize = 19;

/// Returns the number of eight decimal digits, or `None` if a byte is not a digit.
const fn eight_digits(text: [u8; 8]) -> Option<u64> {
    // The first digit is in the lowest byte. Each step combines neighbours: two digits, four, eight.
    let bytes = u64::from_le_bytes(text) ^ 0x3030_3030_3030_3030;
    // A byte of at most 9 does not reach 16 if 6 is added.
    let is_valid = (bytes | bytes.wrapping_add(0x0606_0606_0606_0606)) & 0xf0f0_f0f0_f0f0_f0f0 == 0;
    let pairs = bytes.wrapping_mul(10).wrapping_add(bytes >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = pairs.wrapping_mul(100).wrapping_add(pairs >> 16) & 0x0000_ffff_0000_ffff;
    let eight = fours.wrapping_mul(10_000).wrapping_add(fours >> 32) & 0xffff_ffff;
    if is_valid { Some(eight) } else { None }
}

const C1: u64 = 0x87c3_7b91_1142_53d5;
const C2: u64 = 0x4cf5_ad43_2745_937f;

/// Computes the first half of MurmurHash3 x64 128 with seed 0, as Cassandra does: unlike the
/// original, it sign-extends the bytes after the last whole block.
#[expect(clippy::cast_possible_truncation, reason = "takes the lower half of the block")]
fn murmur3(key: &[u8]) -> i64 {
    let (blocks, tail) = key.as_chunks::<16>();
    let (mut h1, mut h2) = (0, 0);
    for block in blocks {
        let block = u128::from_le_bytes(*block);
        h1 ^= mix_first(block as u64);
        h1 = spread(h1.rotate_left(27).wrapping_add(h2), 0x52dc_e729);
        h2 ^= mix_second((block >> 64) as u64);
        h2 = spread(h2.rotate_left(31).wrapping_add(h1), 0x3849_5ab5);
    }
    let (first, second) = tail.split_at(tail.len().min(8));
    h1 ^= mix_first(signed_word(first));
    h2 ^= mix_second(signed_word(second));

    let length = key.len() as u64;
    h1 ^= length;
    h2 ^= length;
    h1 = h1.wrapping_add(h2);
    h2 = h2.wrapping_add(h1);
    finish(h1).wrapping_add(finish(h2)).cast_signed()
}

const fn mix_first(word: u64) -> u64 {
    word.wrapping_mul(C1).rotate_left(31).wrapping_mul(C2)
}

const fn mix_second(word: u64) -> u64 {
    word.wrapping_mul(C2).rotate_left(33).wrapping_mul(C1)
}

const fn spread(hash: u64, constant: u64) -> u64 {
    hash.wrapping_mul(5).wrapping_add(constant)
}

/// Combines up to eight bytes into a word, in little-endian order. Each byte is sign-extended, so a
/// negative byte inverts all bits above it.
fn signed_word(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .rev()
        .fold(0, |word, byte| (word << 8) ^ i64::from(byte.cast_signed()).cast_unsigned())
}

const fn finish(mut hash: u64) -> u64 {
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The expected tokens were computed by the Python driver.
    #[test]
    fn tokens_equal_those_of_the_python_driver() {
        let bytes: Vec<u8> = (0..=255).collect();
        for (key, murmur3, random) in [
            (&b"a"[..], -8839064797231613815, 16955237001963240173058271559858726497),
            (b"ada", 2362850973533975508, 153457248911968845351673996750025304231),
            (&bytes[..15], 5125964547706398185, 117926437932412549287477643883025677460),
            (&bytes[..16], 4920504430128807728, 35566888831469867896589741071285600936),
            (&bytes[..17], 6662781046685680142, 37037762735766197524361679113307109010),
            (&bytes[128..143], 63099782945186636, 114759006454460429761289830033752487049),
            (&bytes[240..], -9084739235461062116, 20033196227488231558489519008645250453),
            (&[0x80; 7], 7590665628118325324, 97561185077170482437487792681168129237),
            (&[0x80; 8], -1779431913235548342, 62872872055886417515039021689252742863),
            (&[0x80; 9], -8549929301482172571, 49491604056123977217643465459371335982),
            (&[0xff; 31], -3550403632215323560, 69912672583855738952076184792029178914),
            (&bytes, 2060892794568774329, 38836314607267049590332837400239400720),
            ("für Zoë".as_bytes(), -9202027130882179427, 38135345415899704813923521003706004423),
        ] {
            assert_eq!(Partitioner::Murmur3.token(key), Token::new(murmur3), "{key:?}");
            assert_eq!(Partitioner::Random.token(key), Token::new(random), "{key:?}");
        }
    }

    /// Folds the tokens of keys of 1 to 256 bytes into one number.
    #[test]
    fn tokens_are_right_for_every_key_length() {
        let (mut murmur3, mut random) = (0_u64, 0_u128);
        for length in 1..=256_usize {
            let key: Vec<u8> = (0..length).map(|i| (i * 37 + length * 11) as u8).collect();
            let fold = Partitioner::Murmur3.token(&key).value() as u64;
            murmur3 = murmur3.wrapping_mul(31).wrapping_add(fold);
            let fold = Partitioner::Random.token(&key).value() as u128;
            random = random.wrapping_mul(31).wrapping_add(fold);
        }
        assert_eq!(murmur3, 3019478243945115902);
        assert_eq!(random, 251874883237104238628586891768315297736);
    }

    /// The expected order is that of `SELECT username FROM users`.
    #[test]
    fn tokens_order_users_as_cassandra_does() {
        let mut users: Vec<u8> = (0..10).collect();
        users.sort_by_key(|user| Partitioner::Murmur3.token(format!("user_{user}").as_bytes()));
        assert_eq!(users, [7, 6, 1, 2, 4, 9, 3, 8, 5, 0]);
    }

    #[test]
    fn the_empty_key_has_the_minimum_token() {
        assert_eq!(Partitioner::Murmur3.token(b""), Token::from(i64::MIN));
        assert_eq!(Partitioner::Random.token(b""), Token::new(-1));
    }

    #[test]
    fn each_partitioner_parses_only_its_own_tokens() {
        let parse = |partitioner: Partitioner, text| partitioner.parse(text).map(Token::value);
        for (text, murmur3, random) in [
            ("0", Some(0), Some(0)),
            ("-9223372036854775808", Some(i64::MIN.into()), None),
            ("9223372036854775807", Some(i64::MAX.into()), Some(i64::MAX.into())),
            ("9223372036854775808", None, Some(1 << 63)),
            ("170141183460469231731687303715884105727", None, Some(i128::MAX)),
            ("170141183460469231731687303715884105728", None, Some(i128::MAX)),
            ("170141183460469231731687303715884105729", None, None),
            ("", None, None),
            ("0x10", None, None),
            (" 1", None, None),
            ("-", None, None),
            ("12345678", Some(12_345_678), Some(12_345_678)),
            ("-1234567890123456789", Some(-1_234_567_890_123_456_789), None),
            ("-9223372036854775809", None, None),
            ("12345:78", None, None),
            ("1234567/", None, None),
            ("1234567\u{b9}", None, None),
        ] {
            assert_eq!(parse(Partitioner::Murmur3, text), murmur3, "{text}");
            assert_eq!(parse(Partitioner::Random, text), random, "{text}");
        }
        assert_eq!(Token::new(-42).to_string(), "-42");
    }

    proptest! {
        #[test]
        fn tokens_are_parsed_as_the_standard_library_does(text in "[-+]?[0-9]{1,20}|[-0-9/:]{1,9}", token: i64) {
            let parsed = Partitioner::Murmur3.parse(&text).map(Token::value);
            if text.trim_start_matches('-').len() <= MAX_DIGITS && !text.starts_with('+') {
                prop_assert_eq!(parsed, text.parse::<i64>().ok().map(i128::from));
            }
            prop_assert_eq!(parse_i64(token.to_string().as_bytes()), Some(token));
        }
    }

    #[test]
    fn partitioners_are_found_by_class_name() {
        for (class, expected) in [
            ("org.apache.cassandra.dht.Murmur3Partitioner", Some(Partitioner::Murmur3)),
            ("Murmur3Partitioner", Some(Partitioner::Murmur3)),
            ("org.apache.cassandra.dht.RandomPartitioner", Some(Partitioner::Random)),
            ("org.apache.cassandra.dht.ByteOrderedPartitioner", None),
            ("org.example.NotMurmur3Partitioner", None),
            ("", None),
        ] {
            assert_eq!(Partitioner::from_class(class), expected, "{class}");
        }
    }
}
