//! Variable bindings: a name and its value (RFC 3416 §3).

use alloc::vec::Vec;
use core::fmt;

use super::ber::{NoRoom, ParseError, Reader, Tag, Writer, element_len};
use super::oid::Oid;
use super::value::{Value, read_oid};

/// A name and its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct VarBind<'a> {
    /// The instance's name.
    pub name: Oid<'a>,
    /// Its value.
    pub value: Value<'a>,
}

impl<'a> VarBind<'a> {
    /// Takes the next element of `reader` as a binding.
    ///
    /// # Errors
    /// [`ParseError`].
    #[inline]
    pub fn read(reader: &mut Reader<'a>) -> Result<Self, ParseError> {
        let mut pair = reader.enter(Tag::SEQUENCE)?;
        let at = pair.at();
        let content = pair.expect(Tag::OID)?;
        let name = read_oid(&mut pair, content, at)?;
        let value = Value::read(&mut pair)?;
        pair.leave(reader)?;
        Ok(Self { name, value })
    }

    /// Takes a binding that was checked before.
    #[inline]
    fn reread(reader: &mut Reader<'a>) -> Option<Self> {
        let mut pair = Reader::new(reader.element().ok()?.1);
        let name = Oid::from_const(pair.element().ok()?.1);
        let value = Value::reread(&mut pair)?;
        Some(Self { name, value })
    }

    /// Octets of the encoded element.
    #[inline]
    pub const fn encoded_len(&self) -> usize {
        let name = element_len(self.name.as_bytes().len());
        element_len(name.saturating_add(self.value.encoded_len()))
    }

    /// Writes the element before what stands in `out`.
    ///
    /// # Errors
    /// [`NoRoom`].
    #[inline]
    pub fn write(&self, out: &mut Writer<'_>) -> Result<(), NoRoom> {
        let mark = out.len();
        self.value.write(out)?;
        out.element(Tag::OID, self.name.as_bytes())?;
        out.header(Tag::SEQUENCE, mark)
    }
}

/// Appends a binding to `out`, without a copy of its value on the way.
#[inline]
pub(crate) fn append(name: Oid<'_>, value: &Value<'_>, out: &mut Vec<u8>) {
    let mut scratch = [0; 9];
    let (tag, content) = value.content(&mut scratch);
    let of_name = name.as_bytes();
    let inside = element_len(of_name.len()).saturating_add(element_len(content.len()));
    // Where the whole is short, so are its parts, and every header has two octets.
    let (0..=0x7f, Ok(whole), Ok(name_len), Ok(value_len)) =
        (inside, u8::try_from(inside), u8::try_from(of_name.len()), u8::try_from(content.len()))
    else {
        return append_long(&VarBind { name, value: *value }, out);
    };
    out.reserve(inside.saturating_add(2));
    out.extend_from_slice(&[Tag::SEQUENCE.0, whole, Tag::OID.0, name_len]);
    out.extend_from_slice(of_name);
    out.extend_from_slice(&[tag.0, value_len]);
    out.extend_from_slice(content);
}

#[cold]
fn append_long(binding: &VarBind<'_>, out: &mut Vec<u8>) {
    let from = out.len();
    out.resize(from.saturating_add(binding.encoded_len()), 0);
    let written = binding.write(&mut Writer::new(out.get_mut(from..).unwrap_or_default()));
    debug_assert!(written.is_ok());
}

/// The bindings of a PDU: either read from a datagram and checked there, or a list to be sent.
#[derive(Clone, Copy)]
pub struct VarBinds<'a>(Source<'a>);

#[derive(Clone, Copy)]
enum Source<'a> {
    Wire { content: &'a [u8], count: usize },
    List(&'a [VarBind<'a>]),
}

impl<'a> VarBinds<'a> {
    /// No bindings.
    pub const EMPTY: Self = Self(Source::List(&[]));

    /// Bindings to be sent.
    pub const fn list(bindings: &'a [VarBind<'a>]) -> Self {
        Self(Source::List(bindings))
    }

    /// Reads and checks the list, which must be the next element of `reader`.
    ///
    /// # Errors
    /// [`ParseError`].
    pub fn read(reader: &mut Reader<'a>) -> Result<Self, ParseError> {
        let mut list = reader.enter(Tag::SEQUENCE)?;
        let content = list.rest();
        let mut count = 0_usize;
        while !list.is_empty() {
            VarBind::read(&mut list)?;
            count = count.saturating_add(1);
        }
        list.leave(reader)?;
        Ok(Self(Source::Wire { content, count }))
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        match self.0 {
            Source::Wire { count, .. } => count,
            Source::List(list) => list.len(),
        }
    }

    /// Tells whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bindings in order.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = VarBind<'a>> + Clone + use<'a> {
        match self.0 {
            Source::Wire { content, .. } => Iter::Wire(Reader::new(content)),
            Source::List(list) => Iter::List(list.iter()),
        }
    }

    /// The binding of that position, counted from 0.
    pub fn nth(&self, position: usize) -> Option<VarBind<'a>> {
        self.iter().nth(position)
    }

    /// The first `count` bindings.
    #[must_use]
    pub fn first(self, count: usize) -> Self {
        match self.0 {
            Source::List(list) => Self::list(list.get(..count).unwrap_or(list)),
            Source::Wire { content, count: all } => {
                let mut reader = Reader::new(content);
                for _ in 0..count.min(all) {
                    if VarBind::read(&mut reader).is_err() {
                        break;
                    }
                }
                let content = content.get(..reader.at()).unwrap_or(content);
                Self(Source::Wire { content, count: count.min(all) })
            }
        }
    }

    /// An owned copy.
    pub fn to_list(&self) -> VarBindList {
        match self.0 {
            Source::Wire { content, count } => VarBindList { content: content.to_vec(), count },
            Source::List(list) => list.iter().copied().collect(),
        }
    }

    /// The list as it stands in the datagram, if it was read from one.
    pub(crate) const fn wire(&self) -> Option<&'a [u8]> {
        match self.0 {
            Source::Wire { content, .. } => Some(content),
            Source::List(_) => None,
        }
    }

    /// Octets of the list's content.
    pub fn content_len(&self) -> usize {
        self.iter().fold(0, |sum, binding| sum.saturating_add(binding.encoded_len()))
    }

    /// Writes the list before what stands in `out`.
    ///
    /// # Errors
    /// [`NoRoom`].
    pub fn write(&self, out: &mut Writer<'_>) -> Result<(), NoRoom> {
        let mark = out.len();
        match self.0 {
            Source::List(list) => list.iter().rev().try_for_each(|binding| binding.write(out))?,
            // Tail first would need the last binding first. In order, into a slot of their size, is one pass.
            Source::Wire { .. } => out.forward(self.content_len(), self.iter())?,
        }
        out.header(Tag::SEQUENCE, mark)
    }
}

/// The bindings in order.
#[derive(Clone)]
enum Iter<'a> {
    /// The content was checked when it was read, so the reader ends where the list does.
    Wire(Reader<'a>),
    List(core::slice::Iter<'a, VarBind<'a>>),
}

impl<'a> Iterator for Iter<'a> {
    type Item = VarBind<'a>;

    #[inline]
    fn next(&mut self) -> Option<VarBind<'a>> {
        match self {
            Self::Wire(reader) => VarBind::reread(reader),
            Self::List(list) => list.next().copied(),
        }
    }
}

/// Owned bindings, in their encoded form.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct VarBindList {
    content: Vec<u8>,
    count: usize,
}

impl VarBindList {
    /// No bindings.
    pub const fn new() -> Self {
        Self { content: Vec::new(), count: 0 }
    }

    /// Appends a binding.
    pub fn push(&mut self, name: Oid<'_>, value: Value<'_>) {
        append(name, &value, &mut self.content);
        self.count = self.count.saturating_add(1);
    }

    /// The binding whose encoded form begins there.
    pub(crate) fn read_at(&self, place: usize) -> Option<VarBind<'_>> {
        VarBind::reread(&mut Reader::new(self.content.get(place..)?))
    }

    /// Octets of their encoded form.
    pub const fn octets(&self) -> usize {
        self.content.len()
    }

    /// The bindings.
    pub fn as_varbinds(&self) -> VarBinds<'_> {
        VarBinds(Source::Wire { content: &self.content, count: self.count })
    }

    /// The bindings in order.
    pub fn iter(&self) -> impl Iterator<Item = VarBind<'_>> + Clone {
        self.as_varbinds().iter()
    }
}

impl<'a> Extend<VarBind<'a>> for VarBindList {
    fn extend<I: IntoIterator<Item = VarBind<'a>>>(&mut self, bindings: I) {
        bindings.into_iter().for_each(|binding| self.push(binding.name, binding.value));
    }
}

impl<'a> FromIterator<VarBind<'a>> for VarBindList {
    fn from_iter<I: IntoIterator<Item = VarBind<'a>>>(bindings: I) -> Self {
        let mut list = Self::new();
        list.extend(bindings);
        list
    }
}

impl fmt::Debug for VarBindList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_varbinds().fmt(f)
    }
}

impl Writer<'_> {
    /// Writes `bindings` in order into the `size` octets before what stands there.
    fn forward<'a>(
        &mut self,
        size: usize,
        bindings: impl Iterator<Item = VarBind<'a>>,
    ) -> Result<(), NoRoom> {
        let mut rest = self.reserve(size)?;
        for binding in bindings {
            let (own, after) =
                core::mem::take(&mut rest).split_at_mut_checked(binding.encoded_len()).ok_or(NoRoom)?;
            binding.write(&mut Writer::new(own))?;
            rest = after;
        }
        Ok(())
    }
}

impl PartialEq for VarBinds<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl Eq for VarBinds<'_> {}

impl fmt::Debug for VarBinds<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
