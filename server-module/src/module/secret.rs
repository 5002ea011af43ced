//! The secret from which each card's community follows.
//!
//! Until cards speak SNMPv3 a card takes a SET only with the random community that it read from its own `Snmpconf`.
//! Derived from one secret that outlives the process, it stays the same over a restart of the module, so that cards
//! need not boot again.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::cabinet::Position;

/// The file under the state directory.
const FILE: &str = "card-secret";

/// The octets of the secret.
const LENGTH: usize = 32;

/// What only the module and the disk of its state know.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct CardSecret([u8; LENGTH]);

impl CardSecret {
    /// Reads the secret of a state directory, or makes one.
    pub(crate) fn load(state: &Path) -> io::Result<Self> {
        let path = state.join(FILE);
        match fs::read(&path) {
            Ok(bytes) => bytes.try_into().map(Self).map_err(|_| {
                io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!("{} is not {LENGTH} octets", path.display()),
                )
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::make(&path),
            Err(error) => Err(error),
        }
    }

    fn make(path: &Path) -> io::Result<Self> {
        let mut secret = [0; LENGTH];
        getrandom::fill(&mut secret).map_err(|error| io::Error::other(error.to_string()))?;
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(&secret)?;
        file.sync_all()?;
        Ok(Self(secret))
    }

    /// The community by which the module, and nobody else, commands a card: 32 hexadecimal digits.
    pub(crate) fn community(&self, card: Position) -> String {
        let digest = Sha256::new().chain_update(self.0).chain_update(format!("snmp {card}")).finalize();
        digest.iter().take(16).map(|octet| format!("{octet:02x}")).collect()
    }
}

impl fmt::Debug for CardSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CardSecret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn communities_differ_from_card_to_card_and_outlive_a_restart() {
        let state = tempfile::tempdir().unwrap();
        let secret = CardSecret::load(state.path()).unwrap();
        let (one, two) = (secret.community(Position::new(1, 1)), secret.community(Position::new(1, 2)));
        assert_ne!(one, two);
        assert_eq!(one.len(), 32);
        assert_eq!(CardSecret::load(state.path()).unwrap().community(Position::new(1, 1)), one);
        assert_eq!(format!("{secret:?}"), "CardSecret(..)");
        fs::write(state.path().join(FILE), "short").unwrap();
        assert!(CardSecret::load(state.path()).is_err());
    }
}
