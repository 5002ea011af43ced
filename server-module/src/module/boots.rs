//! The module's SNMPv3 engine: its identity and how often it has started, which must be written down before it is used
//! (RFC 3414 §2.2). A message of an earlier start could be played again otherwise.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use snmp_mib::usm;

/// The file under the state directory: the identity in hexadecimal digits and the boots, on one line.
const FILE: &str = "snmp-engine";

/// The longest message that the engine takes, in octets.
const MAX_SIZE: i32 = 65_507;

/// The engine as it is in this run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Boots {
    engine: Vec<u8>,
    boots: i32,
    salt: u64,
}

impl Boots {
    /// Reads the engine of a state directory, or makes one below that enterprise number, and writes down that it
    /// has started once more.
    pub(super) fn begin(state: &Path, enterprise: u32) -> io::Result<Self> {
        let path = state.join(FILE);
        let (engine, before) = match fs::read_to_string(&path) {
            Ok(text) => parse(&text).ok_or_else(|| {
                io::Error::new(io::ErrorKind::InvalidData, format!("{} is no SNMP engine", path.display()))
            })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => (identity(enterprise)?, 0),
            Err(error) => return Err(error),
        };
        // At its end the count stays, and every authenticated message is refused until there is a new engine.
        let boots = before.saturating_add(1);
        let digits: String = engine.iter().map(|octet| format!("{octet:02x}")).collect();
        let draft = path.with_extension("new");
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
        writeln!(file, "{digits} {boots}")?;
        file.sync_all()?;
        fs::rename(&draft, &path)?;
        File::open(state)?.sync_all()?;
        Ok(Self { engine, boots, salt: u64::from_ne_bytes(random()?) })
    }

    /// What one of the module's engines is told; each has salts of its own, as all share the users' keys.
    pub(super) fn config(&self, number: u64) -> usm::Config {
        let salt = (self.salt >> 2) | (number << 62);
        usm::Config { engine: self.engine.as_slice().into(), boots: self.boots, salt, max_size: MAX_SIZE }
    }
}

fn parse(text: &str) -> Option<(Vec<u8>, i32)> {
    let (digits, boots) = text.trim_end().split_once(' ')?;
    let octet = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
    let engine: Option<Vec<u8>> = (0..digits.len()).step_by(2).map(octet).collect();
    let engine = engine.filter(|engine| (5..=32).contains(&engine.len()))?;
    Some((engine, boots.parse().ok().filter(|boots| *boots > 0)?))
}

/// RFC 3411 §5: the enterprise number with the highest bit set, 5 for octets of one's own, and eight of chance.
fn identity(enterprise: u32) -> io::Result<Vec<u8>> {
    let mut engine = (enterprise | 1 << 31).to_be_bytes().to_vec();
    engine.push(5);
    engine.extend(random()?);
    Ok(engine)
}

fn random() -> io::Result<[u8; 8]> {
    let mut octets = [0; 8];
    getrandom::fill(&mut octets).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boots_are_written_down_before_they_are_used_and_never_come_again() {
        let state = tempfile::tempdir().unwrap();
        let first = Boots::begin(state.path(), 32473).unwrap();
        let second = Boots::begin(state.path(), 32473).unwrap();
        assert_eq!((first.boots, second.boots), (1, 2));
        assert_eq!(first.engine, second.engine);
        assert_eq!(first.engine[..5], [0x80, 0, 0x7e, 0xd9, 5]);
        assert_ne!(first.config(0).salt >> 62, first.config(1).salt >> 62);
        fs::write(state.path().join(FILE), "8000 2147483647\n").unwrap();
        assert!(Boots::begin(state.path(), 1).is_err(), "two octets are no identity");
        fs::write(state.path().join(FILE), "8000000001 2147483647\n").unwrap();
        assert_eq!(Boots::begin(state.path(), 1).unwrap().boots, i32::MAX);
        fs::write(state.path().join(FILE), "8000000001\n").unwrap();
        assert!(Boots::begin(state.path(), 1).is_err());
    }
}
