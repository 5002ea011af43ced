//! Object identifiers as AgentX writes them: four octets an arc, the first five arcs often left out.

use core::fmt;

use super::bytes::{Order, ParseError, Problem, Reader, Writer, word};
use crate::wire::{MAX_ARCS, Oid, OidBuf};

/// An object identifier of a packet, borrowed: read from one, or to be written into one. Equal where the arcs are.
#[derive(Clone, Copy)]
pub struct Name<'a>(Form<'a>);

#[derive(Clone, Copy)]
enum Form<'a> {
    /// Words of a packet behind an abbreviated beginning 1.3.6.1.prefix; a prefix of 0 stands for none.
    Words {
        prefix: u8,
        words: &'a [u8],
        order: Order,
    },
    Content(Oid<'a>),
}

/// What an abbreviated identifier begins with (RFC 2741 §5.1).
const INTERNET: [u32; 4] = [1, 3, 6, 1];

impl<'a> From<Oid<'a>> for Name<'a> {
    fn from(oid: Oid<'a>) -> Self {
        Self(Form::Content(oid))
    }
}

impl<'a> Name<'a> {
    /// The null identifier, which stands for none.
    pub const NULL: Self = Self(Form::Words { prefix: 0, words: &[], order: Order::Big });

    /// Takes an identifier and tells whether its include field is set.
    pub(super) fn read(reader: &mut Reader<'a>) -> Result<(Self, bool), ParseError> {
        let fail = reader.error(Problem::Oid);
        let [count, prefix, include, _] = reader.array()?;
        let words = reader.take(usize::from(count).saturating_mul(4))?;
        let name = Self(Form::Words { prefix, words, order: reader.order() });
        let mut arcs = name.arcs();
        let (first, second) = (arcs.next(), arcs.next());
        let begins = match (first, second) {
            (Some(0 | 1), Some(second)) => second < 40,
            // The joint first pair must fit an arc.
            (Some(2), Some(second)) => second <= u32::MAX.saturating_sub(80),
            (Some(first), None) => first <= 2,
            (None, _) => true,
            _ => false,
        };
        let all = usize::from(count).saturating_add(if prefix == 0 { 0 } else { 5 });
        if begins && all <= MAX_ARCS { Ok((name, include != 0)) } else { Err(fail) }
    }

    pub(super) fn write(&self, include: bool, out: &mut Writer<'_>) {
        let mut arcs = self.arcs();
        let mut ahead = arcs.clone();
        let common = INTERNET.iter().all(|arc| ahead.next() == Some(*arc));
        let prefix = if common { ahead.next().and_then(|arc| u8::try_from(arc).ok()) } else { None };
        let prefix = prefix.unwrap_or(0);
        if prefix != 0 {
            arcs = ahead;
        }
        let count = u8::try_from(arcs.clone().count()).unwrap_or(u8::MAX);
        out.u8s(&[count, prefix, u8::from(include), 0]);
        arcs.for_each(|arc| out.u32(arc));
    }

    /// Tells whether it is the null identifier.
    pub fn is_null(&self) -> bool {
        self.arcs().next().is_none()
    }

    /// The arcs.
    pub fn arcs(&self) -> impl Iterator<Item = u32> + Clone + use<'a> {
        let (prefix, words, order, content) = match self.0 {
            Form::Words { prefix, words, order } => (prefix, words, order, Oid::default()),
            Form::Content(oid) => (0, [].as_slice(), Order::Big, oid),
        };
        let internet = INTERNET.into_iter().filter(move |_| prefix != 0);
        let prefix = Some(u32::from(prefix)).filter(|prefix| *prefix != 0);
        let (words, _) = words.as_chunks::<4>();
        let words = words.iter().map(move |octets| word(*octets, order));
        internet.chain(prefix).chain(words).chain(content.arcs())
    }

    /// Puts the identifier into `out`. One of a single arc becomes that arc with a 0 below it, because BER has no
    /// shorter form.
    pub fn to_oid<'b>(&self, out: &'b mut OidBuf) -> Oid<'b> {
        match self.0 {
            Form::Content(oid) => out.assign(oid),
            Form::Words { .. } => {
                out.assign(Oid::default());
                let mut arcs = self.arcs();
                if let Some(root) = arcs.next() {
                    // Checked when it was read: the first two arcs make one.
                    out.push(root.saturating_mul(40).saturating_add(arcs.next().unwrap_or(0)));
                    arcs.for_each(|arc| out.push(arc));
                }
            }
        }
        out.as_oid()
    }

    /// An owned copy.
    pub fn to_buf(&self) -> OidBuf {
        let mut oid = OidBuf::new();
        self.to_oid(&mut oid);
        oid
    }
}

impl PartialEq for Name<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.arcs().eq(other.arcs())
    }
}

impl Eq for Name<'_> {}

impl fmt::Debug for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, arc) in self.arcs().enumerate() {
            write!(f, "{}{arc}", if i > 0 { "." } else { "" })?;
        }
        Ok(())
    }
}
