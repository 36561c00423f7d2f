//! A machine to install packages on: this one's files under an overlay that takes every change, in a mount namespace that ends
//! with the test. Maintainer scripts run for real there, as root, and reach nothing outside.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use nix::sched::{CloneFlags, unshare};

use crate::program::{Ended, repository};
use crate::requirements::require_root_and_bpf;

/// The package, built from the sources as they are, once per process, with the binary that the other suites run.
///
/// # Panics
/// Where it cannot be built; likewise below.
pub fn package() -> &'static Path {
    static PACKAGE: OnceLock<PathBuf> = OnceLock::new();
    PACKAGE.get_or_init(|| {
        let mut cargo = Command::new(env!("CARGO"));
        let output = cargo.args(["xtask", "dist", "--profile", "dev"]).current_dir(repository()).output();
        let ended: Ended = output.expect("cargo can be started").into();
        assert_eq!(ended.status, Some(0), "{}", ended.transcript());
        // cargo-deb prints the path of what it made, and nothing after it.
        let package = PathBuf::from(ended.stdout.lines().last().expect("a path"));
        assert!(package.is_file(), "{}", ended.transcript());
        package
    })
}

/// The machine, as long as [`with_machine`] runs.
#[derive(Debug)]
pub struct Machine {
    /// Its root, as the thread in [`with_machine`] sees it.
    pub root: PathBuf,
    upper: PathBuf,
}

/// Makes a machine and runs `test` on it, on a thread of its own: it sees the machine's files, and so does what it starts.
///
/// # Panics
/// Where the kernel refuses, or as `test` does.
pub fn with_machine<T: Send>(test: impl FnOnce(&Machine) -> T + Send) -> T {
    require_root_and_bpf();
    // Mounted over in the thread alone: when it ends, an empty directory is all that is left to remove.
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let ended = std::thread::scope(|scope| {
        let enter = || {
            unshare(CloneFlags::CLONE_NEWNS).expect("a mount namespace can be made");
            test(&Machine::mount(directory.path()))
        };
        scope.spawn(enter).join()
    });
    ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

impl Machine {
    fn mount(directory: &Path) -> Self {
        mount(&["--make-rprivate", "/"]);
        let place = directory.display();
        mount(&["-t", "tmpfs", "tmpfs", &place.to_string()]);
        for name in ["upper", "work", "root"] {
            fs::create_dir(directory.join(name)).expect("a directory can be made");
        }
        let layers = format!("lowerdir=/,upperdir={place}/upper,workdir={place}/work");
        mount(&["-t", "overlay", "overlay", "-o", &layers, &format!("{place}/root")]);
        for (kind, options, at) in [
            ("proc", "", "proc"),
            ("sysfs", "", "sys"),
            ("bpf", "mode=0700", "sys/fs/bpf"),
            // As on a machine that has just been started, and runs no systemd.
            ("tmpfs", "mode=0755", "run"),
        ] {
            mount(&["-t", kind, kind, "-o", &format!("rw,{options}"), &format!("{place}/root/{at}")]);
        }
        mount(&["--rbind", "/dev", &format!("{place}/root/dev")]);
        let machine = Self { root: directory.join("root"), upper: directory.join("upper") };
        // What images for containers have against services that start, and Debian's wish for an index of the manual, which
        // takes seconds.
        for file in ["usr/sbin/policy-rc.d", "var/lib/man-db/auto-update"] {
            let _ = fs::remove_file(machine.root.join(file));
        }
        machine
    }

    /// A command that runs on the machine.
    #[must_use]
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("chroot");
        command
            .arg(&self.root)
            .args(words)
            .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        command.env("LC_ALL", "C.UTF-8").env("DEBIAN_FRONTEND", "noninteractive");
        command
    }

    /// Runs a command on the machine, which must succeed; what it prints.
    ///
    /// # Panics
    /// Where it does not.
    #[must_use]
    pub fn run(&self, words: &[&str]) -> Ended {
        let ended: Ended = self.command(words).output().expect("chroot is installed").into();
        assert_eq!(ended.status, Some(0), "{words:?}: {}", ended.transcript());
        ended
    }

    /// Installs a package, documents and manual included, whatever the machine leaves out by custom.
    ///
    /// # Panics
    /// As above.
    pub fn install(&self, package: &Path) {
        fs::copy(package, self.root.join("run/package.deb")).expect("the package can be copied");
        let _ = self.run(&["dpkg", "--path-include=/usr/share/*", "--install", "/run/package.deb"]);
    }

    /// Whether a path is there, be it a link that leads nowhere.
    #[must_use]
    pub fn has(&self, path: &str) -> bool {
        self.root.join(path.trim_start_matches('/')).symlink_metadata().is_ok()
    }

    /// What differs from this machine's own files, but for what the package manager and the manual's reader keep for
    /// themselves: `+` a file that is new, `-` one that is gone.
    ///
    /// # Panics
    /// Where a directory cannot be read.
    #[must_use]
    pub fn changes(&self) -> Vec<String> {
        let mut changes = Vec::new();
        self.collect_changes(Path::new(""), &mut changes);
        changes.sort();
        changes
    }

    fn collect_changes(&self, directory: &Path, changes: &mut Vec<String>) {
        const KEPT: [&str; 4] = ["var/lib/dpkg", "var/log", "var/cache", "run"];
        for entry in fs::read_dir(self.upper.join(directory)).expect("a directory can be read") {
            let entry = entry.expect("a directory can be read");
            let (path, kind) = (directory.join(entry.file_name()), entry.file_type().expect("a file"));
            let own = Path::new("/").join(&path);
            if KEPT.iter().any(|kept| path == OsStr::new(kept)) {
                continue;
            }
            if kind.is_char_device() {
                changes.push(format!("-/{}", path.display()));
            } else if kind.is_dir() && own.is_dir() {
                self.collect_changes(&path, changes);
            } else if own.symlink_metadata().is_err() {
                changes.push(format!("+/{}", path.display()));
            }
        }
    }
}

fn mount(arguments: &[&str]) {
    let ended: Ended = Command::new("mount").args(arguments).output().expect("mount is installed").into();
    assert_eq!(ended.status, Some(0), "mount {arguments:?}: {}", ended.transcript());
}
