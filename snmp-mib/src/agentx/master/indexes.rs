//! Values of indexes that sub-agents share a table by (RFC 2741 §7.1.4.2).

use alloc::{collections::BTreeMap, vec::Vec};

use super::io::SessionId;
use crate::agentx::wire::Status;
use crate::wire::{Oid, OidBuf, Value, VarBind, VarBindList};

/// A value of an index, in its order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Number(i32),
    Octets(Vec<u8>),
    Oid(OidBuf),
    Address([u8; 4]),
}

impl Key {
    fn of(value: Value<'_>) -> Option<Self> {
        Some(match value {
            Value::Integer(number) => Self::Number(number),
            Value::Octets(octets) => Self::Octets(octets.to_vec()),
            Value::Oid(oid) => Self::Oid(oid.to_buf()),
            Value::IpAddress(address) => Self::Address(address.octets()),
            _ => return None,
        })
    }

    const fn kind(&self) -> u8 {
        match self {
            Self::Number(_) => 0,
            Self::Octets(_) => 1,
            Self::Oid(_) => 2,
            Self::Address(_) => 3,
        }
    }
}

/// The values of one index object: who has each, or that somebody had it.
type Values = BTreeMap<Key, Option<SessionId>>;

/// Every allocated value, by context and object.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Indexes(BTreeMap<(Vec<u8>, OidBuf), Values>);

/// Which values are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Those that stand there.
    These,
    /// Any that are free.
    Any,
    /// Such as never were in use.
    New,
}

/// Where it went wrong, counted from 1.
pub(super) type Failed = (Status, u16);

impl Indexes {
    pub(super) const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Allocates a value for every binding, or none at all.
    pub(super) fn allocate(
        &mut self,
        session: SessionId,
        context: &[u8],
        wanted: Wanted,
        bindings: &VarBindList,
        most: usize,
    ) -> Result<VarBindList, Failed> {
        let mut allocated = VarBindList::new();
        // What each value was before, to be put back where a later one fails.
        let mut before: Vec<(OidBuf, Key, Option<Option<SessionId>>)> = Vec::new();
        for (position, binding) in bindings.iter().enumerate() {
            let full = self.0.values().map(BTreeMap::len).sum::<usize>() >= most;
            let values = self.0.entry((context.to_vec(), binding.name.to_buf())).or_default();
            let chosen =
                if full { Err(Status::INDEX_NONE_AVAILABLE) } else { choose(values, wanted, &binding) };
            let key = match chosen {
                Ok(key) => key,
                Err(status) => {
                    for (name, key, was) in before.into_iter().rev() {
                        let values = self.0.entry((context.to_vec(), name)).or_default();
                        match was {
                            Some(holder) => values.insert(key, holder),
                            None => values.remove(&key),
                        };
                    }
                    return Err((status, u16::try_from(position.saturating_add(1)).unwrap_or(u16::MAX)));
                }
            };
            match &key {
                Key::Number(number) => allocated.push(binding.name, Value::Integer(*number)),
                _ => allocated.push(binding.name, binding.value),
            }
            let was = values.insert(key.clone(), Some(session));
            before.push((binding.name.to_buf(), key, was));
        }
        Ok(allocated)
    }

    /// Gives every value back, or none at all.
    pub(super) fn give_back(
        &mut self,
        session: SessionId,
        context: &[u8],
        bindings: &VarBindList,
    ) -> Result<(), Failed> {
        let slot = |values: &Self, name: Oid<'_>, value: Value<'_>| {
            let values = values.0.get(&(context.to_vec(), name.to_buf()))?;
            Key::of(value).filter(|key| values.get(key) == Some(&Some(session)))
        };
        for (position, binding) in bindings.iter().enumerate() {
            if slot(self, binding.name, binding.value).is_none() {
                let index = u16::try_from(position.saturating_add(1)).unwrap_or(u16::MAX);
                return Err((Status::INDEX_NOT_ALLOCATED, index));
            }
        }
        for binding in bindings.iter() {
            let values = self.0.get_mut(&(context.to_vec(), binding.name.to_buf()));
            if let (Some(values), Some(key)) = (values, Key::of(binding.value)) {
                values.insert(key, None);
            }
        }
        Ok(())
    }

    /// Gives back what a session had. That it was in use is remembered.
    pub(super) fn forget(&mut self, session: SessionId) {
        for holder in self.0.values_mut().flat_map(BTreeMap::values_mut) {
            if *holder == Some(session) {
                *holder = None;
            }
        }
    }
}

/// The value that an allocation gets.
fn choose(values: &Values, wanted: Wanted, binding: &VarBind<'_>) -> Result<Key, Status> {
    let asked = Key::of(binding.value).ok_or(Status::INDEX_WRONG_TYPE)?;
    if values.keys().next().is_some_and(|other| other.kind() != asked.kind()) {
        return Err(Status::INDEX_WRONG_TYPE);
    }
    if wanted == Wanted::These {
        let taken = values.get(&asked).is_some_and(Option::is_some);
        return if taken { Err(Status::INDEX_ALREADY_ALLOCATED) } else { Ok(asked) };
    }
    // What text or which name is free is the sub-agent's to know; numbers are counted.
    let Key::Number(_) = asked else {
        return Err(Status::INDEX_NONE_AVAILABLE);
    };
    let given_back = values.iter().find(|(_, holder)| wanted == Wanted::Any && holder.is_none());
    if let Some((key, _)) = given_back {
        return Ok(key.clone());
    }
    match values.last_key_value() {
        Some((Key::Number(last), _)) => {
            last.checked_add(1).map(|next| Key::Number(next.max(1))).ok_or(Status::INDEX_NONE_AVAILABLE)
        }
        _ => Ok(Key::Number(1)),
    }
}
