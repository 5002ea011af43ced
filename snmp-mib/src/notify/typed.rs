//! What a notification says, as a Rust type.

use crate::mib::{IndexWriter, NotificationDef, Row};
use crate::wire::{OidBuf, Value};

/// A notification. Derive it for a struct of the rows it speaks of.
pub trait Notification {
    /// The declaration.
    const DEF: NotificationDef;

    /// Calls `each` with the name and the value of every object, in the declared order. Objects whose value is
    /// not known are left out.
    fn objects<'a>(&'a self, each: &mut dyn FnMut(OidBuf, Value<'a>));
}

/// Calls `each` with the columns of `row` that have these descriptors.
pub fn report<'a, R: Row>(row: &'a R, columns: &[&str], each: &mut dyn FnMut(OidBuf, Value<'a>)) {
    let mut index = IndexWriter::new();
    row.index(&mut index);
    for wanted in columns {
        let found = R::TABLE.columns.iter().enumerate().find(|(_, column)| column.name == *wanted);
        let Some((position, column)) = found else {
            continue;
        };
        if let Some(value) = row.cell(position) {
            let mut name = R::TABLE.oid.to_buf().join(&[1, column.arc]);
            name.append_content(index.as_bytes());
            each(name, value);
        }
    }
}
