//! Conversions that cannot fail on the platforms that the crate is built for, written without `as`, and numbers as text.

use alloc::vec::Vec;
use core::fmt::{self, Write as _};
use core::net::IpAddr;

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

/// The lower and the upper half.
#[inline]
pub(crate) fn halves(n: u64) -> (u32, u32) {
    let half = |n: u64| u32::try_from(n & u64::from(u32::MAX)).unwrap_or(0);
    (half(n), half(n >> 32))
}

/// The lower and the upper half.
#[inline]
pub(crate) fn wide_halves(n: u128) -> (u64, u64) {
    let half = |n: u128| u64::try_from(n & u128::from(u64::MAX)).unwrap_or(0);
    (half(n), half(n >> 64))
}

/// Multiplies to 128 bits and folds the halves together: the mixing step of wyhash and foldhash.
#[inline]
pub(crate) fn fold(a: u64, b: u64) -> u64 {
    let (low, high) = wide_halves(u128::from(a).wrapping_mul(u128::from(b)));
    low ^ high
}

/// Appends a number in decimal digits.
pub(crate) fn decimal(mut number: u64, out: &mut Vec<u8>) {
    let mut digits = [0u8; 20];
    let mut len = 0usize;
    for slot in digits.iter_mut().rev() {
        *slot = b'0' | u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
        len = len.saturating_add(1);
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(digits.len().saturating_sub(len)..).unwrap_or_default());
}

/// Appends an address as text, without brackets.
pub(crate) fn address(address: IpAddr, out: &mut Vec<u8>) {
    match address {
        IpAddr::V4(address) => {
            let mut room = [0u8; 16];
            let mut slots = room.iter_mut();
            let mut put = |byte| {
                if let Some(slot) = slots.next() {
                    *slot = byte;
                }
            };
            for octet in address.octets() {
                if octet >= 100 {
                    put(b'0' | (octet / 100));
                }
                if octet >= 10 {
                    put(b'0' | (octet / 10 % 10));
                }
                put(b'0' | (octet % 10));
                put(b'.');
            }
            let len = 15usize.saturating_sub(slots.len());
            out.extend_from_slice(room.get(..len).unwrap_or_default());
        }
        IpAddr::V6(address) => {
            let _ = write!(Text(out), "{address}");
        }
    }
}

/// Lets `write!` append to bytes.
pub(crate) struct Text<'a>(pub(crate) &'a mut Vec<u8>);

impl fmt::Write for Text<'_> {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        self.0.extend_from_slice(s.as_bytes());
        Ok(())
    }
}
