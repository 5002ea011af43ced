//! A table: rows in the order of their names, served column by column.

use alloc::{boxed::Box, vec::Vec};
use core::cmp::Ordering;

use super::def::{Base, TableDef};
use super::index::{IndexReader, IndexWriter};
use super::node::{Absent, Cursor, Edit, Node, Refusal, Skip};
use crate::wire::{Arcs, ErrorStatus, Oid, OidBuf, Value};

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
/// Takes two words and the encoded index beside each row. Rows that come in order are appended; one that comes
/// between others moves those behind it, so a table of very many rows is best built with `extend`.
#[derive(Clone, Debug)]
pub struct Table<R> {
    root: OidBuf,
    rows: Vec<(Box<[u8]>, R)>,
    set: Vec<Change<R>>,
}

/// One row of a SET: what it was and what it becomes.
#[derive(Clone, Debug)]
struct Change<R> {
    key: Box<[u8]>,
    other: Option<R>,
    position: usize,
    committed: bool,
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

    /// Makes `rows` all the rows there are.
    pub fn replace(&mut self, rows: impl IntoIterator<Item = R>) {
        self.rows.clear();
        self.extend(rows);
    }

    fn find(&self, key: &[u8]) -> Result<usize, usize> {
        // Rows that are loaded in order land behind the last one.
        if self.rows.last().is_none_or(|(last, _)| order(last, key) == Ordering::Less) {
            return Err(self.rows.len());
        }
        self.rows.binary_search_by(|(own, _)| order(own, key))
    }

    fn row(&self, position: usize) -> Option<&R> {
        self.rows.get(position).map(|(_, row)| row)
    }

    /// The position of a readable column.
    fn column(arc: u32) -> Option<usize> {
        let position = R::TABLE.columns.binary_search_by_key(&arc, |column| column.arc).ok()?;
        R::TABLE.columns.get(position).filter(|column| column.access.readable()).map(|_| position)
    }

    /// Splits arcs below the table into a readable column's position and the index.
    fn locate<'a>(below: Arcs<'a>) -> Option<(usize, Arcs<'a>)> {
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
        // The row that a walk returned last is where it said it was, unless rows came or went.
        let known = self.rows.get(cursor.hint).filter(|(own, _)| **own == *key).map(|_| cursor.hint);
        match known.map_or_else(|| self.find(key), Ok) {
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

fn key<R: Row>(row: &R) -> Box<[u8]> {
    let mut key = IndexWriter::new();
    row.index(&mut key);
    key.as_bytes().into()
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
        let (mut column, mut position) = self.start(cursor);
        let own = self.root.as_oid().as_bytes().len();
        while let Some(def) = R::TABLE.columns.get(column) {
            if def.access.readable() && !(skip.counter64 && def.syntax.base == Base::Counter64) {
                while let Some((key, row)) = self.rows.get(position) {
                    if let Some(value) = row.cell(column) {
                        cursor.name.truncate(own);
                        cursor.name.push(ENTRY);
                        cursor.name.push(def.arc);
                        cursor.name.append_content(key);
                        cursor.hint = position;
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
        let outcome = edits.iter().try_for_each(|edit| self.take(edit)).and_then(|()| self.judge());
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
        set.iter_mut().rev().filter(|change| change.committed).for_each(|change| self.swap(change));
        Ok(())
    }

    fn release(&mut self) {
        self.set.clear();
    }
}

/// SET: every row that a request touches is copied once, written column by column, judged as a whole, and only
/// then exchanged with the row that is served. The order of the bindings does not matter.
impl<R: Row> Table<R> {
    fn take(&mut self, edit: &Edit<'_>) -> Result<(), Refusal> {
        let refuse = |status| Refusal { position: edit.position, status };
        let (column, index) = Self::locate(edit.below).ok_or(refuse(ErrorStatus::NOT_WRITABLE))?;
        let def = R::TABLE.columns.get(column).ok_or(refuse(ErrorStatus::GEN_ERR))?;
        if !def.access.writable() {
            return Err(refuse(ErrorStatus::NOT_WRITABLE));
        }
        def.syntax.check(edit.value).map_err(refuse)?;
        let change = self.change(index, edit.position).map_err(refuse)?;
        let row = change.other.as_mut().ok_or(refuse(ErrorStatus::GEN_ERR))?;
        row.set(column, edit.value).map_err(refuse)
    }

    /// The copy of the row that this request writes.
    fn change(&mut self, index: Arcs<'_>, position: usize) -> Result<&mut Change<R>, ErrorStatus> {
        let key = index.as_bytes();
        let found = self.set.iter().position(|change| *change.key == *key);
        let at = match found {
            Some(at) => at,
            None => {
                let present = self.find(key).ok().and_then(|at| self.row(at)).cloned();
                let row = present.or_else(|| R::create(IndexReader::new(index)));
                let row = row.ok_or(ErrorStatus::NO_CREATION)?;
                self.set.push(Change { key: key.into(), other: Some(row), position, committed: false });
                self.set.len().saturating_sub(1)
            }
        };
        self.set.get_mut(at).ok_or(ErrorStatus::GEN_ERR)
    }

    fn judge(&self) -> Result<(), Refusal> {
        self.set.iter().try_for_each(|change| {
            let before = self.find(&change.key).ok().and_then(|at| self.row(at));
            let after = change.other.as_ref().map_or(Ok(()), |row| row.check(before));
            after.map_err(|status| Refusal { position: change.position, status })
        })
    }

    /// Exchanges the served row with the kept one. Done twice, everything is as it was.
    fn swap(&mut self, change: &mut Change<R>) {
        change.committed = !change.committed;
        match (self.find(&change.key), change.other.take()) {
            (Ok(at), Some(row)) => {
                change.other = self.rows.get_mut(at).map(|slot| core::mem::replace(&mut slot.1, row));
            }
            (Ok(at), None) => change.other = Some(self.rows.remove(at).1),
            (Err(at), Some(row)) => self.rows.insert(at, (change.key.clone(), row)),
            (Err(_), None) => {}
        }
    }
}
