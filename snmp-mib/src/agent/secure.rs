//! SNMPv3 in front of the agent: the user-based model opens requests and seals answers (RFC 3412, RFC 3414).

#[cfg(feature = "usm")]
pub(super) use on::{Secure, Sender};

#[cfg(not(feature = "usm"))]
pub(super) use off::{Secure, Sender};

#[cfg(feature = "usm")]
mod on {
    use alloc::vec::Vec;
    use core::time::Duration;

    use super::super::config::{Config, Rights};
    use super::super::engine::Error;
    use super::super::own::Stats;
    use super::super::reply::{Around, Head};
    use super::super::request::Request;
    use crate::usm::{Authority, Credentials, Level, Refused, RustCrypto};
    use crate::wire::Version;

    pub(in super::super) type Sender<'a> = crate::usm::Sender<'a>;

    /// The engine's keys and clock, and what each user may do.
    #[derive(Clone, Debug, Default, PartialEq)]
    pub(in super::super) struct Secure {
        authority: Option<Authority<RustCrypto>>,
        users: Vec<(Vec<u8>, Level, Rights)>,
        /// The Report that answers the message just refused.
        report: Option<Vec<u8>>,
    }

    /// Octets that an envelope adds at the most: headers, engine, user, digest of 48 octets, salt, padding.
    const ENVELOPE: usize = 256;

    impl Secure {
        pub(in super::super) fn new(
            now: Duration,
            config: crate::usm::Config,
            users: &[(Credentials, Rights)],
        ) -> Self {
            let credentials: Vec<Credentials> = users.iter().map(|(user, _)| user.clone()).collect();
            let authority = Some(Authority::new(now, RustCrypto, config, &credentials));
            let users = users.iter().map(|(user, rights)| (user.name().to_vec(), user.level(), *rights));
            Self { authority, users: users.collect(), report: None }
        }

        pub(in super::super) const fn is_on(&self) -> bool {
            self.authority.is_some()
        }

        /// The Report for the message that was just refused, if somebody is to be told.
        pub(in super::super) fn take_report(&mut self) -> Option<Vec<u8>> {
            self.report.take()
        }

        pub(in super::super) fn open<'a>(
            &mut self,
            config: &Config,
            stats: &mut Stats,
            now: Duration,
            data: &'a [u8],
            plain: &'a mut Vec<u8>,
        ) -> Result<Request<'a>, Error> {
            let Some(authority) = self.authority.as_mut() else {
                return Err(Error::NotARequest);
            };
            let opened = match authority.open(now, data, plain) {
                Ok(opened) => opened,
                Err(refused) => {
                    if let Refused::Malformed(error) = refused {
                        stats.in_asn_parse_errs.add(1);
                        return Err(error.into());
                    }
                    let mut report = Vec::new();
                    let told = authority.report(now, &refused, &mut report).map(<[u8]>::to_vec);
                    self.report = told;
                    return Err(Error::Refused);
                }
            };
            let (sender, scoped) = (opened.sender, opened.scoped);
            // One engine and one context: the cabinet's own.
            if *scoped.engine != *authority.engine() || !scoped.context.is_empty() {
                return Err(Error::Context);
            }
            // A user has rights at the level of its credentials and above, not below.
            let user =
                self.users.iter().find(|(name, level, _)| *name == sender.user && sender.level >= *level);
            let largest = usize::try_from(sender.max_size).unwrap_or(0);
            Ok(Request {
                pdu: scoped.pdu,
                version: Version::V2c,
                head: Head {
                    request_id: scoped.pdu.request_id,
                    around: Around::Scope { engine: scoped.engine, context: scoped.context },
                },
                rights: user.map(|(_, _, rights)| *rights),
                limit: largest.min(config.limits.max_message).saturating_sub(ENVELOPE),
                sender: Some(sender),
            })
        }

        /// Puts the envelope around an answer.
        pub(in super::super) fn seal(
            &mut self,
            now: Duration,
            to: &Sender<'_>,
            scoped: &[u8],
        ) -> Option<Vec<u8>> {
            let mut out = Vec::new();
            self.authority.as_mut()?.seal(now, to, scoped, &mut out).ok().map(<[u8]>::to_vec)
        }
    }
}

#[cfg(not(feature = "usm"))]
mod off {
    use alloc::vec::Vec;
    use core::{marker::PhantomData, time::Duration};

    use super::super::config::Config;
    use super::super::engine::Error;
    use super::super::own::Stats;
    use super::super::request::Request;

    /// Nobody: without the feature there is no v3.
    #[derive(Clone, Copy, Debug)]
    pub(in super::super) struct Sender<'a>(PhantomData<&'a ()>);

    /// Without the feature there is no v3.
    #[derive(Clone, Debug, Default, PartialEq)]
    pub(in super::super) struct Secure {}

    impl Secure {
        pub(in super::super) const fn is_on(&self) -> bool {
            false
        }

        pub(in super::super) const fn take_report(&mut self) -> Option<Vec<u8>> {
            None
        }

        pub(in super::super) const fn open<'a>(
            &mut self,
            _: &Config,
            _: &mut Stats,
            _: Duration,
            _: &'a [u8],
            _: &'a mut Vec<u8>,
        ) -> Result<Request<'a>, Error> {
            Err(Error::NotARequest)
        }

        pub(in super::super) const fn seal(
            &mut self,
            _: Duration,
            _: &Sender<'_>,
            _: &[u8],
        ) -> Option<Vec<u8>> {
            None
        }
    }
}
