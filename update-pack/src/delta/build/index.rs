//! The suffix index: where in a text the longest match of some bytes begins.

use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::ops::Range;

/// All suffixes of those ranges of a text that are worth it, in their order.
pub(super) struct Index<'a> {
    whole: &'a [u8],
    /// The ranges, one after another.
    text: Cow<'a, [u8]>,
    /// Where each range begins, in `text` and in `whole`.
    ranges: Vec<(usize, usize)>,
    order: Vec<i32>,
    /// The first eight bytes of every 16th suffix.
    keys: Vec<u64>,
    /// Four bits a byte of text: which beginnings of eight bytes occur.
    seen: Vec<u64>,
}

/// A match: where it begins in the text, and how long it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Match {
    pub(super) at: usize,
    pub(super) len: usize,
}

const STRIDE: usize = 16;
/// Suffixes of equal merit that are looked at for the one nearest to where it is wanted.
const NEAR: usize = 12;

impl<'a> Index<'a> {
    /// Indexes ascending ranges of a text; `None` above 2 GiB.
    pub(super) fn new(whole: &'a [u8], ranges: &[Range<usize>]) -> Option<Self> {
        let mut starts = Vec::new();
        let text = if let [range] = ranges {
            starts.push((0, range.start));
            Cow::Borrowed(&whole[range.clone()])
        } else {
            let mut text = Vec::with_capacity(ranges.iter().map(ExactSizeIterator::len).sum());
            for range in ranges {
                starts.push((text.len(), range.start));
                text.extend_from_slice(&whole[range.clone()]);
            }
            Cow::Owned(text)
        };
        if i32::try_from(text.len()).is_err() {
            return None;
        }
        let order = libsais::SuffixArrayConstruction::for_text(&text).in_owned_buffer32().single_threaded().run();
        let order = order.ok()?.into_vec();
        let keys = order.iter().step_by(STRIDE).map(|at| key(&text[*at as usize..])).collect();
        let mut seen = alloc::vec![0; (text.len() / 16).next_power_of_two()];
        for bytes in text.windows(8) {
            let (word, bit) = place(key(bytes), seen.len());
            seen[word] |= bit;
        }
        Some(Self { whole, text, ranges: starts, order, keys, seen })
    }

    /// The longest match of the beginning of `wanted`, and of the longest the one nearest to `near`; nothing when
    /// it is shorter than eight bytes.
    pub(super) fn longest(&self, wanted: &[u8], near: usize) -> Match {
        let want = key(wanted);
        let (word, bit) = place(want, self.seen.len());
        if wanted.len() < 8 || self.seen[word] & bit == 0 {
            return Match::default();
        }
        let range = self.ranges.partition_point(|(_, start)| *start <= near).saturating_sub(1);
        let near = self.ranges.get(range).map_or(0, |(text, start)| text + near.saturating_sub(*start));
        let found = self.search(wanted, want, near);
        let range = self.ranges.partition_point(|(text, _)| *text <= found.at).saturating_sub(1);
        let Some((text, start)) = self.ranges.get(range) else { return Match::default() };
        let at = found.at - text + start;
        // In the whole text it may go on beyond its range, or end with it.
        Match { at, len: equal(&self.whole[at..], wanted) }
    }

    fn search(&self, wanted: &[u8], want: u64, near: usize) -> Match {
        let text = &*self.text;
        // The keys narrow the search to suffixes that share the first bytes.
        let low = self.keys.partition_point(|key| *key < want);
        let high = low + self.keys[low..].partition_point(|key| *key == want);
        let (mut low, mut high) = (low.saturating_sub(1) * STRIDE, (high * STRIDE).min(self.order.len()));
        let (mut low_len, mut high_len) = (0, 0);
        while low < high {
            let middle = low.midpoint(high);
            let suffix = &text[self.order[middle] as usize..];
            let known = low_len.min(high_len);
            let len = known + equal(&suffix[known..], &wanted[known..]);
            if len == wanted.len() || suffix.get(len).is_some_and(|byte| *byte > wanted[len]) {
                high = middle;
                high_len = len;
            } else {
                low = middle + 1;
                low_len = len;
            }
        }
        let measure = |place: usize| {
            let at = self.order[place] as usize;
            Match { at, len: equal(&text[at..], wanted) }
        };
        let mut best = Match::default();
        if low < self.order.len() {
            best = measure(low);
        }
        if low > 0 {
            let other = measure(low - 1);
            if other.len > best.len {
                best = other;
            }
        }
        if best.len == 0 {
            return best;
        }
        let after = low..self.order.len().min(low + NEAR);
        let before = (low.saturating_sub(NEAR)..low).rev();
        let mut look = |places: &mut dyn Iterator<Item = usize>| {
            for place in places {
                let other = measure(place);
                if other.len < best.len {
                    break;
                }
                if other.at.abs_diff(near) < best.at.abs_diff(near) {
                    best.at = other.at;
                }
            }
        };
        look(&mut after.into_iter());
        look(&mut before.into_iter());
        best
    }
}

/// How many bytes two slices begin with alike.
pub(super) fn equal(a: &[u8], b: &[u8]) -> usize {
    let mut len = 0;
    for (a, b) in a.as_chunks::<8>().0.iter().zip(b.as_chunks::<8>().0) {
        let differ = u64::from_le_bytes(*a) ^ u64::from_le_bytes(*b);
        if differ != 0 {
            return len + (differ.trailing_zeros() / 8) as usize;
        }
        len += 8;
    }
    len + a[len..].iter().zip(&b[len..]).take_while(|(a, b)| a == b).count()
}

/// Where the eight bytes of a key are marked.
fn place(key: u64, words: usize) -> (usize, u64) {
    let hash = key.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((hash >> 32) as usize & (words - 1), 1 << (hash >> 26 & 63))
}

/// The first eight bytes as a number that orders like the bytes.
fn key(bytes: &[u8]) -> u64 {
    let mut first = [0; 8];
    let len = bytes.len().min(8);
    first[..len].copy_from_slice(&bytes[..len]);
    u64::from_be_bytes(first)
}
