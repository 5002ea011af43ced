//! SNMPv3 in front of the agent: the user-based model opens requests and seals answers (RFC 3412, RFC 3414).

#[cfg(feature = "usm")]
pub(super) use on::{KeptSender, Secure, Sender};

#[cfg(not(feature = "usm"))]
pub(super) use off::{KeptSender, Secure, Sender};

#[cfg(feature = "usm")]
mod on {
    use alloc::{boxed::Box, vec::Vec};
    use core::time::Duration;

    use super::super::io::Error;
    use super::super::own::{EngineInfo, Own, UsmUser};
    use crate::mib::Counter32;
    use crate::usm::{Authority, Credentials, Level, Refused, RustCrypto};
    use crate::vacm::Model;
    use crate::wire::{Oid, ScopedPdu};

    pub(in super::super) type Sender<'a> = crate::usm::Sender<'a>;

    /// Who is answered, kept while the answer is found.
    #[derive(Clone, Debug, PartialEq)]
    pub(in super::super) struct KeptSender {
        id: i32,
        max_size: i32,
        level: Level,
        user: Box<[u8]>,
    }

    impl KeptSender {
        pub(in super::super) fn new(sender: &Sender<'_>) -> Self {
            Self { id: sender.id, max_size: sender.max_size, level: sender.level, user: sender.user.into() }
        }

        pub(in super::super) fn as_sender(&self) -> Sender<'_> {
            let Self { id, max_size, level, ref user } = *self;
            Sender { id, max_size, reportable: false, level, user }
        }
    }

    /// The engine's keys and clock.
    #[derive(Clone, Debug, Default, PartialEq)]
    pub(in super::super) struct Secure {
        authority: Option<Authority<RustCrypto>>,
        /// The Report that answers the message just refused.
        report: Option<Vec<u8>>,
    }

    impl Secure {
        pub(in super::super) fn new<'a>(
            now: Duration,
            config: crate::usm::Config,
            users: impl Iterator<Item = &'a Credentials>,
            own: &mut Own,
        ) -> Self {
            let users: Vec<Credentials> = users.cloned().collect();
            own.users.replace(users.iter().map(|user| UsmUser::new(&config.engine, user)));
            own.engine.values = EngineInfo {
                id: Some(config.engine.to_vec()),
                boots: Some(config.boots),
                time: Some(0),
                max_message_size: Some(config.max_size),
            };
            Self { authority: Some(Authority::new(now, RustCrypto, config, &users)), report: None }
        }

        pub(in super::super) const fn is_on(&self) -> bool {
            self.authority.is_some()
        }

        /// The Report for the message that was just refused, if somebody is to be told.
        pub(in super::super) const fn take_report(&mut self) -> Option<Vec<u8>> {
            self.report.take()
        }

        /// Brings snmpEngineBoots and snmpEngineTime up to date.
        pub(in super::super) fn tell_time(&self, now: Duration, own: &mut Own) {
            if let Some(authority) = &self.authority {
                let (boots, time) = authority.clock(now);
                own.engine.values.boots = Some(boots);
                own.engine.values.time = Some(time);
            }
        }

        pub(in super::super) fn open<'a>(
            &mut self,
            own: &mut Own,
            now: Duration,
            data: &'a [u8],
            plain: &'a mut Vec<u8>,
        ) -> Result<(Sender<'a>, ScopedPdu<'a>), Error> {
            let Some(authority) = self.authority.as_mut() else {
                return Err(Error::NotARequest);
            };
            let refused = match authority.open(now, data, plain) {
                Ok(opened) => return Ok((opened.sender, opened.scoped)),
                Err(refused) => refused,
            };
            match refused {
                Refused::Malformed(error) => {
                    // Privacy without authentication is a message that contradicts itself (RFC 3412 §7.2 step 5d).
                    match error.problem {
                        crate::wire::Problem::Forbidden => own.mpd.values.invalid_msgs.add(1),
                        _ => own.snmp.values.in_asn_parse_errs.add(1),
                    }
                    return Err(error.into());
                }
                Refused::Model(_) => own.mpd.values.unknown_security_models.add(1),
                Refused::Reason { .. } => {}
            }
            let mut report = Vec::new();
            self.report = authority.report(now, &refused, &mut report).map(<[u8]>::to_vec);
            own.usm.values = authority.stats().into();
            Err(Error::Refused)
        }

        /// Tells whether a context engine is this one.
        pub(in super::super) fn is_engine(&self, engine: &[u8]) -> bool {
            self.authority.as_ref().is_some_and(|authority| authority.engine() == engine)
        }

        /// Makes the Report of a counter that is not the model's, at the level that the request came with.
        pub(in super::super) fn tell(
            &mut self,
            now: Duration,
            sender: &Sender<'_>,
            counter: (Oid<'_>, Counter32),
            request_id: i32,
        ) {
            let mut report = Vec::new();
            let told = self.authority.as_mut().and_then(|authority| {
                authority.tell(now, sender, counter.0, counter.1.0, request_id, &mut report)
            });
            self.report = told.map(<[u8]>::to_vec);
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

    /// By which model, under which name and at which level somebody came.
    pub(in super::super) const fn identity<'a>(sender: &Sender<'a>) -> (Model, &'a [u8], Level) {
        (Model::USM, sender.user, sender.level)
    }
}

#[cfg(feature = "usm")]
pub(super) use on::identity;

#[cfg(not(feature = "usm"))]
mod off {
    use alloc::vec::Vec;
    use core::{marker::PhantomData, time::Duration};

    use super::super::own::Own;

    /// Nobody: without the feature there is no v3.
    #[derive(Clone, Copy, Debug)]
    pub(in super::super) struct Sender<'a>(PhantomData<&'a ()>);

    /// Nobody.
    #[derive(Clone, Debug, PartialEq)]
    pub(in super::super) struct KeptSender;

    impl KeptSender {
        pub(in super::super) const fn new(_: &Sender<'_>) -> Self {
            Self
        }

        pub(in super::super) const fn as_sender(&self) -> Sender<'_> {
            Sender(PhantomData)
        }
    }

    /// Without the feature there is no v3.
    #[derive(Clone, Debug, Default, PartialEq)]
    pub(in super::super) struct Secure {}

    impl Secure {
        pub(in super::super) const fn take_report(&mut self) -> Option<Vec<u8>> {
            None
        }

        pub(in super::super) const fn tell_time(&self, _: Duration, _: &mut Own) {}

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
