//! Talking to an engine in memory.
#![allow(dead_code, unreachable_pub, missing_docs, reason = "every test file uses its part")]
#![allow(clippy::unwrap_used, clippy::panic)]

use std::{net::SocketAddr, time::Duration};

use snmp_mib::agent::{Agent, Input, Output};
use snmp_mib::mib::Mib;
use snmp_mib::wire::{
    Body, ErrorStatus, Message, OidBuf, Pdu, PduType, Value, VarBind, VarBindList, VarBinds, Version,
};

pub const MANAGER: &str = "192.0.2.1:40000";

/// The fields of a request that tests vary.
#[derive(Clone, Debug)]
pub struct Ask {
    pub version: Version,
    pub community: &'static str,
    pub kind: PduType,
    /// error-status, or non-repeaters.
    pub a: i32,
    /// error-index, or max-repetitions.
    pub b: i32,
    pub bindings: VarBindList,
}

/// What came back.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub status: ErrorStatus,
    pub index: i32,
    pub bindings: VarBindList,
    pub length: usize,
}

impl Ask {
    pub fn new(version: Version, kind: PduType, names: &[&str]) -> Self {
        let bindings = names.iter().map(|name| (oid(name), Value::Null));
        let mut list = VarBindList::new();
        bindings.for_each(|(name, value)| list.push(name.as_oid(), value));
        let community = if kind == PduType::SET { "private" } else { "public" };
        Self { version, community, kind, a: 0, b: 0, bindings: list }
    }

    pub fn get(names: &[&str]) -> Self {
        Self::new(Version::V2c, PduType::GET, names)
    }

    pub fn next(names: &[&str]) -> Self {
        Self::new(Version::V2c, PduType::GET_NEXT, names)
    }

    pub fn bulk(non_repeaters: i32, repetitions: i32, names: &[&str]) -> Self {
        Self { a: non_repeaters, b: repetitions, ..Self::new(Version::V2c, PduType::GET_BULK, names) }
    }

    pub fn set(bindings: &[(&str, Value<'_>)]) -> Self {
        let mut ask = Self::new(Version::V2c, PduType::SET, &[]);
        bindings.iter().for_each(|(name, value)| ask.bindings.push(oid(name).as_oid(), *value));
        ask
    }

    pub fn v1(self) -> Self {
        Self { version: Version::V1, ..self }
    }

    pub fn by(self, community: &'static str) -> Self {
        Self { community, ..self }
    }

    pub fn bytes(&self) -> Vec<u8> {
        let pdu = Pdu {
            kind: self.kind,
            request_id: 4711,
            error_status: ErrorStatus(self.a),
            error_index: self.b,
            varbinds: self.bindings.as_varbinds(),
        };
        let community = self.community.as_bytes();
        Message { version: self.version, community, body: Body::Pdu(pdu) }.to_vec()
    }

    /// Asks, and expects an answer.
    pub fn of<M: Mib>(&self, agent: &mut Agent<M>) -> Answer {
        self.try_of(agent).expect("an answer")
    }

    pub fn try_of<M: Mib>(&self, agent: &mut Agent<M>) -> Option<Answer> {
        send(agent, &self.bytes())
    }
}

/// Hands a datagram to an agent and returns its answer.
pub fn send<M: Mib>(agent: &mut Agent<M>, data: &[u8]) -> Option<Answer> {
    let from: SocketAddr = MANAGER.parse().unwrap();
    let _ = agent.handle(Duration::from_secs(1), Input::Datagram { from, data });
    drain(agent).pop()
}

/// Everything that an agent sends now.
pub fn drain<M: Mib>(agent: &mut Agent<M>) -> Vec<Answer> {
    let mut answers = Vec::new();
    while let Some(output) = agent.poll_output() {
        if let Output::Send { data, .. } = output {
            answers.push(answer(data));
        }
    }
    answers
}

pub fn answer(data: &[u8]) -> Answer {
    match Message::parse(data).unwrap().body {
        Body::Pdu(pdu) => {
            assert_eq!((pdu.kind, pdu.request_id), (PduType::RESPONSE, 4711));
            Answer {
                status: pdu.error_status,
                index: pdu.error_index,
                bindings: pdu.varbinds.iter().collect(),
                length: data.len(),
            }
        }
        other @ Body::TrapV1(_) => panic!("no response: {other:?}"),
    }
}

impl Answer {
    pub fn good(&self) -> &Self {
        assert_eq!(self.status, ErrorStatus::NO_ERROR);
        self
    }

    pub fn failed(&self, status: ErrorStatus, index: i32) -> &Self {
        assert_eq!((self.status, self.index), (status, index));
        self
    }

    pub fn binding(&self, position: usize) -> VarBind<'_> {
        self.bindings.as_varbinds().nth(position).expect("a binding")
    }

    pub fn value(&self, position: usize) -> Value<'_> {
        self.binding(position).value
    }

    pub fn names(&self) -> Vec<String> {
        self.bindings.iter().map(|binding| binding.name.to_string()).collect()
    }

    pub fn varbinds(&self) -> VarBinds<'_> {
        self.bindings.as_varbinds()
    }
}

pub fn oid(text: &str) -> OidBuf {
    text.parse().unwrap()
}

/// Every instance from the start, by GETNEXT, with names that must rise.
pub fn walk<M: Mib>(agent: &mut Agent<M>, version: Version) -> Vec<(OidBuf, String)> {
    let mut seen: Vec<(OidBuf, String)> = Vec::new();
    let mut at = "1.0".to_owned();
    loop {
        let answer = Ask::new(version, PduType::GET_NEXT, &[&at]).of(agent);
        if answer.status == ErrorStatus::NO_SUCH_NAME {
            return seen;
        }
        let VarBind { name, value } = answer.good().binding(0);
        if value == Value::EndOfMibView {
            return seen;
        }
        assert!(seen.last().is_none_or(|(last, _)| last.as_oid() < name), "{name} does not rise");
        at = name.to_string();
        seen.push((name.to_buf(), format!("{value:?}")));
    }
}
