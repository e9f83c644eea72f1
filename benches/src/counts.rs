//! Counts, which another program on the machine does not change: instructions and allocations per emit.

use std::{
    collections::BTreeMap,
    env,
    hint::black_box,
    pin::{Pin, pin},
    process::{Command, Stdio},
    sync::Arc,
    task::{Context, Waker},
};

use eventbus::{
    Bus,
    emit::EmitAny,
    intercept::{Metrics, Tracing},
};
use futures_util::future::join_all;
use mod_events::EventDispatcher as ModEvents;

use crate::{
    asynchronous::{raw_async, ready},
    publishing,
    rivals::Signals2,
    sample::{Listeners, Raw, Sample, call_all},
};

/// Emits of the short and of the long run: what they do not share is the emits between.
const SHORT: u32 = 20_000;
const LONG: u32 = 70_000;

/// Hidden mode `icount CONTENDER LISTENERS ITERATIONS`: what callgrind looks at.
pub(crate) fn emit_so_often(args: &[String]) {
    let [contender, listeners, iterations] = args else { panic!("icount CONTENDER LISTENERS ITERATIONS") };
    let listeners = listeners.parse().expect("a number of listeners");
    let iterations = iterations.parse().expect("a number of iterations");
    match contender.as_str() {
        "bus" => {
            let bus = Bus::new().fill(listeners);
            times(iterations, |sample| _ = bus.emit(sample).blocking());
        }
        "bus_stats" => {
            let bus = Bus::builder().stats(true).build().fill(listeners);
            times(iterations, |sample| _ = bus.emit(sample).blocking());
        }
        "emitter_stats" => {
            let mut emitter = Bus::builder().stats(true).build().fill(listeners).emitter::<Sample>();
            times(iterations, |sample| _ = emitter.emit(sample).blocking());
        }
        "awaited_stats" => {
            let bus = Bus::builder().stats(true).build();
            (0..listeners).for_each(|at| _ = bus.on_async::<Sample>(move |sample| ready(sample, at as u64)));
            times(iterations, |sample| at_once(pin!(async { drop(bus.emit(sample).await) })));
        }
        "emitter" => {
            let mut emitter = Bus::new().fill(listeners).emitter::<Sample>();
            times(iterations, |sample| _ = emitter.emit(sample).blocking());
        }
        "bus-watched" => {
            let bus = Bus::builder().tracing(Tracing::new()).metrics(Metrics::new()).build().fill(listeners);
            times(iterations, |sample| _ = bus.emit(sample).blocking());
        }
        "name" => {
            let bus = Bus::new().fill(listeners);
            times(iterations, |sample| _ = bus.emit_name("bench.sample", sample).map(EmitAny::blocking));
        }
        "unclaimed" => {
            let bus = Bus::new();
            for _ in 0..listeners {
                bus.on_pattern("user.*.created", |e| _ = black_box(e.name().len())).expect("a pattern");
            }
            times(iterations, |sample| _ = bus.emit_name("user.account.created", sample).map(EmitAny::blocking));
        }
        "awaited" => {
            let bus = Bus::new();
            (0..listeners).for_each(|at| _ = bus.on_async::<Sample>(move |sample| ready(sample, at as u64)));
            times(iterations, |sample| at_once(pin!(async { drop(bus.emit(sample).await) })));
        }
        "join-all" => {
            let raw = raw_async(listeners as u64, ready);
            times(iterations, |sample| {
                let sample = Arc::new(sample);
                at_once(pin!(async {
                    join_all(raw.iter().map(|listener| listener(Arc::clone(&sample)))).await;
                }));
            });
        }
        "raw" => {
            let raw = Raw::new().fill(listeners);
            times(iterations, |sample| call_all(&raw, &sample));
        }
        "signals2" => {
            let signal = Signals2::default().fill(listeners);
            times(iterations, |sample| signal.emit(sample));
        }
        "mod-events" => {
            let dispatcher = ModEvents::new().fill(listeners);
            times(iterations, |sample| dispatcher.emit(sample));
        }
        other => assert!(publishing::counted(other, listeners, iterations), "no contender `{other}`"),
    }
}

/// Polls a future that is ready at once.
fn at_once(future: Pin<&mut dyn Future<Output = ()>>) {
    assert!(future.poll(&mut Context::from_waker(Waker::noop())).is_ready(), "nothing is waited for");
}

fn times(iterations: u32, mut emit: impl FnMut(Sample)) {
    for _ in 0..iterations {
        emit(Sample::new(black_box(7)));
    }
}

pub(crate) fn has_valgrind() -> bool {
    Command::new("valgrind").arg("--version").stdout(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// Instructions per emit, the loop around it included.
pub(crate) fn instructions(contender: &str, listeners: usize) -> f64 {
    let collected = |turns: u32| collected(&["icount", contender, &listeners.to_string(), &turns.to_string()]);
    (collected(LONG) - collected(SHORT)) / f64::from(LONG - SHORT)
}

/// Instructions of one turn of a contender of a table.
pub(crate) fn instructions_of_turn(table: &str, contender: &str) -> f64 {
    const TURNS: [u32; 2] = [500, 5_500];
    let collected = |turns: u32| collected(&["turns", table, contender, &turns.to_string()]);
    (collected(TURNS[1]) - collected(TURNS[0])) / f64::from(TURNS[1] - TURNS[0])
}

/// Instructions of a whole run of this program.
fn collected(args: &[&str]) -> f64 {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(env::current_exe().expect("this program has a path"))
        .args(args)
        .output()
        .expect("valgrind starts");
    let said = String::from_utf8_lossy(&output.stderr);
    let collected = said
        .lines()
        .find(|line| line.contains("Collected"))
        .and_then(|line| line.rsplit(':').next()?.trim().parse().ok());
    assert!(output.status.success(), "what callgrind counts has failed:\n{said}");
    collected.unwrap_or_else(|| panic!("callgrind counts nothing:\n{said}"))
}

/// Allocations per emit, as the program `allocations` counts them. It is a program of its own since its allocator, which counts,
/// would slow down whatever else is measured.
pub(crate) fn allocations() -> BTreeMap<String, f64> {
    let output = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["run", "--quiet", "--profile", "bench", "--bin", "allocations"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo starts");
    assert!(output.status.success(), "the program `allocations` failed");
    parse(&String::from_utf8_lossy(&output.stdout))
}

/// Reads lines `name = number`; others are passed over.
pub(crate) fn parse(text: &str) -> BTreeMap<String, f64> {
    let pair = |line: &str| {
        let (name, number) = line.split_once('=')?;
        Some((name.trim().to_owned(), number.trim().parse().ok()?))
    };
    text.lines().filter_map(pair).collect()
}
