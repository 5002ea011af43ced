//! The files of a card and the plug-ins that make them (patent row B7): golden texts, the operator's own templates
//! and commands, previews and differences.

mod common;

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use common::{Said, run};
use server_module::config::Config;
use server_module::files::{Facts, Plugins, Unmade, Workshop};

const MODULE: &str = r#"
[module]
name = "pop-1"
[network]
dns = ["10.1.0.53"]
[[card]]
position = "2.1"
[[card]]
position = "2.2"
[[service]]
name = "shop"
sid = ["www.sell.com", "*.sell.com", "mall.example/sell"]
port = 8000
cards = ["2.1", "2.2"]
quota = "20G"
users = [
    { name = "anna", id = 2001, password_hash = "$6$salt$secret" },
    { name = "bert", id = 2002 },
]
vars = { workers = 4, motd = "hello", cache = true }
"#;

/// A directory with a configuration, to which a test adds templates and programs.
struct Site(tempfile::TempDir);

impl Site {
    fn new(files: &str) -> Self {
        let site = Self(tempfile::tempdir().unwrap());
        site.write("module.toml", &format!("{MODULE}\n[files]\n{files}\n"));
        std::fs::create_dir(site.0.path().join("templates")).unwrap();
        site
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).unwrap();
    }

    fn program(&self, name: &str, script: &str) {
        // Written elsewhere and moved, so that no other test's fork holds it open for writing.
        self.write("new", &format!("#!/bin/sh\n{script}\n"));
        let path = self.path().join("new");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        std::fs::rename(path, self.path().join(name)).unwrap();
    }

    fn config(&self) -> Config {
        Config::load(&self.path().join("module.toml")).unwrap()
    }

    fn plugins(&self) -> Result<Plugins, String> {
        Plugins::of(&self.config()).map_err(|error| error.to_string())
    }

    fn facts(&self) -> Vec<Facts> {
        Facts::of_all(&self.config())
    }

    fn files(&self, arguments: &[&str]) -> Said {
        let config = self.path().join("module.toml");
        run(
            env!("CARGO_BIN_EXE_server-module"),
            &[&["files", "--config", config.to_str().unwrap()], arguments].concat(),
        )
    }
}

fn text(workshop: &Workshop, name: &str, facts: &Facts) -> String {
    String::from_utf8(workshop.text(name, facts).unwrap().to_vec()).unwrap()
}

#[test]
fn the_eight_files_are_golden() {
    let site = Site::new("");
    let workshop = Workshop::new(site.plugins().unwrap());
    let [first, _] = &site.facts()[..] else { panic!("two cards") };
    let golden = [
        (
            "Hosts",
            "# Hosts of card 2.1, from pop-1\n127.0.0.1\tlocalhost\n10.1.0.1\tpop-1\n10.1.2.1\tcard-2-1 www.sell.com mall.example\n10.1.2.2\tcard-2-2\n",
        ),
        (
            "Passwd",
            "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/usr/sbin/nologin\nanna:x:2001:2001:shop:/srv/shop:/bin/sh\nbert:x:2002:2002:shop:/srv/shop:/bin/sh\n",
        ),
        ("Shadow", "root:*:::::::\nnobody:*:::::::\nanna:$6$salt$secret:::::::\nbert:!:::::::\n"),
        (
            "Quotasconf",
            "# Quotasconf of card 2.1, from pop-1\n# service user octets\nshop anna 21474836480\nshop bert 21474836480\n",
        ),
        (
            "network.CONF",
            "# Network.conf of card 2.1, from pop-1\n[Match]\nName=eth0\n\n[Network]\nAddress=10.1.2.1/16\nDNS=10.1.0.53\n",
        ),
    ];
    for (name, expected) in golden {
        assert_eq!(text(&workshop, name, first), expected, "{name}");
    }
    let manifest = bootcfg::card::Manifest::parse(&text(&workshop, "Manifest", first)).unwrap();
    assert_eq!(manifest.files().count(), 8);
    for (name, size, digest) in manifest.files() {
        let text = text(&workshop, name, first);
        assert_eq!((text.len() as u64, bootcfg::card::digest(text.as_bytes())), (size, *digest), "{name}");
    }
    assert!(matches!(workshop.text("no-such-file", first), Err(Unmade::Unknown)));
}

#[test]
fn a_template_replaces_a_file_or_adds_one() {
    let site = Site::new("templates = \"templates\"");
    site.write("templates/hosts", "{{ built_in }}{% include '_extra' %}");
    site.write("templates/_extra", "192.0.2.9\t{{ module.name }}-log\n");
    site.write(
        "templates/motd",
        "{% for service in services %}\n  {% if service.vars.cache %}\n{{ service.vars.motd }} from {{ service.name }} & {{ card.name }}\n  {% endif %}\n{% endfor %}\n",
    );
    site.write("templates/.hidden", "{{ broken");
    site.write("templates/motd~", "{{ broken");
    let workshop = Workshop::new(site.plugins().unwrap());
    let facts = site.facts();
    assert!(text(&workshop, "Hosts", &facts[0]).ends_with("10.1.2.2\tcard-2-2\n192.0.2.9\tpop-1-log\n"));
    assert_eq!(
        text(&workshop, "motd", &facts[1]),
        "hello from shop & card-2-2\n",
        "no HTML escapes, no empty lines"
    );
    let manifest = text(&workshop, "manifest", &facts[0]);
    let names: Vec<_> = manifest.lines().filter_map(|line| line.split(' ').nth(1)).collect();
    assert_eq!(names.len(), 9);
    assert_eq!((names[0], names[8]), ("Hosts", "motd"), "the eight in their order, then the others");
}

#[test]
fn a_wrong_template_is_told_with_its_line_before_any_card_asks() {
    for (template, expected) in [
        ("one\n{{ card.adress }}\n", ":2: undefined value"),
        ("{% for %}", ":1: syntax error"),
        ("\n\n{{ services[0].vars.workers.name }}", ":3: undefined value"),
    ] {
        let site = Site::new("templates = \"templates\"");
        site.write("templates/Hosts", template);
        let error = site.plugins().unwrap_err();
        assert!(error.contains("templates/Hosts") && error.contains(expected), "{error}");
        let checked = run(
            env!("CARGO_BIN_EXE_server-module"),
            &["check", "--config", site.path().join("module.toml").to_str().unwrap()],
        );
        assert_eq!(checked.status, 2);
        assert!(checked.err.contains(expected), "{}", checked.err);
    }
    for name in ["manifest", "with blank", "ümlaut"] {
        let site = Site::new("templates = \"templates\"");
        site.write(&format!("templates/{name}"), "x");
        assert!(site.plugins().is_err(), "{name}");
    }
}

#[tokio::test]
async fn a_command_makes_a_file_from_json_and_only_when_the_facts_change() {
    let site =
        Site::new("generators = [{ file = \"limits\", program = \"limits.sh\", args = [\"$HOME; x\"] }]");
    site.program(
        "limits.sh",
        "echo \"$1\" $(env | cut -d= -f1 | sort | tr '\\n' ' ')\ntr ',' '\\n' | grep workers\necho x >> $(dirname $0)/runs",
    );
    let workshop = Workshop::new(site.plugins().unwrap());
    let facts = site.facts();
    assert!(matches!(workshop.text("limits", &facts[0]), Err(Unmade::NotYet)));
    assert!(
        matches!(workshop.text("manifest", &facts[0]), Err(Unmade::NotYet)),
        "no manifest without its digest"
    );
    assert!(workshop.work(&facts).await.is_empty());
    let made = text(&workshop, "Limits", &facts[0]);
    assert!(made.starts_with("$HOME; x "), "no shell reads the arguments: {made}");
    assert!(!made.contains("HOME "), "the module's environment is not the command's: {made}");
    assert!(made.contains("\"workers\":4"), "{made}");
    assert!(workshop.work(&facts).await.is_empty());
    assert_eq!(std::fs::read_to_string(site.path().join("runs")).unwrap().lines().count(), 2, "once a card");
    assert_eq!(text(&workshop, "manifest", &facts[1]).lines().count(), 9);
}

#[tokio::test]
async fn a_command_that_fails_leaves_what_was_there_and_is_told_why() {
    let site =
        Site::new("generators = [{ file = \"limits\", program = \"limits.sh\", timeout = \"500ms\" }]");
    site.program("limits.sh", "echo first");
    let workshop = Workshop::new(site.plugins().unwrap());
    let before = site.facts();
    assert!(workshop.work(&before).await.is_empty());
    let config = std::fs::read_to_string(site.path().join("module.toml")).unwrap();
    site.write("module.toml", &config.replace("workers = 4", "workers = 5"));
    let after = site.facts();
    let scripts: BTreeMap<&str, &str> = [
        ("echo half; echo 'no such licence' >&2; exit 3", "exit status: 3: no such licence"),
        ("sleep 60 & wait", "it took longer than 500ms"),
        ("head -c 2000000 /dev/zero", "it wrote more than 1048576 octets"),
        ("printf '\\377'", "not UTF-8"),
    ]
    .into();
    for (script, expected) in scripts {
        site.program("limits.sh", script);
        let failures = workshop.work(&after).await;
        assert_eq!(failures.len(), 2, "{script}");
        let error = failures[0].2.to_string();
        assert!(error.contains(expected), "{error}");
        assert_eq!(text(&workshop, "limits", &after[0]), "first\n");
    }
    let fresh = Workshop::new(site.plugins().unwrap());
    assert_eq!(fresh.work(&after).await.len(), 2);
    assert!(matches!(fresh.text("limits", &after[0]), Err(Unmade::Failed)));
}

#[test]
fn a_preview_shows_everything_but_secrets() {
    let site = Site::new("generators = [{ file = \"limits\", program = \"limits.sh\" }]");
    site.program("limits.sh", "cat");
    let all = site.files(&[]).ok();
    assert!(all.contains("2.1") && all.contains("2.2"), "{all}");
    let one = site.files(&["2.1"]).ok();
    assert!(one.contains("Squidconf") && one.contains("built in") && one.contains("limits.sh"), "{one}");
    let shadow = site.files(&["2.1", "shadow"]).ok();
    assert!(shadow.contains("anna:********:") && shadow.contains("bert:!:"), "{shadow}");
    let everything = site.files(&["2.1", "--json"]).ok() + &site.files(&["2.1", "limits"]).ok();
    assert!(!everything.contains("secret"), "{everything}");
    let none = site.files(&["2.1", "nothing"]);
    assert_eq!(none.status, 1);
    assert!(none.err.contains("its files are Hosts, Passwd"), "{}", none.err);
    assert_eq!(site.files(&["9.9"]).status, 1);
}

#[test]
fn a_difference_is_shown_file_by_file() {
    let old = Site::new("");
    let config = std::fs::read_to_string(old.path().join("module.toml")).unwrap();
    old.write("new.toml", &config.replace("port = 8000", "port = 8001"));
    let path = old.path().join("new.toml");
    assert_eq!(old.files(&["--diff", old.path().join("module.toml").to_str().unwrap()]).ok(), "", "the same");
    let diff = old.files(&["--diff", path.to_str().unwrap()]);
    assert_eq!(diff.status, 1);
    assert!(diff.out.contains("--- a/iboot/2.1/Apacheconf\n+++ b/iboot/2.1/Apacheconf\n"), "{}", diff.out);
    assert!(diff.out.contains("\n-Listen 10.1.2.1:8001\n"), "{}", diff.out);
    assert!(diff.out.contains("\n+Listen 10.1.2.1:8000\n"), "{}", diff.out);
    assert!(!diff.out.contains("/Hosts") && !diff.out.contains("/manifest"), "{}", diff.out);
}

#[test]
fn what_is_wrong_with_the_accounts_and_programs_is_told_with_its_line() {
    let site = Site::new("generators = [{ file = \"limits\", program = \"nowhere.sh\" }]");
    let config = std::fs::read_to_string(site.path().join("module.toml")).unwrap();
    let config = config.replace("id = 2002", "id = 2001").replace("\"$6$salt$secret\"", "\"plain\"");
    site.write("module.toml", &config);
    let error = Config::load(&site.path().join("module.toml")).unwrap_err().to_string();
    for expected in
        ["2001 again, which is anna's already", "is no crypt hash", "nowhere.sh\", expected a program"]
    {
        assert!(error.contains(expected), "{expected}: {error}");
    }
    assert!(!error.contains("\"plain\""), "a secret is not repeated: {error}");
}
