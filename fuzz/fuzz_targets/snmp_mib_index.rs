//! Every index decoder: what it reads from any arcs it writes back as the same arcs, and what it writes it reads.
#![no_main]

use std::net::Ipv4Addr;

use libfuzzer_sys::fuzz_target;
use snmp_mib::mib::{IndexReader, IndexType, IndexWriter, MacAddress};
use snmp_mib::wire::{Arcs, Oid, OidBuf};

/// Reads parts of that type to the end, plain or the last one implied.
fn check<T: IndexType + PartialEq + std::fmt::Debug>(arcs: Arcs<'_>, implied: bool) {
    let mut reader = IndexReader::new(arcs);
    let mut parts: Vec<T> = Vec::new();
    let mut writer = IndexWriter::new();
    if implied {
        if let Some(part) = reader.implied::<T>() {
            writer.implied(&part);
            parts.push(part);
        }
    } else {
        while !reader.is_empty() && parts.len() < 8 {
            let Some(part) = reader.part::<T>() else { return };
            writer.part(&part);
            parts.push(part);
        }
    }
    if !reader.is_empty() || parts.is_empty() {
        return;
    }
    assert_eq!(writer.as_bytes(), arcs.as_bytes(), "{parts:?}");
    // The same again, from what was written.
    let mut whole = OidBuf::from_arcs(&[1, 3]).expect("an identifier");
    let own: Vec<u32> = arcs.collect();
    whole.extend(&own);
    let below = whole.as_oid().strip_prefix(Oid::from_content(&[43]).expect("an identifier")).expect("below");
    let mut reader = IndexReader::new(below);
    for part in &parts {
        let again = if implied { reader.implied::<T>() } else { reader.part::<T>() };
        assert_eq!(again.as_ref(), Some(part));
    }
    assert!(reader.is_empty());
}

fuzz_target!(|data: &[u8]| {
    // 1.3 and whatever arcs come behind it.
    let content = [&[43], data].concat();
    let Ok(oid) = Oid::from_content(&content) else { return };
    let arcs = oid.strip_prefix(Oid::from_content(&[43]).expect("an identifier")).expect("below");
    for implied in [false, true] {
        check::<u32>(arcs, implied);
        check::<i32>(arcs, implied);
        check::<Ipv4Addr>(arcs, implied);
        check::<MacAddress>(arcs, implied);
        check::<[u8; 5]>(arcs, implied);
        check::<Vec<u8>>(arcs, implied);
        check::<String>(arcs, implied);
        check::<OidBuf>(arcs, implied);
    }
});
