//! Scalars: objects with exactly one instance, named by a trailing 0.

use super::def::{Base, GroupDef};
use super::node::{Absent, Cursor, Edit, Node, Refusal, Skip};
use crate::wire::{Arcs, ErrorStatus, Oid, OidBuf, Value};

/// A struct of scalars, from which everything about its group follows. Derive it as `MibScalars`.
pub trait Scalars: Clone {
    /// The declaration.
    const GROUP: GroupDef;

    /// The value of the scalar at `position` in [`GroupDef::scalars`]; `None` where it does not exist.
    fn scalar(&self, position: usize) -> Option<Value<'_>>;

    /// Writes a value that the declaration allows into the scalar at `position`.
    ///
    /// # Errors
    /// What the request is answered.
    fn set(&mut self, position: usize, value: Value<'_>) -> Result<(), ErrorStatus> {
        let _ = (position, value);
        Err(ErrorStatus::NOT_WRITABLE)
    }

    /// Judges the group as a request would leave it.
    ///
    /// # Errors
    /// What the request is answered, usually inconsistentValue.
    fn check(&self, before: &Self) -> Result<(), ErrorStatus> {
        let _ = before;
        Ok(())
    }
}

/// A group of scalars at its place.
#[derive(Clone, Debug)]
pub struct Group<S> {
    root: OidBuf,
    /// The scalars, to be read and changed at will between requests.
    pub values: S,
    set: Option<(S, bool)>,
}

impl<S: PartialEq> PartialEq for Group<S> {
    fn eq(&self, other: &Self) -> bool {
        self.root == other.root && self.values == other.values
    }
}

impl<S: Scalars> From<S> for Group<S> {
    fn from(values: S) -> Self {
        Self::new(values)
    }
}

impl<S: Scalars + Default> Default for Group<S> {
    fn default() -> Self {
        Self::new(S::default())
    }
}

impl<S: Scalars> Group<S> {
    /// The group where its declaration puts it.
    pub fn new(values: S) -> Self {
        Self::at(S::GROUP.oid, values)
    }

    /// The group at another place, as below an operator's own enterprise number.
    pub fn at(root: Oid<'_>, values: S) -> Self {
        Self { root: root.to_buf(), values, set: None }
    }

    /// The position of a readable scalar.
    fn position(arc: u32) -> Option<usize> {
        let position = S::GROUP.scalars.binary_search_by_key(&arc, |scalar| scalar.arc).ok()?;
        S::GROUP.scalars.get(position).filter(|scalar| scalar.access.readable()).map(|_| position)
    }

    fn write(values: &mut S, edit: &Edit<'_>) -> Result<(), ErrorStatus> {
        let mut arcs = edit.below;
        let position = arcs.next().and_then(Self::position).ok_or(ErrorStatus::NOT_WRITABLE)?;
        let def = S::GROUP.scalars.get(position).ok_or(ErrorStatus::GEN_ERR)?;
        if !def.access.writable() {
            return Err(ErrorStatus::NOT_WRITABLE);
        }
        def.syntax.check(edit.value)?;
        if arcs.as_bytes() != [0] {
            return Err(ErrorStatus::NO_CREATION);
        }
        values.set(position, edit.value)
    }
}

impl<S: Scalars> Node for Group<S> {
    fn root(&self) -> Oid<'_> {
        self.root.as_oid()
    }

    fn get(&self, below: Arcs<'_>) -> Result<Value<'_>, Absent> {
        let mut arcs = below;
        let position = arcs.next().and_then(Self::position).ok_or(Absent::Object)?;
        let value = self.values.scalar(position).ok_or(Absent::Instance)?;
        if arcs.as_bytes() == [0] { Ok(value) } else { Err(Absent::Instance) }
    }

    fn next(&self, cursor: &mut Cursor, skip: Skip) -> Option<Value<'_>> {
        let own = self.root.as_oid().as_bytes().len();
        let mut arcs = Arcs::new(cursor.name.as_oid().as_bytes().get(own..).unwrap_or(&[]));
        let mut position = match arcs.next() {
            None => 0,
            Some(arc) => match S::GROUP.scalars.binary_search_by_key(&arc, |scalar| scalar.arc) {
                Err(position) => position,
                // `sysDescr` alone comes before `sysDescr.0`.
                Ok(position) if arcs.is_empty() || (cursor.inclusive && arcs.as_bytes() == [0]) => position,
                Ok(position) => position.saturating_add(1),
            },
        };
        while let Some(def) = S::GROUP.scalars.get(position) {
            if def.access.readable()
                && !(skip.counter64 && def.syntax.base == Base::Counter64)
                && let Some(value) = self.values.scalar(position)
            {
                cursor.name.truncate(own);
                cursor.name.push(def.arc);
                cursor.name.push(0);
                return Some(value);
            }
            position = position.saturating_add(1);
        }
        None
    }

    fn prepare(&mut self, edits: &[Edit<'_>]) -> Result<(), Refusal> {
        let mut values = self.values.clone();
        let mut last = 0;
        for edit in edits {
            last = edit.position;
            Self::write(&mut values, edit).map_err(|status| Refusal { position: last, status })?;
        }
        values.check(&self.values).map_err(|status| Refusal { position: last, status })?;
        self.set = Some((values, false));
        Ok(())
    }

    fn commit(&mut self) -> Result<(), Refusal> {
        if let Some((values, committed)) = &mut self.set {
            core::mem::swap(values, &mut self.values);
            *committed = true;
        }
        Ok(())
    }

    fn undo(&mut self) -> Result<(), ErrorStatus> {
        if let Some((values, true)) = self.set.take() {
            self.values = values;
        }
        Ok(())
    }

    fn release(&mut self) {
        self.set = None;
    }
}
