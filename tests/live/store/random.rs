//! A generator of pseudorandom choices. Equal seeds yield equal choices on every machine.

/// The state of the generator (SplitMix64).
pub(super) struct Random(u64);

impl Random {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// Returns a number from 0 to `end - 1`.
    pub(super) fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    /// Returns true with a probability of `percent`.
    pub(super) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// Returns one of `items`, which are not empty.
    pub(super) fn pick<'i, T: ?Sized>(&mut self, items: &[&'i T]) -> &'i T {
        items[self.below(items.len())]
    }

    /// Returns `item` with a probability of `percent`, else an empty text.
    pub(super) fn maybe(
        &mut self,
        percent: usize,
        item: impl FnOnce(&mut Self) -> String,
    ) -> String {
        if self.chance(percent) { item(self) } else { String::new() }
    }

    /// Returns from `least` to `most` different items, in their order.
    pub(super) fn some<T: Copy>(&mut self, items: &[T], least: usize, most: usize) -> Vec<T> {
        let most = most.min(items.len());
        let count = least.min(most) + self.below(most - least.min(most) + 1);
        let mut indexes: Vec<usize> = (0..items.len()).collect();
        while indexes.len() > count {
            indexes.remove(self.below(indexes.len()));
        }
        indexes.into_iter().map(|index| items[index]).collect()
    }
}
