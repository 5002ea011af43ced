//! What people see: tables, colours, JSON.
