//! Answering a master's requests from a MIB.

use alloc::vec::Vec;

use crate::agent::Registry;
use crate::agentx::wire::{Binding, List, Search, Status, owned};
use crate::mib::{Absent, Cursor, Edit, Mib, Refusal, Skip};
use crate::wire::{ErrorStatus, Oid, OidBuf, Value, VarBind, VarBindList};

/// A MIB and the SET that is under way in it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Served<M> {
    pub(super) mib: M,
    registry: Registry,
    set: Option<Set>,
}

/// A SET that was tested.
#[derive(Clone, Debug, PartialEq)]
struct Set {
    transaction: u32,
    nodes: Vec<usize>,
    committed: bool,
}

/// What a request came to: res.error and res.index, and the bindings beside.
pub(super) type Outcome = Result<(), (Status, u16)>;

impl<M: Mib> Served<M> {
    pub(super) fn new(mib: M) -> Result<Self, crate::agent::Overlap> {
        let roots = (0..mib.len()).filter_map(|i| mib.node(i).map(|node| (i, node.root())));
        let registry = Registry::new(roots)?;
        Ok(Self { mib, registry, set: None })
    }

    /// RFC 2741 §7.2.3.1.
    pub(super) fn get(&self, searches: List<'_, Search<'_>>, answer: &mut VarBindList) {
        let mut name = OidBuf::new();
        for search in searches.iter() {
            let name = search.start.to_oid(&mut name);
            let value = match self.value(name) {
                Ok(value) => value,
                Err(Absent::Object) => Value::NoSuchObject,
                Err(Absent::Instance) => Value::NoSuchInstance,
            };
            answer.push(name, value);
        }
    }

    fn value(&self, name: Oid<'_>) -> Result<Value<'_>, Absent> {
        let range = self.registry.at(name).ok_or(Absent::Object)?;
        let node = self.mib.node(range.node).ok_or(Absent::Object)?;
        node.get(name.strip_prefix(node.root()).ok_or(Absent::Object)?)
    }

    /// RFC 2741 §7.2.3.2.
    pub(super) fn get_next<'a>(&self, searches: impl Iterator<Item = Search<'a>>, answer: &mut VarBindList) {
        let mut finder = Finder::default();
        for search in searches {
            finder.start(&search);
            self.step(&mut finder, answer);
        }
    }

    /// RFC 2741 §7.2.3.3. Stops where the answer has grown to `limit` octets, or every search has ended.
    pub(super) fn get_bulk(
        &self,
        (non_repeaters, max_repetitions): (u16, u16),
        searches: List<'_, Search<'_>>,
        limit: usize,
        answer: &mut VarBindList,
    ) {
        let single = usize::from(non_repeaters).min(searches.len());
        self.get_next(searches.iter().take(single), answer);
        let mut finders: Vec<Finder> = searches
            .iter()
            .skip(single)
            .map(|search| {
                let mut finder = Finder::default();
                finder.start(&search);
                finder
            })
            .collect();
        for _ in 0..max_repetitions {
            let mut ended = true;
            for finder in &mut finders {
                if answer.octets() >= limit {
                    return;
                }
                ended &= !self.step(finder, answer);
            }
            if ended {
                return;
            }
        }
    }

    /// Appends what follows; tells whether there was something.
    fn step(&self, finder: &mut Finder, answer: &mut VarBindList) -> bool {
        let value = self.next(finder);
        let name = if value.is_some() { &finder.cursor.name } else { &finder.previous };
        answer.push(name.as_oid(), value.unwrap_or(Value::EndOfMibView));
        if value.is_none() {
            finder.cursor.start(finder.previous.as_oid(), false);
        }
        value.is_some()
    }

    /// The first instance within the search, at which the cursor then stands.
    fn next(&self, finder: &mut Finder) -> Option<Value<'_>> {
        let Finder { cursor, previous, end, range } = finder;
        previous.assign(cursor.name.as_oid());
        let from = previous.as_oid();
        let first = range.take().unwrap_or_else(|| self.registry.from(from));
        let mut position = first;
        while let Some(stretch) = self.registry.range(position) {
            if position != first || (cursor.found.is_none() && from < stretch.start.as_oid()) {
                cursor.start(stretch.start.as_oid(), true);
            }
            if let Some(value) =
                self.mib.node(stretch.node).and_then(|node| node.next(cursor, Skip::default()))
                && stretch.reaches(cursor.name.as_oid())
            {
                let name = cursor.name.as_oid();
                cursor.inclusive = false;
                *range = Some(position);
                return Some(value).filter(|_| end.as_oid().is_empty() || name < end.as_oid());
            }
            position = position.saturating_add(1);
        }
        None
    }

    /// RFC 2741 §7.2.4.1: judges a SET and keeps it aside.
    pub(super) fn test(&mut self, transaction: u32, bindings: List<'_, Binding<'_>>) -> Outcome {
        let refuse = |position: usize, status: ErrorStatus| {
            let index = u16::try_from(position.saturating_add(1)).unwrap_or(u16::MAX);
            (Status(u16::try_from(status.0).unwrap_or(Status::GEN_ERR.0)), index)
        };
        if self.set.is_some() {
            return Err(refuse(0, ErrorStatus::RESOURCE_UNAVAILABLE));
        }
        let list = owned(bindings);
        let mut nodes: Vec<(usize, Vec<Edit<'_>>)> = Vec::new();
        for (position, VarBind { name, value }) in list.iter().enumerate() {
            let unknown = refuse(position, ErrorStatus::NOT_WRITABLE);
            let range = self.registry.at(name).ok_or(unknown)?;
            let root = self.mib.node(range.node).map(|node| node.root()).ok_or(unknown)?;
            let edit = Edit { below: name.strip_prefix(root).ok_or(unknown)?, value, position };
            match nodes.iter_mut().find(|(node, _)| *node == range.node) {
                Some((_, edits)) if edits.iter().any(|other| other.below == edit.below) => {
                    return Err(refuse(position, ErrorStatus::INCONSISTENT_VALUE));
                }
                Some((_, edits)) => edits.push(edit),
                None => nodes.push((range.node, alloc::vec![edit])),
            }
        }
        let mib = &mut self.mib;
        let refusals = nodes.iter().filter_map(|(node, edits)| mib.node_mut(*node)?.prepare(edits).err());
        let worst = refusals.min_by_key(|refusal| refusal.position);
        let nodes = nodes.iter().map(|(node, _)| *node).collect();
        self.set = Some(Set { transaction, nodes, committed: false });
        match worst {
            None => Ok(()),
            Some(Refusal { position, status }) => {
                self.cleanup(transaction);
                Err(refuse(position, status))
            }
        }
    }

    /// RFC 2741 §7.2.4.2: all of it, or nothing.
    pub(super) fn commit(&mut self, transaction: u32) -> Outcome {
        let Some(set) = self.set.as_mut().filter(|set| set.transaction == transaction && !set.committed)
        else {
            return Err((Status::PROCESSING_ERROR, 0));
        };
        for (done, node) in set.nodes.iter().enumerate() {
            let Some(Err(refusal)) = self.mib.node_mut(*node).map(crate::mib::Node::commit) else {
                continue;
            };
            let mut undone = true;
            for node in set.nodes.iter().take(done).rev() {
                undone &= self.mib.node_mut(*node).is_none_or(|node| node.undo().is_ok());
            }
            let index = u16::try_from(refusal.position.saturating_add(1)).unwrap_or(u16::MAX);
            let status = if undone { ErrorStatus::COMMIT_FAILED } else { ErrorStatus::UNDO_FAILED };
            let status = Status(u16::try_from(status.0).unwrap_or(Status::GEN_ERR.0));
            return Err((status, if undone { index } else { 0 }));
        }
        set.committed = true;
        Ok(())
    }

    /// RFC 2741 §7.2.4.3.
    pub(super) fn undo(&mut self, transaction: u32) -> Outcome {
        let Some(set) = self.set.as_mut().filter(|set| set.transaction == transaction) else {
            return Err((Status::PROCESSING_ERROR, 0));
        };
        let mut undone = true;
        if core::mem::take(&mut set.committed) {
            for node in set.nodes.iter().rev() {
                undone &= self.mib.node_mut(*node).is_none_or(|node| node.undo().is_ok());
            }
        }
        self.cleanup(transaction);
        let failed = Status(u16::try_from(ErrorStatus::UNDO_FAILED.0).unwrap_or(Status::GEN_ERR.0));
        if undone { Ok(()) } else { Err((failed, 0)) }
    }

    /// RFC 2741 §7.2.4.4. Tells whether something was written.
    pub(super) fn cleanup(&mut self, transaction: u32) -> bool {
        let Some(set) = self.set.take_if(|set| set.transaction == transaction) else {
            return false;
        };
        for node in &set.nodes {
            if let Some(node) = self.mib.node_mut(*node) {
                node.release();
            }
        }
        set.committed
    }

    /// Ends what is under way, as the master is gone. What it has committed and not undone stays.
    pub(super) fn abandon(&mut self) -> bool {
        let transaction = self.set.as_ref().map(|set| set.transaction);
        transaction.is_some_and(|transaction| self.cleanup(transaction))
    }
}

/// Where a search is, and where it ends.
#[derive(Clone, Debug, Default)]
struct Finder {
    cursor: Cursor,
    previous: OidBuf,
    end: OidBuf,
    range: Option<usize>,
}

impl Finder {
    fn start(&mut self, search: &Search<'_>) {
        let mut start = OidBuf::new();
        self.cursor.start(search.start.to_oid(&mut start), search.include);
        search.end.to_oid(&mut self.end);
        self.range = None;
    }
}
