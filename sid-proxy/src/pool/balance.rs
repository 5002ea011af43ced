//! Which of the members that may be picked is picked.

use super::{Member, PickKey, State};

/// A way to share requests among members.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Balance {
    /// Each in turn.
    RoundRobin {
        /// Where the next search begins.
        next: usize,
    },
}

impl Balance {
    /// Each in turn, the first member first.
    #[must_use]
    pub fn round_robin() -> Self {
        Self::RoundRobin { next: 0 }
    }

    /// The index of the chosen member.
    pub(super) fn choose(&mut self, members: &[Member], key: &PickKey<'_>) -> Option<usize> {
        let Self::RoundRobin { next } = self;
        let may = |member: &Member| member.state == State::Up && !key.tried.contains(&member.card);
        let (before, after) = members.split_at_checked(*next).unwrap_or((members, &[]));
        let chosen = match after.iter().position(may) {
            Some(at) => next.saturating_add(at),
            None => before.iter().position(may)?,
        };
        *next = chosen.saturating_add(1);
        Some(chosen)
    }
}
