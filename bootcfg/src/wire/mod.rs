//! Bytes without time: DHCP and BOOTP messages, TFTP packets and file names.
//!
//! Every `parse` borrows, is total, and checks everything once; no accessor can fail later except a typed getter,
//! whose failure concerns one option only. Every builder writes into the caller's buffer.

pub mod dhcp;
pub mod tftp;
