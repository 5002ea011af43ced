//! Parse, emit, parse: no bytes panic, and what was read is written alike.
#![no_main]

use libfuzzer_sys::fuzz_target;
use snmp_mib::notify::Trap;
use snmp_mib::wire::{Message, OidBuf};

fuzz_target!(|data: &[u8]| {
    let Ok((message, anomalies)) = Message::parse_reporting(data) else {
        return;
    };
    let bytes = message.to_vec();
    assert_eq!(bytes.len(), message.encoded_len());
    let (again, clean) = Message::parse_reporting(&bytes).expect("what was written is read");
    assert_eq!(again, message);
    // An identifier of no arcs stays one; every other fault is gone.
    assert!(clean.is_empty() || anomalies.contains(clean));
    assert_eq!(again.to_vec(), bytes);
    if let Some(trap) = Trap::read(&message) {
        let own = OidBuf::from_arcs(&[1, 3]).expect("an identifier");
        let _ = trap.to_v1(own.as_oid());
        trap.objects().for_each(drop);
    }
});
