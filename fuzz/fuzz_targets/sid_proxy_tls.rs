#![no_main]
//! A ClientHello: however it is cut into segments and records, it is read alike, and nothing panics.

use libfuzzer_sys::fuzz_target;
use sid_proxy::tls::Peek;

fuzz_target!(|data: &[u8]| {
    let [cut, width, bytes @ ..] = data else { return };
    let mut whole = Peek::new();
    let whole = whole.read(bytes);

    // In segments: silent until there is an answer, and then this one.
    let mut peek = Peek::new();
    let step = usize::from(*cut % 97) + 1;
    let mut end = 0;
    let last = loop {
        end = bytes.len().min(end + step);
        match peek.read(&bytes[..end]) {
            Ok(None) if end < bytes.len() => {}
            other => break other,
        }
    };
    match (&whole, &last) {
        (Ok(Some(one)), Ok(Some(two))) => assert_eq!(one, two),
        (Ok(Some(_)), _) | (_, Ok(Some(_))) => panic!("whole {whole:?}, in segments {last:?}"),
        _ => assert_eq!(whole, last),
    }

    // The same message in records of another width.
    let Ok(Some(hello)) = whole else { return };
    let mut message = Vec::new();
    let mut rest = bytes;
    while let [22, _, _, high, low, tail @ ..] = rest {
        let len = usize::from(u16::from_be_bytes([*high, *low])).min(tail.len());
        message.extend_from_slice(&tail[..len]);
        rest = &tail[len..];
    }
    let len = usize::from(u16::from_be_bytes([message[2], message[3]])) + (usize::from(message[1]) << 16) + 4;
    let mut other = Vec::new();
    for piece in message[..len].chunks(usize::from(*width) + 64) {
        other.extend_from_slice(&[22, 3, 1]);
        other.extend_from_slice(&(piece.len() as u16).to_be_bytes());
        other.extend_from_slice(piece);
    }
    if other.len() <= sid_proxy::tls::MAX_HELLO {
        let mut peek = Peek::new();
        assert_eq!(peek.read(&other), Ok(Some(hello)));
    }
});
