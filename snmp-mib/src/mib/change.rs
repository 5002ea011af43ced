//! SET on a table: every row that a request touches is copied once, written column by column, judged as a whole,
//! and only then exchanged with the row that is served. The order of the bindings does not matter.
//!
//! Rows with a RowStatus come and go by it (RFC 2579 §2). The columns of one request are written first:
//!
//! ```text
//!                 A does not exist     B notReady         C notInService     D active
//! createAndGo     complete ? D : iV    iV                 iV                 iV
//! createAndWait   complete ? C : B     iV                 iV                 iV
//! active          iV                   complete ? D : iV  complete ? D : iV  complete ? D : iV
//! notInService    iV                   complete ? C : iV  complete ? C : iV  complete ? C : iV
//! destroy         A                    A                  A                  A
//! notReady        wV                   wV                 wV                 wV
//! (not written)   inconsistentName     complete ? C : B   complete ? C : B   complete ? D : iV
//! ```

use super::index::IndexReader;
use super::key::Key;
use super::node::{Edit, Refusal};
use super::table::{Row, Table};
use super::types::{RowStatus, StorageType, Type};
use crate::wire::{Arcs, ErrorStatus, Value};

/// One row of a SET.
#[derive(Clone, Debug)]
pub(super) struct Change<R> {
    key: Key,
    /// What the row becomes; once committed, what it was. `None` is no row.
    other: Option<R>,
    /// The status that the request asks for, and the position of the binding that does.
    wanted: Option<(RowStatus, usize)>,
    /// The position of the first binding of this row.
    position: usize,
    /// Whether another column than the status is written.
    columns: bool,
    committed: bool,
}

impl<R: Row> Table<R> {
    /// Writes one binding into the copy of its row.
    pub(super) fn take(&mut self, edit: &Edit<'_>) -> Result<(), Refusal> {
        let refuse = |status| Refusal { position: edit.position, status };
        let (column, index) = Self::locate(edit.below).ok_or(refuse(ErrorStatus::NOT_WRITABLE))?;
        let def = R::TABLE.columns.get(column).ok_or(refuse(ErrorStatus::GEN_ERR))?;
        if !def.access.writable() {
            return Err(refuse(ErrorStatus::NOT_WRITABLE));
        }
        def.syntax.check(edit.value).map_err(refuse)?;
        let change = self.change(index, edit.position).map_err(refuse)?;
        if R::STATUS == Some(column) {
            let wanted = RowStatus::from_value(edit.value).filter(|wanted| *wanted != RowStatus::NotReady);
            change.wanted = Some((wanted.ok_or(refuse(ErrorStatus::WRONG_VALUE))?, edit.position));
            return Ok(());
        }
        change.columns = true;
        let row = change.other.as_mut().ok_or(refuse(ErrorStatus::GEN_ERR))?;
        if R::STORAGE == Some(column) {
            let from = storage(row);
            let to = StorageType::from_value(edit.value);
            if from != to && (from.is_some_and(fixed) || to.is_some_and(fixed)) {
                return Err(refuse(ErrorStatus::WRONG_VALUE));
            }
        }
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
                let other = Some(row.ok_or(ErrorStatus::NO_CREATION)?);
                let key = Key::from(key);
                self.set.push(Change {
                    key,
                    other,
                    wanted: None,
                    position,
                    columns: false,
                    committed: false,
                });
                self.set.len().saturating_sub(1)
            }
        };
        self.set.get_mut(at).ok_or(ErrorStatus::GEN_ERR)
    }

    /// Judges every touched row as the request would leave it.
    pub(super) fn decide(&mut self) -> Result<(), Refusal> {
        let mut set = core::mem::take(&mut self.set);
        let outcome = set.iter_mut().try_for_each(|change| {
            let before = self.find(&change.key).ok().and_then(|at| self.row(at));
            let at = change.wanted.map_or(change.position, |(_, position)| position);
            change.decide(before).map_err(|status| Refusal { position: at, status })
        });
        self.set = set;
        outcome
    }

    /// Exchanges the served row with the kept one. Done twice, everything is as it was.
    pub(super) fn swap(&mut self, change: &mut Change<R>) {
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

impl<R: Row> Change<R> {
    pub(super) const fn committed(&self) -> bool {
        self.committed
    }

    /// Settles what becomes of the row, from what it is and what is wanted.
    fn decide(&mut self, before: Option<&R>) -> Result<(), ErrorStatus> {
        let Some(row) = self.other.as_mut() else {
            return Err(ErrorStatus::GEN_ERR);
        };
        let kept = before.and_then(storage);
        if self.columns && kept == Some(StorageType::ReadOnly) {
            return Err(ErrorStatus::INCONSISTENT_VALUE);
        }
        let Some(column) = R::STATUS else {
            return row.check(before);
        };
        let present = before.and_then(|row| status(row, column));
        let wanted = self.wanted.map(|(wanted, _)| wanted);
        if wanted == Some(RowStatus::Destroy) {
            if kept.is_some_and(fixed) {
                return Err(ErrorStatus::INCONSISTENT_VALUE);
            }
            self.other = None;
            return Ok(());
        }
        // Whether the row is complete is judged without its status, which is about to be settled.
        let next = next(present, wanted, row.complete())?;
        row.set(column, Value::Integer(number(next)))?;
        row.check(before)
    }
}

/// The state that follows (the table in the module's documentation).
fn next(
    present: Option<RowStatus>,
    wanted: Option<RowStatus>,
    complete: bool,
) -> Result<RowStatus, ErrorStatus> {
    let waiting = if complete { RowStatus::NotInService } else { RowStatus::NotReady };
    let whole = |status| if complete { Ok(status) } else { Err(ErrorStatus::INCONSISTENT_VALUE) };
    match (present, wanted) {
        (None, None) => Err(ErrorStatus::INCONSISTENT_NAME),
        (None, Some(RowStatus::CreateAndGo)) => whole(RowStatus::Active),
        (None, Some(RowStatus::CreateAndWait)) => Ok(waiting),
        (Some(RowStatus::Active), None) | (Some(_), Some(RowStatus::Active)) => whole(RowStatus::Active),
        (Some(_), Some(RowStatus::NotInService)) => whole(RowStatus::NotInService),
        (Some(_), None) => Ok(waiting),
        _ => Err(ErrorStatus::INCONSISTENT_VALUE),
    }
}

fn number(status: RowStatus) -> i32 {
    match status.value() {
        Some(Value::Integer(number)) => number,
        _ => 0,
    }
}

fn status<R: Row>(row: &R, column: usize) -> Option<RowStatus> {
    row.cell(column).and_then(RowStatus::from_value)
}

fn storage<R: Row>(row: &R) -> Option<StorageType> {
    R::STORAGE.and_then(|column| row.cell(column)).and_then(StorageType::from_value)
}

/// Rows of these types are not deleted, and others do not become such by a request (RFC 2579 §2).
const fn fixed(storage: StorageType) -> bool {
    matches!(storage, StorageType::Permanent | StorageType::ReadOnly)
}
