//! Who may log in: names, roles, argon2id hashes; and who tries too often.

use super::tls::write_private;
use crate::cabinet::Role;
use crate::cabinet::Secret;
use crate::config::Account;
use argon2::{Argon2, PasswordHash, PasswordVerifier as _};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// How many failures an address may have before it waits.
const FAILURES: u32 = 5;

/// How long an address waits after too many failures.
const PENALTY: Duration = Duration::from_secs(60);

/// How long a password that was right is not hashed again: scripts with HTTP Basic send it with every request.
const REMEMBERED: Duration = Duration::from_secs(300);

/// How many failing addresses, and how many right passwords, are remembered.
const MEMORY: usize = 4096;

/// Hashes at a time: each takes 19 MiB and tens of milliseconds.
const HASHES: usize = 2;

/// The accounts of the admin pages. Cheap to clone: clones are the same accounts.
#[derive(Clone)]
pub struct Accounts(Arc<Inner>);

struct Inner {
    list: Mutex<Vec<Known>>,
    gate: Semaphore,
    failures: Mutex<HashMap<IpAddr, (u32, Instant)>>,
    right: Mutex<HashMap<[u8; 32], Instant>>,
    /// Makes the digests in `right` worthless outside this process.
    salt: [u8; 32],
}

#[derive(Clone)]
struct Known {
    name: String,
    role: Role,
    hash: Secret,
}

/// Why a login failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The name or the password is wrong.
    #[error("name or password is wrong")]
    Wrong,
    /// Too many failures from this address.
    #[error("too many failures: wait a minute")]
    TooOften,
}

impl Accounts {
    /// The configuration's accounts.
    pub fn new(accounts: &[Account]) -> Self {
        let mut salt = [0; 32];
        // Without random numbers nothing is remembered, and every password is hashed: see `digest`.
        let _ = getrandom::fill(&mut salt);
        let inner = Inner {
            list: Mutex::default(),
            gate: Semaphore::new(HASHES),
            failures: Mutex::default(),
            right: Mutex::default(),
            salt,
        };
        let new = Self(Arc::new(inner));
        new.replace(accounts);
        new
    }

    /// The one operator of a module that has no accounts configured: the password is in STATE/first-password, made
    /// on first use (mode 0600). Gives the file's path too.
    ///
    /// # Errors
    /// The state directory cannot be used.
    pub fn first(state: &Path) -> std::io::Result<(Self, PathBuf)> {
        let path = state.join("first-password");
        let password = match std::fs::read_to_string(&path) {
            Ok(text) => text.trim().to_owned(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let password = random_word()?;
                std::fs::create_dir_all(state)?;
                write_private(&path, format!("{password}\n").as_bytes())?;
                password
            }
            Err(error) => return Err(error),
        };
        Ok((Self::single("operator", &password)?, path))
    }

    /// One operator with this password.
    ///
    /// # Errors
    /// The system's random numbers are not to be had.
    pub fn single(name: &str, password: &str) -> std::io::Result<Self> {
        let accounts = Self::new(&[]);
        let hash = Secret::new(crate::cli::user::hash(password).map_err(std::io::Error::other)?);
        lock(&accounts.0.list).push(Known { name: name.into(), role: Role::Operator, hash });
        Ok(accounts)
    }

    /// Takes the accounts of a configuration that was read again.
    pub fn replace(&self, accounts: &[Account]) {
        let known = |account: &Account| Known {
            name: account.name.to_string(),
            role: account.role,
            hash: account.password_hash.clone(),
        };
        *lock(&self.0.list) = accounts.iter().map(known).collect();
        lock(&self.0.right).clear();
    }

    /// Checks a name and a password from an address.
    ///
    /// # Errors
    /// [`Denied`]; a wrong name takes as long as a wrong password.
    pub async fn check(&self, name: &str, password: &str, from: IpAddr) -> Result<Role, Denied> {
        let known = lock(&self.0.list).iter().find(|known| known.name == name).cloned();
        let digest = self.digest(name, password);
        if let (Some(known), Some(digest)) = (&known, digest)
            && lock(&self.0.right).get(&digest).is_some_and(|at| at.elapsed() < REMEMBERED)
        {
            return Ok(known.role);
        }
        if lock(&self.0.failures).get(&from).is_some_and(|(n, at)| *n >= FAILURES && at.elapsed() < PENALTY) {
            return Err(Denied::TooOften);
        }
        let role = known.as_ref().map(|known| known.role);
        let hash = known.map_or_else(|| Secret::new(NOBODY), |known| known.hash);
        let password = Secret::new(password);
        let permit = self.0.gate.acquire().await;
        let verified = tokio::task::spawn_blocking(move || verify(&hash, &password)).await.unwrap_or(false);
        drop(permit);
        match role.filter(|_| verified) {
            Some(role) => {
                lock(&self.0.failures).remove(&from);
                if let Some(digest) = digest {
                    let mut right = lock(&self.0.right);
                    right.retain(|_, at| at.elapsed() < REMEMBERED);
                    if right.len() < MEMORY {
                        right.insert(digest, Instant::now());
                    }
                }
                Ok(role)
            }
            None => {
                let mut failures = lock(&self.0.failures);
                failures.retain(|_, (_, at)| at.elapsed() < PENALTY);
                if failures.len() < MEMORY || failures.contains_key(&from) {
                    let (number, at) = failures.entry(from).or_insert((0, Instant::now()));
                    *number = number.saturating_add(1);
                    *at = Instant::now();
                }
                Err(Denied::Wrong)
            }
        }
    }

    fn digest(&self, name: &str, password: &str) -> Option<[u8; 32]> {
        let mut digest = Sha256::new();
        digest.update(self.0.salt);
        digest.update(name.len().to_be_bytes());
        digest.update(name);
        digest.update(password);
        (self.0.salt != [0; 32]).then(|| digest.finalize().into())
    }
}

/// The hash of no password, so that a name that does not exist takes as long as one that does.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

fn verify(hash: &Secret, password: &Secret) -> bool {
    PasswordHash::new(hash.expose())
        .is_ok_and(|hash| Argon2::default().verify_password(password.expose().as_bytes(), &hash).is_ok())
}

/// A word of 120 random bits that is easy to read out: no letters that look alike.
///
/// # Errors
/// The system's random numbers are not to be had.
pub fn random_word() -> std::io::Result<String> {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut bytes = [0_u8; 24];
    getrandom::fill(&mut bytes).map_err(|error| std::io::Error::other(error.to_string()))?;
    let letter = |byte: &u8| char::from(LETTERS[usize::from(byte % 32)]);
    let letters: Vec<char> = bytes.iter().map(letter).collect();
    Ok(letters.chunks(6).map(|four| four.iter().collect::<String>()).collect::<Vec<_>>().join("-"))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
