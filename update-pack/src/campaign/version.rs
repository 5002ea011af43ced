//! Versions, compared as people mean them.

use core::cmp::Ordering;
use core::iter::Peekable;
use core::str::Bytes;

/// Compares two versions: runs of digits as numbers of any length, everything else octet by octet. `1.10` is after
/// `1.9`, and `1.0~rc1` before `1.0`, as in Debian (deb-version(7)).
pub fn compare(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.bytes().peekable(), b.bytes().peekable());
    loop {
        let order = match (a.peek(), b.peek()) {
            (None, None) => return Ordering::Equal,
            (Some(x), Some(y)) if x.is_ascii_digit() && y.is_ascii_digit() => number(&mut a, &mut b),
            _ => weight(a.next()).cmp(&weight(b.next())),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// Compares two runs of digits and takes both.
fn number<'a>(a: &mut Peekable<Bytes<'a>>, b: &mut Peekable<Bytes<'a>>) -> Ordering {
    let mut first = Ordering::Equal;
    for digits in [&mut *a, &mut *b] {
        while digits.next_if_eq(&b'0').is_some() {}
    }
    loop {
        match (a.next_if(u8::is_ascii_digit), b.next_if(u8::is_ascii_digit)) {
            (None, None) => return first,
            // The longer number is the greater one, whatever its digits.
            (Some(_), None) => return Ordering::Greater,
            (None, Some(_)) => return Ordering::Less,
            (Some(x), Some(y)) => first = first.then(x.cmp(&y)),
        }
    }
}

/// `~` before the end, the end before letters, letters before everything else.
fn weight(byte: Option<u8>) -> (u8, u8) {
    match byte {
        Some(b'~') => (0, 0),
        None => (1, 0),
        // A number begins where the other version has something else: it counts as the end does.
        Some(b'0'..=b'9') => (1, 1),
        Some(letter @ (b'a'..=b'z' | b'A'..=b'Z')) => (2, letter),
        Some(other) => (3, other),
    }
}
