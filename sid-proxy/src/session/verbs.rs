//! The verbs, for a driver that serves any of the three kinds of session.

use super::{Error, Input, Output};
use core::fmt;
use core::time::Duration;

/// A session as a driver sees it; each kind has the same verbs as methods of its own.
pub trait Session: Clone + fmt::Debug + PartialEq {
    /// Tells what happened at `now`, and how many bytes of [`Input::Data`] were taken. Nothing is taken while outputs
    /// wait.
    fn handle(&mut self, now: Duration, input: Input<'_>) -> Result<usize, Error>;
    /// The next thing to do.
    fn poll_output(&mut self) -> Option<Output<'_>>;
    /// When [`Input::Tick`] is due; zero while outputs wait.
    fn deadline(&self) -> Option<Duration>;
}

macro_rules! sessions {
    ($($kind:ty),*) => {$(
        impl Session for $kind {
            fn handle(&mut self, now: Duration, input: Input<'_>) -> Result<usize, Error> {
                <$kind>::handle(self, now, input)
            }
            fn poll_output(&mut self) -> Option<Output<'_>> {
                <$kind>::poll_output(self)
            }
            fn deadline(&self) -> Option<Duration> {
                <$kind>::deadline(self)
            }
        }
    )*};
}
sessions!(crate::tls::Session, crate::pop3::Session, crate::ftp::Session);
