//! Who is asking: a session's cookie or HTTP Basic; and what every answer carries.

use super::Admin;
use super::session::COOKIE;
use crate::cabinet::{Active, Alarm, Input, Inventory, Position, Role, Via, Who};
use axum::extract::{ConnectInfo, FromRequestParts, Request};
use axum::http::header::{AUTHORIZATION, COOKIE as COOKIE_HEADER, HOST, ORIGIN, WWW_AUTHENTICATE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Redirect, Response};
use base64::Engine as _;
use std::net::SocketAddr;

/// An account that has shown who it is.
#[derive(Clone, Debug)]
pub(super) struct Person {
    pub(super) name: String,
    pub(super) role: Role,
    /// What this person's forms carry; `None` for HTTP Basic, which sends no forms.
    pub(super) csrf: Option<String>,
}

impl Person {
    pub(super) fn who(&self) -> Who {
        Who::new(self.name.clone(), self.role, Via::Web)
    }

    /// Whether the person may see a card: a user sees the cards of its own services.
    pub(super) fn sees_card(&self, inventory: &Inventory, card: Position) -> bool {
        self.role != Role::User
            || inventory.services_of(card).any(|active| active.owner() == Some(&self.name))
    }

    /// Whether the person may see a service: a user sees its own.
    pub(super) fn sees_service(&self, active: &Active) -> bool {
        self.role != Role::User || active.owner() == Some(&self.name)
    }
}

impl FromRequestParts<Admin> for Person {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, admin: &Admin) -> Result<Self, Response> {
        if let Some(session) = session_token(&parts.headers).and_then(|token| admin.sessions.find(token)) {
            return Ok(Self { name: session.name, role: session.role, csrf: Some(session.csrf) });
        }
        if let Some((name, password)) = basic(&parts.headers) {
            let from = peer(parts);
            return match admin.accounts.check(&name, &password, from.ip()).await {
                Ok(role) => Ok(Self { name, role, csrf: None }),
                Err(denied) => {
                    admin.handle.try_report(Input::Alarm(Alarm::FailedLogin { from: from.ip() }));
                    Err(challenge(&denied.to_string()))
                }
            };
        }
        let browser = header(&parts.headers, "accept").is_some_and(|accept| accept.contains("text/html"));
        if browser && parts.method == Method::GET {
            return Err(Redirect::to("/login").into_response());
        }
        Err(challenge("log in with HTTP Basic, or at /login"))
    }
}

/// The address at the other end.
pub(super) fn peer(parts: &Parts) -> SocketAddr {
    let unknown = SocketAddr::from(([0, 0, 0, 0], 0));
    parts.extensions.get::<ConnectInfo<SocketAddr>>().map_or(unknown, |ConnectInfo(peer)| *peer)
}

/// The session's token in a request's cookies.
pub(super) fn session_token(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(COOKIE_HEADER).iter().filter_map(|value| value.to_str().ok());
    cookies
        .flat_map(|cookies| cookies.split("; "))
        .find_map(|cookie| cookie.strip_prefix(COOKIE)?.strip_prefix('='))
}

/// Refuses what another site's page sends, and gives every answer its headers.
pub(super) async fn harden(request: Request, next: Next) -> Response {
    let mut response = if changes(request.method()) && is_foreign(&request) {
        (StatusCode::FORBIDDEN, "this form was sent by another site\n").into_response()
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    let fixed = [
        // No script at all, nothing from elsewhere, no frame around it.
        (
            "content-security-policy",
            "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; \
             frame-ancestors 'none'; base-uri 'none'",
        ),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        // With no-referrer, browsers send `Origin: null` with the forms that `is_foreign` judges.
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
    ];
    for (name, value) in fixed {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    headers.entry("cache-control").or_insert(HeaderValue::from_static("no-store"));
    response
}

fn changes(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Whether a browser says that another site's page sent this. Scripts say nothing, which is fine: they have no
/// cookies or passwords of somebody else's.
fn is_foreign(request: &Request) -> bool {
    let headers = request.headers();
    if header(headers, "sec-fetch-site").is_some_and(|site| site != "same-origin" && site != "none") {
        return true;
    }
    // HTTP/2 has no Host: its :authority is the URI's.
    let host = request
        .uri()
        .authority()
        .map(axum::http::uri::Authority::as_str)
        .or_else(|| header(headers, HOST.as_str()));
    match (header(headers, ORIGIN.as_str()), host) {
        (Some(origin), Some(host)) => origin.strip_prefix("https://") != Some(host),
        (Some(_), None) => true,
        (None, _) => false,
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Name and password of HTTP Basic (RFC 7617).
fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let (scheme, credentials) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let bytes = base64::engine::general_purpose::STANDARD.decode(credentials.trim()).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (name, password) = text.split_once(':')?;
    Some((name.into(), password.into()))
}

fn challenge(why: &str) -> Response {
    let basic = HeaderValue::from_static("Basic realm=\"server-module\", charset=\"UTF-8\"");
    (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, basic)], format!("{why}\n")).into_response()
}
