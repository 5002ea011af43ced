//! One card of a pool.

use crate::CardId;
use core::net::SocketAddr;

/// A card, its state and what it has in flight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The card.
    pub card: CardId,
    /// Where it serves.
    pub address: SocketAddr,
    /// Whether it may be picked.
    pub state: State,
    /// Requests or sessions in flight.
    pub active: u32,
    /// How often it was picked.
    pub picked: u64,
    /// How often it failed what it was picked for.
    pub failed: u64,
}

/// Whether a member may be picked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It may.
    Up,
    /// It may not, and what is running on it finishes.
    Draining,
    /// It may not.
    Down,
}

impl Member {
    pub(super) fn new(card: CardId, address: SocketAddr) -> Self {
        Self { card, address, state: State::Up, active: 0, picked: 0, failed: 0 }
    }
}
