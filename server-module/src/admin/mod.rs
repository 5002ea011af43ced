//! The admin pages: a login, the cards, over TLS.
