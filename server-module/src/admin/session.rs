//! Logins that a cookie remembers.

use crate::cabinet::Role;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// The cookie's name; the prefix makes browsers insist on TLS, this host and the path `/` (RFC 6265bis §4.1.3.2).
pub(super) const COOKIE: &str = "__Host-session";

/// How long a session lives without being used.
const IDLE: Duration = Duration::from_secs(30 * 60);

/// Sessions at a time; the one idle for longest goes first.
const SESSIONS: usize = 1024;

/// The sessions in force. Clones are the same sessions.
#[derive(Clone, Default)]
pub(super) struct Sessions(Arc<Mutex<HashMap<String, Session>>>);

/// Who has logged in.
#[derive(Clone)]
pub(super) struct Session {
    pub(super) name: String,
    pub(super) role: Role,
    /// What a form must carry, so that no other site's form will do.
    pub(super) csrf: String,
    used: Instant,
}

impl Sessions {
    /// Begins a session and gives its cookie's value.
    pub(super) fn begin(&self, name: &str, role: Role) -> std::io::Result<String> {
        let (token, csrf) = (token()?, token()?);
        let mut sessions = self.lock();
        sessions.retain(|_, session| session.used.elapsed() < IDLE);
        if sessions.len() >= SESSIONS
            && let Some(oldest) = sessions.iter().min_by_key(|(_, s)| s.used).map(|(token, _)| token.clone())
        {
            sessions.remove(&oldest);
        }
        let session = Session { name: name.into(), role, csrf, used: Instant::now() };
        sessions.insert(token.clone(), session);
        Ok(token)
    }

    /// The session of a cookie's value.
    pub(super) fn find(&self, token: &str) -> Option<Session> {
        let mut sessions = self.lock();
        let session = sessions.get_mut(token).filter(|session| session.used.elapsed() < IDLE)?;
        session.used = Instant::now();
        Some(session.clone())
    }

    /// Ends a session.
    pub(super) fn end(&self, token: &str) {
        self.lock().remove(token);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Session>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn token() -> std::io::Result<String> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(|error| std::io::Error::other(error.to_string()))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
