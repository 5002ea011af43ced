//! From ClientHello to name, beside tls-parser; PROXY protocol headers, beside ppp.

use criterion::{Criterion, criterion_group, criterion_main};
use sid_proxy::tls::Peek;
use std::hint::black_box;
use tls_parser::{TlsExtension, TlsMessage, TlsMessageHandshake, parse_tls_extensions, parse_tls_plaintext};

const HELLOS: [(&str, &[u8]); 2] = [
    ("curl 517 B", include_bytes!("../../sid-proxy/tests/hellos/curl.bin")),
    ("chromium 1952 B", include_bytes!("../../sid-proxy/tests/hellos/chromium.bin")),
];

/// The name as a user of tls-parser gets it: record, message, extensions, list of names.
fn tls_parser_name(bytes: &[u8]) -> Option<&[u8]> {
    let (_, record) = parse_tls_plaintext(bytes).ok()?;
    let Some(TlsMessage::Handshake(TlsMessageHandshake::ClientHello(hello))) = record.msg.first() else {
        return None;
    };
    let (_, extensions) = parse_tls_extensions(hello.ext?).ok()?;
    extensions.iter().find_map(|extension| match extension {
        TlsExtension::SNI(names) => names.first().map(|(_, name)| *name),
        _ => None,
    })
}

fn client_hello(c: &mut Criterion) {
    let mut group = c.benchmark_group("ClientHello to name");
    for (name, hello) in HELLOS {
        assert_eq!(tls_parser_name(hello), Some(&b"www.sell.com"[..]));
        group.bench_function(format!("sid-proxy/{name}"), |b| {
            b.iter(|| {
                let mut peek = Peek::new();
                let hello = peek.read(black_box(hello)).unwrap().unwrap();
                black_box(hello.host().unwrap().as_bytes().len())
            });
        });
        group.bench_function(format!("tls-parser/{name}"), |b| {
            b.iter(|| black_box(tls_parser_name(black_box(hello)).unwrap().len()));
        });
    }
}

criterion_group!(benches, client_hello);
criterion_main!(benches);
