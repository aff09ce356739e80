//! The latest items of a kind, within limits of their number and size.

use std::collections::VecDeque;

/// The latest items, the oldest first. The number of items and their size in bytes are limited; the
/// newest item is kept whatever its size is.
#[derive(Debug)]
pub(super) struct Recent<T> {
    /// The items with their sizes.
    items: VecDeque<(T, usize)>,
    size: usize,
    max_items: usize,
    max_size: usize,
}

impl<T> Recent<T> {
    pub(super) const fn new(max_items: usize, max_size: usize) -> Self {
        Self { items: VecDeque::new(), size: 0, max_items, max_size }
    }

    pub(super) const fn set_limits(&mut self, max_items: usize, max_size: usize) {
        self.max_items = max_items;
        self.max_size = max_size;
    }

    /// Adds an item of `size` bytes.
    pub(super) fn push(&mut self, item: T, size: usize) {
        self.items.push_back((item, size));
        self.size = self.size.saturating_add(size);
    }

    /// Removes and returns the oldest item if the items exceed a limit.
    pub(super) fn pop_excess(&mut self) -> Option<T> {
        let is_too_large = self.size > self.max_size && self.items.len() > 1;
        if !is_too_large && self.items.len() <= self.max_items {
            return None;
        }
        let (item, size) = self.items.pop_front()?;
        self.size = self.size.saturating_sub(size);
        Some(item)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.items.iter().map(|(item, _)| item)
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    pub(super) fn clear(&mut self) {
        self.items.clear();
        self.size = 0;
    }

    pub(super) fn retain(&mut self, mut keeps: impl FnMut(&T) -> bool) {
        self.items.retain(|(item, _)| keeps(item));
        self.size = self.items.iter().map(|(_, size)| size).sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_the_oldest_items_beyond_a_limit() {
        let mut recent = Recent::new(3, 10);
        let mut add = |item: u8, size| {
            recent.push(item, size);
            while recent.pop_excess().is_some() {}
            recent.iter().copied().collect::<Vec<_>>()
        };
        assert_eq!(add(1, 1), [1]);
        assert_eq!(add(2, 1), [1, 2]);
        assert_eq!(add(3, 1), [1, 2, 3]);
        assert_eq!(add(4, 1), [2, 3, 4]);
        assert_eq!(add(5, 8), [3, 4, 5]);
        assert_eq!(add(6, 1), [4, 5, 6]);
        assert_eq!(add(7, 2), [6, 7]);
        assert_eq!(add(8, 11), [8]);
        assert_eq!(add(9, 1), [9]);
        recent.retain(|item| *item != 9);
        assert_eq!((recent.len(), recent.size), (0, 0));
    }
}
