//! Adaptive models of symbols and numbers. Both sides of a delta walk the same code with a [`Coder`] each: the
//! builder's writes the symbol it is given, the reader's ignores it and returns the one it reads.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::error::Problem;

/// Frequencies of a model sum to this power of two.
pub(crate) const SCALE_BITS: u32 = 15;
const SCALE: u16 = 1 << SCALE_BITS;

/// One side of the entropy coder.
pub(crate) trait Coder {
    /// Codes a symbol with the distribution of `model`.
    fn symbol(&mut self, model: &Symbols, symbol: u8) -> Result<u8, Problem>;
    /// Codes the low `count` bits of a number, at most [`SCALE_BITS`], as they are.
    fn bits(&mut self, count: u32, value: u16) -> Result<u16, Problem>;
}

/// The distribution of up to 256 symbols, learned from those that went by.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Symbols {
    /// Sums of the frequencies before each symbol.
    sums: [u16; 257],
    /// For the top seven bits of a slot, the symbol at which the search for the slot's symbol begins.
    first: [u8; 128],
    counts: [u16; 256],
    total: u16,
    /// Symbols until the distribution is computed anew.
    due: u16,
    size: u16,
}

/// How often each symbol was seen in all contexts of one kind: what a new context expects.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Prior {
    counts: [u16; 256],
    total: u16,
}

/// A context's counts are halved at this many, so that it follows what it reads.
const FADE: u16 = 4096;
/// Symbols between two computations of a distribution, at most.
const DUE_MAX: u16 = 512;

impl Symbols {
    /// A model of `size` symbols that expects what `prior` has seen.
    pub(crate) fn new(size: u16, prior: Option<&Prior>) -> Self {
        let mut model =
            Self { sums: [0; 257], first: [0; 128], counts: [0; 256], total: 0, due: 0, size: size.min(256) };
        model.compute(prior);
        model
    }

    /// The slots of a symbol: where they begin and how many there are.
    #[inline]
    #[cfg(feature = "build")]
    pub(crate) fn slots(&self, symbol: u8) -> (u16, u16) {
        let start = self.sum(symbol);
        let end = self.sums.get(usize::from(symbol).wrapping_add(1)).copied().unwrap_or(SCALE);
        (start, end.wrapping_sub(start))
    }

    /// The symbol of a slot, and that symbol's slots.
    #[inline]
    pub(crate) fn find(&self, slot: u16) -> (u8, u16, u16) {
        let mut symbol = self.first.get(usize::from(slot >> 8)).copied().unwrap_or(0);
        let mut start = self.sum(symbol);
        loop {
            let end = self.sums.get(usize::from(symbol).wrapping_add(1)).copied().unwrap_or(SCALE);
            // The last sum is above every slot: the walk ends.
            if slot < end || symbol == u8::MAX {
                return (symbol, start, end.wrapping_sub(start));
            }
            symbol = symbol.wrapping_add(1);
            start = end;
        }
    }

    /// Learns that a symbol went by.
    #[inline]
    pub(crate) fn learn(&mut self, symbol: u8, prior: Option<&Prior>) {
        if let Some(count) = self.counts.get_mut(usize::from(symbol)) {
            *count = count.wrapping_add(1);
        }
        self.total = self.total.wrapping_add(1);
        self.due = self.due.saturating_sub(1);
        if self.due == 0 {
            self.compute(prior);
        }
    }

    #[inline]
    fn sum(&self, symbol: u8) -> u16 {
        self.sums.get(usize::from(symbol)).copied().unwrap_or(0)
    }

    fn compute(&mut self, prior: Option<&Prior>) {
        if self.total >= FADE {
            self.total = fade(&mut self.counts);
        }
        self.due = (self.total / 3).clamp(4, DUE_MAX);
        let size = usize::from(self.size);
        let floor = 256u32.checked_div(u32::from(self.size)).unwrap_or(0).max(2);
        // What the prior has seen weighs as much as `STRENGTH` symbols seen here.
        let share =
            prior.map_or(0, |prior| (STRENGTH << 14).checked_div(u32::from(prior.total)).unwrap_or(0));
        let mut weights = [0u32; 256];
        let mut whole = 0u32;
        let seen = prior.map_or(&[0; 256], |prior| &prior.counts);
        for ((weight, count), seen) in weights.iter_mut().zip(&self.counts).zip(seen).take(size) {
            let expected = u32::from(*seen).wrapping_mul(share) >> 8;
            *weight = (u32::from(*count) << 6).wrapping_add(expected).wrapping_add(floor);
            whole = whole.wrapping_add(*weight);
        }
        // Every symbol keeps one slot; the others are shared out by weight, the remainder to the heaviest.
        let shared = u64::from(SCALE.wrapping_sub(self.size));
        let ratio = (shared << 32).checked_div(u64::from(whole)).unwrap_or(0);
        let mut left = shared;
        let mut heaviest = (0, 0);
        for (at, weight) in weights.iter_mut().take(size).enumerate() {
            if *weight > heaviest.1 {
                heaviest = (at, *weight);
            }
            let slots = u64::from(*weight).wrapping_mul(ratio) >> 32;
            left = left.wrapping_sub(slots);
            *weight = slots.try_into().unwrap_or(0u32).wrapping_add(1);
        }
        if let Some(weight) = weights.get_mut(heaviest.0) {
            *weight = weight.wrapping_add(left.try_into().unwrap_or(0));
        }
        let mut sum = 0u16;
        let mut filled = 0usize;
        for (at, (start, weight)) in self.sums.iter_mut().zip(&weights).take(size).enumerate() {
            *start = sum;
            sum = sum.wrapping_add((*weight).try_into().unwrap_or(0));
            // Buckets whose first slot lies in this symbol begin their search here.
            let end = usize::from(sum).wrapping_add(255) >> 8;
            let symbol = at.try_into().unwrap_or(u8::MAX);
            if let Some(buckets) = self.first.get_mut(filled..end) {
                buckets.fill(symbol);
                filled = end;
            }
        }
        for end in self.sums.iter_mut().skip(size) {
            *end = SCALE;
        }
    }
}

/// How many symbols of a context's own weigh as much as its prior.
const STRENGTH: u32 = 12;

impl Prior {
    pub(crate) fn new() -> Self {
        Self { counts: [0; 256], total: 0 }
    }

    #[inline]
    pub(crate) fn learn(&mut self, symbol: u8) {
        if let Some(count) = self.counts.get_mut(usize::from(symbol)) {
            *count = count.wrapping_add(1);
        }
        self.total = self.total.wrapping_add(1);
        if self.total >= FADE {
            self.total = fade(&mut self.counts);
        }
    }
}

fn fade(counts: &mut [u16; 256]) -> u16 {
    let mut total = 0u16;
    for count in counts {
        *count >>= 1;
        total = total.wrapping_add(*count);
    }
    total
}

/// Models of one kind of symbol in many contexts, made when first needed, over a common prior.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Contexts {
    models: Vec<Option<Box<Symbols>>>,
    prior: Prior,
    size: u16,
}

impl Contexts {
    /// `contexts` models of `size` symbols each.
    pub(crate) fn new(contexts: usize, size: u16) -> Self {
        Self { models: alloc::vec![None; contexts], prior: Prior::new(), size }
    }

    /// Codes a symbol in a context and learns it.
    #[inline]
    pub(crate) fn code(&mut self, coder: &mut impl Coder, context: usize, symbol: u8) -> Result<u8, Problem> {
        let slot = self.models.get_mut(context).ok_or(Problem::Symbol)?;
        let model = slot.get_or_insert_with(|| Box::new(Symbols::new(self.size, Some(&self.prior))));
        let symbol = coder.symbol(model, symbol)?;
        self.prior.learn(symbol);
        model.learn(symbol, Some(&self.prior));
        Ok(symbol)
    }
}

/// A number as a symbol and bits: below 16 the symbol says it all, above it says the top three bits.
pub(crate) mod number {
    use super::{Coder, Problem, SCALE_BITS};

    /// The symbol of a number.
    pub(crate) fn symbol(value: u64) -> u8 {
        match value.checked_ilog2() {
            Some(top @ 4..) => {
                let next = (value >> top.wrapping_sub(2)) & 3;
                let symbol =
                    u64::from(top).wrapping_sub(4).wrapping_mul(4).wrapping_add(16).wrapping_add(next);
                symbol.try_into().unwrap_or(u8::MAX)
            }
            _ => value.try_into().unwrap_or(u8::MAX),
        }
    }

    /// Codes the bits that follow the symbol.
    #[inline]
    pub(crate) fn rest(coder: &mut impl Coder, symbol: u8, value: u64) -> Result<u64, Problem> {
        let Some(beyond) = symbol.checked_sub(16) else { return Ok(u64::from(symbol)) };
        let mut left = u32::from(beyond >> 2).wrapping_add(2);
        let mut read = u64::from(beyond & 3) | 4;
        while left > 0 {
            let count = left.min(SCALE_BITS);
            left = left.wrapping_sub(count);
            let mask = 1u64.wrapping_shl(count).wrapping_sub(1);
            let bits = coder.bits(count, ((value >> left) & mask).try_into().unwrap_or(0))?;
            read = (read << count) | u64::from(bits);
        }
        Ok(read)
    }
}

/// Codes a number in a context.
#[inline]
pub(crate) fn code_number(
    models: &mut Contexts,
    coder: &mut impl Coder,
    context: usize,
    value: u64,
) -> Result<u64, Problem> {
    let symbol = models.code(coder, context, number::symbol(value))?;
    number::rest(coder, symbol, value)
}

/// A signed number as an unsigned one: 0, -1, 1, -2, 2.
pub(crate) fn zigzag(value: i64) -> u64 {
    u64::from_ne_bytes((value.wrapping_shl(1) ^ (value >> 63)).to_ne_bytes())
}

/// The inverse of [`zigzag`].
pub(crate) fn unzigzag(value: u64) -> i64 {
    let half = i64::from_ne_bytes((value >> 1).to_ne_bytes());
    half ^ i64::from_ne_bytes((value & 1).to_ne_bytes()).wrapping_neg()
}
