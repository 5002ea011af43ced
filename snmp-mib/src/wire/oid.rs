//! Object identifiers as BER content bytes.
//!
//! Arcs are base-128 with the shortest form enforced, so a prefix of arcs is a prefix of bytes, equality is
//! equality of bytes, and the order of RFC 2578 §7.10 needs a look at the first differing arc only: there the
//! longer encoding is the greater arc. No second, order-preserving form is kept.

use alloc::vec::Vec;
use core::{cmp::Ordering, fmt, str::FromStr};

/// The most arcs an identifier may have (RFC 2578 §3.5).
pub const MAX_ARCS: usize = 128;

/// An object identifier, borrowed: the content bytes of its BER encoding.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Oid<'a>(&'a [u8]);

/// An owned object identifier.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct OidBuf(Vec<u8>);

/// The content is no object identifier: an unfinished or padded arc, an arc over 2^32-1, more than 128 arcs, or
/// in text, something that is not dotted numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an object identifier")]
pub struct OidError;

impl<'a> Oid<'a> {
    /// Checks content bytes.
    ///
    /// # Errors
    /// [`OidError`].
    #[inline]
    pub fn from_content(content: &'a [u8]) -> Result<Self, OidError> {
        check(content)?;
        Ok(Self(content))
    }

    /// Content bytes that were checked before: when the datagram was read, or by [`oid!`](crate::oid) when the
    /// program was built.
    #[doc(hidden)]
    pub const fn from_const(content: &'a [u8]) -> Self {
        Self(content)
    }

    /// The content bytes.
    pub const fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// Tells whether it has no arcs.
    pub const fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The arcs, the first two apart.
    pub fn arcs(self) -> impl Iterator<Item = u32> + Clone + use<'a> {
        let mut arcs = Arcs::new(self.0);
        let joint = arcs.next();
        let root = joint.map(|j| (j / 40).min(2));
        let second = joint.map(|j| j.saturating_sub(root.unwrap_or(0).saturating_mul(40)));
        root.into_iter().chain(second).chain(arcs)
    }

    /// Tells whether `prefix` is this identifier or one above it.
    #[inline]
    pub fn starts_with(self, prefix: Oid<'_>) -> bool {
        self.0.starts_with(prefix.0)
    }

    /// Tells whether it comes after `other` and has its first `shared` octets in common with it.
    #[inline]
    pub(crate) fn follows(self, other: Oid<'_>, shared: usize) -> bool {
        let same = common(self.0, other.0);
        same >= shared && cmp_behind(self.0, other.0, same) == Ordering::Greater
    }

    /// The arcs below `prefix`, or `None` where it is not above this identifier.
    #[inline]
    pub fn strip_prefix(self, prefix: Oid<'_>) -> Option<Arcs<'a>> {
        self.0.strip_prefix(prefix.0).map(Arcs::new)
    }

    /// The first identifier behind everything that begins with this one; `None` where the tree ends with it.
    pub fn after(self) -> Option<OidBuf> {
        let mut arcs: Vec<u32> = Arcs::new(self.0).collect();
        while let Some(last) = arcs.pop() {
            if let Some(next) = last.checked_add(1) {
                arcs.push(next);
                let mut after = OidBuf::new();
                after.extend(&arcs);
                return Some(after);
            }
        }
        None
    }

    /// An owned copy.
    pub fn to_buf(self) -> OidBuf {
        OidBuf(self.0.to_vec())
    }
}

impl PartialOrd for Oid<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Oid<'_> {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        cmp_content(self.0, other.0)
    }
}

/// Compares arcs in their encoded form.
#[inline]
pub(crate) fn cmp_content(a: &[u8], b: &[u8]) -> Ordering {
    cmp_behind(a, b, common(a, b))
}

/// Compares arcs whose first `same` octets are the same, and the next ones are not.
#[inline]
fn cmp_behind(a: &[u8], b: &[u8], same: usize) -> Ordering {
    let (Some((x, a)), Some((y, b))) =
        (a.get(same..).and_then(<[u8]>::split_first), b.get(same..).and_then(<[u8]>::split_first))
    else {
        return a.len().cmp(&b.len());
    };
    match (x & 0x80 != 0, y & 0x80 != 0) {
        (true, true) => {
            // Within equal beginnings, the arc with more octets to come is the greater one.
            let tail = |s: &[u8]| s.iter().take_while(|b| **b & 0x80 != 0).count();
            tail(a).cmp(&tail(b)).then(x.cmp(y))
        }
        (x_more, y_more) => x_more.cmp(&y_more).then(x.cmp(y)),
    }
}

/// How many octets are the same at the beginning of both.
#[inline]
fn common(a: &[u8], b: &[u8]) -> usize {
    let (mut one, mut other, mut same) = (a, b, 0_usize);
    while let (Some((x, rest)), Some((y, more))) =
        (one.split_first_chunk::<8>(), other.split_first_chunk::<8>())
    {
        let differ = u64::from_le_bytes(*x) ^ u64::from_le_bytes(*y);
        if differ != 0 {
            return usize::try_from(differ.trailing_zeros() / 8).map_or(same, |n| same.saturating_add(n));
        }
        (one, other, same) = (rest, more, same.saturating_add(8));
    }
    same.saturating_add(one.iter().zip(other).take_while(|(x, y)| x == y).count())
}

impl fmt::Display for Oid<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, arc) in self.arcs().enumerate() {
            if i > 0 {
                f.write_str(".")?;
            }
            fmt::Display::fmt(&arc, f)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Oid<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl OidBuf {
    /// An identifier of no arcs.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Builds an identifier from arcs.
    ///
    /// # Errors
    /// [`OidError`] where the first arc is over 2, the second over 39 below 0 and 1, or there are too many.
    pub fn from_arcs(arcs: &[u32]) -> Result<Self, OidError> {
        let mut oid = Self::new();
        if let Some((root, below)) = arcs.split_first() {
            let (second, below) = below.split_first().unwrap_or((&0, &[]));
            if *root > 2 || (*root < 2 && *second > 39) || arcs.len() > MAX_ARCS {
                return Err(OidError);
            }
            oid.push(root.saturating_mul(40).checked_add(*second).ok_or(OidError)?);
            below.iter().for_each(|arc| oid.push(*arc));
        }
        Ok(oid)
    }

    /// The borrowed form.
    #[inline]
    pub fn as_oid(&self) -> Oid<'_> {
        Oid(&self.0)
    }

    /// Appends one arc.
    #[inline]
    pub fn push(&mut self, arc: u32) {
        push_arc(&mut self.0, arc);
    }

    /// Appends arcs.
    pub fn extend(&mut self, arcs: &[u32]) {
        arcs.iter().for_each(|arc| self.push(*arc));
    }

    /// This identifier with `arcs` below it.
    #[must_use]
    pub fn join(mut self, arcs: &[u32]) -> Self {
        self.extend(arcs);
        self
    }

    /// Replaces the content by that of `oid`, keeping the allocation.
    #[inline]
    pub fn assign(&mut self, oid: Oid<'_>) {
        self.0.clear();
        self.0.extend_from_slice(oid.0);
    }

    /// Appends arcs that stand in their encoded form.
    #[inline]
    pub(crate) fn append_content(&mut self, content: &[u8]) {
        self.0.extend_from_slice(content);
    }

    /// Keeps the first `len` content bytes, which must end an arc.
    #[inline]
    pub(crate) fn truncate(&mut self, len: usize) {
        self.0.truncate(len);
    }
}

impl fmt::Display for OidBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_oid().fmt(f)
    }
}

impl fmt::Debug for OidBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_oid().fmt(f)
    }
}

impl PartialOrd for OidBuf {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for OidBuf {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_oid().cmp(&other.as_oid())
    }
}

impl From<Oid<'_>> for OidBuf {
    fn from(oid: Oid<'_>) -> Self {
        oid.to_buf()
    }
}

impl FromStr for OidBuf {
    type Err = OidError;

    /// Reads dotted numbers, with or without the dot before them.
    fn from_str(text: &str) -> Result<Self, OidError> {
        let text = text.strip_prefix('.').unwrap_or(text);
        let arcs: Result<Vec<u32>, _> = text.split('.').map(str::parse).collect();
        Self::from_arcs(&arcs.map_err(|_| OidError)?)
    }
}

/// Arcs in their encoded form, without the joint first pair: what stands below a prefix.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Arcs<'a>(&'a [u8]);

impl<'a> Arcs<'a> {
    pub(crate) const fn new(content: &'a [u8]) -> Self {
        Self(content)
    }

    /// The encoded form of what is left.
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.0
    }

    /// Tells whether no arc is left.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Iterator for Arcs<'_> {
    type Item = u32;

    #[inline]
    fn next(&mut self) -> Option<u32> {
        let (first, mut rest) = self.0.split_first()?;
        let mut arc = u32::from(first & 0x7f);
        let mut more = first & 0x80 != 0;
        while more {
            let (byte, tail) = rest.split_first()?;
            arc = (arc << 7) | u32::from(byte & 0x7f);
            more = byte & 0x80 != 0;
            rest = tail;
        }
        self.0 = rest;
        Some(arc)
    }
}

fn push_arc(bytes: &mut Vec<u8>, arc: u32) {
    let [a, b, c, d, e] = digits(arc);
    match arc {
        0..=0x7f => bytes.push(e & 0x7f),
        0x80..=0x3fff => bytes.extend([d, e & 0x7f]),
        0x4000..=0x1f_ffff => bytes.extend([c, d, e & 0x7f]),
        0x20_0000..=0x0fff_ffff => bytes.extend([b, c, d, e & 0x7f]),
        _ => bytes.extend([a, b, c, d, e & 0x7f]),
    }
}

/// The five base-128 digits of an arc, each with the continuation bit set.
#[allow(clippy::as_conversions, reason = "masked to seven bits")]
pub(super) const fn digits(arc: u32) -> [u8; 5] {
    [
        (arc >> 28) as u8 | 0x80,
        (arc >> 21) as u8 | 0x80,
        (arc >> 14) as u8 | 0x80,
        (arc >> 7) as u8 | 0x80,
        arc as u8 | 0x80,
    ]
}

#[inline]
fn check(content: &[u8]) -> Result<(), OidError> {
    // The joint first pair counts as two.
    if content.len() < MAX_ARCS && short(content) { Ok(()) } else { check_long(content) }
}

/// Tells whether every arc has at most four octets, is not padded and ends: what holds for nearly every name.
/// Looks at eight octets at a time.
#[inline]
fn short(content: &[u8]) -> bool {
    const MORE: u64 = 0x8080_8080_8080_8080;
    let (words, rest) = content.as_chunks::<8>();
    let last = rest.iter().rev().fold(0, |word, byte| (word << 8) | u64::from(*byte));
    let (mut before, mut good) = (0_u64, true);
    for word in words.iter().map(|word| u64::from_le_bytes(*word)).chain([last]) {
        let more = word & MORE;
        if more | before != 0 {
            // Where the continuation bits of the octets one, two and three places before stand.
            let (one, two, three) =
                ((more << 8) | (before >> 56), (more << 16) | (before >> 48), (more << 24) | (before >> 40));
            let padded = more & !one & !(word & !MORE).wrapping_add(!MORE);
            good &= padded == 0 && more & one & two & three == 0;
        }
        before = more;
    }
    // The last word ends in zeros or is nothing but zeros, so what is not finished shows in the last octet.
    good && content.last().is_none_or(|byte| byte & 0x80 == 0)
}

fn check_long(content: &[u8]) -> Result<(), OidError> {
    let (mut arcs, mut length) = (0_usize, 0_u8);
    for byte in content {
        // A padded arc, or one of more than five octets.
        if (length == 0 && *byte == 0x80) || length == 5 {
            return Err(OidError);
        }
        length = length.saturating_add(1);
        if byte & 0x80 == 0 {
            arcs = arcs.saturating_add(1);
            length = 0;
        }
    }
    if length != 0 || arcs >= MAX_ARCS {
        return Err(OidError);
    }
    oversized(content)
}

/// An arc of five octets fits 32 bits only if its first octet carries at most four bits.
fn oversized(content: &[u8]) -> Result<(), OidError> {
    let five = content.windows(5).enumerate().any(|(at, window)| {
        let starts = at.checked_sub(1).and_then(|before| content.get(before)).is_none_or(|b| b & 0x80 == 0);
        starts && matches!(window, [0x90..=0xff, 0x80..=0xff, 0x80..=0xff, 0x80..=0xff, _])
    });
    if five { Err(OidError) } else { Ok(()) }
}
