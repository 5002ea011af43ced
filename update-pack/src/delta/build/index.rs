//! The suffix index: where in a text the longest match of some bytes begins.

use alloc::vec::Vec;

/// All suffixes of a text in their order, and for every 16th of them its first eight bytes.
pub(super) struct Index<'a> {
    text: &'a [u8],
    order: Vec<i32>,
    keys: Vec<u64>,
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
    /// Indexes a text; `None` above 2 GiB.
    pub(super) fn new(text: &'a [u8]) -> Option<Self> {
        if i32::try_from(text.len()).is_err() {
            return None;
        }
        let order = libsais::SuffixArrayConstruction::for_text(text).in_owned_buffer32().single_threaded().run();
        let order = order.ok()?.into_vec();
        let keys = order.iter().step_by(STRIDE).map(|at| key(&text[*at as usize..])).collect();
        Some(Self { text, order, keys })
    }

    /// The longest match of the beginning of `wanted`, and of the longest the one nearest to `near`.
    pub(super) fn longest(&self, wanted: &[u8], near: usize) -> Match {
        let text = self.text;
        let want = key(wanted);
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

/// The first eight bytes as a number that orders like the bytes.
fn key(bytes: &[u8]) -> u64 {
    let mut first = [0; 8];
    let len = bytes.len().min(8);
    first[..len].copy_from_slice(&bytes[..len]);
    u64::from_be_bytes(first)
}
