//! A table: rows in the order of their names, served column by column.

use alloc::vec::Vec;
use core::cmp::Ordering;

use super::change::Change;
use super::def::{Base, TableDef};
use super::index::{IndexReader, IndexWriter};
use super::key::Key;
use super::node::{Absent, Cursor, Edit, Node, Place, Refusal, Skip};
use crate::wire::{Arcs, ErrorStatus, Oid, OidBuf, Value, arc_len};

/// A row type, from which everything about its table follows. Derive it.
pub trait Row: Clone {
    /// The declaration.
    const TABLE: TableDef;

    /// Writes the row's index.
    fn index(&self, out: &mut IndexWriter);

    /// The value of the column at `position` in [`TableDef::columns`]; `None` where the instance does not exist.
    fn cell(&self, position: usize) -> Option<Value<'_>>;

    /// Writes a value that the declaration allows into the column at `position`.
    ///
    /// # Errors
    /// What the request is answered.
    fn set(&mut self, position: usize, value: Value<'_>) -> Result<(), ErrorStatus> {
        let _ = (position, value);
        Err(ErrorStatus::NOT_WRITABLE)
    }

    /// The position of the column of type [`RowStatus`](super::RowStatus), if there is one.
    const STATUS: Option<usize> = None;

    /// The position of the column of type [`StorageType`](super::StorageType), if there is one.
    const STORAGE: Option<usize> = None;

    /// Tells whether the row has all that it needs to be active. Unless it says otherwise: a value in every column
    /// that managers can write.
    fn complete(&self) -> bool {
        let mut columns = Self::TABLE.columns.iter().enumerate();
        columns.all(|(position, column)| !column.access.writable() || self.cell(position).is_some())
    }

    /// A new row of that index, before its columns are written; `None` where managers cannot create it.
    fn create(index: IndexReader<'_>) -> Option<Self> {
        let _ = index;
        None
    }

    /// Judges the row as a request would leave it; `before` is the row as it is, if there is one.
    ///
    /// # Errors
    /// What the request is answered, usually inconsistentValue.
    fn check(&self, before: Option<&Self>) -> Result<(), ErrorStatus> {
        let _ = before;
        Ok(())
    }
}

/// The rows of a table, in order.
///
/// Takes 24 octets beside each row, and the encoded index where it is longer than 22. Rows that come in order are appended; one that comes
/// between others moves those behind it, so a table of very many rows is best built with `extend`.
#[derive(Clone, Debug)]
pub struct Table<R> {
    root: OidBuf,
    pub(super) rows: Vec<(Key, R)>,
    /// What a SET prepared, until it is over.
    pub(super) set: Vec<Change<R>>,
}

impl<R: Row> Default for Table<R> {
    fn default() -> Self {
        Self::new()
    }
}

impl<R: PartialEq> PartialEq for Table<R> {
    fn eq(&self, other: &Self) -> bool {
        self.root == other.root && self.rows == other.rows
    }
}

impl<R: Row> Table<R> {
    /// A table without rows, where its declaration puts it.
    pub fn new() -> Self {
        Self::at(R::TABLE.oid)
    }

    /// A table without rows at another place, as below an operator's own enterprise number.
    pub fn at(root: Oid<'_>) -> Self {
        Self { root: root.to_buf(), rows: Vec::new(), set: Vec::new() }
    }

    /// Adds a row, or replaces the one of the same index, which is returned.
    pub fn insert(&mut self, row: R) -> Option<R> {
        let key = key(&row);
        match self.find(&key) {
            Ok(position) => self.rows.get_mut(position).map(|slot| core::mem::replace(&mut slot.1, row)),
            Err(position) => {
                self.rows.insert(position, (key, row));
                None
            }
        }
    }

    /// Removes the row with the same index as `like`.
    pub fn remove(&mut self, like: &R) -> Option<R> {
        let position = self.find(&key(like)).ok()?;
        Some(self.rows.remove(position).1)
    }

    /// The row whose index `index` writes.
    pub fn get(&self, index: impl FnOnce(&mut IndexWriter)) -> Option<&R> {
        let mut key = IndexWriter::new();
        index(&mut key);
        self.row(self.find(key.as_bytes()).ok()?)
    }

    /// The row whose index `index` writes, to be changed. Its index must stay what it is.
    pub fn get_mut(&mut self, index: impl FnOnce(&mut IndexWriter)) -> Option<&mut R> {
        let mut key = IndexWriter::new();
        index(&mut key);
        let position = self.find(key.as_bytes()).ok()?;
        self.rows.get_mut(position).map(|(_, row)| row)
    }

    /// The rows in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &R> + ExactSizeIterator {
        self.rows.iter().map(|(_, row)| row)
    }

    /// How many rows there are.
    pub const fn len(&self) -> usize {
        self.rows.len()
    }

    /// Tells whether there are no rows.
    pub const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Removes every row.
    pub fn clear(&mut self) {
        self.rows.clear();
    }

    /// Keeps the rows that `keep` agrees to, as when those that were never made ready have grown old.
    pub fn retain(&mut self, mut keep: impl FnMut(&R) -> bool) {
        self.rows.retain(|(_, row)| keep(row));
    }

    /// Makes `rows` all the rows there are.
    pub fn replace(&mut self, rows: impl IntoIterator<Item = R>) {
        self.rows.clear();
        self.extend(rows);
    }

    pub(super) fn find(&self, key: &[u8]) -> Result<usize, usize> {
        // Rows that are loaded in order land behind the last one.
        if self.rows.last().is_none_or(|(last, _)| order(last, key) == Ordering::Less) {
            return Err(self.rows.len());
        }
        self.rows.binary_search_by(|(own, _)| order(own, key))
    }

    pub(super) fn row(&self, position: usize) -> Option<&R> {
        self.rows.get(position).map(|(_, row)| row)
    }

    /// The position of a readable column.
    fn column(arc: u32) -> Option<usize> {
        let position = R::TABLE.columns.binary_search_by_key(&arc, |column| column.arc).ok()?;
        R::TABLE.columns.get(position).filter(|column| column.access.readable()).map(|_| position)
    }

    /// Splits arcs below the table into a readable column's position and the index.
    pub(super) fn locate<'a>(below: Arcs<'a>) -> Option<(usize, Arcs<'a>)> {
        let mut arcs = below;
        (arcs.next()? == ENTRY).then_some(())?;
        let position = Self::column(arcs.next()?)?;
        Some((position, arcs))
    }

    /// Where a search goes on: the position of a column and of a row.
    fn start(&self, cursor: &Cursor) -> (usize, usize) {
        let own = self.root.as_oid().as_bytes().len();
        let mut arcs = match cursor.name.as_oid().as_bytes().get(own..) {
            Some(below) => Arcs::new(below),
            None => return (0, 0),
        };
        match arcs.next() {
            None => return (0, 0),
            Some(entry) if entry < ENTRY => return (0, 0),
            Some(entry) if entry > ENTRY => return (R::TABLE.columns.len(), 0),
            Some(_) => {}
        }
        let Some(arc) = arcs.next() else {
            return (0, 0);
        };
        match R::TABLE.columns.binary_search_by_key(&arc, |column| column.arc) {
            Err(position) => (position, 0),
            Ok(position) => (position, self.after(arcs.as_bytes(), cursor)),
        }
    }

    /// The first row after `key` (at it, if the cursor is inclusive).
    fn after(&self, key: &[u8], cursor: &Cursor) -> usize {
        if key.is_empty() {
            return 0;
        }
        match self.find(key) {
            Ok(position) if cursor.inclusive => position,
            Ok(position) => position.saturating_add(1),
            Err(position) => position,
        }
    }
}

/// The arc of the entry below its table.
const ENTRY: u32 = 1;

#[inline]
fn order(a: &[u8], b: &[u8]) -> Ordering {
    crate::wire::cmp_content(a, b)
}

fn key<R: Row>(row: &R) -> Key {
    let mut key = IndexWriter::new();
    row.index(&mut key);
    Key::from(key.as_bytes())
}

impl<R: Row> Extend<R> for Table<R> {
    /// Adds many rows with one sort. Of two with the same index the later one stays.
    fn extend<I: IntoIterator<Item = R>>(&mut self, rows: I) {
        self.rows.extend(rows.into_iter().map(|row| (key(&row), row)));
        if !self.rows.is_sorted_by(|(a, _), (b, _)| order(a, b) == Ordering::Less) {
            self.rows.sort_by(|(a, _), (b, _)| order(a, b));
            self.rows.reverse();
            self.rows.dedup_by(|(a, _), (b, _)| a == b);
            self.rows.reverse();
        }
    }
}

impl<R: Row> FromIterator<R> for Table<R> {
    fn from_iter<I: IntoIterator<Item = R>>(rows: I) -> Self {
        let mut table = Self::new();
        table.extend(rows);
        table
    }
}

impl<R: Row> Node for Table<R> {
    fn root(&self) -> Oid<'_> {
        self.root.as_oid()
    }

    fn get(&self, below: Arcs<'_>) -> Result<Value<'_>, Absent> {
        let (column, index) = Self::locate(below).ok_or(Absent::Object)?;
        let row = self.find(index.as_bytes()).ok().and_then(|position| self.row(position));
        row.and_then(|row| row.cell(column)).ok_or(Absent::Instance)
    }

    fn next(&self, cursor: &mut Cursor, skip: Skip) -> Option<Value<'_>> {
        let (mut column, mut position) = match cursor.found {
            Some(Place { column, row }) => (column, row.saturating_add(1)),
            None => self.start(cursor),
        };
        let own = self.root.as_oid().as_bytes().len();
        while let Some(def) = R::TABLE.columns.get(column) {
            if def.access.readable() && !(skip.counter64 && def.syntax.base == Base::Counter64) {
                while let Some((key, row)) = self.rows.get(position) {
                    if let Some(value) = row.cell(column) {
                        // Within a column only the index changes.
                        if cursor.found.is_some_and(|place| place.column == column) {
                            cursor.name.truncate(
                                own.saturating_add(arc_len(ENTRY)).saturating_add(arc_len(def.arc)),
                            );
                        } else {
                            cursor.name.truncate(own);
                            cursor.name.push(ENTRY);
                            cursor.name.push(def.arc);
                        }
                        cursor.name.append_content(key);
                        cursor.found = Some(Place { column, row: position });
                        return Some(value);
                    }
                    position = position.saturating_add(1);
                }
            }
            column = column.saturating_add(1);
            position = 0;
        }
        None
    }

    fn prepare(&mut self, edits: &[Edit<'_>]) -> Result<(), Refusal> {
        self.set.clear();
        let outcome = edits.iter().try_for_each(|edit| self.take(edit)).and_then(|()| self.decide());
        if outcome.is_err() {
            self.set.clear();
        }
        outcome
    }

    fn commit(&mut self) -> Result<(), Refusal> {
        let mut set = core::mem::take(&mut self.set);
        set.iter_mut().for_each(|change| self.swap(change));
        self.set = set;
        Ok(())
    }

    fn undo(&mut self) -> Result<(), ErrorStatus> {
        let mut set = core::mem::take(&mut self.set);
        set.iter_mut().rev().filter(|change| change.committed()).for_each(|change| self.swap(change));
        Ok(())
    }

    fn release(&mut self) {
        self.set.clear();
    }
}
