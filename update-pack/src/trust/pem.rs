//! Keys in files, as OpenSSL writes them: PKCS#8 and SubjectPublicKeyInfo in PEM (RFC 7468, RFC 8410).

use alloc::string::String;
use alloc::vec::Vec;

use asn1_rs::{FromDer, Oid, oid};

use super::{PublicKey, SigningKey};
use crate::error::{Malformed, Part, Problem};

const PRIVATE: &str = "PRIVATE KEY";
const PUBLIC: &str = "PUBLIC KEY";

// What stands before the 32 bytes in either file (RFC 8410 §4 and §7).
const PRIVATE_HEAD: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
const PUBLIC_HEAD: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

impl PublicKey {
    /// Reads a public key file.
    ///
    /// # Errors
    /// [`Malformed`] when it holds no Ed25519 public key.
    pub fn from_pem(text: &str) -> Result<Self, Malformed> {
        let der = decode(PUBLIC, text)?;
        let key = spki(&der).ok_or(wrong(Problem::Range))?;
        Self::new(key).ok_or(wrong(Problem::Range))
    }

    /// Writes a public key file.
    pub fn to_pem(&self) -> String {
        encode(PUBLIC, &[&PUBLIC_HEAD[..], &self.0].concat())
    }
}

impl SigningKey {
    /// Reads a private key file.
    ///
    /// # Errors
    /// [`Malformed`] when it holds no unencrypted Ed25519 private key.
    pub fn from_pem(text: &str) -> Result<Self, Malformed> {
        let der = decode(PRIVATE, text)?;
        let secret = pkcs8(&der).ok_or(wrong(Problem::Range))?;
        Ok(Self::new(&secret))
    }

    /// Writes a private key file. Keep it from other people's eyes.
    pub fn to_pem(&self) -> String {
        encode(PRIVATE, &[&PRIVATE_HEAD[..], &self.0.to_bytes()].concat())
    }
}

fn wrong(problem: Problem) -> Malformed {
    Malformed { part: Part::Key, offset: 0, problem }
}

/// `SubjectPublicKeyInfo ::= SEQUENCE { algorithm SEQUENCE { OID }, subjectPublicKey BIT STRING }`
fn spki(der: &[u8]) -> Option<[u8; 32]> {
    let (rest, outer) = asn1_rs::Sequence::from_der(der).ok()?;
    let (after, algorithm) = asn1_rs::Sequence::from_der(&outer.content).ok()?;
    let (end, key) = asn1_rs::BitString::from_der(after).ok()?;
    let sound = rest.is_empty() && end.is_empty() && is_ed25519(&algorithm.content) && key.unused_bits == 0;
    let bytes: &[u8] = key.data.as_ref();
    bytes.try_into().ok().filter(|_| sound)
}

/// `OneAsymmetricKey ::= SEQUENCE { version INTEGER, algorithm SEQUENCE { OID }, privateKey OCTET STRING, ... }`,
/// whose octets hold the 32 in an OCTET STRING of their own (RFC 8410 §7).
fn pkcs8(der: &[u8]) -> Option<[u8; 32]> {
    let (rest, outer) = asn1_rs::Sequence::from_der(der).ok()?;
    let (after, version) = u8::from_der(&outer.content).ok()?;
    let (after, algorithm) = asn1_rs::Sequence::from_der(after).ok()?;
    // Attributes and, in version 2, the public key may follow; they add nothing to the secret.
    let (_, key) = <&[u8]>::from_der(after).ok()?;
    let (end, secret) = <&[u8]>::from_der(key).ok()?;
    let sound = rest.is_empty() && end.is_empty() && version <= 1 && is_ed25519(&algorithm.content);
    secret.try_into().ok().filter(|_| sound)
}

fn is_ed25519(algorithm: &[u8]) -> bool {
    matches!(Oid::from_der(algorithm), Ok((rest, found)) if rest.is_empty() && found == oid!(1.3.101.112))
}

fn encode(label: &str, der: &[u8]) -> String {
    let mut text = alloc::format!("-----BEGIN {label}-----\n");
    let mut column = 0_usize;
    for chunk in der.chunks(3) {
        let mut word: u32 = 0;
        for at in 0..3 {
            word = word << 8 | u32::from(chunk.get(at).copied().unwrap_or(0));
        }
        for (at, shift) in [18, 12, 6, 0].into_iter().enumerate() {
            let six = usize::try_from(word >> shift & 63).unwrap_or(0);
            let character = if at <= chunk.len() { ALPHABET.get(six).copied().unwrap_or(b'=') } else { b'=' };
            text.push(char::from(character));
        }
        column = column.saturating_add(4);
        if column == 64 {
            text.push('\n');
            column = 0;
        }
    }
    if column > 0 {
        text.push('\n');
    }
    text.push_str(&alloc::format!("-----END {label}-----\n"));
    text
}

fn decode(label: &str, text: &str) -> Result<Vec<u8>, Malformed> {
    let begin = alloc::format!("-----BEGIN {label}-----");
    let end = alloc::format!("-----END {label}-----");
    let body = text.split_once(&begin).and_then(|(_, rest)| rest.split_once(&end)).map(|(body, _)| body);
    let body = body.ok_or(wrong(Problem::Magic))?;
    let mut out = Vec::new();
    let (mut word, mut bits): (u32, u32) = (0, 0);
    let mut padded = false;
    for byte in body.bytes().filter(|byte| !byte.is_ascii_whitespace()) {
        if byte == b'=' {
            padded = true;
            continue;
        }
        let six = ALPHABET.iter().position(|known| *known == byte).and_then(|six| u32::try_from(six).ok());
        let six = six.filter(|_| !padded).ok_or(wrong(Problem::Text))?;
        word = word << 6 | six;
        bits = bits.saturating_add(6);
        if bits >= 8 {
            bits = bits.saturating_sub(8);
            out.push(u8::try_from(word >> bits & 0xff).unwrap_or(0));
            word &= (1_u32 << bits).saturating_sub(1);
        }
    }
    if word != 0 { Err(wrong(Problem::NotCanonical)) } else { Ok(out) }
}
