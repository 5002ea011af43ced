//! Modules and their definitions.

use alloc::vec::Vec;

use super::lexer::{ParseError, Token, Word, tokens};
use super::syntax::Syntax;

/// A module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it takes from others.
    pub imports: Vec<Import<'a>>,
    /// What it defines, in its order.
    pub definitions: Vec<Definition<'a>>,
}

/// What a module takes from another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import<'a> {
    /// The names.
    pub names: Vec<&'a str>,
    /// Where from.
    pub module: &'a str,
}

/// A definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition<'a> {
    /// Its name.
    pub name: &'a str,
    /// The line of its name, counted from 1.
    pub line: usize,
    /// What it defines.
    pub kind: Kind,
    /// What it says of that.
    pub clauses: Clauses<'a>,
    /// What it stands for.
    pub value: Value<'a>,
}

/// What a definition defines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(
    missing_docs,
    reason = "the names are those of the macros of RFC 2578 to RFC 2580, RFC 1212 and RFC 1215"
)]
pub enum Kind {
    Node,
    ModuleIdentity,
    ObjectIdentity,
    ObjectType,
    NotificationType,
    TrapType,
    ObjectGroup,
    NotificationGroup,
    ModuleCompliance,
    AgentCapabilities,
    TextualConvention,
    Type,
}

/// What a definition stands for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Value<'a> {
    /// A type, which stands for nothing in the tree.
    #[default]
    None,
    /// A place in the tree.
    Oid(Vec<Component<'a>>),
    /// The number of a trap.
    Number(u32),
}

/// A part of an identifier: `name`, `number` or `name(number)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Component<'a> {
    /// Its name.
    pub name: Option<&'a str>,
    /// Its number.
    pub number: Option<u32>,
}

/// A part of an INDEX clause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Index<'a> {
    /// The object, or in SMIv1 a type.
    pub name: &'a str,
    /// Whether its length is implied.
    pub implied: bool,
}

/// What a definition says. What it does not say is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Clauses<'a> {
    /// SYNTAX.
    pub syntax: Option<Syntax<'a>>,
    /// UNITS.
    pub units: &'a str,
    /// DISPLAY-HINT.
    pub display_hint: &'a str,
    /// MAX-ACCESS, or ACCESS.
    pub access: &'a str,
    /// STATUS.
    pub status: &'a str,
    /// DESCRIPTION: the first one, which speaks of the whole.
    pub description: &'a str,
    /// REFERENCE.
    pub reference: &'a str,
    /// LAST-UPDATED.
    pub last_updated: &'a str,
    /// INDEX.
    pub index: Vec<Index<'a>>,
    /// AUGMENTS.
    pub augments: &'a str,
    /// OBJECTS, NOTIFICATIONS or VARIABLES.
    pub objects: Vec<&'a str>,
    /// ENTERPRISE.
    pub enterprise: Vec<Component<'a>>,
}

/// Reads the modules of a text, usually one.
///
/// # Errors
/// [`ParseError`]: the first place where it is no module, and what was expected there.
pub fn parse(text: &str) -> Result<Vec<Module<'_>>, ParseError<'_>> {
    let mut parser = Parser { text, tokens: tokens(text)?, position: 0 };
    let mut modules = Vec::new();
    while parser.peek().word != Word::End || modules.is_empty() {
        modules.push(parser.module()?);
    }
    Ok(modules)
}

/// How deep types may stand in one another.
const DEPTH: usize = 8;

pub(super) struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token<'a>>,
    position: usize,
}

impl<'a> Parser<'a> {
    fn module(&mut self) -> Result<Module<'a>, ParseError<'a>> {
        let name = self.name()?;
        if self.is("{") {
            self.braces()?;
        }
        self.keyword("DEFINITIONS", "DEFINITIONS")?;
        self.sign("::=")?;
        self.keyword("BEGIN", "BEGIN")?;
        if self.takes("EXPORTS") {
            self.until(";")?;
        }
        let imports = if self.takes("IMPORTS") { self.imports()? } else { Vec::new() };
        let mut definitions = Vec::new();
        while !self.takes("END") {
            if let Some(definition) = self.definition()? {
                definitions.push(definition);
            }
        }
        Ok(Module { name, imports, definitions })
    }

    fn imports(&mut self) -> Result<Vec<Import<'a>>, ParseError<'a>> {
        let mut imports = Vec::new();
        while !self.takes(";") {
            let mut names = Vec::new();
            while !self.takes("FROM") {
                names.push(self.name()?);
                let _ = self.takes(",");
            }
            imports.push(Import { names, module: self.name()? });
            if self.is("{") {
                self.braces()?;
            }
        }
        Ok(imports)
    }

    /// Takes a definition; `None` for a macro's, which is passed over.
    fn definition(&mut self) -> Result<Option<Definition<'a>>, ParseError<'a>> {
        let line = ParseError::at(self.text, self.peek().at, "", "").line;
        let name = self.name()?;
        if self.takes("MACRO") {
            self.sign("::=")?;
            self.keyword("BEGIN", "BEGIN")?;
            self.until("END")?;
            return Ok(None);
        }
        let define = |kind, clauses, value| Ok(Some(Definition { name, line, kind, clauses, value }));
        if self.takes("::=") {
            if self.takes("TEXTUAL-CONVENTION") {
                let clauses = self.clauses("SYNTAX")?;
                return define(Kind::TextualConvention, clauses, Value::None);
            }
            let clauses = Clauses { syntax: Some(self.syntax(DEPTH)?), ..Clauses::default() };
            return define(Kind::Type, clauses, Value::None);
        }
        let keyword = self.peek();
        let kind = match keyword.text {
            "OBJECT" => Kind::Node,
            "MODULE-IDENTITY" => Kind::ModuleIdentity,
            "OBJECT-IDENTITY" => Kind::ObjectIdentity,
            "OBJECT-TYPE" => Kind::ObjectType,
            "NOTIFICATION-TYPE" => Kind::NotificationType,
            "TRAP-TYPE" => Kind::TrapType,
            "OBJECT-GROUP" => Kind::ObjectGroup,
            "NOTIFICATION-GROUP" => Kind::NotificationGroup,
            "MODULE-COMPLIANCE" => Kind::ModuleCompliance,
            "AGENT-CAPABILITIES" => Kind::AgentCapabilities,
            _ => return Err(self.expected("::=, OBJECT IDENTIFIER or the name of a macro")),
        };
        self.advance();
        if kind == Kind::Node {
            self.keyword("IDENTIFIER", "IDENTIFIER")?;
        }
        let clauses = self.clauses("::=")?;
        let value = match kind {
            Kind::TrapType => {
                let number = u32::try_from(self.number()?);
                Value::Number(number.map_err(|_| self.expected("the number of a trap"))?)
            }
            _ => Value::Oid(self.oid()?),
        };
        define(kind, clauses, value)
    }

    /// Takes clauses in any order up to and with `last`: the sign `::=`, or a final SYNTAX.
    fn clauses(&mut self, last: &'static str) -> Result<Clauses<'a>, ParseError<'a>> {
        let mut own = Clauses::default();
        let first = |slot: &mut &'a str, text| {
            if slot.is_empty() {
                *slot = text;
            }
        };
        // A conformance statement speaks of other objects, whose clauses are not its own.
        let mut inside = true;
        while !self.takes("::=") {
            let keyword = self.peek();
            if keyword.word == Word::End {
                return Err(self.expected(last));
            }
            self.advance();
            match keyword.text {
                "MODULE" | "SUPPORTS" | "VARIATION" | "OBJECT" | "GROUP" => inside = false,
                "SYNTAX" => {
                    let syntax = self.syntax(DEPTH)?;
                    if inside {
                        own.syntax = Some(syntax);
                    }
                    if last == "SYNTAX" {
                        return Ok(own);
                    }
                }
                "UNITS" => own.units = self.string()?,
                "DISPLAY-HINT" => own.display_hint = self.string()?,
                "DESCRIPTION" => first(&mut own.description, self.string()?),
                "REFERENCE" => first(&mut own.reference, self.string()?),
                "LAST-UPDATED" => own.last_updated = self.string()?,
                "MAX-ACCESS" | "ACCESS" => first(&mut own.access, self.name()?),
                "STATUS" => first(&mut own.status, self.name()?),
                "AUGMENTS" => {
                    self.sign("{")?;
                    own.augments = self.name()?;
                    self.sign("}")?;
                }
                "INDEX" => own.index = self.index()?,
                "OBJECTS" | "NOTIFICATIONS" | "VARIABLES" if own.objects.is_empty() && self.is("{") => {
                    own.objects = self.index()?.iter().map(|part| part.name).collect();
                }
                "ENTERPRISE" if self.is("{") => own.enterprise = self.oid()?,
                "ENTERPRISE" => own.enterprise.push(Component { name: Some(self.name()?), number: None }),
                // DEFVAL and all others: what they say is not needed.
                _ if self.is("{") => self.braces()?,
                _ => {}
            }
        }
        if last == "::=" { Ok(own) } else { Err(self.expected(last)) }
    }

    /// `{ IMPLIED name, ... }`
    fn index(&mut self) -> Result<Vec<Index<'a>>, ParseError<'a>> {
        self.sign("{")?;
        let mut parts = Vec::new();
        while !self.takes("}") {
            let implied = self.takes("IMPLIED");
            // SMIv1 allows a type, such as `INTEGER (1..10)` or `OCTET STRING`, instead of an object.
            let name = self.name()?;
            let _ = name == "OCTET" && self.takes("STRING") || name == "OBJECT" && self.takes("IDENTIFIER");
            if self.takes("(") {
                self.until(")")?;
                let _ = self.takes(")");
            }
            parts.push(Index { name, implied });
            if !self.takes(",") && !self.is("}") {
                return Err(self.expected("a comma or a closing brace"));
            }
        }
        Ok(parts)
    }

    /// `{ parent name(1) 2 }`
    fn oid(&mut self) -> Result<Vec<Component<'a>>, ParseError<'a>> {
        self.sign("{")?;
        let mut components = Vec::new();
        while !self.takes("}") {
            let token = self.peek();
            let component = if token.word == Word::Number {
                Component { name: None, number: Some(self.arc()?) }
            } else {
                let mut name = self.name()?;
                if self.takes(".") {
                    name = self.name()?;
                }
                let number = if self.takes("(") {
                    let number = self.arc()?;
                    self.sign(")")?;
                    Some(number)
                } else {
                    None
                };
                Component { name: Some(name), number }
            };
            components.push(component);
        }
        Ok(components)
    }

    fn arc(&mut self) -> Result<u32, ParseError<'a>> {
        let at = self.expected("a number below 2^32");
        self.number().and_then(|number| u32::try_from(number).map_err(|_| at))
    }

    pub(super) fn peek(&self) -> Token<'a> {
        let end = Token { word: Word::End, text: "", at: self.text.len() };
        self.tokens.get(self.position).copied().unwrap_or(end)
    }

    pub(super) fn advance(&mut self) {
        self.position = self.position.saturating_add(1);
    }

    pub(super) fn expected(&self, expected: &'static str) -> ParseError<'a> {
        let token = self.peek();
        ParseError::at(self.text, token.at, token.text, expected)
    }

    /// Tells whether that keyword or sign is next.
    pub(super) fn is(&self, text: &str) -> bool {
        let token = self.peek();
        matches!(token.word, Word::Name | Word::Sign) && token.text == text
    }

    /// Takes that keyword or sign if it is next.
    pub(super) fn takes(&mut self, text: &str) -> bool {
        let found = self.is(text);
        if found {
            self.advance();
        }
        found
    }

    pub(super) fn sign(&mut self, sign: &'static str) -> Result<(), ParseError<'a>> {
        if self.takes(sign) { Ok(()) } else { Err(self.expected(sign)) }
    }

    fn keyword(&mut self, word: &str, expected: &'static str) -> Result<(), ParseError<'a>> {
        if self.takes(word) { Ok(()) } else { Err(self.expected(expected)) }
    }

    /// Takes the second word of a name that is made of two.
    pub(super) fn then(&mut self, word: &str, both: &'static str) -> Result<&'static str, ParseError<'a>> {
        if self.takes(word) { Ok(both) } else { Err(self.expected(both)) }
    }

    pub(super) fn name(&mut self) -> Result<&'a str, ParseError<'a>> {
        let token = self.peek();
        if token.word != Word::Name {
            return Err(self.expected("a name"));
        }
        self.advance();
        Ok(token.text)
    }

    fn string(&mut self) -> Result<&'a str, ParseError<'a>> {
        let token = self.peek();
        if token.word != Word::Text {
            return Err(self.expected("text between quotation marks"));
        }
        self.advance();
        Ok(token.text)
    }

    /// Passes over everything up to and with that word.
    pub(super) fn until(&mut self, text: &'static str) -> Result<(), ParseError<'a>> {
        while !self.takes(text) {
            if self.peek().word == Word::End {
                return Err(self.expected(text));
            }
            self.advance();
        }
        Ok(())
    }

    /// Passes over what stands between braces.
    fn braces(&mut self) -> Result<(), ParseError<'a>> {
        let mut depth = 0_usize;
        loop {
            if self.peek().word == Word::End {
                return Err(self.expected("}"));
            }
            if self.takes("{") {
                depth = depth.saturating_add(1);
            } else if self.takes("}") {
                depth = depth.saturating_sub(1);
            } else {
                self.advance();
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }
}
