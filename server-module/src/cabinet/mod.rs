//! The cabinet core: inventory, services, states; commands, reports and time in, effects out, no IO.
