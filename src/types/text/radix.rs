//! Conversion of large numbers between binary and decimal, in less than quadratic time.
//!
//! A number is a list of limbs, the least significant first. To change its base, limbs are joined
//! in pairs, then in pairs of pairs, with arithmetic in the new base. Neither direction needs
//! division. Multiplication uses Karatsuba's algorithm.

/// The base of limbs of seven bytes. The sum of [`SMALL`] products of two limbs fits into a `u128`.
pub(super) const BINARY: u64 = 1 << 56;

/// The base of limbs of eighteen digits. The sum of [`SMALL`] products of two limbs fits into a `u128`.
pub(super) const DECIMAL: u64 = 1_000_000_000_000_000_000;

/// Number of limbs up to which Horner's method and long multiplication, which are quadratic, are
/// faster.
const SMALL: usize = 40;

/// Converts a number from base `FROM` to base `TO`.
pub(super) fn convert<const FROM: u64, const TO: u64>(limbs: &[u64]) -> Vec<u64> {
    let mut blocks: Vec<Vec<u64>> = limbs.chunks(SMALL).map(horner::<FROM, TO>).collect();
    // The factor for the upper block of a pair. It starts as FROM ^ SMALL and is squared after each
    // round.
    let mut power = horner::<FROM, TO>(&[vec![0; SMALL], vec![1]].concat());
    while blocks.len() > 1 {
        blocks = blocks
            .chunks(2)
            .map(|pair| match pair {
                [low, high] => add::<TO>(low.clone(), &multiply::<TO>(high, &power), 0),
                _ => pair.concat(),
            })
            .collect();
        if blocks.len() > 1 {
            power = multiply::<TO>(&power, &power);
        }
    }
    blocks.pop().unwrap_or_default()
}

/// Converts a short number from base `FROM` to base `TO` by Horner's method.
#[expect(clippy::arithmetic_side_effects, reason = "(2^60 - 1) * 2^60 + 2^60 is below 2^128")]
fn horner<const FROM: u64, const TO: u64>(limbs: &[u64]) -> Vec<u64> {
    let mut number = Vec::with_capacity(limbs.len());
    for &limb in limbs.iter().rev() {
        let mut carry = u128::from(limb);
        for digit in &mut number {
            (*digit, carry) = split::<TO>(u128::from(*digit) * u128::from(FROM) + carry);
        }
        push_carry::<TO>(&mut number, carry);
    }
    number
}

/// Returns the product of two numbers.
fn multiply<const BASE: u64>(a: &[u64], b: &[u64]) -> Vec<u64> {
    let (short, long) = if a.len() < b.len() { (a, b) } else { (b, a) };
    if short.len() <= SMALL {
        return trimmed(long_hand::<BASE>(short, long));
    }
    if short.len() <= long.len() / 2 {
        let mut product = Vec::new();
        for (index, part) in long.chunks(short.len()).enumerate() {
            let offset = index.saturating_mul(short.len());
            product = add::<BASE>(product, &multiply::<BASE>(short, part), offset);
        }
        return product;
    }
    // Karatsuba: a1 b0 + a0 b1 = (a1 + a0)(b1 + b0) - a1 b1 - a0 b0, which saves one product.
    let half = long.len().div_ceil(2);
    let ((a0, a1), (b0, b1)) = (short.split_at(half), long.split_at(half));
    let (low, high) = (multiply::<BASE>(a0, b0), multiply::<BASE>(a1, b1));
    let (a, b) = (add::<BASE>(a0.to_vec(), a1, 0), add::<BASE>(b0.to_vec(), b1, 0));
    let mut middle = multiply::<BASE>(&a, &b);
    subtract::<BASE>(&mut middle, &low);
    subtract::<BASE>(&mut middle, &high);
    let sum = add::<BASE>(low, &trimmed(middle), half);
    add::<BASE>(sum, &high, half.saturating_mul(2))
}

/// Returns the product of two numbers by long multiplication. `short` has at most [`SMALL`] limbs.
#[expect(
    clippy::arithmetic_side_effects,
    reason = "the sum of SMALL products of limbs is below 2^126"
)]
fn long_hand<const BASE: u64>(short: &[u64], long: &[u64]) -> Vec<u64> {
    #[cfg(test)]
    tests::count(short.len() * long.len());
    let mut columns = vec![0_u128; short.len() + long.len()];
    for (index, &a) in short.iter().enumerate() {
        for (column, &b) in columns.iter_mut().skip(index).zip(long) {
            *column += u128::from(a) * u128::from(b);
        }
    }
    let mut carry = 0;
    let mut product = Vec::with_capacity(columns.len());
    for column in columns {
        let limb;
        (limb, carry) = split::<BASE>(column + carry);
        product.push(limb);
    }
    product
}

/// Returns `a + b * BASE ^ offset`.
#[expect(clippy::arithmetic_side_effects, reason = "the sum of three limbs fits into a u128")]
fn add<const BASE: u64>(mut a: Vec<u64>, b: &[u64], offset: usize) -> Vec<u64> {
    a.resize(a.len().max(b.len().saturating_add(offset)), 0);
    let mut carry = 0;
    let mut b = b.iter();
    for limb in a.iter_mut().skip(offset) {
        let other = b.next();
        if other.is_none() && carry == 0 {
            break;
        }
        let sum = u128::from(*limb) + u128::from(other.copied().unwrap_or(0)) + carry;
        (*limb, carry) = split::<BASE>(sum);
    }
    push_carry::<BASE>(&mut a, carry);
    a
}

/// Subtracts `b` from `a`, in place. `a` must not be less than `b`.
fn subtract<const BASE: u64>(a: &mut [u64], b: &[u64]) {
    let mut borrow = false;
    let mut b = b.iter();
    for limb in a {
        let other = b.next();
        if other.is_none() && !borrow {
            break;
        }
        let subtrahend = other.copied().unwrap_or(0).saturating_add(borrow.into());
        let (difference, is_below) = limb.overflowing_sub(subtrahend);
        *limb = if is_below { difference.wrapping_add(BASE) } else { difference };
        borrow = is_below;
    }
}

/// Divides `number` by `BASE`. Returns the remainder, which is the lowest limb, and the quotient.
#[expect(clippy::arithmetic_side_effects, reason = "no base is zero")]
fn split<const BASE: u64>(number: u128) -> (u64, u128) {
    let base = u128::from(BASE);
    (u64::try_from(number % base).unwrap_or_default(), number / base)
}

fn push_carry<const BASE: u64>(number: &mut Vec<u64>, mut carry: u128) {
    while carry > 0 {
        let limb;
        (limb, carry) = split::<BASE>(carry);
        number.push(limb);
    }
}

fn trimmed(mut number: Vec<u64>) -> Vec<u64> {
    while number.last() == Some(&0) {
        number.pop();
    }
    number
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    thread_local! {
        static PRODUCTS: Cell<usize> = const { Cell::new(0) };
    }

    /// Adds to the count of products of two limbs, to which the running time is proportional.
    pub(super) fn count(products: usize) {
        PRODUCTS.set(PRODUCTS.get() + products);
    }

    /// Returns pseudo-random limbs.
    fn limbs(base: u64, length: usize) -> Vec<u64> {
        let next = |state: &u64| Some(state.wrapping_mul(6_364_136_223_846_793_005) + 1);
        std::iter::successors(Some(7), next).map(|n| n % base).take(length).collect()
    }

    #[test]
    fn numbers_of_every_length_round_trip() {
        for length in (1..300).chain([1_000, 1_023, 1_025]) {
            for number in [limbs(BINARY, length), vec![BINARY - 1; length]] {
                let decimal = convert::<BINARY, DECIMAL>(&number);
                assert!(decimal.iter().all(|&limb| limb < DECIMAL));
                assert_eq!(horner::<BINARY, DECIMAL>(&number), trimmed(decimal.clone()));
                assert_eq!(trimmed(convert::<DECIMAL, BINARY>(&decimal)), trimmed(number));
            }
        }
    }

    #[test]
    fn numbers_with_zeros_or_different_lengths_multiply() {
        for lengths in [(41, 41), (41, 300), (200, 100), (100, 99), (64, 1_000)] {
            let (a, b) = (limbs(DECIMAL, lengths.0), limbs(DECIMAL, lengths.1));
            let expected = trimmed(long_hand_of_pieces(&a, &b));
            assert_eq!(trimmed(multiply::<DECIMAL>(&a, &b)), expected, "{lengths:?}");
        }
        let mut sparse = vec![0; 200];
        sparse[0] = 1;
        sparse[199] = 1;
        let square = trimmed(multiply::<DECIMAL>(&sparse, &sparse));
        assert_eq!((square.len(), square[0], square[199], square[398]), (399, 1, 2, 1));
    }

    fn long_hand_of_pieces(a: &[u64], b: &[u64]) -> Vec<u64> {
        let mut product = Vec::new();
        for (index, part) in a.chunks(SMALL).enumerate() {
            product = add::<DECIMAL>(product, &long_hand::<DECIMAL>(part, b), index * SMALL);
        }
        product
    }

    #[test]
    fn conversion_is_faster_than_quadratic() {
        let work = |length: usize| {
            PRODUCTS.set(0);
            let decimal = convert::<BINARY, DECIMAL>(&limbs(BINARY, length));
            let there = PRODUCTS.replace(0);
            convert::<DECIMAL, BINARY>(&decimal);
            [there, PRODUCTS.get()]
        };
        let (one, two) = (work(5_000), work(10_000));
        for (one, two) in one.into_iter().zip(two) {
            // Karatsuba's factor is 3; quadratic would be 4.
            assert!(one > 0 && two * 10 < one * 33, "{one} and {two}");
        }
    }
}
