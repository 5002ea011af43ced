//! SNMPv3 with toy cryptography, so that the code behind authentication is reached.
#![no_main]

use libfuzzer_sys::fuzz_target;
use snmp_mib::usm::{Auth, Authority, Config, Credentials, Crypto, Peer, Privacy, Reason, Refused};
use snmp_mib::wire::ScopedPdu;
use std::sync::LazyLock;
use std::time::Duration;

/// Sums instead of hashes, one XOR instead of a cipher.
#[derive(Clone, Debug, PartialEq)]
struct Toy;

fn sum<'a>(seed: u64, bytes: impl Iterator<Item = &'a u8>) -> u64 {
    bytes.fold(seed, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(*byte)))
}

fn fill(out: &mut [u8; 64], sum: u64) {
    out.iter_mut().zip(sum.to_be_bytes().iter().cycle()).for_each(|(to, from)| *to = *from);
}

impl Crypto for Toy {
    fn hash(&self, _: Auth, parts: &mut dyn Iterator<Item = &[u8]>, out: &mut [u8; 64]) {
        fill(out, sum(7, parts.flatten()));
    }

    fn mac(&self, _: Auth, key: &[u8], parts: &mut dyn Iterator<Item = &[u8]>, out: &mut [u8; 64]) {
        fill(out, sum(sum(7, key.iter()), parts.flatten()));
    }

    fn encrypt(&self, _: Privacy, key: &[u8], iv: &[u8; 16], data: &mut [u8]) {
        data.iter_mut().for_each(|byte| *byte ^= key[0] ^ iv[15]);
    }

    fn decrypt(&self, privacy: Privacy, key: &[u8], iv: &[u8; 16], data: &mut [u8]) {
        self.encrypt(privacy, key, iv, data);
    }
}

const NOW: Duration = Duration::from_secs(100);

/// An engine and a manager that knows it.
static ACQUAINTED: LazyLock<(Authority<Toy>, Peer<Toy>)> = LazyLock::new(|| {
    let (auth, privacy) = ((Auth::Sha256, &b"open sesame"[..]), (Privacy::Aes128, &b"treasure"[..]));
    let ali = Credentials::encrypted(&Toy, b"ali", auth, privacy).expect("passwords of eight characters");
    let config = Config { engine: (*b"\x80\0\x7e\xd9\x04cave").into(), boots: 1, salt: 7, max_size: 1472 };
    let mut authority = Authority::new(Duration::ZERO, Toy, config, std::slice::from_ref(&ali));
    let mut peer = Peer::new(Toy, ali, 9, 1472);
    let (mut sent, mut answer, mut plain) = (Vec::new(), Vec::new(), Vec::new());
    while !peer.is_known() {
        let question = peer.discover(NOW, 1, &mut sent).expect("room");
        let refused = authority.open(NOW, question, &mut plain).expect_err("a discovery is refused");
        let report = authority.report(NOW, &refused, &mut answer).expect("and reported");
        peer.open(NOW, report, &mut Vec::new()).expect("which teaches");
    }
    (authority, peer)
});

fuzz_target!(|data: &[u8]| {
    let (mut authority, mut peer) = ACQUAINTED.clone();
    let (mut plain, mut out) = (Vec::new(), Vec::new());

    // A stranger's bytes: refused, and the answer no larger than a small multiple of what was sent.
    if let Err(refused) = authority.open(NOW, data, &mut plain)
        && let Some(report) = authority.report(NOW, &refused, &mut out)
    {
        assert!(report.len() <= 2 * data.len().max(64), "{} octets for {}", report.len(), data.len());
    }
    let mut before = peer.clone();
    if before.open(NOW, data, &mut Vec::new()).is_err() {
        assert_eq!(before, peer, "what is not trusted teaches nothing");
    }

    // The same bytes as a scoped PDU of one who has the keys.
    let message = peer.seal(NOW, 1, data, &mut out).expect("room").to_vec();
    let mut plain = Vec::new();
    match authority.open(NOW, &message, &mut plain) {
        Ok(opened) => assert_eq!(Ok(opened.scoped), ScopedPdu::parse(data)),
        Err(Refused::Reason { reason: Reason::Decryption, .. }) => assert!(ScopedPdu::parse(data).is_err()),
        Err(other) => panic!("sealed by one who has the keys: {other}"),
    }

    // And with one bit of it turned.
    if let Some(bit) = data.first() {
        let mut bent = message.clone();
        let at = usize::from(*bit) * 7 % (bent.len() * 8);
        bent[at / 8] ^= 1 << (at % 8);
        assert!(authority.open(NOW, &bent, &mut Vec::new()).is_err());
    }
});
