//! How runs fail, and what is said then.

use std::{
    env,
    process::Command,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
};

use eventbus::{
    Bus, Event,
    testing::{Explorer, Sim, explore},
};

use crate::support::panic_of;

#[derive(Event)]
struct Tick;

/// Fails with a third of the seeds.
async fn fails_now_and_then(sim: Sim) {
    assert!(!sim.one_in(3), "it was drawn");
}

#[test]
fn the_panic_names_the_seed_the_failure_and_the_command() {
    let text = panic_of(|| _ = explore(0..100, fails_now_and_then));
    let seed = Explorer::new().try_explore(0..100, &fails_now_and_then).unwrap_err().seed();
    let name = "explore::the_panic_names_the_seed_the_failure_and_the_command";
    assert_eq!(
        text,
        format!(
            "seed {seed} fails, after {seed} that passed: it was drawn\n\
             run again, it fails the same way; to run it alone: EVENTBUS_SEED={seed} cargo test {name}"
        )
    );
}

/// Run by the test below in a process of its own, whose environment names a seed.
#[test]
#[ignore = "run by another test"]
fn prints_its_seeds() {
    let explored = explore(0..100, |sim| async move { println!("runs seed {}", sim.seed()) });
    println!("{} in all", explored.seeds);
}

fn seeds_with(variable: &str) -> String {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "explore::prints_its_seeds", "--ignored", "--nocapture"]).env("EVENTBUS_SEED", variable);
    String::from_utf8(command.output().unwrap().stdout).unwrap()
}

#[test]
fn the_environment_names_the_only_seed() {
    let printed = seeds_with("4711");
    assert!(printed.contains("runs seed 4711\n1 in all"), "{printed}");
}

#[test]
fn a_seed_that_is_no_number_is_refused() {
    let printed = seeds_with("many");
    assert!(!printed.contains("runs seed"), "{printed}");
}

#[test]
fn a_test_that_waits_for_what_does_not_come_fails_at_once() {
    let found = Explorer::new().try_explore(0..1, &|_| std::future::pending::<()>()).unwrap_err();
    assert!(found.failure().contains("has not ended after 1h of simulated time"), "{found}");
}

#[test]
fn an_error_fails_the_run_with_its_sources() {
    let test = |_| async { "seven".parse::<u32>().map(drop) };
    let found = Explorer::new().try_explore(0..1, &test).unwrap_err();
    assert_eq!(found.failure(), "invalid digit found in string");
}

#[test]
fn a_task_of_the_test_that_panics_fails_the_run() {
    let test = |sim: Sim| async move {
        sim.spawn(async { panic!("in the background") });
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    };
    let found = Explorer::new().try_explore(0..1, &test).unwrap_err();
    assert_eq!(found.failure(), "in the background");
}

#[test]
fn a_failure_that_the_seed_does_not_decide_is_told() {
    let runs = AtomicUsize::new(0);
    let test = |_| {
        let run = runs.fetch_add(1, Ordering::Relaxed);
        async move { assert_ne!(run, 5, "the sixth run") }
    };
    let found = Explorer::new().try_explore(0..10, &test).unwrap_err();
    assert_eq!((found.seed(), found.passed(), found.fails_again()), (5, 5, false));
    assert!(found.to_string().contains("something decides that the seed does not"), "{found}");
}

#[test]
fn it_is_refused_inside_a_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let text = panic_of(|| _ = runtime.block_on(async { explore(0..1, |_| async {}) }));
    assert!(text.contains("call it in a plain `#[test]`"), "{text}");
}

#[test]
fn the_thread_is_as_random_afterwards_as_before() {
    let after = |seed| {
        explore([seed], |_| async {});
        // Half of the bits of an id are drawn.
        eventbus::transport::MessageId::new().as_u128() & u128::from(u64::MAX)
    };
    assert_ne!(after(1), after(1));
}

#[test]
fn nothing_to_choose_is_one_schedule() {
    let runs = AtomicU64::new(0);
    let explored = explore(0..50, |_| {
        runs.fetch_add(1, Ordering::Relaxed);
        async {
            let bus = Bus::new();
            bus.on::<Tick>(|_| {});
            assert!(bus.emit(Tick).blocking().is_ok());
        }
    });
    assert_eq!((explored.seeds, runs.load(Ordering::Relaxed)), (50, 50));
    // The test's own task is held back now and then.
    assert!(explored.schedules < 50, "{explored:?}");
}

#[test]
fn the_choices_of_the_test_are_those_of_the_seed() {
    let draws = |seed| {
        let drawn = std::sync::Mutex::new(None);
        explore([seed], |sim| {
            let mut order = [1, 2, 3, 4, 5, 6, 7, 8];
            sim.shuffle(&mut order);
            *drawn.lock().unwrap() = Some((order, *sim.pick(&order), sim.below(1000), sim.below(0)));
            async {}
        });
        drawn.into_inner().unwrap()
    };
    assert_eq!(draws(3), draws(3));
    assert_ne!(draws(3), draws(4));
}
