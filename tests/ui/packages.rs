//! The packages as users get them: packed by cargo, and unpacked where the tests may write.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};

/// The crates that users depend on.
pub(crate) const PACKAGES: [&str; 5] =
    ["eventbus", "eventbus-conformance", "eventbus-core", "eventbus-derive", "eventbus-redis"];

/// The workspace's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// The unpacked package of a crate.
pub(crate) fn package(name: &str) -> PathBuf {
    static UNPACKED: LazyLock<PathBuf> = LazyLock::new(unpack);
    UNPACKED.join(name)
}

/// Lines that let a crate, and the packages that it depends on, find these packages, as if a registry had them.
pub(crate) fn patches(names: &[&str]) -> String {
    let line = |name: &&str| format!("{name} = {{ path = {:?} }}\n", package(name));
    format!("[patch.crates-io]\n{}", names.iter().map(line).collect::<String>())
}

/// Packs and unpacks all of them; gives the folder that holds them.
fn unpack() -> PathBuf {
    let tests = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (packing, fresh, unpacked) = (tests.join("packing"), tests.join("packing/unpacked"), tests.join("packages"));
    let mut cargo = Command::new(env!("CARGO"));
    // Without a lock file, which would be made for a registry that has these packages.
    cargo.args(["package", "--offline", "--no-verify", "--allow-dirty", "--exclude-lockfile", "--target-dir"]);
    cargo.arg(&packing).args(PACKAGES.iter().flat_map(|name| ["--package", name]));
    run(cargo.current_dir(root()));

    fs::create_dir_all(&fresh).unwrap();
    for name in PACKAGES {
        let versioned = format!("{name}-{}", env!("CARGO_PKG_VERSION"));
        let archive = packing.join("package").join(format!("{versioned}.crate"));
        run(Command::new("tar").arg("-xzf").arg(archive).arg("-C").arg(&fresh));
        // A file that is as it was keeps its time: nothing is compiled again because of it.
        copy_changes(&fresh.join(&versioned), &unpacked.join(name));
        fs::remove_dir_all(fresh.join(versioned)).unwrap();
    }
    unpacked
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Makes a folder like another one, without touching what is alike.
fn copy_changes(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for old in fs::read_dir(to).unwrap().map(|entry| entry.unwrap().path()) {
        match old.is_dir() {
            _ if from.join(old.file_name().unwrap()).exists() => {}
            true => fs::remove_dir_all(old).unwrap(),
            false => fs::remove_file(old).unwrap(),
        }
    }
    for new in fs::read_dir(from).unwrap().map(|entry| entry.unwrap().path()) {
        let old = to.join(new.file_name().unwrap());
        if new.is_dir() {
            copy_changes(&new, &old);
        } else if fs::read(&old).ok() != fs::read(&new).ok() {
            fs::copy(&new, &old).unwrap();
        }
    }
}
