//! Writes the parts of a delta.

use alloc::vec::Vec;

use super::matcher::Copy;
use super::repeats::{Piece, Repeats, random};
use crate::delta::differences::{AHEAD, Change, Gap};
use crate::delta::error::Problem;
use crate::delta::model::{Coder, SCALE_BITS, Symbols, zigzag};
use crate::delta::part::{Fill, Number, Part};
use crate::delta::rans::{BLOCK_SYMBOLS, FLOOR};

/// Collects symbols and writes them block by block.
#[derive(Default)]
struct Encoder {
    symbols: Vec<(u16, u16)>,
    out: Vec<u8>,
}

/// Room for the symbols of one step.
const STEP: usize = 64;

impl Encoder {
    /// A place at which a block may end.
    fn boundary(&mut self) {
        if self.symbols.len() + STEP > BLOCK_SYMBOLS as usize {
            self.flush();
        }
    }

    fn flush(&mut self) {
        if self.symbols.is_empty() {
            return;
        }
        let mut state = FLOOR;
        let mut words: Vec<u32> = Vec::new();
        for (start, slots) in self.symbols.iter().rev() {
            let slots = u64::from(*slots);
            if u128::from(state) >= u128::from(slots) << (31 - SCALE_BITS + 32) {
                words.push(state as u32);
                state >>= 32;
            }
            state = ((state / slots) << SCALE_BITS) + state % slots + u64::from(*start);
        }
        for number in [self.symbols.len(), words.len()] {
            let mut number = number;
            while number >= 0x80 {
                self.out.push(number as u8 | 0x80);
                number >>= 7;
            }
            self.out.push(number as u8);
        }
        self.out.extend_from_slice(&state.to_le_bytes());
        for word in words.iter().rev() {
            self.out.extend_from_slice(&word.to_le_bytes());
        }
        self.symbols.clear();
    }
}

impl Coder for Encoder {
    fn symbol(&mut self, model: &Symbols, symbol: u8) -> Result<u8, Problem> {
        self.symbols.push(model.slots(symbol));
        Ok(symbol)
    }

    fn bits(&mut self, count: u32, value: u16) -> Result<u16, Problem> {
        let shift = SCALE_BITS - count;
        self.symbols.push((value << shift, 1 << shift));
        Ok(value)
    }
}

/// Writes the copies that both directions share.
pub(super) fn shared(old: &[u8], new: &[u8], copies: &[Copy]) -> Result<Vec<u8>, Problem> {
    let mut part = Part::new();
    let mut encoder = Encoder::default();
    let (mut old_at, mut new_at) = (0, 0);
    let end = Copy { from: old.len(), to: new.len(), len: 0 };
    for copy in copies.iter().chain([&end]) {
        if (old_at, new_at) == (old.len(), new.len()) {
            break;
        }
        encoder.boundary();
        part.number(&mut encoder, Number::NewGap, (copy.to - new_at) as u64)?;
        part.number(&mut encoder, Number::OldGap, (copy.from - old_at) as u64)?;
        (old_at, new_at) = (copy.from + copy.len, copy.to + copy.len);
        if copy.len > 0 {
            encoder.boundary();
            part.number(&mut encoder, Number::SharedLen, copy.len as u64)?;
            differences(&mut part, &mut encoder, &old[copy.from..old_at], &new[copy.to..new_at])?;
        }
    }
    encoder.flush();
    Ok(encoder.out)
}

/// Writes what one direction needs to fill the gaps between the shared copies: `gaps` are ranges of `target`, each
/// with the place in `source` at which the shared way then stands.
pub(super) fn private(
    source: &[u8],
    target: &[u8],
    gaps: &[(core::ops::Range<usize>, usize)],
    copies: &[Copy],
) -> Result<Vec<u8>, Problem> {
    let mut part = Part::new();
    let mut encoder = Encoder::default();
    let mut repeats = Repeats::new();
    let mut copies = copies.iter().peekable();
    for (gap, stands) in gaps {
        let mut at = gap.start;
        let mut expected = *stands;
        while at < gap.end {
            let copy = copies.next_if(|copy| copy.to < gap.end);
            let literals = copy.map_or(gap.end, |copy| copy.to) - at;
            let mut run = &target[at..at + literals];
            for piece in repeats.divide(run) {
                let len = match piece {
                    Piece::Fresh(len) => len,
                    Piece::Again { len, distance } => {
                        encoder.boundary();
                        part.fill(&mut encoder, Fill::Repeat)?;
                        part.number(&mut encoder, Number::RepeatLen, len as u64)?;
                        part.number(&mut encoder, Number::RepeatAt, distance as u64)?;
                        for _ in 0..len {
                            encoder.boundary();
                            part.repeat(distance)?;
                        }
                        len
                    }
                };
                let (bytes, rest) = run.split_at(len);
                run = rest;
                if let Piece::Fresh(_) = piece {
                    fresh(&mut part, &mut encoder, bytes)?;
                }
            }
            at += literals;
            if let Some(copy) = copy {
                encoder.boundary();
                part.fill(&mut encoder, Fill::Copy)?;
                part.number(&mut encoder, Number::PrivateLen, copy.len as u64)?;
                part.number(&mut encoder, Number::PrivateAt, zigzag(copy.from as i64 - expected as i64))?;
                expected = copy.from + copy.len;
                at += copy.len;
                differences(&mut part, &mut encoder, &source[copy.from..expected], &target[copy.to..at])?;
            }
        }
    }
    encoder.flush();
    Ok(encoder.out)
}

/// Writes literals, those in which no model would find anything as they are.
fn fresh(part: &mut Part, encoder: &mut Encoder, bytes: &[u8]) -> Result<(), Problem> {
    for bytes in bytes
        .chunks(PIECE)
        .map(random)
        .zip(bytes.chunks(PIECE))
        .collect::<Vec<_>>()
        .chunk_by(|a, b| a.0 == b.0)
    {
        let len: usize = bytes.iter().map(|(_, bytes)| bytes.len()).sum();
        let stored = bytes[0].0;
        encoder.boundary();
        part.fill(encoder, if stored { Fill::Stored } else { Fill::Literals })?;
        part.number(encoder, if stored { Number::Stored } else { Number::Literals }, len as u64)?;
        for byte in bytes.iter().flat_map(|(_, bytes)| *bytes) {
            encoder.boundary();
            if stored {
                part.stored(encoder, *byte)?
            } else {
                part.literal(encoder, *byte)?
            };
        }
    }
    Ok(())
}

/// Literals that are judged together.
const PIECE: usize = 1024;

/// Writes the differences inside a copy.
fn differences(part: &mut Part, encoder: &mut Encoder, old: &[u8], new: &[u8]) -> Result<(), Problem> {
    let model = &mut part.differences;
    let mut at = 0;
    while at < old.len() {
        let (old, new) = (&old[at..], &new[at..]);
        let equal = super::index::equal(old, new);
        encoder.boundary();
        if equal == old.len() {
            model.gap(encoder, old, Gap::End)?;
            model.pass(old);
            return Ok(());
        }
        let amount = |at: usize| {
            let word = |bytes: &[u8]| bytes.get(at..at + 4).and_then(|word| word.first_chunk::<4>()).copied();
            Some(u32::from_le_bytes(word(new)?).wrapping_sub(u32::from_le_bytes(word(old)?)))
        };
        // A field may begin up to three bytes before the first byte that differs.
        let near = equal.saturating_sub(3)..=equal;
        let candidate = model
            .candidates(old)
            .take(12)
            .zip(0u8..)
            .take_while(|((place, _), _)| *place <= equal)
            .filter(|((place, _), _)| near.contains(place) && amount(*place).is_some())
            .last();
        let (gap, equal, change) = match candidate {
            Some(((place, _), index)) => {
                let gap = Gap::Candidate { index, equal: place as u64 };
                (gap, place, Change::Word(amount(place).unwrap_or(0)))
            }
            None => {
                let change = match amount(equal) {
                    Some(word) if model.knows(word) || moved(&old[equal..], &new[equal..], word) => {
                        Change::Word(word)
                    }
                    _ => Change::Byte(new[equal].wrapping_sub(old[equal])),
                };
                (Gap::Equal(equal as u64), equal, change)
            }
        };
        model.gap(encoder, &old[..old.len().min(AHEAD)], gap)?;
        model.pass(&old[..equal]);
        encoder.boundary();
        model.change(encoder, change)?;
        let len = if let Change::Word(_) = change { 4 } else { 1 };
        model.pass(&old[equal..equal + len]);
        at += equal + len;
    }
    Ok(())
}

/// Whether a word looks like an address that moved: by less than 16 MiB, and not a byte of something else.
fn moved(old: &[u8], new: &[u8], amount: u32) -> bool {
    let distance = (amount as i32).unsigned_abs();
    distance < 1 << 24 && old.iter().zip(new).skip(4).take(4).all(|(old, new)| old == new)
}
