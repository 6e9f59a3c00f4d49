//! Child processes that never outlive the test runner, and ports and folders that nobody else uses.

use std::fs::{File, OpenOptions};
use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{OnceLock, mpsc};

/// The root of the checkout.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The folder for what is slow to make or large: `$OMS_CACHE`, else `~/.cache/oms`.
pub fn cache() -> PathBuf {
    match std::env::var_os("OMS_CACHE") {
        Some(cache) if !cache.is_empty() => PathBuf::from(cache),
        _ => {
            let home = std::env::var_os("HOME").unwrap_or_else(|| "/root".into());
            Path::new(&home).join(".cache/oms")
        }
    }
}

type Job = (Command, mpsc::Sender<io::Result<Child>>);

/// Starts `command` so that the kernel kills it when this process dies.
///
/// The kernel ties the child to the *thread* that started it, and test threads end with their test; so
/// one thread that lives as long as the process starts all of them. `command` must already run
/// `setpriv --pdeathsig KILL` (see [`bound`]).
pub fn spawn(command: Command) -> io::Result<Child> {
    static SPAWNER: OnceLock<mpsc::Sender<Job>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (jobs, inbox) = mpsc::channel::<Job>();
        let thread = std::thread::Builder::new().name("spawner".into());
        let started = thread.spawn(move || {
            for (mut command, answer) in inbox {
                // The asker may have gone; then the child is dropped, and dies with this process.
                let _ = answer.send(command.spawn());
            }
        });
        started.expect("cannot start the thread that starts servers");
        jobs
    });
    let (answer, result) = mpsc::channel();
    let gone = || io::Error::other("the thread that starts servers has ended");
    spawner.send((command, answer)).map_err(|_| gone())?;
    result.recv().map_err(|_| gone())?
}

/// A command line that dies with this process, for [`spawn`].
pub fn bound(program: impl AsRef<Path>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]);
    command.arg(program.as_ref());
    command
}

/// Sends a signal by name (`STOP`, `CONT`, `TERM`) to a process.
pub fn signal(pid: u32, name: &str) -> io::Result<()> {
    let status = Command::new("sh")
        .args(["-c", "kill -s \"$0\" \"$1\"", name, &pid.to_string()])
        .status()?;
    if status.success() {
        Ok(())
    } else {
        Err(io::Error::other(format!(
            "cannot send {name} to process {pid}: {status}"
        )))
    }
}

/// A TCP port on 127.0.0.1 that stays this process's own until dropped, restarts of a server included.
#[derive(Debug)]
pub struct Port {
    number: u16,
    _lock: File,
}

impl Port {
    /// Finds a free port below the range of outgoing connections.
    pub fn reserve() -> io::Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let folder = cache().join("ports");
        std::fs::create_dir_all(&folder)?;
        let start = std::process::id().wrapping_mul(37);
        for _ in 0..12_000 {
            let step = NEXT.fetch_add(1, Ordering::Relaxed);
            let number = 20_000 + (start.wrapping_add(step) % 12_000) as u16;
            let lock = OpenOptions::new()
                .create(true)
                .truncate(false)
                .write(true)
                .open(folder.join(number.to_string()))?;
            if lock.try_lock().is_ok() && TcpListener::bind(("127.0.0.1", number)).is_ok() {
                return Ok(Self {
                    number,
                    _lock: lock,
                });
            }
        }
        Err(io::Error::other(
            "no free port between 20000 and 32000: end some servers",
        ))
    }

    /// The port's number.
    pub fn number(&self) -> u16 {
        self.number
    }
}

/// A folder for one server under the cache; removed when dropped, unless `OMS_TEST_KEEP` is set.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// Makes a new folder, after removing those that killed test runners left behind.
    pub fn new(name: &str) -> io::Result<Self> {
        static SWEPT: OnceLock<()> = OnceLock::new();
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let parent = cache().join("run");
        std::fs::create_dir_all(&parent)?;
        SWEPT.get_or_init(|| sweep(&parent));
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = parent.join(format!("{}-{number}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if std::env::var_os("OMS_TEST_KEEP").is_none() {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
}

/// Removes the folders of processes that no longer run.
fn sweep(parent: &Path) {
    let Ok(entries) = std::fs::read_dir(parent) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let owner = name.to_string_lossy();
        let owner = owner.split('-').next().unwrap_or_default();
        if owner.parse::<u32>().is_ok() && !Path::new("/proc").join(owner).exists() {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}
