//! Which requests are copied.

use crate::CardId;
use crate::pool::siphash;

/// Which requests are copied, and to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mirror {
    /// The second card: a member of the pool, of weight 0 if customers are not to be served by it.
    pub card: CardId,
    /// How many of a thousand requests are copied.
    pub per_mille: u16,
    /// Decides which; two proxies with one seed copy the same numbers.
    pub seed: u64,
}

impl Mirror {
    /// True if the request of this number is copied: SipHash-2-4 with the seed as its key, of the number, is below the
    /// share of its range. The caller numbers requests as it likes.
    #[must_use]
    pub fn copies(&self, number: u64) -> bool {
        let key = u128::from(self.seed).to_le_bytes();
        let hash = u128::from(siphash(key, &number.to_le_bytes()));
        hash.wrapping_mul(1000) >> 64 < u128::from(self.per_mille)
    }
}
