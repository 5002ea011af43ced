//! What a type cannot say: entries that contradict one another, files that are missing.

use super::problem::{Place, Problem};
use super::routes::{RouteFlaw, Routes, Written};
use super::schema::{Config, Unknown};
use super::source::{Key, Source};
use super::units::{DhcpListen, Store, TrapVersion};
use crate::cabinet::{Flaw, Health, Name, Secret, Service, Upstream, UpstreamTls};
use std::collections::HashMap;
use std::fmt::Display;
use std::hash::Hash;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// Collects what is wrong.
pub(super) struct Check<'a> {
    config: &'a Config,
    source: Option<&'a Source>,
    problems: Vec<Problem>,
}

impl<'a> Check<'a> {
    pub(super) fn run(config: &'a Config, source: Option<&'a Source>) -> Vec<Problem> {
        let mut check = Self { config, source, problems: Vec::new() };
        check.module();
        check.listen();
        check.balancer();
        check.dhcp();
        check.files();
        check.plugins();
        check.users();
        check.admin();
        check.snmp();
        check.snmp_users();
        check.cards();
        check.services();
        check.names();
        check.flaws();
        check.problems.sort_by_key(|problem| problem.line);
        check.problems
    }

    fn problem(&mut self, key: &Key, message: impl Display) -> &mut Problem {
        let problem = Problem {
            file: self.source.and_then(|source| source.file.clone()),
            line: self.source.and_then(|source| source.line_of(key)),
            key: key.to_string(),
            message: message.to_string(),
            conflict: None,
            next: None,
        };
        self.problems.push(problem);
        let last = self.problems.len() - 1;
        &mut self.problems[last]
    }

    fn conflict(&mut self, key: &Key, with: &Key, message: impl Display) -> &mut Problem {
        let place = Place {
            file: self.source.and_then(|source| source.file.clone()),
            line: self.source.and_then(|source| source.line_of(with)),
            key: with.to_string(),
        };
        let problem = self.problem(key, message);
        problem.conflict = Some(place);
        problem
    }

    /// Finds values that two entries share.
    fn unique<T: Hash + Eq + Display>(&mut self, values: impl IntoIterator<Item = (Key, T)>, expected: &str) {
        let mut seen = HashMap::new();
        for (key, value) in values {
            match seen.get(&value) {
                Some(with) => {
                    self.conflict(&key, with, format_args!("found \"{value}\" again, expected {expected}"));
                }
                None => {
                    seen.insert(value, key);
                }
            }
        }
    }

    fn module(&mut self) {
        let module = Key::top("module");
        let config = self.config;
        for (key, found) in [("chassis", config.module.chassis), ("slots", config.module.slots)] {
            if !(1..=254).contains(&found) {
                self.problem(&module.field(key), format_args!("found {found}, expected 1 to 254")).next =
                    Some("a cabinet has 20 chassis of 12 or 14 slots".into());
            }
        }
        if let Store::Etcd(_) = config.module.store {
            self.problem(&module.field("store"), "found \"etcd:...\", expected \"embedded\" in this build")
                .next = Some("write store = \"embedded\"".into());
        }
        let internal = config.network.internal;
        if internal.address().is_ipv6() || internal.length() > 16 {
            self.problem(
                &Key::top("network").field("internal"),
                format_args!("found \"{internal}\", expected an IPv4 network of at most 16 bits"),
            )
            .next =
                Some("card c.s gets the address that ends in c.s: write for instance \"10.1.0.0/16\"".into());
        }
    }

    fn listen(&mut self) {
        let listen = &self.config.listen;
        let top = Key::top("listen");
        let list = |name: &'static str, addresses: &[SocketAddr]| {
            let key = top.field(name);
            let numbered = addresses.iter().enumerate().map(|(index, address)| (key.index(index), *address));
            numbered.filter(|(_, address)| address.port() != 0).collect::<Vec<_>>()
        };
        let tcp = [
            list("http", &listen.http),
            list("https", &listen.https),
            list("ftp", &listen.ftp),
            list("pop3", &listen.pop3),
            list("admin", &listen.admin),
            list("metrics", &listen.metrics),
        ];
        let mut udp =
            vec![list("snmp", &listen.snmp), list("traps", &listen.traps), list("tftp", &listen.tftp)];
        if let Some(DhcpListen::Address(address)) = listen.dhcp {
            udp.push(vec![(top.field("dhcp"), address)]);
        }
        let cards = self.config.cards.iter().enumerate();
        let bindings =
            cards.filter_map(|(i, card)| Some((Key::top("card").index(i).field("public"), card.public?)));
        self.unique(tcp.concat().into_iter().chain(bindings), "an address and port of its own");
        self.unique(udp.concat(), "an address and port of its own");
    }

    fn balancer(&mut self) {
        let key = Key::top("balancer");
        let balancer = &self.config.balancer;
        if !balancer.proxy_protocol.is_empty() && balancer.trusted.is_empty() {
            let message = "found interfaces and nobody trusted, expected the balancers' networks";
            self.problem(&key.field("proxy_protocol"), message).next =
                Some("add trusted = [\"192.0.2.10/32\"], or remove proxy_protocol".into());
        }
        for (index, interface) in balancer.proxy_protocol.iter().enumerate() {
            if self.config.listen.customers(*interface).is_empty() {
                let word = interface.word();
                let message = format_args!("found \"{word}\", which is not switched on under [listen]");
                self.problem(&key.field("proxy_protocol").index(index), message).next =
                    Some(format!("add listen.{word}, or remove it here"));
            }
        }
    }

    fn dhcp(&mut self) {
        let config = self.config;
        let dhcp = Key::top("dhcp");
        if config.dhcp.unknown == Unknown::Quarantine && config.dhcp.pool.is_none() {
            self.problem(
                &dhcp.field("unknown"),
                "found \"quarantine\" without a pool, expected both or neither",
            )
            .next = Some("add pool = \"FIRST-LAST\" under [dhcp]".into());
        }
        if config.dhcp.lease.0.is_zero() {
            self.problem(&dhcp.field("lease"), "found no time at all, expected \"1m\" or more").next =
                Some("an hour is usual: lease = \"1h\"".into());
        }
        let Some(pool) = config.dhcp.pool else { return };
        let address_of = |index: usize| match self.config.card_address(index) {
            Some(IpAddr::V4(address)) => pool.contains(address).then_some(address),
            _ => None,
        };
        if let Some((index, address)) = (0..config.cards.len()).find_map(|i| Some((i, address_of(i)?))) {
            let position = config.cards.get(index).map(|card| card.position);
            let key = Key::top("card").index(index).field("position");
            let message = format_args!(
                "found \"{pool}\", which has {address}, the address of card {}",
                position.map_or_else(String::new, |position| position.to_string())
            );
            self.conflict(&dhcp.field("pool"), &key, message).next =
                Some("keep the pool clear of the chassis numbers in use".into());
        }
    }

    fn files(&mut self) {
        let config = self.config;
        let mut files = Vec::new();
        if let Some(tls) = &config.tls {
            files.push((Key::top("tls").field("cert"), &tls.cert));
            files.push((Key::top("tls").field("key"), &tls.key));
        }
        if let Some(tls) = &config.admin.tls {
            files.push((Key::top("admin").field("tls").field("cert"), &tls.cert));
            files.push((Key::top("admin").field("tls").field("key"), &tls.key));
        }
        for (index, service) in config.services.iter().enumerate() {
            if let Some(ca) = service.upstream_tls.as_ref().and_then(|tls| tls.ca.as_ref()) {
                files.push((Key::top("service").index(index).field("upstream_tls").field("ca"), ca));
            }
            if let Some(tls) = &service.tls {
                let key = Key::top("service").index(index).field("tls");
                files.push((key.field("cert"), &tls.cert));
                files.push((key.field("key"), &tls.key));
            }
        }
        for (key, path) in files {
            self.readable(&key, path);
        }
        if let Some(root) = &config.tftp.root
            && !root.is_dir()
        {
            self.problem(
                &Key::top("tftp").field("root"),
                format_args!("found \"{}\", expected a directory", root.display()),
            )
            .next = Some(format!("mkdir -p {}", root.display()));
        }
    }

    /// How the cards' own files are made.
    fn plugins(&mut self) {
        let config = self.config;
        let top = Key::top("files");
        if let Some(directory) = &config.files.templates
            && !directory.is_dir()
        {
            let message =
                format_args!("found \"{}\", expected a directory of templates", directory.display());
            self.problem(&top.field("templates"), message).next =
                Some(format!("mkdir -p {}", directory.display()));
        }
        for (index, generator) in config.files.generators.iter().enumerate() {
            let key = top.field("generators").index(index);
            let program = &generator.program;
            let runs =
                std::fs::metadata(program).is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0);
            if !runs {
                let message =
                    format_args!("found \"{}\", expected a program that can be run", program.display());
                self.problem(&key.field("program"), message).next =
                    Some(format!("write its whole path, and chmod +x {}", program.display()));
            }
            if generator.timeout.0.is_zero() {
                self.problem(&key.field("timeout"), "found no time at all, expected for instance \"5s\"");
            }
        }
    }

    /// The accounts of services: an identity is one account's, on every card.
    fn users(&mut self) {
        let config = self.config;
        let mut known: HashMap<u32, (&Name, Key)> = HashMap::new();
        for (index, service) in config.services.iter().enumerate() {
            for (at, user) in service.users.iter().enumerate() {
                let key = Key::top("service").index(index).field("users").index(at);
                if !(1000..=60_000).contains(&user.id) {
                    let message = format_args!("found {}, expected 1000 to 60000", user.id);
                    self.problem(&key.field("id"), message).next =
                        Some("identities below 1000 are the system's own".into());
                }
                if let Some((name, with)) = known.get(&user.id)
                    && **name != user.name
                {
                    let message = format_args!("found {} again, which is {name}'s already", user.id);
                    let with = with.clone();
                    self.conflict(&key.field("id"), &with, message).next =
                        Some("give each account an identity of its own".into());
                }
                let hash = user.password_hash.as_ref().map(Secret::expose);
                if hash.is_some_and(|hash| {
                    !hash.starts_with('$') || hash.contains(|c: char| c == ':' || !c.is_ascii_graphic())
                }) {
                    self.problem(
                        &key.field("password_hash"),
                        "found a text that is no crypt hash, expected \"$6$...\"",
                    )
                    .next = Some("openssl passwd -6 hashes a password".into());
                }
                known.entry(user.id).or_insert((&user.name, key.field("id")));
            }
        }
    }

    fn readable(&mut self, key: &Key, path: &Path) {
        if let Err(error) = std::fs::File::open(path) {
            let message = format_args!("cannot read \"{}\": {error}", path.display());
            self.problem(key, message).next = Some("name a PEM file that the module may read".into());
        }
    }

    fn admin(&mut self) {
        let users = Key::top("admin").field("users");
        let config = self.config;
        let names = config.admin.users.iter().enumerate();
        self.unique(
            names.map(|(i, user)| (users.index(i).field("name"), user.name.clone())),
            "a name of its own",
        );
        for (index, user) in config.admin.users.iter().enumerate() {
            if let Err(error) = argon2::PasswordHash::new(user.password_hash.expose()) {
                let key = users.index(index).field("password_hash");
                let message = format_args!(
                    "found a text that is no password hash ({error}), expected \"$argon2id$...\""
                );
                self.problem(&key, message).next = Some("server-module user hashes a password".into());
            }
        }
    }

    fn snmp(&mut self) {
        let config = self.config;
        let communities = Key::top("snmp").field("communities");
        for (index, community) in config.snmp.communities.iter().enumerate() {
            let entry = communities.index(index);
            if community.name.expose().is_empty() {
                self.problem(&entry.field("name"), "found an empty community, expected a text");
            }
            if community.from.is_empty() {
                self.problem(&entry, "found no from, expected the networks that may use the community")
                    .next = Some("add from = [\"127.0.0.0/8\"], or the managers' own network".into());
            }
            let earlier = config.snmp.communities.iter().take(index).position(|c| c.name == community.name);
            if let Some(with) = earlier {
                let message = "found a community for the second time, expected each once";
                self.conflict(&entry.field("name"), &communities.index(with).field("name"), message).next =
                    Some("put all its networks into one from".into());
            }
        }
    }

    fn snmp_users(&mut self) {
        let config = self.config;
        let view = |name: &'a Option<String>| {
            name.as_ref().filter(|name| !config.snmp.views.iter().any(|view| view.name == **name))
        };
        let missing = "expected the name of one of snmp.views";
        for (index, community) in config.snmp.communities.iter().enumerate() {
            if let Some(name) = view(&community.view) {
                let key = Key::top("snmp").field("communities").index(index).field("view");
                self.problem(&key, format_args!("found {name:?}, {missing}"));
            }
        }
        let users = Key::top("snmp").field("users");
        for (index, user) in config.snmp.users.iter().enumerate() {
            let entry = users.index(index);
            if let Some(name) = view(&user.view) {
                self.problem(&entry.field("view"), format_args!("found {name:?}, {missing}"));
            }
            let short = |secret: &Secret| secret.expose().len() < 8;
            for (field, found) in [
                ("auth_password", short(&user.auth_password)),
                ("privacy_password", user.privacy_password.as_ref().is_some_and(short)),
            ] {
                if found {
                    let message = "found a password that is too short, expected eight characters or more";
                    self.problem(&entry.field(field), message);
                }
            }
            let earlier = config.snmp.users.iter().take(index).position(|other| other.name == user.name);
            if let Some(with) = earlier {
                let message = "found a user for the second time, expected each once";
                self.conflict(&entry.field("name"), &users.index(with).field("name"), message);
            }
        }
        for (index, sink) in config.snmp.traps.iter().enumerate() {
            let key = Key::top("snmp").field("traps").index(index);
            let known = |name: &Name| config.snmp.users.iter().any(|user| user.name == *name);
            match (&sink.version, &sink.user) {
                (TrapVersion::V3, Some(user)) if !known(user) => {
                    self.problem(
                        &key.field("user"),
                        "found a user that is not there, expected one of snmp.users",
                    );
                }
                (TrapVersion::V3, None) => {
                    self.problem(&key, "found no user, expected one of snmp.users with version \"3\"");
                }
                _ => {}
            }
        }
    }

    fn cards(&mut self) {
        let config = self.config;
        for (index, card) in config.cards.iter().enumerate() {
            let module = IpAddr::V4(config.network.address);
            if card.address.is_none() && config.card_address(index) == Some(module) {
                let key = Key::top("card").index(index).field("position");
                let with = Key::top("network").field("address");
                self.conflict(
                    &key,
                    &with,
                    format_args!("found {}, whose address {module} is the module's own", card.position),
                )
                .next = Some("give the module an address of chassis 0, as in \"10.1.0.1\"".into());
            }
        }
    }

    fn services(&mut self) {
        let config = self.config;
        for (index, service) in config.services.iter().enumerate() {
            let key = Key::top("service").index(index);
            if service.cards.is_empty() && service.count.unwrap_or(0) == 0 {
                self.problem(&key, format_args!("service \"{}\" has no cards", service.name)).next =
                    Some("add cards = [\"1.1\"], or count = 1 and let placement choose".into());
            }
            if service.sid.is_empty() && service.sni.is_empty() && service.login.is_empty() {
                self.problem(
                    &key,
                    format_args!("service \"{}\" has no name that customers could use", service.name),
                )
                .next = Some("add sid = [\"www.example.com\"], or sni, or login".into());
            }
            for (name, port) in [
                ("port", Some(service.port)),
                ("ftp_port", service.ftp_port),
                ("pop3_port", service.pop3_port),
            ] {
                if port == Some(0) {
                    self.problem(&key.field(name), "found 0, expected the port on the card, 1 to 65535");
                }
            }
            self.upstream(&key, service);
            let Health { http, every, timeout, fall, rise } = &service.health;
            let health = key.field("health");
            if http.as_ref().is_some_and(|path| !path.starts_with('/') || path.contains(char::is_whitespace))
            {
                self.problem(&health.field("http"), "expected a path that begins with \"/\"");
            }
            for (name, zero) in [("every", every.0.is_zero()), ("timeout", timeout.0.is_zero())] {
                if zero {
                    self.problem(&health.field(name), "found no time at all, expected \"100ms\" or more");
                }
            }
            for (name, zero) in [("fall", *fall == 0), ("rise", *rise == 0)] {
                if zero {
                    self.problem(&health.field(name), "found 0, expected 1 or more");
                }
            }
            for (member, login) in service.login.iter().enumerate() {
                if login.is_empty() || login.contains(char::is_whitespace) {
                    let message =
                        format_args!("found {login:?}, expected \"user\", \"user@host\", \"@host\" or \"*\"");
                    self.problem(&key.field("login").index(member), message);
                }
            }
        }
    }

    /// Cards that serve inside TLS are believed for a reason.
    fn upstream(&mut self, key: &Key, service: &Service) {
        let next = "add upstream_tls = { ca = \"cards.pem\" } or upstream_tls = { pin = [\"AB:CD...\"] }";
        let tls = key.field("upstream_tls");
        match (service.upstream, &service.upstream_tls) {
            (Upstream::Http, None) => {}
            (Upstream::Http, Some(_)) => {
                self.problem(&tls, "found it without upstream = \"https\", expected both or neither").next =
                    Some("add upstream = \"https\"".into());
            }
            (Upstream::Https, None) => {
                let message = "found \"https\" without upstream_tls, expected which cards are to be believed";
                self.problem(&key.field("upstream"), message).next = Some(next.into());
            }
            (Upstream::Https, Some(UpstreamTls { ca, pin, .. })) => {
                if ca.is_some() != pin.is_empty() {
                    self.problem(&tls, "expected one of ca and pin").next = Some(next.into());
                }
            }
        }
    }

    /// What the route table has against the names.
    fn names(&mut self) {
        let Err(flaws) = Routes::build(&self.config.services, 0) else { return };
        let key = |at: Written| Key::top("service").index(at.service).field(at.field).index(at.index);
        for flaw in flaws {
            match flaw {
                RouteFlaw::Name { at, error } => {
                    self.problem(&key(at), error).next = Some("write the name as customers use it".into());
                }
                RouteFlaw::Claimed { at, with, .. } => {
                    self.conflict(&key(at), &key(with), &flaw).next =
                        Some("one name leads to one service: remove it from the other".into());
                }
            }
        }
    }

    /// What the cabinet core has against it.
    fn flaws(&mut self) {
        let definition = self.config.definition();
        for flaw in definition.flaws() {
            let card = |index: usize, field| Key::top("card").index(index).field(field);
            let service = |index: usize| Key::top("service").index(index);
            let (chassis, slots) = (definition.chassis, definition.slots);
            match &flaw {
                Flaw::Outside { card: index, .. } => {
                    let size = format!("expected a chassis up to {chassis} and a slot up to {slots}");
                    let key = match self.config.named_by_service(*index) {
                        None => card(*index, "position"),
                        Some((index, member)) => service(index).field("cards").index(member),
                    };
                    self.problem(&key, format_args!("{flaw}, {size}")).next =
                        Some("correct the position, or chassis and slots under [module]".into());
                }
                Flaw::SamePosition { card: index, with, .. } => {
                    self.conflict(&card(*index, "position"), &card(*with, "position"), &flaw).next =
                        Some("give each card a position of its own".into());
                }
                Flaw::SameMac { card: index, with, .. } => {
                    self.conflict(&card(*index, "mac"), &card(*with, "mac"), &flaw).next =
                        Some("read the address on the card's label again".into());
                }
                Flaw::SameCircuit { card: index, with, .. } => {
                    self.conflict(&card(*index, "circuit_id"), &card(*with, "circuit_id"), &flaw).next =
                        Some("a circuit-id means one position".into());
                }
                Flaw::SameName { service: index, with, .. } => {
                    self.conflict(&service(*index).field("name"), &service(*with).field("name"), &flaw)
                        .next = Some("give each service a name of its own".into());
                }
                Flaw::NoSuchCard { service: index, member, .. }
                | Flaw::SameCard { service: index, member, .. } => {
                    self.problem(&service(*index).field("cards").index(*member), &flaw).next =
                        Some("name each card once".into());
                }
                Flaw::CardsAndCount { service: index, .. } => {
                    self.conflict(&service(*index).field("count"), &service(*index).field("cards"), &flaw)
                        .next = Some("keep one: cards names them, count lets placement choose".into());
                }
                Flaw::TooFewCards { service: index, .. } => {
                    self.problem(&service(*index).field("count"), &flaw).next =
                        Some("add a [[card]] for each, or lower the count".into());
                }
            }
        }
    }
}
