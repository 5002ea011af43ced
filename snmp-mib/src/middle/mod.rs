//! The middle agent: what comes from many agents, judged by a table of rules, passed on in a measure that people and
//! operations centres can take.
//!
//! ```text
//! trap, value -> bucket of its source -> first rule that matches -> seen before? -> Act
//!                  | limited               | unmatched                | below the rate, suppressed, crowded
//!                                                                     '-> Summary when the window ends, escalation
//! ```
//!
//! Whatever goes in is counted in exactly one place ([`Stats`]), and memory is bounded however much comes.
//!
//! ```
//! use core::time::Duration;
//! use snmp_mib::middle::{Action, Config, Input, Key, Middle, Output, Rule, When};
//! use snmp_mib::oid;
//! use snmp_mib::wire::Value;
//!
//! let hot = Rule::new("hot", When::Value(oid!(1, 3, 6, 1, 4, 1, 32473, 1, 2, 1, 1, 6).to_buf()))
//!     .above(700)
//!     .keyed([Key::Source, Key::Instance])
//!     .for_window(Duration::from_secs(60))
//!     .doing(Action::Do(7));
//! let mut middle = Middle::new(Config { rules: vec![hot], ..Config::default() });
//! let card = "10.1.2.1".parse().unwrap();
//! let name = oid!(1, 3, 6, 1, 4, 1, 32473, 1, 2, 1, 1, 6, 2, 1);
//! for second in 0..10 {
//!     let input = Input::Value { from: card, name, value: Value::Integer(812) };
//!     let _ = middle.handle(Duration::from_secs(second), input);
//! }
//! assert!(matches!(middle.poll_output(), Some(Output::Act { action: Action::Do(7), .. })));
//! assert_eq!(middle.poll_output(), None);
//! middle.handle(Duration::from_secs(60), Input::Tick).unwrap();
//! assert!(matches!(middle.poll_output(), Some(Output::Summary { suppressed: 9, .. })));
//! ```

mod engine;
mod rule;

pub use engine::{Config, Dropped, Input, Limits, Middle, Output, Stats};
pub use rule::{Action, Escalation, Is, Key, Rate, Rule, Test, When};
