//! Parse, visit, write and parse again: DHCP messages, TFTP packets, file names, manifests.
#![no_main]

use bootcfg::card::Manifest;
use bootcfg::wire::dhcp::{Builder, Header, Message, OptionCode, key, relay_reply, relay_request, typed};
use bootcfg::wire::tftp::{FileName, Packet};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    dhcp(data);
    if let Ok(packet) = Packet::parse(data) {
        let mut again = Vec::new();
        packet.emit(&mut again);
        assert_eq!(Packet::parse(&again), Ok(packet));
    }
    if let Ok(name) = FileName::parse(data) {
        assert!(name.components().all(|part| !part.is_empty() && part != ".." && part != "." && !part.contains('/')));
        assert_eq!(FileName::parse(name.as_str().as_bytes()), Ok(name));
    }
    if let Some(manifest) = std::str::from_utf8(data).ok().and_then(|text| Manifest::parse(text).ok()) {
        assert_eq!(Manifest::parse(&manifest.to_string()), Ok(manifest));
    }
    let _ = typed::encapsulated(data);
});

fn dhcp(data: &[u8]) {
    let Ok(message) = Message::parse(data) else { return };
    for (code, part) in message.options() {
        let whole = message.option(code).expect("what is visited is found");
        assert!(whole.windows(part.len().max(1)).any(|window| window == part) || part.is_empty());
    }
    let _ = (message.get(key::CLIENT_FQDN), message.get(key::DOMAIN_SEARCH), message.get(key::CLASSLESS_ROUTES));
    let _ = (message.get(key::USER_CLASS), message.get(key::CLIENT_ARCH), message.get(key::ROUTER));
    let info = message.get(key::RELAY_INFO).ok().flatten();
    let _ = info.map(|info| (info.circuit_id().map(<[u8]>::len), info.link_selection(), info.sub(9).map(<[u8]>::len)));

    // What is written of it is read as it was.
    let mut header = Header::request(message.xid(), message.chaddr());
    header.giaddr = message.giaddr();
    let echo = message.option(OptionCode::RELAY_INFO);
    let mut buffer = [0xaa; 1500];
    let limit = usize::from(message.secs());
    let mut builder = Builder::new(&mut buffer, limit, &header, echo.as_deref()).expect("the buffer is large");
    let mut kept = Vec::new();
    for (code, _) in message.options() {
        if [OptionCode::RELAY_INFO, OptionCode::OVERLOAD].contains(&code) || kept.contains(&code) {
            continue;
        }
        if builder.option(code, &message.option(code).unwrap_or_default()) {
            kept.push(code);
        }
    }
    let (len, _) = builder.finish();
    assert!(len <= limit.max(300));
    let again = Message::parse(&buffer[..len]).expect("what is written is a message");
    assert_eq!((again.xid(), again.chaddr(), again.giaddr()), (message.xid(), message.chaddr(), message.giaddr()));
    for code in kept {
        assert_eq!(again.option(code), message.option(code));
    }

    let mut out = Vec::new();
    if relay_request(&message, [10, 1, 2, 254].into(), b"\x01\x032.1", 1472, &mut out).is_some() {
        assert!(Message::parse(&out).is_ok());
    }
    out.clear();
    relay_reply(&message, &mut out);
    let reply = Message::parse(&out).expect("a reply stays a message");
    assert!(reply.options().all(|(code, _)| code != OptionCode::RELAY_INFO) || reply.has(OptionCode::OVERLOAD));
}
