//! The cabinet core: what each fact and each command does, and a whole cabinet in virtual time.
#![allow(clippy::unwrap_used, missing_docs)]

mod bench;

use bench::{Bench, card, definition, operator, services};
use server_module::cabinet::*;
use std::time::Duration;

fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn patent_k7_address_follows_position() {
    assert_eq!(Position::new(2, 1).address_in([10, 1, 0, 0].into()).to_string(), "10.1.2.1");
}

#[test]
fn a_card_serves_as_soon_as_its_port_answers_without_any_program() {
    let mut bench = Bench::new(&definition(1, 2, &[("shop", &["1.1"])]));
    bench.port("1.1", true);
    bench.run_until(s(1));
    assert_eq!(bench.state("1.1"), State::Running);
    assert_eq!(bench.traps(), ["1.1 off running"]);
    assert_eq!(bench.standing("shop", "1.1"), Standing::Serving);
}

#[test]
fn a_card_without_a_service_becomes_available_and_never_serves() {
    let mut bench = Bench::new(&definition(1, 2, &[]));
    bench.input(Input::Leased { card: card("1.2"), mac: Mac([2; 6]) });
    assert_eq!(bench.state("1.2"), State::Available);
    assert_eq!(bench.traps(), ["1.2 off available"]);
    bench.run_until(s(60));
    assert!(bench.probes == 0, "nothing to ask where nothing is bound");
}

#[test]
fn a_bound_card_is_assigned_until_its_port_answers() {
    let mut bench = Bench::new(&definition(1, 2, &[("shop", &["1.1"])]));
    bench.input(Input::Leased { card: card("1.1"), mac: Mac([2; 6]) });
    assert_eq!(bench.state("1.1"), State::Assigned);
    bench.run_until(s(5));
    assert_eq!(bench.state("1.1"), State::Assigned);
    bench.port("1.1", true);
    bench.run_until(s(7));
    assert_eq!(bench.state("1.1"), State::Running);
}

#[test]
fn three_failures_take_a_card_out_and_two_successes_bring_it_back() {
    let mut bench = Bench::new(&definition(1, 1, &[("shop", &["1.1"])]));
    bench.port("1.1", true);
    bench.run_until(s(10));
    bench.clear();
    bench.port("1.1", false);
    bench.run_until(s(30));
    assert_eq!(bench.traps(), ["1.1 running failed"]);
    assert_eq!(bench.cabinet.inventory().card(card("1.1")).unwrap().cause, Cause::PortSilent { failures: 3 });
    bench.port("1.1", true);
    bench.run_until(s(60));
    assert_eq!(bench.traps(), ["1.1 running failed", "1.1 failed running"]);
}

#[test]
fn one_lost_answer_changes_nothing() {
    let mut bench = Bench::new(&definition(1, 1, &[("shop", &["1.1"])]));
    bench.port("1.1", true);
    bench.run_until(s(10));
    bench.clear();
    bench.port("1.1", false);
    bench.run_until(s(12));
    bench.port("1.1", true);
    bench.run_until(s(60));
    assert_eq!(bench.traps(), [""; 0]);
}

#[test]
fn a_probe_that_is_never_answered_counts_as_a_failure() {
    let mut bench = Bench::new(&definition(1, 1, &[("shop", &["1.1"])]));
    bench.port("1.1", true);
    bench.run_until(s(10));
    bench.mute = true;
    bench.run_until(s(40));
    assert_eq!(bench.state("1.1"), State::Failed);
}

#[test]
fn stop_drains_first_then_the_card_is_off_with_exactly_one_trap() {
    let mut bench = Bench::new(&definition(1, 2, &[("shop", &["1.1", "1.2"])]));
    bench.port("1.1", true);
    bench.port("1.2", true);
    bench.run_until(s(3));
    bench.clear();
    let reply = bench.command(&operator(), Command::StopCard(card("1.1")));
    assert_eq!(reply, Ok(Reply::Draining));
    assert_eq!(bench.standing("shop", "1.1"), Standing::Draining);
    assert_eq!(bench.state("1.1"), State::Running, "running requests are still being answered");
    assert_eq!(bench.traps(), [""; 0]);
    bench.run_until(s(5));
    bench.input(Input::Drained { card: card("1.1") });
    assert_eq!(bench.state("1.1"), State::Off);
    assert_eq!(bench.standing("shop", "1.1"), Standing::Down);
    assert_eq!(bench.traps(), ["1.1 running off"]);
    bench.run_until(s(120));
    assert_eq!(bench.traps(), ["1.1 running off"], "its port still answers, and that changes nothing");
}

#[test]
fn a_drain_ends_after_thirty_seconds_at_most() {
    let mut bench = Bench::new(&definition(1, 1, &[("shop", &["1.1"])]));
    bench.port("1.1", true);
    bench.run_until(s(10));
    bench.command(&operator(), Command::StopCard(card("1.1"))).unwrap();
    bench.run_until(s(39));
    assert_eq!(bench.state("1.1"), State::Running);
    bench.run_until(s(40));
    assert_eq!(bench.state("1.1"), State::Off);
    assert_eq!(bench.cabinet.inventory().card(card("1.1")).unwrap().cause, Cause::DrainOver);
}

#[test]
fn a_card_that_dies_while_it_drains_is_off_at_once() {
    let mut bench = Bench::new(&definition(1, 1, &[("shop", &["1.1"])]));
    bench.port("1.1", true);
    bench.run_until(s(10));
    bench.command(&operator(), Command::StopCard(card("1.1"))).unwrap();
    bench.clear();
    bench.port("1.1", false);
    bench.run_until(s(20));
    assert_eq!(bench.traps(), ["1.1 running off"]);
}

#[test]
fn stop_and_start_are_idempotent() {
    let mut bench = Bench::new(&definition(1, 1, &[("shop", &["1.1"])]));
    bench.port("1.1", true);
    bench.run_until(s(3));
    bench.clear();
    let stop = || Command::StopCard(card("1.1"));
    assert_eq!(bench.command(&operator(), stop()), Ok(Reply::Draining));
    assert_eq!(bench.command(&operator(), stop()), Ok(Reply::Draining));
    bench.input(Input::Drained { card: card("1.1") });
    assert_eq!(bench.command(&operator(), stop()), Ok(Reply::Card { state: State::Off, changed: false }));
    let start = || Command::StartCard(card("1.1"));
    assert_eq!(bench.command(&operator(), start()), Ok(Reply::Card { state: State::Off, changed: true }));
    bench.run_until(s(5));
    assert_eq!(
        bench.command(&operator(), start()),
        Ok(Reply::Card { state: State::Running, changed: false })
    );
    assert_eq!(bench.traps(), ["1.1 running off", "1.1 off running"]);
}

#[test]
fn a_start_takes_a_drain_back_without_a_trap() {
    let mut bench = Bench::new(&definition(1, 1, &[("shop", &["1.1"])]));
    bench.port("1.1", true);
    bench.run_until(s(3));
    bench.clear();
    bench.command(&operator(), Command::StopCard(card("1.1"))).unwrap();
    bench.command(&operator(), Command::StartCard(card("1.1"))).unwrap();
    bench.run_until(s(60));
    assert_eq!(bench.standing("shop", "1.1"), Standing::Serving);
    assert_eq!(bench.traps(), [""; 0]);
}

#[test]
fn only_a_card_program_that_is_there_is_told_to_act() {
    let mut bench = Bench::new(&definition(1, 2, &[("shop", &["1.1", "1.2"])]));
    bench.input(Input::Reported { card: card("1.1"), report: Report::default() });
    bench.command(&operator(), Command::StopCard(card("1.1"))).unwrap();
    bench.command(&operator(), Command::StopCard(card("1.2"))).unwrap();
    assert_eq!(bench.actions, [(card("1.1"), Action::StopServices)]);
    bench.command(&operator(), Command::StartCard(card("1.1"))).unwrap();
    assert_eq!(bench.actions[1..], [(card("1.1"), Action::StartServices)]);
}

#[test]
fn fail_counts_as_failed_at_once_and_start_undoes_it() {
    let mut bench = Bench::new(&definition(1, 1, &[("shop", &["1.1"])]));
    bench.port("1.1", true);
    bench.run_until(s(3));
    bench.clear();
    bench.command(&operator(), Command::FailCard(card("1.1"))).unwrap();
    assert_eq!(bench.standing("shop", "1.1"), Standing::Down);
    bench.run_until(s(10));
    bench.command(&operator(), Command::StartCard(card("1.1"))).unwrap();
    bench.run_until(s(12));
    assert_eq!(bench.traps(), ["1.1 running failed", "1.1 failed off", "1.1 off running"]);
}

#[test]
fn what_is_commanded_is_kept_before_it_takes_effect() {
    let mut cabinet =
        Cabinet::new(s(0), &definition(1, 1, &[("shop", &["1.1"])]), [], Limits::default()).unwrap();
    while cabinet.poll_output().is_some() {}
    cabinet.command(s(1), &operator(), Command::StopCard(card("1.1"))).unwrap();
    let kept = Kept::Stopped { card: card("1.1"), stopped: true };
    assert_eq!(cabinet.poll_output(), Some(Output::Persist(kept.clone())));
    let again =
        Cabinet::new(s(0), &definition(1, 1, &[("shop", &["1.1"])]), [kept], Limits::default()).unwrap();
    assert_eq!(again.inventory().card(card("1.1")).unwrap().order, Order::Stop, "it outlives the process");
}

#[test]
fn roles_decide_and_every_command_is_written_down() {
    let mut bench = Bench::new(&definition(1, 1, &[("shop", &["1.1"])]));
    let technician = Who::new("tina", Role::Technician, Via::Web);
    let user = Who::new("uma", Role::User, Via::Web);
    assert!(bench.command(&technician, Command::StopCard(card("1.1"))).is_ok());
    assert!(matches!(
        bench.command(&technician, Command::FailCard(card("1.1"))),
        Err(Refusal::NotAllowed { verb: "fail card", .. })
    ));
    assert!(matches!(bench.command(&user, Command::StartCard(card("1.1"))), Err(Refusal::NotAllowed { .. })));
    assert_eq!(
        bench.command(&operator(), Command::StopCard(card("9.9"))),
        Err(Refusal::NoSuchCard(card("9.9")))
    );
    let log: Vec<_> = bench.cabinet.log().map(|event| event.what.to_string()).collect();
    assert_eq!(
        log,
        [
            "tina (technician, web): stop card 1.1",
            "tina (technician, web): fail card 1.1 refused: tina may not fail card as technician",
            "uma (user, web): start card 1.1 refused: uma may not start card as user",
            "ops (operator, ctl): stop card 9.9 refused: there is no card 9.9",
        ]
    );
}

#[test]
fn a_reload_keeps_what_it_does_not_change() {
    let mut bench = Bench::new(&definition(1, 3, &[("shop", &["1.1", "1.2"])]));
    bench.port("1.1", true);
    bench.port("1.2", true);
    bench.run_until(s(5));
    bench.clear();
    let bigger = definition(1, 3, &[("new", &["1.3"]), ("shop", &["1.1", "1.2"])]);
    let reply = bench.command(&operator(), Command::Reload(Box::new(bigger)));
    assert_eq!(reply, Ok(Reply::Reloaded { cards: 3, services: 2 }));
    assert_eq!(bench.standing("shop", "1.1"), Standing::Serving, "it goes on serving through the reload");
    assert_eq!(bench.routes, 1);
    bench.port("1.3", true);
    bench.run_until(s(8));
    assert_eq!(bench.traps(), ["1.3 off running"]);
}

#[test]
fn a_reload_that_is_wrong_changes_nothing() {
    let mut bench = Bench::new(&definition(1, 2, &[("shop", &["1.1"])]));
    bench.run_until(s(1));
    let before = bench.cabinet.inventory().clone();
    let wrong = definition(1, 2, &[("shop", &["1.1"]), ("shop", &["7.7"])]);
    let Err(Refusal::Definition(flaws)) = bench.command(&operator(), Command::Reload(Box::new(wrong))) else {
        panic!("it must be refused")
    };
    assert_eq!(flaws.len(), 2, "all the reasons at once: {flaws:?}");
    assert_eq!(*bench.cabinet.inventory(), before);
}

#[test]
fn another_hardware_address_is_another_card() {
    let mut bench = Bench::new(&definition(1, 1, &[]));
    bench.input(Input::Reported {
        card: card("1.1"),
        report: Report { temperature: Some(300), ..Report::default() },
    });
    let mut swapped = definition(1, 1, &[]);
    swapped.cards[0].mac = Some(Mac([9; 6]));
    bench.command(&operator(), Command::Reload(Box::new(swapped))).unwrap();
    let now_there = bench.cabinet.inventory().card(card("1.1")).unwrap().clone();
    assert_eq!((now_there.temperature(), now_there.state), (None, State::Off));
}

#[test]
fn what_is_unknown_is_absent_and_what_was_known_is_forgotten_with_silence() {
    let mut bench = Bench::new(&definition(1, 1, &[]));
    let known = |bench: &Bench| {
        let card = bench.cabinet.inventory().card(card("1.1")).unwrap().clone();
        (card.up_time(s(100)), card.temperature())
    };
    assert_eq!(known(&bench), (None, None));
    bench.at(s(40));
    let report = Report { up_time: Some(s(1000)), temperature: Some(-5), ..Report::default() };
    bench.input(Input::Reported { card: card("1.1"), report });
    assert_eq!(
        known(&bench),
        (Some(s(1060)), Some(-5)),
        "a card may have been up for longer than the module"
    );
    bench.input(Input::Silent { card: card("1.1") });
    assert_eq!(known(&bench), (None, None));
    assert_eq!(bench.state("1.1"), State::Off);
}

#[test]
fn placement_spreads_over_the_chassis_and_says_when_it_cannot() {
    let mut spread = definition(3, 2, &[]);
    let mut shop = Service::named("shop".parse().unwrap());
    shop.count = Some(4);
    spread.services = vec![shop.clone().into()];
    assert_eq!(spread.members(), Ok(vec![vec![card("1.1"), card("2.1"), card("3.1"), card("1.2")]]));
    shop.count = Some(7);
    spread.services = vec![shop.into()];
    assert!(matches!(spread.members(), Err(Flaw::TooFewCards { count: 7, free: 6, .. })));
}

#[test]
fn the_same_alarm_is_told_ever_more_seldom_and_counted_always() {
    let mut bench = Bench::new(&definition(1, 1, &[]));
    for _ in 0..1000 {
        bench.input(Input::Alarm(Alarm::UnknownMac { mac: Mac([7; 6]) }));
    }
    assert_eq!(bench.cabinet.log().count(), 10, "1, 2, 4, up to 512");
    let (_, told) = bench.cabinet.alarms().next().unwrap();
    assert_eq!(told.count, 1000);
}

/// Patent row K1: 20 chassis of 14 slots; boots, serves, loses a chassis, gets it back, in virtual time.
#[test]
fn patent_k1_a_whole_cabinet_of_280_cards() {
    let names = services(20, 14);
    let mut bench =
        Bench::new(&definition(20, 14, &names.iter().map(|(n, c)| (*n, c.as_slice())).collect::<Vec<_>>()));
    let all: Vec<Position> = bench.cabinet.inventory().cards.keys().copied().collect();
    assert_eq!(all.len(), 280);
    for (index, &position) in all.iter().enumerate() {
        bench.at(Duration::from_millis(index as u64 * 10));
        bench.input(Input::Leased { card: position, mac: Mac([1; 6]) });
    }
    for position in &all {
        bench.port(&position.to_string(), true);
    }
    bench.run_until(s(10));
    assert_eq!(bench.cabinet.inventory().counts()[3], (State::Running, 280));
    assert_eq!(bench.traps().len(), 560, "off to assigned, assigned to running, each once");
    assert!(bench.cabinet.inventory().services.iter().all(|active| active.serving() == active.members.len()));

    bench.clear();
    all.iter().filter(|p| p.chassis == 7).for_each(|p| bench.port(&p.to_string(), false));
    bench.run_until(s(30));
    assert_eq!(bench.traps().len(), 14, "only the chassis that failed");
    assert!(bench.traps().iter().all(|trap| trap.starts_with("7.") && trap.ends_with("running failed")));

    all.iter().filter(|p| p.chassis == 7).for_each(|p| bench.port(&p.to_string(), true));
    bench.run_until(s(60));
    assert_eq!(bench.cabinet.inventory().counts()[3], (State::Running, 280));

    let rate = bench.probes;
    bench.run_until(s(160));
    let each = (bench.probes - rate) as f64 / 280.0 / 100.0;
    assert!((0.45..=0.55).contains(&each), "every two seconds each, not {each} a second");
    assert!(bench.widest < 60, "spread over the interval, not {} at once", bench.widest);
}

#[test]
fn a_stopped_service_drains_everywhere_and_leaves_its_cards_alone() {
    let mut bench = Bench::new(&definition(1, 2, &[("shop", &["1.1", "1.2"]), ("mail", &["1.1"])]));
    bench.port("1.1", true);
    bench.port("1.2", true);
    bench.run_until(s(3));
    bench.clear();
    let shop = || "shop".parse().unwrap();
    let stop = || Command::StopService(shop());
    assert_eq!(bench.command(&operator(), stop()), Ok(Reply::Service { stopped: true, changed: true }));
    assert_eq!(bench.command(&operator(), stop()), Ok(Reply::Service { stopped: true, changed: false }));
    assert_eq!(bench.kept.len(), 1);
    assert_eq!(bench.standing("shop", "1.1"), Standing::Draining);
    assert_eq!(bench.standing("mail", "1.1"), Standing::Serving, "the card's other service goes on");
    bench.run_until(s(34));
    assert_eq!(bench.standing("shop", "1.2"), Standing::Down);
    assert_eq!((bench.state("1.1"), bench.traps().len()), (State::Running, 0));
    bench.command(&operator(), Command::StartService(shop())).unwrap();
    assert_eq!(bench.standing("shop", "1.2"), Standing::Serving);
    let none = "none".parse().unwrap();
    assert!(matches!(bench.command(&operator(), Command::StopService(none)), Err(Refusal::NoSuchService(_))));
}

#[test]
fn a_stopped_service_without_sessions_is_stopped_at_once() {
    let mut bench = Bench::new(&definition(1, 2, &[("shop", &["1.1", "1.2"])]));
    let order = |bench: &Bench| bench.cabinet.inventory().services[0].order;
    let shop = || "shop".parse().unwrap();
    // Nobody serves: nobody has anything to finish.
    bench.command(&operator(), Command::StopService(shop())).unwrap();
    assert_eq!(order(&bench), Order::Stop);
    bench.command(&operator(), Command::StartService(shop())).unwrap();
    bench.port("1.1", true);
    bench.port("1.2", true);
    bench.run_until(s(3));
    // The driver says that the last one has finished; said too late, it means nothing.
    bench.command(&operator(), Command::StopService(shop())).unwrap();
    assert!(matches!(order(&bench), Order::Drain { .. }));
    bench.input(Input::ServiceDrained { service: shop() });
    assert_eq!((order(&bench), bench.standing("shop", "1.2")), (Order::Stop, Standing::Down));
    bench.command(&operator(), Command::StartService(shop())).unwrap();
    bench.input(Input::ServiceDrained { service: shop() });
    assert_eq!((order(&bench), bench.standing("shop", "1.2")), (Order::Run, Standing::Serving));
}

#[test]
fn a_stopped_service_stays_stopped_through_a_reload_and_a_restart() {
    let defined = definition(1, 1, &[("shop", &["1.1"])]);
    let kept = Kept::ServiceStopped { service: "shop".parse().unwrap(), stopped: true };
    let mut cabinet = Cabinet::new(s(0), &defined, [kept], Limits::default()).unwrap();
    cabinet.command(s(1), &operator(), Command::Reload(Box::new(defined))).unwrap();
    assert_eq!(cabinet.inventory().services[0].order, Order::Stop);
}

/// Patent row S3: a user commands its own services and the cards that serve nobody else.
#[test]
fn patent_s3_a_user_commands_what_it_owns() {
    let mut defined = definition(1, 3, &[("mine", &["1.1", "1.2"]), ("theirs", &["1.2"])]);
    let mut mine = Service::clone(&defined.services[0]);
    mine.user = Some("uma".parse().unwrap());
    defined.services[0] = mine.into();
    let mut bench = Bench::new(&defined);
    let uma = Who::new("uma", Role::User, Via::Web);
    let may = |bench: &mut Bench, command| bench.command(&uma, command).is_ok();
    assert!(may(&mut bench, Command::StopService("mine".parse().unwrap())));
    assert!(may(&mut bench, Command::StopCard(card("1.1"))));
    assert!(!may(&mut bench, Command::StopService("theirs".parse().unwrap())));
    assert!(!may(&mut bench, Command::StopCard(card("1.2"))), "it serves somebody else too");
    assert!(!may(&mut bench, Command::StopCard(card("1.3"))), "it serves nobody");
}

#[test]
fn usage_is_added_up_by_service_and_card_that_there_are() {
    let mut bench = Bench::new(&definition(1, 2, &[("shop", &["1.1"])]));
    let mut used = Used { requests: 2, local: 1, bytes_out: 10, ..Used::default() };
    used.count_status(200);
    used.count_status(503);
    used.count_status(0);
    let share = |service: &str, position: &str| Share {
        service: service.parse().unwrap(),
        card: Some(card(position)),
        used,
    };
    for _ in 0..3 {
        bench.input(Input::Used(vec![share("shop", "1.1"), share("shop", "1.2"), share("none", "1.1")]));
    }
    let usage: Vec<_> =
        bench.cabinet.usage().map(|(name, card, used)| (name.to_string(), card, *used)).collect();
    let expected = Used { requests: 6, local: 3, bytes_out: 30, status: [0, 3, 0, 0, 3], ..Used::default() };
    assert_eq!(usage, [("shop".to_owned(), Some(card("1.1")), expected)]);
    assert_eq!(expected.remote(), 3);
}
