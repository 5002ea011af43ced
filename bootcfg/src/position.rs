//! Where a card sits, and the address that follows from it.

use core::fmt;
use core::net::Ipv4Addr;
use core::str::FromStr;

/// The place of a card: chassis and slot, both counted from 1, written `C.S`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    chassis: u8,
    slot: u8,
}

impl Position {
    /// Builds the position of slot `slot` in chassis `chassis`, both from 1.
    pub const fn new(chassis: u8, slot: u8) -> Result<Self, PositionError> {
        if chassis == 0 || slot == 0 {
            return Err(PositionError);
        }
        Ok(Self { chassis, slot })
    }

    /// The chassis, from 1.
    pub const fn chassis(self) -> u8 {
        self.chassis
    }

    /// The slot within the chassis, from 1.
    pub const fn slot(self) -> u8 {
        self.slot
    }

    /// Reads `C.S` from bytes, as a relay writes it into its circuit-id.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, PositionError> {
        core::str::from_utf8(bytes).map_err(|_| PositionError)?.parse()
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.chassis, self.slot)
    }
}

impl FromStr for Position {
    type Err = PositionError;

    fn from_str(text: &str) -> Result<Self, PositionError> {
        let (chassis, slot) = text.split_once('.').ok_or(PositionError)?;
        Self::new(number(chassis)?, number(slot)?)
    }
}

/// One spelling a number: digits only and no leading zero, so that a position has one name.
fn number(text: &str) -> Result<u8, PositionError> {
    if text.starts_with('0') || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(PositionError);
    }
    text.parse().map_err(|_| PositionError)
}

/// The text is not a position `C.S` with both numbers between 1 and 255.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a position: expected CHASSIS.SLOT, both from 1 to 255, as in 2.1")]
pub struct PositionError;

/// The position plan: card `c.s` has the address `network + 256 c + s`, in both directions a pure function.
///
/// With `10.1.0.0/16`, card 2.1 is 10.1.2.1 (patent row K7). A card therefore owns its address without a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    network: u32,
    prefix: u8,
    chassis: u8,
    slots: u8,
}

impl Plan {
    /// Builds the plan of `chassis` chassis with `slots` slots each inside `network`/`prefix`.
    pub fn new(network: Ipv4Addr, prefix: u8, chassis: u8, slots: u8) -> Result<Self, PlanError> {
        if prefix == 0 || prefix > 30 {
            return Err(PlanError::Prefix(prefix));
        }
        let network = network.to_bits();
        let hosts = u32::MAX.checked_shr(prefix.into()).unwrap_or(0);
        if network & hosts != 0 {
            return Err(PlanError::HostBits(Ipv4Addr::from_bits(network)));
        }
        if slots == u8::MAX {
            return Err(PlanError::Slots);
        }
        let last = u32::from(u16::from_be_bytes([chassis, slots]));
        if last >= hosts {
            return Err(PlanError::Room { chassis, slots, prefix });
        }
        Ok(Self { network, prefix, chassis, slots })
    }

    /// The address of `position`, or `None` where the cabinet has no such position.
    pub fn address(&self, position: Position) -> Option<Ipv4Addr> {
        self.contains(position).then(|| {
            let host = u16::from_be_bytes([position.chassis, position.slot]);
            Ipv4Addr::from_bits(self.network | u32::from(host))
        })
    }

    /// The position whose address is `address`, if it is one of the plan's.
    pub fn position(&self, address: Ipv4Addr) -> Option<Position> {
        let host = u16::try_from(address.to_bits() ^ self.network).ok()?;
        let [chassis, slot] = host.to_be_bytes();
        Position::new(chassis, slot).ok().filter(|position| self.contains(*position))
    }

    /// Whether the cabinet has this position.
    pub fn contains(&self, position: Position) -> bool {
        position.chassis <= self.chassis && position.slot <= self.slots
    }

    /// Every position, chassis by chassis: 1.1, 1.2, … then 2.1.
    pub fn positions(&self) -> impl Iterator<Item = Position> + use<> {
        let slots = self.slots;
        (1..=self.chassis).flat_map(move |chassis| (1..=slots).map(move |slot| Position { chassis, slot }))
    }

    /// How many positions the cabinet has.
    pub fn capacity(&self) -> usize {
        usize::from(self.chassis).saturating_mul(self.slots.into())
    }

    /// Whether `address` lies in the plan's network.
    pub fn covers(&self, address: Ipv4Addr) -> bool {
        address.to_bits() & self.netmask().to_bits() == self.network
    }

    /// The network's address.
    pub fn network(&self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.network)
    }

    /// The network's mask.
    pub fn netmask(&self) -> Ipv4Addr {
        Ipv4Addr::from_bits(!u32::MAX.checked_shr(self.prefix.into()).unwrap_or(0))
    }

    /// The network's broadcast address.
    pub fn broadcast(&self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.network | !self.netmask().to_bits())
    }
}

/// A plan that cannot give every position an address of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// The prefix length is not between 1 and 30.
    #[error("a prefix length of {0}: expected 1 to 30")]
    Prefix(u8),
    /// The network address has bits set behind its prefix.
    #[error("{0} has bits set behind its prefix length")]
    HostBits(Ipv4Addr),
    /// Slot 255 would end in the address of a broadcast.
    #[error("255 slots a chassis: at most 254 have an address")]
    Slots,
    /// The last position does not fit into the network.
    #[error("{chassis} chassis of {slots} slots do not fit into a /{prefix}")]
    Room {
        /// The chassis asked for.
        chassis: u8,
        /// The slots a chassis asked for.
        slots: u8,
        /// The network's prefix length.
        prefix: u8,
    },
}
