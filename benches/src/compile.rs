//! What an event type costs to compile: CPU time, and code in the program.
//!
//! A crate outside the workspace depends on `eventbus` by its path and holds n event types. It is built in release, in the
//! default profile, for a small and a larger n; the difference is what the types between cost.

use std::{
    env,
    fmt::Write,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use object::{Object, ObjectSection};

const FACADE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The code that a generated crate has for each event type.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Variant {
    /// One `on`, one `on_async`, one `emit(..).await`.
    Awaited,
    /// One `on`, one `emit(..).blocking()`.
    Sync,
}

/// How the crate is built.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Profile {
    Release,
    Debug,
}

impl Profile {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Debug => "debug",
        }
    }
}

/// What one build cost.
pub(crate) struct Cost {
    /// CPU seconds of cargo and all that it started.
    pub(crate) cpu: f64,
    /// Bytes of `.text` in the program.
    pub(crate) text: f64,
    /// Bytes of the program's file.
    pub(crate) size: f64,
    pub(crate) wall: Duration,
    /// The most memory that one process of the compiler held, in bytes; looked at every 20 ms.
    pub(crate) memory: f64,
}

/// The directory with the generated crate. Its dependencies are built once, and stay for the next run.
pub(crate) struct Workshop {
    dir: PathBuf,
    /// Keeps a second run away.
    _lock: File,
}

impl Workshop {
    pub(crate) fn open() -> Self {
        let dir = env::temp_dir().join("eventbus-compile-cost");
        fs::create_dir_all(dir.join("src")).expect("a temporary directory");
        let lock = File::create(dir.join("lock")).expect("a file in it");
        lock.lock().expect("the lock of the temporary directory");
        let facade = Path::new(FACADE).canonicalize().expect("the facade's directory");
        let manifest = format!(
            "[package]\nname = \"compile-cost\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
             [dependencies]\neventbus = {{ path = '{}' }}\n\n[workspace]\n",
            facade.display()
        );
        fs::write(dir.join("Cargo.toml"), manifest).expect("the manifest is written");
        // The same versions of dependencies as here.
        fs::copy(facade.join("Cargo.lock"), dir.join("Cargo.lock")).expect("the lock file is copied");
        let workshop = Self { dir, _lock: lock };
        workshop.build(Variant::Awaited, 0, Profile::Release);
        workshop
    }

    /// Where the program of the last build in a profile is.
    pub(crate) fn program(&self, profile: Profile) -> PathBuf {
        self.dir.join("target").join(profile.name()).join("compile-cost")
    }

    /// Builds the crate with so many types. The dependencies stay from the first build in the profile.
    pub(crate) fn build(&self, variant: Variant, types: u16, profile: Profile) -> Cost {
        fs::write(self.dir.join("src/main.rs"), program(variant, types)).expect("the program is written");
        let (cpu, start) = (cpu_of_children(), Instant::now());
        let cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            .args(["build", "--quiet", "--target-dir", "target"])
            .args(match profile {
                Profile::Release => &["--release"][..],
                Profile::Debug => &[],
            })
            .current_dir(&self.dir)
            .stdin(Stdio::null())
            .spawn()
            .expect("cargo starts");
        let memory = wait(cargo);
        let (cpu, wall) = (cpu_of_children() - cpu, start.elapsed());
        let program = fs::read(self.program(profile)).expect("a program was built");
        let file = object::File::parse(&*program).expect("an object file");
        let text = file.section_by_name(".text").map_or(0, |text| text.size());
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let [text, size] = [text as f64, program.len() as f64];
        Cost { cpu, text, size, wall, memory }
    }

    /// What each type cost of those between `few` and `many`. Of so many builds, the one with the least CPU time counts.
    pub(crate) fn each(&self, variant: Variant, few: u16, many: u16, builds: usize) -> Cost {
        let least = |types: u16| {
            let builds = (0..builds).map(|_| self.build(variant, types, Profile::Release));
            builds.min_by(|a, b| a.cpu.total_cmp(&b.cpu)).expect("at least one build")
        };
        let (few_cost, many_cost, types) = (least(few), least(many), f64::from(many - few));
        Cost {
            cpu: (many_cost.cpu - few_cost.cpu) / types,
            text: (many_cost.text - few_cost.text) / types,
            ..many_cost
        }
    }
}

fn program(variant: Variant, types: u16) -> String {
    let mut program = String::from(
        "#![allow(dead_code, unused_variables)]\n\
         use std::{pin::Pin, task::{Context, Waker}};\n\
         pub fn finish(future: Pin<&mut dyn Future<Output = ()>>) {\n\
             assert!(future.poll(&mut Context::from_waker(Waker::noop())).is_ready());\n\
         }\n\
         fn main() {\n    let bus = eventbus::Bus::new();\n    let _: fn(_) = finish;\n",
    );
    for number in 0..types {
        _ = writeln!(program, "    event{number}::run(&bus);");
    }
    program.push_str("}\n");
    for number in 0..types {
        _ = write!(
            program,
            "mod event{number} {{\n\
             use {{eventbus::{{Bus, Event}}, std::hint::black_box}};\n\
             #[derive(Event)]\n#[event(name = \"generated.number{number}\")]\n\
             pub struct Generated{number} {{ pub id: u64, pub name: String, pub count: u32 }}\n\
             fn new() -> Generated{number} {{\n\
                 Generated{number} {{ id: black_box({number}), name: String::new(), count: black_box(1) }}\n\
             }}\n\
             fn on(bus: &Bus) {{ bus.on::<Generated{number}>(|e| _ = black_box(e.id + u64::from(e.count))); }}\n"
        );
        _ = match variant {
            Variant::Sync => write!(
                program,
                "pub fn run(bus: &Bus) {{ on(bus); black_box(bus.emit(new()).blocking().succeeded()); }}\n}}\n"
            ),
            Variant::Awaited => write!(
                program,
                "async fn emit(bus: &Bus) {{ black_box(bus.emit(new()).await.succeeded()); }}\n\
                 pub fn run(bus: &Bus) {{\n\
                     on(bus);\n\
                     bus.on_async::<Generated{number}>(|e| async move {{ _ = black_box(e.name.len()) }});\n\
                     super::finish(std::pin::pin!(emit(bus)));\n\
                 }}\n}}\n"
            ),
        };
    }
    program
}

/// CPU seconds of those children that were waited for, and of theirs: fields 16 and 17 of `/proc/self/stat`, in ticks of 10 ms.
fn cpu_of_children() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The second field is the program's name in parentheses; the third follows them.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    fields.skip(13).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// Waits for cargo and watches its children's memory meanwhile.
fn wait(mut cargo: Child) -> f64 {
    let mut most: f64 = 0.0;
    let status = loop {
        if let Some(status) = cargo.try_wait().expect("cargo can be waited for") {
            break status;
        }
        most = most.max(memory_of_children(cargo.id()).unwrap_or_default());
        thread::sleep(Duration::from_millis(20));
    };
    assert!(status.success(), "the generated crate does not compile");
    most
}

/// The most bytes that a child of this process has held so far. Each of its threads may have started children.
fn memory_of_children(parent: u32) -> Option<f64> {
    let held = |child: &str| {
        let status = fs::read_to_string(format!("/proc/{child}/status")).ok()?;
        let kibibytes = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.trim().strip_suffix(" kB")?;
        kibibytes.parse::<f64>().ok().map(|kibibytes| kibibytes * 1024.0)
    };
    let threads = fs::read_dir(format!("/proc/{parent}/task")).ok()?;
    let children = threads.filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("children")).ok());
    children
        .filter_map(|children| children.split_whitespace().filter_map(held).max_by(f64::total_cmp))
        .max_by(f64::total_cmp)
}
