//! CRC-32C (Castagnoli), as RFC 4960 appendix B has it.

/// The checksum of the parts one after the other.
pub(super) fn checksum<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> u32 {
    let mut crc = u32::MAX;
    for &byte in parts.into_iter().flatten() {
        let [low, ..] = crc.to_le_bytes();
        crc = TABLE.get(usize::from(low ^ byte)).copied().unwrap_or(0) ^ crc.wrapping_shr(8);
    }
    !crc
}

static TABLE: [u32; 256] = table();

#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions)]
const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut n = 0;
    while n < 256 {
        let mut crc = n as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { 0x82f6_3b78 ^ (crc >> 1) } else { crc >> 1 };
            bit += 1;
        }
        table[n] = crc;
        n += 1;
    }
    table
}
