//! A hash under a key, so that who does not know the key cannot make names that collide.

/// The hash of `bytes` under `key`: each word folded into the state by a wide multiplication.
pub(crate) fn hash(key: u64, bytes: &[u8]) -> u32 {
    let mut state = key ^ 0x9e37_79b9_7f4a_7c15;
    for chunk in bytes.chunks(8) {
        let mut word = [0; 8];
        for (to, from) in word.iter_mut().zip(chunk) {
            *to = *from;
        }
        state = fold(state ^ u64::from_le_bytes(word), key.rotate_left(32) ^ 0xd6e8_feb8_6659_fd93);
    }
    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    let [a, b, c, d, ..] = fold(state ^ length, 0xa076_1d64_78bd_642f ^ key).to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

/// Both halves of the product, one upon the other.
fn fold(a: u64, b: u64) -> u64 {
    let [l0, l1, l2, l3, l4, l5, l6, l7, h0, h1, h2, h3, h4, h5, h6, h7] =
        u128::from(a).wrapping_mul(u128::from(b)).to_le_bytes();
    u64::from_le_bytes([l0, l1, l2, l3, l4, l5, l6, l7])
        ^ u64::from_le_bytes([h0, h1, h2, h3, h4, h5, h6, h7])
}
