//! Conversions that cannot fail on the platforms that the crate is built for, written without `as`.

/// Widens an offset; a platform with 16-bit pointers could never hold a table that long.
pub(crate) fn index(n: u32) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

/// Widens a length.
pub(crate) fn long(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

/// Narrows a length that the caller has bounded before.
pub(crate) fn short(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

/// Multiplies to 128 bits and folds the halves together: the mixing step of wyhash and foldhash.
pub(crate) fn fold(a: u64, b: u64) -> u64 {
    let wide = u128::from(a).wrapping_mul(u128::from(b));
    let low = u64::try_from(wide & u128::from(u64::MAX)).unwrap_or(0);
    let high = u64::try_from(wide >> 64).unwrap_or(0);
    low ^ high
}
