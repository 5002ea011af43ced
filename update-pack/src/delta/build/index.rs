//! The suffix index: where in a text the longest match of some bytes begins.

use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::ops::Range;

/// The suffixes of those ranges of a text that are worth it, in their order: those at even places, in which a match
/// is found a byte late at worst.
pub(super) struct Index<'a> {
    whole: &'a [u8],
    segments: Vec<Segment<'a>>,
    /// About four bits a byte of text: which beginnings of eight bytes occur.
    seen: Vec<u64>,
}

/// The index of some of the ranges. A large text has two, so that sorting one never takes more than twice the text.
struct Segment<'a> {
    /// The ranges, one after another.
    text: Cow<'a, [u8]>,
    /// Where each range begins, in `text` and in the whole.
    ranges: Vec<(usize, usize)>,
    order: Vec<i32>,
    /// The first eight bytes of every 32nd suffix.
    keys: Vec<u64>,
}

/// A match: where it begins in the text, and how long it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Match {
    pub(super) at: usize,
    pub(super) len: usize,
}

const STRIDE: usize = 32;
/// Suffixes of equal merit that are looked at for the one nearest to where it is wanted.
const NEAR: usize = 12;

impl<'a> Index<'a> {
    /// Indexes ascending ranges of a text; `None` above 2 GiB.
    pub(super) fn new(whole: &'a [u8], ranges: &[Range<usize>]) -> Option<Self> {
        let len: usize = ranges.iter().map(ExactSizeIterator::len).sum();
        let mut seen = alloc::vec![0; (len / 32).next_power_of_two()];
        let mut segments = Vec::new();
        let halves =
            if len > whole.len() / 2 { halved(ranges, len / 2) } else { [ranges.to_vec(), Vec::new()] };
        for ranges in halves.iter().filter(|ranges| !ranges.is_empty()) {
            let segment = Segment::new(whole, ranges)?;
            for bytes in segment.text.windows(8) {
                let (word, bit) = place(key(bytes), seen.len());
                seen[word] |= bit;
            }
            segments.push(segment);
        }
        Some(Self { whole, segments, seen })
    }

    /// The longest match of the beginning of `wanted`, and of the longest the one nearest to `near`; nothing when
    /// it is shorter than eight bytes.
    pub(super) fn longest(&self, wanted: &[u8], near: usize) -> Match {
        let want = key(wanted);
        let (word, bit) = place(want, self.seen.len());
        if wanted.len() < 8 || self.seen[word] & bit == 0 {
            return Match::default();
        }
        let found = self.segments.iter().map(|segment| {
            let at = segment.longest(wanted, want, near);
            // In the whole text it may go on beyond its range, or end with it.
            Match { at, len: equal(&self.whole[at..], wanted) }
        });
        found.reduce(|a, b| if b.len > a.len { b } else { a }).unwrap_or_default()
    }
}

/// Divides ranges after so many bytes.
fn halved(ranges: &[Range<usize>], first: usize) -> [Vec<Range<usize>>; 2] {
    let mut halves = [Vec::new(), Vec::new()];
    let mut left = first;
    for range in ranges {
        let cut = range.start + left.min(range.len());
        left -= cut - range.start;
        for (half, part) in halves.iter_mut().zip([range.start..cut, cut..range.end]) {
            if !part.is_empty() {
                half.push(part);
            }
        }
    }
    halves
}

impl<'a> Segment<'a> {
    fn new(whole: &'a [u8], ranges: &[Range<usize>]) -> Option<Self> {
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
        let order =
            libsais::SuffixArrayConstruction::for_text(&text).in_owned_buffer32().single_threaded().run();
        let mut order = order.ok()?.into_vec();
        order.retain(|at| at % 2 == 0);
        order.shrink_to_fit();
        let keys = order.iter().step_by(STRIDE).map(|at| key(&text[*at as usize..])).collect();
        Some(Self { text, ranges: starts, order, keys })
    }

    /// Where in the whole text the longest match begins.
    fn longest(&self, wanted: &[u8], want: u64, near: usize) -> usize {
        let range = self.ranges.partition_point(|(_, start)| *start <= near).saturating_sub(1);
        let near = self.ranges.get(range).map_or(0, |(text, start)| text + near.saturating_sub(*start));
        let found = self.search(wanted, want, near);
        let range = self.ranges.partition_point(|(text, _)| *text <= found.at).saturating_sub(1);
        self.ranges.get(range).map_or(0, |(text, start)| found.at - text + start)
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
