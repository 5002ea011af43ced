//! An answer, from the engine's own HTTP/1.1 to HTTP/2.

use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use sid_proxy::wire::head::{self, Field};
use sid_proxy::wire::{chunk, list};

/// The longest line of chunks and section of trailers that the engine writes.
const LONGEST: usize = 16 * 1024;

/// The engine's bytes are not what it writes: a bug, and the stream is reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Broken;

/// How the rest of an answer is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// So many bytes more.
    Length(u64),
    /// The line of a chunk comes.
    Line,
    /// So many bytes of a chunk more, then its line end.
    Chunk(u64),
    /// Trailers come.
    Trailers,
    /// All until the end.
    Rest,
}

/// What stands at the front of the bytes.
pub(super) enum Part {
    /// Nothing whole yet.
    More,
    /// So many bytes that say nothing more.
    Skip(usize),
    /// So many bytes of content.
    Content(usize),
    /// The end, with trailers, in so many bytes.
    End(Option<HeaderMap>),
}

/// Reads a head: how many bytes it took, the answer, how its body comes. An interim one has none.
pub(super) fn head(bytes: &[u8], headless: bool) -> Result<Option<(usize, Response<()>, Body)>, Broken> {
    let mut room = head::room();
    let head = head::Response::parse(bytes, &mut room, head::MAX_FIELDS).map_err(|_| Broken)?;
    let Some(head) = head else { return Ok(None) };
    let status = StatusCode::from_u16(head.status).map_err(|_| Broken)?;
    let mut response = Response::new(());
    *response.status_mut() = status;
    let (fields, mut body) = fields(head.fields)?;
    *response.headers_mut() = fields;
    if headless || status.is_informational() || matches!(head.status, 204 | 304) {
        body = Body::Length(0);
    }
    Ok(Some((head.len, response, body)))
}

/// Fields of the connection stay behind (RFC 9113 §8.2.2).
fn fields(fields: &[Field<'_>]) -> Result<(HeaderMap, Body), Broken> {
    let mut map = HeaderMap::with_capacity(fields.len());
    let mut body = Body::Rest;
    for field in fields {
        let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| Broken)?;
        let value = list::trim(field.value);
        match name.as_str() {
            "connection" | "keep-alive" | "proxy-connection" | "upgrade" => continue,
            "transfer-encoding" => {
                body = Body::Line;
                continue;
            }
            "content-length" => body = Body::Length(list::decimal(value).ok_or(Broken)?),
            _ => {}
        }
        map.append(name, HeaderValue::from_bytes(value).map_err(|_| Broken)?);
    }
    Ok((map, body))
}

impl Body {
    /// True if nothing more comes.
    pub(super) fn is_done(self) -> bool {
        self == Self::Length(0)
    }

    /// Takes the next part off the front of the bytes; how many bytes it took are gone.
    pub(super) fn next(&mut self, bytes: &[u8]) -> Result<Part, Broken> {
        let at_most = |left: u64| bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        match *self {
            Self::Length(left) => {
                let len = at_most(left);
                *self = Self::Length(left - len as u64);
                Ok(if len == 0 { Part::More } else { Part::Content(len) })
            }
            Self::Rest => Ok(if bytes.is_empty() { Part::More } else { Part::Content(bytes.len()) }),
            Self::Line => {
                let Some((size, len)) = chunk::line(bytes, LONGEST).map_err(|_| Broken)? else {
                    return Ok(Part::More);
                };
                *self = if size == 0 { Self::Trailers } else { Self::Chunk(size) };
                Ok(Part::Skip(len))
            }
            Self::Chunk(0) => {
                if !chunk::end(bytes).map_err(|_| Broken)? {
                    return Ok(Part::More);
                }
                *self = Self::Line;
                Ok(Part::Skip(2))
            }
            Self::Chunk(left) => {
                let len = at_most(left);
                *self = Self::Chunk(left - len as u64);
                Ok(if len == 0 { Part::More } else { Part::Content(len) })
            }
            Self::Trailers => {
                let mut room = [Field { name: "", value: b"" }; head::MAX_FIELDS];
                let read = head::trailers(bytes, &mut room).map_err(|_| Broken)?;
                let Some((_, read)) = read else { return Ok(Part::More) };
                let (map, _) = fields(read)?;
                Ok(Part::End((!map.is_empty()).then_some(map)))
            }
        }
    }
}
