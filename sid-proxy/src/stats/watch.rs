//! Signs of an attack, as events of which there are never too many.

use super::Reason;
use crate::number::{fold, halves, index};
use alloc::vec::Vec;
use core::net::IpAddr;
use core::time::Duration;

/// Looks like an attack. Each kind is told of a customer once a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Signal {
    /// A request that two servers would take for two different ones: smuggling, or a path that gets around a rule.
    Ambiguity {
        /// Who sent it.
        client: IpAddr,
    },
    /// A customer asks for name after name that is not here, or is not for it.
    Scan {
        /// Who asks.
        client: IpAddr,
        /// How often it did so in this window.
        misses: u32,
    },
    /// A customer sends what is no request again and again.
    Noise {
        /// Who sends.
        client: IpAddr,
        /// How often it did so in this window.
        faults: u32,
    },
    /// Misses of all customers together are more than a scan of one.
    Flood {
        /// How many in this window.
        misses: u32,
    },
}

/// Bounds. A watch takes 40 bytes a customer that it remembers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The span of a window.
    pub window: Duration,
    /// How many customers are remembered; where two want one place, the one seen last has it.
    pub clients: u32,
    /// Misses of one customer in a window that are a scan.
    pub scan: u32,
    /// Faults of one customer in a window that are noise.
    pub noise: u32,
    /// Misses of all customers in a window that are a flood.
    pub flood: u32,
    /// The most signals in a window; what is more is only counted.
    pub signals: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            window: Duration::from_secs(60),
            clients: 1024,
            scan: 30,
            noise: 30,
            flood: 10_000,
            signals: 100,
        }
    }
}

/// Listens to refusals.
#[derive(Clone, Debug, PartialEq)]
pub struct Watch {
    limits: Limits,
    seed: u64,
    suspects: Vec<Option<Suspect>>,
    until: Duration,
    misses: u32,
    told: u32,
    suppressed: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Suspect {
    client: IpAddr,
    misses: u32,
    faults: u32,
    ambiguous: bool,
}

impl Watch {
    /// Begins to listen. The seed keeps strangers from choosing addresses that share a place.
    #[must_use]
    pub fn new(limits: Limits, seed: u64) -> Self {
        let suspects = core::iter::repeat_n(None, index(limits.clients.max(1))).collect();
        Self { limits, seed, suspects, until: Duration::ZERO, misses: 0, told: 0, suppressed: 0 }
    }

    /// Hears of a refusal, and says if it is a sign.
    pub fn hear(&mut self, now: Duration, client: IpAddr, reason: Reason) -> Option<Signal> {
        if now >= self.until {
            self.until = now.saturating_add(self.limits.window);
            self.suspects.fill(None);
            (self.misses, self.told) = (0, 0);
        }
        let client = client.to_canonical();
        let place = self.place(client);
        let slot = self.suspects.get_mut(place)?;
        let suspect = match slot {
            Some(suspect) if suspect.client == client => suspect,
            _ => slot.insert(Suspect { client, misses: 0, faults: 0, ambiguous: false }),
        };
        let signal = match reason {
            Reason::Ambiguous => {
                let first = !core::mem::replace(&mut suspect.ambiguous, true);
                first.then_some(Signal::Ambiguity { client })
            }
            Reason::NoRoute | Reason::Denied => {
                suspect.misses = suspect.misses.saturating_add(1);
                self.misses = self.misses.saturating_add(1);
                let misses = suspect.misses;
                if self.misses == self.limits.flood {
                    Some(Signal::Flood { misses: self.misses })
                } else {
                    (misses == self.limits.scan).then_some(Signal::Scan { client, misses })
                }
            }
            Reason::Malformed => {
                suspect.faults = suspect.faults.saturating_add(1);
                let faults = suspect.faults;
                (faults == self.limits.noise).then_some(Signal::Noise { client, faults })
            }
            Reason::NoCard | Reason::CardFailed => None,
        };
        let signal = signal?;
        if self.told >= self.limits.signals {
            self.suppressed = self.suppressed.saturating_add(1);
            return None;
        }
        self.told = self.told.saturating_add(1);
        Some(signal)
    }

    /// How many signals were not given because there were too many.
    #[must_use]
    pub fn suppressed(&self) -> u64 {
        self.suppressed
    }

    /// The place of a customer; IPv6 customers share that of their network of 64 bits.
    fn place(&self, client: IpAddr) -> usize {
        let bits = match client {
            IpAddr::V4(address) => u64::from(address.to_bits()),
            IpAddr::V6(address) => crate::number::wide_halves(address.to_bits()).1,
        };
        let (_, high) = halves(fold(bits ^ self.seed, 0x9e37_79b9_7f4a_7c15));
        let places = crate::number::long(self.suspects.len());
        crate::number::short(u64::from(high).wrapping_mul(places) >> 32)
    }
}
