//! What the agent asks of a subtree, beneath tables and scalars.

use crate::wire::{Arcs, ErrorStatus, Oid, OidBuf, Value};

/// Why a name has no value (RFC 3416 §4.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absent {
    /// No object type of that name is implemented here.
    Object,
    /// The object type is implemented and has no such instance.
    Instance,
}

/// What a search must not return.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Skip {
    /// Objects of type Counter64, which SNMPv1 cannot carry. A table passes over the whole column.
    pub counter64: bool,
}

/// A place in the tree from which a search goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// The name that was reached.
    pub name: OidBuf,
    /// Whether an instance of exactly this name may be returned.
    pub inclusive: bool,
    /// Where the node found that name, if it was this node that moved the cursor there and nothing has changed
    /// since. Then it need not search.
    pub found: Option<Place>,
}

/// A node's own note on where an instance stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The position of its column.
    pub column: usize,
    /// The position of its row.
    pub row: usize,
}

impl Cursor {
    /// Puts the cursor on `name`, from where a node has to search.
    #[inline]
    pub fn start(&mut self, name: Oid<'_>, inclusive: bool) {
        self.name.assign(name);
        self.inclusive = inclusive;
        self.found = None;
    }
}

/// One binding of a SET that falls below a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edit<'a> {
    /// The arcs below the node's root.
    pub below: Arcs<'a>,
    /// What is to be written.
    pub value: Value<'a>,
    /// The position of the binding in the request, counted from 0.
    pub position: usize,
}

/// Why a SET is refused, and because of which binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The position of the binding in the request, counted from 0.
    pub position: usize,
    /// What is answered.
    pub status: ErrorStatus,
}

/// A subtree that the agent serves.
///
/// [`Table`](super::Table) and [`Scalars`](super::Scalars) implement it from their declarations. Whoever
/// implements it by hand promises that [`Node::next`] rises strictly and stays below [`Node::root`]; the agent
/// checks both and answers genErr where the promise is broken.
pub trait Node {
    /// The identifier below which everything of this node stands.
    fn root(&self) -> Oid<'_>;

    /// Tells whether what it serves may be answered now. Where it is not, the agent keeps the request, asks its
    /// owner with `Output::Fetch`, and answers the whole of it afterwards, so that no answer mixes old rows and new.
    fn ready(&self) -> bool {
        true
    }

    /// The value of the instance whose arcs below the root are `below`.
    ///
    /// # Errors
    /// [`Absent`], where there is none.
    fn get(&self, below: Arcs<'_>) -> Result<Value<'_>, Absent>;

    /// Moves `cursor` to the first instance after it (at it, if inclusive) and returns its value; `None` where
    /// nothing follows below the root, and `cursor` is then of no use.
    fn next(&self, cursor: &mut Cursor, skip: Skip) -> Option<Value<'_>>;

    /// Judges the edits of one request and keeps them aside; what is served does not change.
    ///
    /// # Errors
    /// [`Refusal`]; nothing is kept then.
    fn prepare(&mut self, edits: &[Edit<'_>]) -> Result<(), Refusal> {
        match edits.first() {
            Some(edit) => Err(Refusal { position: edit.position, status: ErrorStatus::NOT_WRITABLE }),
            None => Ok(()),
        }
    }

    /// Makes true what was prepared. It can still be undone.
    ///
    /// # Errors
    /// [`Refusal`], with nothing changed; the agent answers commitFailed.
    fn commit(&mut self) -> Result<(), Refusal> {
        Ok(())
    }

    /// Takes back what was committed.
    ///
    /// # Errors
    /// Where that failed; the agent answers undoFailed.
    fn undo(&mut self) -> Result<(), ErrorStatus> {
        Ok(())
    }

    /// Forgets what was prepared or committed: the request is over.
    fn release(&mut self) {}
}

/// The nodes that an agent serves, by position.
///
/// `#[derive(Mib)]` implements it for a struct whose fields are nodes. The number of nodes and their roots must
/// not change while an agent holds them.
pub trait Mib {
    /// How many there are.
    fn len(&self) -> usize;

    /// The node of that position.
    fn node(&self, position: usize) -> Option<&dyn Node>;

    /// The node of that position, to be written.
    fn node_mut(&mut self, position: usize) -> Option<&mut dyn Node>;

    /// Tells whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Nothing beyond what the agent brings itself.
impl Mib for () {
    fn len(&self) -> usize {
        0
    }

    fn node(&self, _: usize) -> Option<&dyn Node> {
        None
    }

    fn node_mut(&mut self, _: usize) -> Option<&mut dyn Node> {
        None
    }
}
