//! From names to identifiers, across modules.

use alloc::{collections::BTreeMap, vec::Vec};

use super::lexer::ParseError;
use super::parser::{Component, Definition, Kind, Module, Value, parse};
use crate::oid;
use crate::wire::{Arcs, Oid, OidBuf};

/// Modules that know one another.
#[derive(Clone, Debug, Default)]
pub struct Library<'a> {
    modules: Vec<Module<'a>>,
}

/// A name of which no identifier could be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{module}, line {line}: {name} stands below {missing}, which is unknown")]
pub struct Unresolved<'a> {
    /// The module.
    pub module: &'a str,
    /// The line of the definition, counted from 1.
    pub line: usize,
    /// The name that is defined.
    pub name: &'a str,
    /// The name that is not: in no module, in none that was added, or itself defined by what it defines.
    pub missing: &'a str,
}

/// The identifiers of names, and the names of identifiers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names<'a> {
    oids: BTreeMap<&'a str, BTreeMap<&'a str, OidBuf>>,
    names: BTreeMap<OidBuf, (&'a str, &'a str)>,
}

impl<'a> Library<'a> {
    /// A library without modules. It knows the roots that SNMPv2-SMI and RFC1155-SMI define all the same.
    pub const fn new() -> Self {
        Self { modules: Vec::new() }
    }

    /// Adds the modules of a text. Of two modules of one name the first one counts.
    ///
    /// # Errors
    /// [`ParseError`]; then nothing was added.
    pub fn add(&mut self, text: &'a str) -> Result<(), ParseError<'a>> {
        for module in parse(text)? {
            if self.module(module.name).is_none() {
                self.modules.push(module);
            }
        }
        Ok(())
    }

    /// A module.
    pub fn module(&self, name: &str) -> Option<&Module<'a>> {
        self.modules.iter().find(|module| module.name == name)
    }

    /// All modules, in the order in which they were added.
    pub fn modules(&self) -> &[Module<'a>] {
        &self.modules
    }

    /// Finds the identifier of every name, and tells of those that have none.
    pub fn resolve(&self) -> (Names<'a>, Vec<Unresolved<'a>>) {
        let mut search = Search { library: self, index: BTreeMap::new(), known: BTreeMap::new() };
        for (position, module) in self.modules.iter().enumerate() {
            for definition in &module.definitions {
                search.index.entry((position, definition.name)).or_insert(definition);
            }
        }
        let (mut names, mut unresolved) = (Names::default(), Vec::new());
        for (position, module) in self.modules.iter().enumerate() {
            for definition in module.definitions.iter().filter(|own| own.value != Value::None) {
                match search.definition(position, definition, DEPTH) {
                    Ok(oid) => names.add(module.name, definition, oid),
                    Err(missing) => unresolved.push(Unresolved {
                        module: module.name,
                        line: definition.line,
                        name: definition.name,
                        missing,
                    }),
                }
            }
        }
        (names, unresolved)
    }
}

impl<'a> Names<'a> {
    fn add(&mut self, module: &'a str, definition: &Definition<'a>, oid: OidBuf) {
        // Of several names of one place that of an object says most.
        let object = definition.kind == Kind::ObjectType;
        if object || !self.names.contains_key(&oid) {
            self.names.insert(oid.clone(), (module, definition.name));
        }
        self.oids.entry(module).or_default().entry(definition.name).or_insert(oid);
    }

    /// The identifier of a name.
    pub fn oid(&self, module: &str, name: &str) -> Option<Oid<'_>> {
        self.oids.get(module)?.get(name).map(OidBuf::as_oid)
    }

    /// The identifier of a name, in the first module by name that defines it.
    pub fn find(&self, name: &str) -> Option<Oid<'_>> {
        self.oids.values().find_map(|own| own.get(name)).map(OidBuf::as_oid)
    }

    /// The longest name above an identifier: its module, itself, and the arcs that stand below it, such as the
    /// index of an instance.
    pub fn name<'b>(&self, oid: Oid<'b>) -> Option<(&'a str, &'a str, Arcs<'b>)> {
        let mut above = oid.to_buf();
        // What stands above an identifier comes before it; each step back shares less with it.
        loop {
            let (own, (module, name)) = self.names.range(..=&above).next_back()?;
            if let Some(arcs) = oid.strip_prefix(own.as_oid()) {
                return Some((*module, *name, arcs));
            }
            above = shared(own.as_oid(), oid);
        }
    }

    /// Every name, by module: module, name, identifier.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a str, Oid<'_>)> {
        let all =
            self.oids.iter().flat_map(|(module, own)| own.iter().map(move |(name, oid)| (module, name, oid)));
        all.map(|(module, name, oid)| (*module, *name, oid.as_oid()))
    }
}

/// What two identifiers begin with.
fn shared(one: Oid<'_>, other: Oid<'_>) -> OidBuf {
    let arcs = one.arcs().zip(other.arcs()).take_while(|(one, other)| one == other).map(|(arc, _)| arc);
    OidBuf::from_arcs(&arcs.collect::<Vec<_>>()).unwrap_or_default()
}

/// How many definitions may stand on one another.
const DEPTH: usize = 128;

struct Search<'l, 'a> {
    library: &'l Library<'a>,
    index: BTreeMap<(usize, &'a str), &'l Definition<'a>>,
    known: BTreeMap<(usize, &'a str), OidBuf>,
}

impl<'a> Search<'_, 'a> {
    fn definition(
        &mut self,
        module: usize,
        definition: &Definition<'a>,
        depth: usize,
    ) -> Result<OidBuf, &'a str> {
        if let Some(oid) = self.known.get(&(module, definition.name)) {
            return Ok(oid.clone());
        }
        let depth = depth.checked_sub(1).ok_or(definition.name)?;
        let oid = match &definition.value {
            Value::None => return Err(definition.name),
            Value::Oid(components) => self.components(module, components, depth)?,
            Value::Number(number) => {
                let enterprise = self.components(module, &definition.clauses.enterprise, depth)?;
                trap(enterprise, *number)
            }
        };
        self.known.insert((module, definition.name), oid.clone());
        Ok(oid)
    }

    fn components(
        &mut self,
        module: usize,
        components: &[Component<'a>],
        depth: usize,
    ) -> Result<OidBuf, &'a str> {
        let mut arcs: Vec<u32> = Vec::new();
        for (position, component) in components.iter().enumerate() {
            match (component.number, component.name) {
                (Some(number), _) => arcs.push(number),
                // The roots of ASN.1 are single arcs.
                (None, Some("ccitt")) if position == 0 => arcs.push(0),
                (None, Some("iso")) if position == 0 => arcs.push(1),
                (None, Some("joint-iso-ccitt")) if position == 0 => arcs.push(2),
                (None, Some(name)) if position == 0 => {
                    arcs.extend(self.name(module, name, depth)?.as_oid().arcs());
                }
                (None, Some(name)) => return Err(name),
                (None, None) => {}
            }
        }
        let last = components.last().and_then(|component| component.name).unwrap_or("its parent");
        OidBuf::from_arcs(&arcs).map_err(|_| last)
    }

    fn name(&mut self, module: usize, name: &'a str, depth: usize) -> Result<OidBuf, &'a str> {
        let library = self.library;
        let depth = depth.checked_sub(1).ok_or(name)?;
        if let Some(definition) = self.index.get(&(module, name)).copied() {
            return self.definition(module, definition, depth);
        }
        let imports = library.modules.get(module).map_or(&[][..], |module| &module.imports);
        let from = imports.iter().find(|import| import.names.contains(&name)).map(|import| import.module);
        let there = from.and_then(|from| library.modules.iter().position(|other| other.name == from));
        if let Some(there) = there.filter(|there| *there != module)
            && let Ok(oid) = self.name(there, name, depth)
        {
            return Ok(oid);
        }
        root(name).map(Oid::to_buf).ok_or(name)
    }
}

/// Where a trap of SMIv1 stands in the terms of SMIv2 (RFC 3584 §3.1).
fn trap(enterprise: OidBuf, number: u32) -> OidBuf {
    const SNMP: Oid<'static> = oid!(1, 3, 6, 1, 2, 1, 11);
    if enterprise.as_oid() == SNMP && number < 6 {
        return oid!(1, 3, 6, 1, 6, 3, 1, 1, 5).to_buf().join(&[number.saturating_add(1)]);
    }
    enterprise.join(&[0, number])
}

/// The roots that SNMPv2-SMI and RFC1155-SMI define.
fn root(name: &str) -> Option<Oid<'static>> {
    Some(match name {
        "zeroDotZero" => oid!(0, 0),
        "org" => oid!(1, 3),
        "dod" => oid!(1, 3, 6),
        "internet" => oid!(1, 3, 6, 1),
        "directory" => oid!(1, 3, 6, 1, 1),
        "mgmt" => oid!(1, 3, 6, 1, 2),
        "mib-2" | "mib" => oid!(1, 3, 6, 1, 2, 1),
        "transmission" => oid!(1, 3, 6, 1, 2, 1, 10),
        "experimental" => oid!(1, 3, 6, 1, 3),
        "private" => oid!(1, 3, 6, 1, 4),
        "enterprises" => oid!(1, 3, 6, 1, 4, 1),
        "security" => oid!(1, 3, 6, 1, 5),
        "snmpV2" => oid!(1, 3, 6, 1, 6),
        "snmpDomains" => oid!(1, 3, 6, 1, 6, 1),
        "snmpProxys" => oid!(1, 3, 6, 1, 6, 2),
        "snmpModules" => oid!(1, 3, 6, 1, 6, 3),
        _ => return None,
    })
}
