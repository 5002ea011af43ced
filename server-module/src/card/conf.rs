//! What the card's own `Snmpconf` says: who may ask it, and whom it tells.

use std::net::SocketAddr;

/// The lines of an `Snmpconf` that the card program reads; it is written for net-snmp's agent as well.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct SnmpConf {
    pub(super) read: String,
    pub(super) write: String,
    pub(super) told: Option<SocketAddr>,
}

/// An `Snmpconf` without the communities by which the cabinet asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Snmpconf has no {0}")]
pub(super) struct Missing(&'static str);

impl SnmpConf {
    /// Reads the file; lines that it does not know are for others.
    pub(super) fn parse(text: &str) -> Result<Self, Missing> {
        let word = |directive: &str| {
            text.lines().find_map(|line| {
                let mut words = line.split_ascii_whitespace();
                (words.next() == Some(directive)).then(|| words.next()).flatten()
            })
        };
        Ok(Self {
            read: word("rocommunity").ok_or(Missing("rocommunity"))?.to_owned(),
            write: word("rwcommunity").ok_or(Missing("rwcommunity"))?.to_owned(),
            told: word("trap2sink").and_then(|address| address.parse().ok()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn communities_and_the_trap_sink_are_read_and_the_rest_is_for_others() {
        let text = "# Snmpconf\nsysName card-2.1\nrocommunity r 10.1.0.1\nrwcommunity w 10.1.0.1\ntrap2sink 10.1.0.1:162\n";
        let conf = SnmpConf::parse(text).ok().unwrap();
        assert_eq!((conf.read.as_str(), conf.write.as_str()), ("r", "w"));
        assert_eq!(conf.told, Some("10.1.0.1:162".parse().unwrap()));
        assert_eq!(SnmpConf::parse("rocommunity r").err(), Some(Missing("rwcommunity")));
    }
}
