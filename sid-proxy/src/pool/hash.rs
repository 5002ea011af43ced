//! The one hash by which cards and clients are matched: fixed, so that two proxies agree.
//!
//! It is SipHash-2-4 (Aumasson, Bernstein, 2012), whose test vectors anyone can check. Without a key it spreads well
//! and is the same everywhere; with a secret one it also tells nothing of what went in.

use core::net::IpAddr;

/// The hash of a client for [`PickKey::client`](super::PickKey): SipHash-2-4 with the key 0 over the 16 bytes of its
/// IPv6 address, an IPv4 address being mapped (`::ffff:192.0.2.1`).
///
/// Of an IPv6 address the last eight bytes count as zeros: hosts change them at will (RFC 8981), the network stays.
///
/// Every proxy that knows the same members picks the same card for it with [`Balance::HashClient`] and
/// [`Balance::Rendezvous`], whatever the order in which it learned of them.
///
/// [`Balance::HashClient`]: super::Balance::HashClient
/// [`Balance::Rendezvous`]: super::Balance::Rendezvous
///
/// ```
/// use sid_proxy::pool::client_hash;
/// # use core::net::IpAddr;
/// let client = |text: &str| client_hash(text.parse::<IpAddr>().unwrap());
/// assert_eq!(client("192.0.2.1"), 0x22a4_d4a2_6b67_8a41);
/// assert_eq!(client("192.0.2.1"), client("::ffff:192.0.2.1"));
/// assert_eq!(client("2001:db8::1"), client("2001:db8::2:3"));
/// ```
#[must_use]
pub fn client_hash(client: IpAddr) -> u64 {
    let bits = match client.to_canonical() {
        IpAddr::V4(ip) => u128::from(ip.to_ipv6_mapped()),
        IpAddr::V6(ip) => u128::from(ip) & !u128::from(u64::MAX),
    };
    siphash([0; 16], &bits.to_be_bytes())
}

/// SipHash-2-4.
pub(crate) fn siphash(key: [u8; 16], message: &[u8]) -> u64 {
    let key = u128::from_le_bytes(key);
    let half = |n: u128| u64::try_from(n & u128::from(u64::MAX)).unwrap_or(0);
    let (k0, k1) = (half(key), half(key >> 64));
    let mut v = [
        k0 ^ 0x736f_6d65_7073_6575,
        k1 ^ 0x646f_7261_6e64_6f6d,
        k0 ^ 0x6c79_6765_6e65_7261,
        k1 ^ 0x7465_6462_7974_6573,
    ];
    let mut chunks = message.chunks_exact(8);
    for chunk in &mut chunks {
        compress(&mut v, chunk.try_into().map_or(0, u64::from_le_bytes));
    }
    let rest = chunks.remainder().iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte));
    compress(&mut v, rest | crate::number::long(message.len()) << 56);
    let [_, _, v2, _] = &mut v;
    *v2 ^= 0xff;
    (0..4).for_each(|_| round(&mut v));
    v.iter().fold(0, |hash, word| hash ^ word)
}

fn compress(v: &mut [u64; 4], word: u64) {
    let [_, _, _, v3] = v;
    *v3 ^= word;
    round(v);
    round(v);
    let [v0, ..] = v;
    *v0 ^= word;
}

fn round([a, b, c, d]: &mut [u64; 4]) {
    *a = a.wrapping_add(*b);
    *b = b.rotate_left(13) ^ *a;
    *a = a.rotate_left(32);
    *c = c.wrapping_add(*d);
    *d = d.rotate_left(16) ^ *c;
    *a = a.wrapping_add(*d);
    *d = d.rotate_left(21) ^ *a;
    *c = c.wrapping_add(*b);
    *b = b.rotate_left(17) ^ *c;
    *c = c.rotate_left(32);
}

#[cfg(test)]
mod tests {
    use super::siphash;

    /// Vectors 0, 1, 8 and 15 of the reference implementation.
    #[test]
    fn siphash_keeps_to_its_published_vectors() {
        let key: [u8; 16] = core::array::from_fn(|n| n as u8);
        let message: [u8; 16] = key;
        for (len, hash) in [
            (0, 0x726f_db47_dd0e_0e31),
            (1, 0x74f8_39c5_93dc_67fd),
            (8, 0x93f5_f579_9a93_2462),
            (15, 0xa129_ca61_49be_45e5),
        ] {
            assert_eq!(siphash(key, &message[..len]), hash, "{len} bytes");
        }
    }
}
