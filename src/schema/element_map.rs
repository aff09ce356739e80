//! A map of schema elements that are built when they are first used.

use std::fmt;
use std::iter::{FlatMap, FusedIterator};
use std::ops::Index;
use std::slice;
use std::sync::{Arc, OnceLock};

use super::table_rows::{KeyspaceContext, TableRows};

/// The tables or the views of a keyspace, by name.
///
/// The driver keeps the rows of the system tables in a compact form, and builds a table or a view from
/// its rows when it is first used. Looking up one table of a large keyspace therefore costs little.
/// Names are case-sensitive and unquoted, and the elements are sorted by name.
///
/// ```no_run
/// # fn example(keyspace: &cqlwire::cluster::schema::Keyspace) {
/// let users = &keyspace.tables["users"];
/// for (name, table) in &keyspace.tables {
///     println!("{name} has {} columns", table.columns.len());
/// }
/// # }
/// ```
///
/// The elements are in chunks that clones of the map share, so that a change of one table of a keyspace
/// copies neither the elements nor their names.
pub struct ElementMap<T> {
    /// Sorted by name. No chunk is empty.
    chunks: Vec<Arc<Chunk<T>>>,
    length: usize,
    context: Arc<KeyspaceContext>,
}

type Chunk<T> = Vec<Arc<Element<T>>>;

/// Maximum number of elements in a chunk.
const CHUNK_SIZE: usize = 64;

/// An element and its rows.
pub(super) struct Element<T> {
    name: Box<str>,
    rows: TableRows,
    built: OnceLock<Arc<T>>,
}

/// A schema element that is built from its rows.
pub trait SchemaElement: Sized {
    #[doc(hidden)]
    fn build(name: &str, rows: &TableRows, context: &KeyspaceContext) -> Self;
}

impl<T: SchemaElement> ElementMap<T> {
    /// Returns the element with this name, or `None` if there is none.
    pub fn get(&self, name: &str) -> Option<&Arc<T>> {
        Some(self.find(name)?.get(&self.context))
    }

    /// Returns the elements and their names, sorted by name.
    pub fn iter(&self) -> ElementIter<'_, T> {
        ElementIter {
            elements: self.chunks.iter().flat_map(|chunk| chunk.iter()),
            context: &self.context,
            length: self.length,
        }
    }

    /// Returns the elements, sorted by name.
    pub fn values(&self) -> impl ExactSizeIterator<Item = &Arc<T>> + Clone {
        self.iter().map(|(_, element)| element)
    }

    /// Replaces, adds or removes the element `name`, so that it is as in `other`.
    pub(super) fn update(&mut self, name: &str, other: &Self) {
        match other.find(name) {
            Some(element) => {
                // The types of its columns are in the other context.
                element.get(&other.context);
                self.insert(Arc::clone(element));
            }
            None => self.remove(name),
        }
    }
}

impl<T> ElementMap<T> {
    /// Returns the number of elements.
    pub const fn len(&self) -> usize {
        self.length
    }

    /// Returns true if there are no elements.
    pub const fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Returns true if there is an element with this name.
    pub fn contains_key(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// Returns the names of the elements, sorted.
    pub fn keys(&self) -> impl Iterator<Item = &str> + Clone {
        self.chunks.iter().flat_map(|chunk| chunk.iter()).map(|element| &*element.name)
    }

    /// Adds an element with its rows, or replaces the element of the same name.
    pub(super) fn add(&mut self, name: &str, rows: TableRows) {
        self.insert(Arc::new(Element { name: name.into(), rows, built: OnceLock::new() }));
    }

    /// Returns the rows of an element that has not been built. The map must not have been cloned.
    pub(super) fn rows_mut(&mut self, name: &str) -> Option<&mut TableRows> {
        // Servers return the elements sorted, so that most elements are new.
        self.last().filter(|last| *last.name >= *name)?;
        let position = self.position(name);
        let chunk = Arc::get_mut(self.chunks.get_mut(position.chunk)?)?;
        let element = Arc::get_mut(chunk.get_mut(position.element.ok()?)?)?;
        Some(&mut element.rows)
    }

    /// Returns the names and rows of all elements.
    pub(super) fn rows(&self) -> impl Iterator<Item = (&str, &TableRows)> {
        let elements = self.chunks.iter().flat_map(|chunk| chunk.iter());
        elements.map(|element| (&*element.name, &element.rows))
    }

    /// Passes the rows of all elements to `change`. No element may have been built, and the map must not have
    /// been cloned.
    pub(super) fn change_rows(&mut self, mut change: impl FnMut(&mut TableRows)) {
        for chunk in self.chunks.iter_mut().filter_map(Arc::get_mut) {
            for element in chunk.iter_mut().filter_map(Arc::get_mut) {
                change(&mut element.rows);
            }
        }
    }

    /// Sets the context of elements that have been added.
    pub(super) fn set_context(&mut self, context: Arc<KeyspaceContext>) {
        self.context = context;
    }

    fn find(&self, name: &str) -> Option<&Arc<Element<T>>> {
        let position = self.position(name);
        self.chunks.get(position.chunk)?.get(position.element.ok()?)
    }

    fn last(&self) -> Option<&Arc<Element<T>>> {
        self.chunks.last()?.last()
    }

    /// Returns the position of the element with this name, or where it would be inserted.
    fn position(&self, name: &str) -> Position {
        let is_after =
            |chunk: &Arc<Chunk<T>>| chunk.first().is_some_and(|first| *first.name > *name);
        let chunk = self.chunks.partition_point(|chunk| !is_after(chunk)).saturating_sub(1);
        let element = match self.chunks.get(chunk) {
            Some(chunk) => chunk.binary_search_by(|element| (*element.name).cmp(name)),
            None => Err(0),
        };
        Position { chunk, element }
    }

    fn insert(&mut self, element: Arc<Element<T>>) {
        // Servers return the elements sorted.
        let position = match self.last() {
            Some(last) if last.name >= element.name => self.position(&element.name),
            _ => self.end(),
        };
        let Some(shared) = self.chunks.get_mut(position.chunk) else {
            self.length = self.length.saturating_add(1);
            return self.chunks.push(Arc::new(vec![element]));
        };
        let chunk = Arc::make_mut(shared);
        match position.element {
            Ok(index) => {
                if let Some(place) = chunk.get_mut(index) {
                    *place = element;
                }
            }
            Err(index) => {
                self.length = self.length.saturating_add(1);
                chunk.insert(index, element);
                if chunk.len() > CHUNK_SIZE {
                    let rest = chunk.split_off(CHUNK_SIZE.div_euclid(2));
                    self.chunks.insert(position.chunk.saturating_add(1), Arc::new(rest));
                }
            }
        }
    }

    /// Returns the position after the last element: in a chunk of its own if the last one is full.
    fn end(&self) -> Position {
        let last = self.chunks.len().saturating_sub(1);
        match self.chunks.last() {
            Some(chunk) if chunk.len() < CHUNK_SIZE => {
                Position { chunk: last, element: Err(chunk.len()) }
            }
            _ => Position { chunk: self.chunks.len(), element: Err(0) },
        }
    }

    fn remove(&mut self, name: &str) {
        let Position { chunk: index, element: Ok(element) } = self.position(name) else { return };
        let Some(chunk) = self.chunks.get_mut(index) else { return };
        let elements = Arc::make_mut(chunk);
        elements.remove(element);
        self.length = self.length.saturating_sub(1);
        if elements.is_empty() {
            self.chunks.remove(index);
        }
    }
}

/// The position of an element.
struct Position {
    /// The index of the chunk.
    chunk: usize,
    /// The index in the chunk, or an error with the index at which the element would be inserted.
    element: Result<usize, usize>,
}

impl<T: SchemaElement> Element<T> {
    /// Returns the element. The first call builds it.
    fn get(&self, context: &KeyspaceContext) -> &Arc<T> {
        self.built.get_or_init(|| Arc::new(T::build(&self.name, &self.rows, context)))
    }
}

impl<T> Default for ElementMap<T> {
    fn default() -> Self {
        Self { chunks: Vec::new(), length: 0, context: Arc::default() }
    }
}

impl<T> Clone for ElementMap<T> {
    fn clone(&self) -> Self {
        let (chunks, length, context) =
            (self.chunks.clone(), self.length, Arc::clone(&self.context));
        Self { chunks, length, context }
    }
}

impl<T: SchemaElement + PartialEq> PartialEq for ElementMap<T> {
    fn eq(&self, other: &Self) -> bool {
        self.length == other.length && self.iter().eq(other.iter())
    }
}

impl<T: SchemaElement + fmt::Debug> fmt::Debug for ElementMap<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<T: SchemaElement> Index<&str> for ElementMap<T> {
    type Output = Arc<T>;

    /// Returns the element with this name.
    ///
    /// # Panics
    /// Panics if there is none.
    #[expect(clippy::expect_used, reason = "as the index of any other map")]
    fn index(&self, name: &str) -> &Arc<T> {
        self.get(name).expect("no element has this name")
    }
}

impl<'m, T: SchemaElement> IntoIterator for &'m ElementMap<T> {
    type Item = (&'m str, &'m Arc<T>);
    type IntoIter = ElementIter<'m, T>;

    fn into_iter(self) -> ElementIter<'m, T> {
        self.iter()
    }
}

/// An iterator over the elements of an [`ElementMap`] and their names, sorted by name.
pub struct ElementIter<'m, T> {
    elements: Elements<'m, T>,
    context: &'m KeyspaceContext,
    length: usize,
}

type Elements<'m, T> = FlatMap<
    slice::Iter<'m, Arc<Chunk<T>>>,
    slice::Iter<'m, Arc<Element<T>>>,
    fn(&'m Arc<Chunk<T>>) -> slice::Iter<'m, Arc<Element<T>>>,
>;

impl<'m, T: SchemaElement> Iterator for ElementIter<'m, T> {
    type Item = (&'m str, &'m Arc<T>);

    fn next(&mut self) -> Option<Self::Item> {
        let element = self.elements.next()?;
        self.length = self.length.saturating_sub(1);
        Some((&element.name, element.get(self.context)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.length, Some(self.length))
    }
}

impl<T: SchemaElement> ExactSizeIterator for ElementIter<'_, T> {}

impl<T: SchemaElement> FusedIterator for ElementIter<'_, T> {}

impl<T> Clone for ElementIter<'_, T> {
    fn clone(&self) -> Self {
        Self { elements: self.elements.clone(), context: self.context, length: self.length }
    }
}

impl<T> fmt::Debug for ElementIter<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ElementIter").field("length", &self.length).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::super::options_row::OptionsRow;
    use super::super::rows::{record, text};
    use super::super::stored_row::StoredRow;
    use super::*;

    /// An element that is its name.
    #[derive(Debug, PartialEq)]
    struct Name(String);

    impl SchemaElement for Name {
        fn build(name: &str, _: &TableRows, context: &KeyspaceContext) -> Self {
            Self(format!("{}.{name}", context.name))
        }
    }

    fn map(names: impl Iterator<Item = usize>) -> ElementMap<Name> {
        let options = OptionsRow::new(StoredRow::Record(record(&[text("comment", "")])));
        let options = Arc::new(options);
        let mut map = ElementMap::default();
        for name in names {
            map.add(&format!("{name:04}"), TableRows::new(None, false, Arc::clone(&options)));
        }
        map
    }

    #[test]
    fn elements_are_sorted_and_found_whatever_the_order_in_which_they_are_added() {
        let count = 5 * CHUNK_SIZE;
        let sorted = map(0..count);
        // 7 and the number of elements have no common divisor.
        let mixed = map((0..count).map(|number| number * 7 % count).chain([count - 1, 0]));
        for map in [&sorted, &map((0..count).rev()), &mixed] {
            assert_eq!(map.len(), count);
            assert_eq!(*map, sorted);
            assert!(map.keys().is_sorted() && map.keys().eq(map.iter().map(|(name, _)| name)));
            assert_eq!(map.values().len(), count);
            for name in (0..count).map(|number| format!("{number:04}")) {
                assert_eq!(map[&*name].0, format!(".{name}"));
            }
            let missing = ["", "0000a", "00000", "9"];
            assert!(missing.iter().all(|name| map.get(name).is_none() && !map.contains_key(name)));
        }
        assert!(sorted.chunks.iter().all(|chunk| chunk.len() == CHUNK_SIZE));
        assert_eq!(map(0..0).iter().next(), None);
    }

    #[test]
    fn an_update_replaces_adds_and_removes_elements_and_leaves_clones_alone() {
        let count = 2 * CHUNK_SIZE;
        let (before, other) =
            (map((0..count).filter(|number| *number != 7)), map([7, 9].into_iter()));
        let mut after = before.clone();
        for number in [0, 7, 8, 9] {
            after.update(&format!("{number:04}"), &other);
        }
        assert_eq!(after, map((0..count).filter(|number| ![0, 8].contains(number))));
        assert!(Arc::ptr_eq(&after["0009"], &other["0009"]));
        assert!(Arc::ptr_eq(&after["0010"], &before["0010"]));
        assert_eq!(before, map((0..count).filter(|number| *number != 7)));
        (0..count).for_each(|number| after.update(&format!("{number:04}"), &map(0..0)));
        assert_eq!(after, map(0..0));
        assert!(after.chunks.is_empty());
    }

    #[test]
    fn an_element_is_built_once_and_shared_by_clones() {
        let map = map(0..3);
        let clone = map.clone();
        assert!(Arc::ptr_eq(&map["0001"], &clone["0001"]));
    }
}
