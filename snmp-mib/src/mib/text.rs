//! The SMIv2 text of a module, from its declarations (RFC 2578 to RFC 2580).
//!
//! Everything that a module must have and that follows from the declarations is written without being declared:
//! the imports, the SEQUENCE of every table, a group for every table and every group of scalars, one for the
//! notifications, and the compliance statement.

use alloc::{collections::BTreeMap, collections::BTreeSet, format, string::String, vec::Vec};

use super::def::{Access, Base, ColumnDef, GroupDef, ModuleDef, ScalarDef, Status, Syntax, TableDef};
use super::rebase;
use crate::oid;
use crate::wire::{Oid, OidBuf};

/// Writes the text of `module`, moved from below `from` to below `to` where an operator has an enterprise number
/// of their own.
pub fn write(module: &ModuleDef, from: Oid<'_>, to: Oid<'_>) -> String {
    let mut text = Text { module, names: names(module), out: String::new() };
    text.line(&format!("{} DEFINITIONS ::= BEGIN", module.name));
    text.line("");
    text.imports();
    text.identity(rebase(module.oid, from, to).as_oid());
    for (name, oid) in module.nodes {
        text.node(name, *oid);
    }
    text.blank();
    for table in module.tables {
        text.table(table);
    }
    for group in module.groups {
        text.scalars(group);
    }
    for notification in module.notifications {
        text.line(&format!("{} NOTIFICATION-TYPE", notification.name));
        text.list("OBJECTS", notification.objects);
        text.line("    STATUS      current");
        text.description(notification.description);
        text.place(notification.oid);
    }
    text.conformance();
    text.line("END");
    text.out
}

/// The places that a definition can be written relative to.
type Names<'a> = BTreeMap<OidBuf, &'a str>;

fn names(module: &ModuleDef) -> Names<'_> {
    let mut names = Names::new();
    names.insert(module.oid.to_buf(), module.identity);
    for (name, oid) in module.nodes {
        names.insert(oid.to_buf(), name);
    }
    for group in module.groups {
        names.insert(group.oid.to_buf(), group.name);
    }
    names.insert(module.compliance.oid.to_buf(), module.compliance.name);
    names
}

struct Text<'a> {
    module: &'a ModuleDef,
    names: Names<'a>,
    out: String,
}

impl Text<'_> {
    fn line(&mut self, line: &str) {
        self.out.push_str(line.trim_end());
        self.out.push('\n');
    }

    fn blank(&mut self) {
        self.line("");
    }

    fn imports(&mut self) {
        let mut from: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        from.insert("SNMPv2-SMI", BTreeSet::from(["MODULE-IDENTITY", "OBJECT-TYPE", "enterprises"]));
        from.insert("SNMPv2-CONF", BTreeSet::from(["MODULE-COMPLIANCE", "OBJECT-GROUP"]));
        if !self.module.notifications.is_empty() {
            from.entry("SNMPv2-SMI").or_default().insert("NOTIFICATION-TYPE");
            from.entry("SNMPv2-CONF").or_default().insert("NOTIFICATION-GROUP");
        }
        for syntax in self.syntaxes().filter(|syntax| !syntax.module.is_empty()) {
            from.entry(syntax.module).or_default().insert(syntax.name);
        }
        // The order of the standards: SMI, conventions, conformance, then the rest by name.
        let rank = |name: &str| {
            ["SNMPv2-SMI", "SNMPv2-TC", "SNMPv2-CONF"].iter().position(|n| *n == name).unwrap_or(3)
        };
        let mut modules: Vec<_> = from.into_iter().collect();
        modules.sort_by_key(|(name, _)| (rank(name), *name));
        self.line("IMPORTS");
        let last = modules.len().saturating_sub(1);
        for (i, (module, symbols)) in modules.into_iter().enumerate() {
            let symbols: Vec<_> = symbols.into_iter().collect();
            for line in wrap(&symbols.join(", "), 70) {
                self.line(&format!("    {line}"));
            }
            self.line(&format!("        FROM {module}{}", if i == last { ";" } else { "" }));
        }
        self.blank();
    }

    fn syntaxes(&self) -> impl Iterator<Item = &'static Syntax> + use<> {
        let columns = self.module.tables.iter().flat_map(|table| table.columns).map(|column| &column.syntax);
        let scalars = self.module.groups.iter().flat_map(|group| group.scalars).map(|scalar| &scalar.syntax);
        columns.chain(scalars)
    }

    fn identity(&mut self, oid: Oid<'_>) {
        let module = self.module;
        self.line(&format!("{} MODULE-IDENTITY", module.identity));
        self.line(&format!("    LAST-UPDATED \"{}\"", module.last_updated));
        self.line(&format!("    ORGANIZATION \"{}\"", module.organization));
        self.quoted("CONTACT-INFO", module.contact);
        self.description(module.description);
        self.line(&format!("    REVISION    \"{}\"", module.last_updated));
        self.description(module.revision);
        // The identity comes first in a module, so the place above it is named behind it.
        let below: Vec<u32> = oid.strip_prefix(oid!(1, 3, 6, 1, 4, 1)).unwrap_or_default().collect();
        let (own, number) = below.split_last().unwrap_or((&0, &[]));
        let above = format!("{}Enterprise", module.prefix);
        self.line(&format!("    ::= {{ {above} {own} }}"));
        self.blank();
        let number = joined(number.iter().copied());
        self.line(&format!("{above} OBJECT IDENTIFIER ::= {{ enterprises {number} }}"));
    }

    fn node(&mut self, name: &str, oid: Oid<'_>) {
        self.line(&format!("{name} OBJECT IDENTIFIER ::= {{ {} }}", self.relative(oid)));
    }

    fn table(&mut self, table: &TableDef) {
        self.line(&format!("{} OBJECT-TYPE", table.name));
        self.line(&format!("    SYNTAX      SEQUENCE OF {}", upper(table.entry)));
        self.line("    MAX-ACCESS  not-accessible");
        self.status(table.status);
        self.description(table.description);
        self.place(table.oid);

        self.line(&format!("{} OBJECT-TYPE", table.entry));
        self.line(&format!("    SYNTAX      {}", upper(table.entry)));
        self.line("    MAX-ACCESS  not-accessible");
        self.status(table.status);
        self.description(&format!("A row of {}.", table.name));
        if table.augments.is_empty() {
            let parts = table
                .index
                .iter()
                .map(|part| format!("{}{}", if part.implied { "IMPLIED " } else { "" }, part.name));
            self.line(&format!("    INDEX       {{ {} }}", parts.collect::<Vec<_>>().join(", ")));
        } else {
            self.line(&format!("    AUGMENTS    {{ {} }}", table.augments));
        }
        self.line(&format!("    ::= {{ {} 1 }}", table.name));
        self.blank();

        self.line(&format!("{} ::= SEQUENCE {{", upper(table.entry)));
        let width = table.columns.iter().map(|column| column.name.len()).max().unwrap_or(0);
        for (i, column) in table.columns.iter().enumerate() {
            let comma = if i.saturating_add(1) == table.columns.len() { "" } else { "," };
            self.line(&format!("    {:width$} {}{comma}", column.name, column.syntax.name));
        }
        self.line("}");
        self.blank();
        for column in table.columns {
            self.column(table, column);
        }
    }

    fn column(&mut self, table: &TableDef, column: &ColumnDef) {
        let ColumnDef { arc, name, syntax, access, status, units, description } = column;
        self.object(&ScalarDef {
            arc: *arc,
            name,
            syntax: *syntax,
            access: *access,
            status: *status,
            units,
            description,
        });
        self.line(&format!("    ::= {{ {} {arc} }}", table.entry));
        self.blank();
    }

    fn scalars(&mut self, group: &GroupDef) {
        self.node(group.name, group.oid);
        self.blank();
        for scalar in group.scalars {
            self.object(scalar);
            self.line(&format!("    ::= {{ {} {} }}", group.name, scalar.arc));
            self.blank();
        }
    }

    fn object(&mut self, object: &ScalarDef) {
        self.line(&format!("{} OBJECT-TYPE", object.name));
        for (i, line) in wrap(&syntax(&object.syntax), 58).iter().enumerate() {
            self.line(&format!("    {} {line}", if i == 0 { "SYNTAX     " } else { "           " }));
        }
        if !object.units.is_empty() {
            self.line(&format!("    UNITS       \"{}\"", object.units));
        }
        self.line(&format!("    MAX-ACCESS  {}", access(object.access)));
        self.status(object.status);
        self.description(object.description);
    }

    fn conformance(&mut self) {
        let (prefix, branch) = (self.module.prefix, self.module.compliance);
        let (compliances, groups) = (format!("{prefix}Compliances"), format!("{prefix}Groups"));
        self.node(branch.name, branch.oid);
        self.line(&format!("{compliances} OBJECT IDENTIFIER ::= {{ {} 1 }}", branch.name));
        self.line(&format!("{groups} OBJECT IDENTIFIER ::= {{ {} 2 }}", branch.name));
        self.blank();
        let mut declared: Vec<(String, Vec<&str>, &str)> = Vec::new();
        for table in self.module.tables {
            let objects = table.columns.iter().filter(|c| c.access != Access::NotAccessible).map(|c| c.name);
            let stem = table.name.strip_suffix("Table").unwrap_or(table.name);
            declared.push((format!("{stem}Group"), objects.collect(), table.name));
        }
        for group in self.module.groups {
            let objects = group.scalars.iter().filter(|s| s.access != Access::NotAccessible).map(|s| s.name);
            declared.push((format!("{}Group", group.name), objects.collect(), group.name));
        }
        let notifications: Vec<_> = self.module.notifications.iter().map(|n| n.name).collect();
        let notified = format!("{prefix}NotificationGroup");
        let mut mandatory: Vec<&str> = declared.iter().map(|(name, ..)| name.as_str()).collect();
        if !notifications.is_empty() {
            mandatory.push(&notified);
        }
        self.line(&format!("{prefix}Compliance MODULE-COMPLIANCE"));
        self.line("    STATUS      current");
        self.description("What an agent implements that supports the whole module.");
        self.line("    MODULE");
        self.list("MANDATORY-GROUPS", &mandatory);
        self.line(&format!("    ::= {{ {compliances} 1 }}"));
        self.blank();
        for (number, (name, objects, of)) in declared.iter().enumerate() {
            self.line(&format!("{name} OBJECT-GROUP"));
            self.list("OBJECTS", objects);
            self.line("    STATUS      current");
            self.description(&format!("The objects of {of}."));
            self.line(&format!("    ::= {{ {groups} {} }}", number.saturating_add(1)));
            self.blank();
        }
        if !notifications.is_empty() {
            self.line(&format!("{notified} NOTIFICATION-GROUP"));
            self.list("NOTIFICATIONS", &notifications);
            self.line("    STATUS      current");
            self.description("The notifications of the module.");
            self.line(&format!("    ::= {{ {groups} {} }}", declared.len().saturating_add(1)));
            self.blank();
        }
    }

    fn status(&mut self, status: Status) {
        let word = match status {
            Status::Current => "current",
            Status::Deprecated => "deprecated",
            Status::Obsolete => "obsolete",
        };
        self.line(&format!("    STATUS      {word}"));
    }

    fn description(&mut self, text: &str) {
        self.quoted("DESCRIPTION", text);
    }

    fn quoted(&mut self, clause: &str, text: &str) {
        self.line(&format!("    {clause}"));
        let text = text.replace('"', "'");
        let mut lines: Vec<String> = Vec::new();
        for (i, paragraph) in text.split("\n\n").enumerate() {
            if i > 0 {
                lines.push(String::new());
            }
            lines.extend(wrap(paragraph, 64));
        }
        let last = lines.len().saturating_sub(1);
        for (i, line) in lines.iter().enumerate() {
            let (open, close) = (if i == 0 { "\"" } else { " " }, if i == last { "\"" } else { "" });
            self.line(&format!("        {open}{line}{close}"));
        }
    }

    fn list(&mut self, clause: &str, names: &[&str]) {
        self.line(&format!("    {clause} {{"));
        for line in wrap(&names.join(", "), 66) {
            self.line(&format!("        {line}"));
        }
        self.line("    }");
    }

    fn place(&mut self, oid: Oid<'_>) {
        self.line(&format!("    ::= {{ {} }}", self.relative(oid)));
        self.blank();
    }

    /// The nearest named place above `oid`, and the arcs from there.
    fn relative(&self, oid: Oid<'_>) -> String {
        let above =
            self.names.iter().filter(|(place, _)| place.as_oid() != oid && oid.starts_with(place.as_oid()));
        match above.max_by_key(|(place, _)| place.as_oid().as_bytes().len()) {
            Some((place, name)) => {
                let below = oid.strip_prefix(place.as_oid()).unwrap_or_default();
                format!("{name} {}", joined(below))
            }
            None => format!("{oid}").replace('.', " "),
        }
    }
}

fn joined(arcs: impl Iterator<Item = u32>) -> String {
    arcs.map(|arc| format!("{arc}")).collect::<Vec<_>>().join(" ")
}

fn upper(name: &str) -> String {
    let mut chars = name.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

fn access(access: Access) -> &'static str {
    match access {
        Access::NotAccessible => "not-accessible",
        Access::AccessibleForNotify => "accessible-for-notify",
        Access::ReadOnly => "read-only",
        Access::ReadWrite => "read-write",
        Access::ReadCreate => "read-create",
    }
}

/// The SYNTAX clause. Labels and ranges that come with a textual convention are not repeated.
fn syntax(syntax: &Syntax) -> String {
    if !syntax.labels.is_empty() && syntax.module.is_empty() {
        let labels: Vec<_> =
            syntax.labels.iter().map(|(label, number)| format!("{label}({number})")).collect();
        return format!("{} {{ {} }}", syntax.name, labels.join(", "));
    }
    match syntax.range {
        Some((least, greatest)) if syntax.refined => {
            let span = if least == greatest { format!("{least}") } else { format!("{least}..{greatest}") };
            match syntax.base {
                Base::Octets | Base::Bits | Base::Opaque => format!("{} (SIZE ({span}))", syntax.name),
                _ => format!("{} ({span})", syntax.name),
            }
        }
        _ => syntax.name.into(),
    }
}

/// Breaks text at spaces into lines of at most `width` characters.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.len().saturating_add(word.len()) < width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.into()),
        }
    }
    lines
}
