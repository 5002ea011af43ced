//! The small numbers by which the parts of the crate name things to one another.

use core::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id! {
    /// Names a service; the caller chooses the numbers.
    ServiceId
}
id! {
    /// Names a card; the caller chooses the numbers.
    CardId
}
id! {
    /// Names a route by its place in the order in which the table's builder received them, from 0.
    RouteId
}
