//! `oid!`: identifiers that are encoded and checked while the program is built.

#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "evaluated by the compiler only: what would panic fails the build"
)]

use super::oid::digits;

/// Content bytes of arcs, when the program is built.
#[doc(hidden)]
pub const fn content_len(arcs: &[u32]) -> usize {
    let mut len = 1;
    let mut i = 2;
    while i < arcs.len() {
        len += arc_len(arcs[i]);
        i += 1;
    }
    // 2.48 and above need a second octet for the joint pair: not among the identifiers that anyone declares.
    assert!(arcs.len() >= 2 && arcs[0] <= 2 && arcs[1] < 40, "an identifier starts with two arcs");
    len
}

/// Content bytes of arcs, when the program is built.
#[doc(hidden)]
pub const fn content<const N: usize>(arcs: &[u32]) -> [u8; N] {
    let mut bytes = [0; N];
    bytes[0] = (arcs[0] * 40 + arcs[1]) as u8;
    let mut at = 1;
    let mut i = 2;
    while i < arcs.len() {
        let len = arc_len(arcs[i]);
        let digits = digits(arcs[i]);
        let mut k = 0;
        while k < len {
            bytes[at] = digits[5 - len + k];
            at += 1;
            k += 1;
        }
        bytes[at - 1] &= 0x7f;
        i += 1;
    }
    bytes
}

/// Octets of an arc's encoded form.
pub(crate) const fn arc_len(arc: u32) -> usize {
    match arc {
        0..=0x7f => 1,
        0x80..=0x3fff => 2,
        0x4000..=0x1f_ffff => 3,
        0x20_0000..=0x0fff_ffff => 4,
        _ => 5,
    }
}

/// An object identifier known when the program is built: `oid!(1, 3, 6, 1)`.
#[macro_export]
macro_rules! oid {
    ($($arc:expr),+ $(,)?) => {{
        const ARCS: &[u32] = &[$($arc),+];
        const LEN: usize = $crate::wire::content_len(ARCS);
        const CONTENT: [u8; LEN] = $crate::wire::content::<LEN>(ARCS);
        $crate::wire::Oid::from_const(&CONTENT)
    }};
}
