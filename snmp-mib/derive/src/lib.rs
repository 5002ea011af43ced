//! The derive macros of `snmp-mib-engine`.
