//! Runs the built `oms` with a home folder of its own.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::harness::{Ended, process};

/// Somebody's home folder, and what stands in their environment.
#[derive(Debug)]
pub struct Cli {
    home: PathBuf,
    env: Vec<(String, String)>,
}

impl Cli {
    /// With nothing in the environment that is `oms`'s.
    pub fn new(home: &Path) -> Self {
        Self {
            home: home.to_owned(),
            env: Vec::new(),
        }
    }

    /// With a server and an account there in the environment.
    pub fn at(home: &Path, url: &str, user: &str, password: &str) -> Self {
        Self::new(home)
            .env("OMS_API_URL", url)
            .env("OMS_API_USER", user)
            .env("OMS_API_PASSWORD", password)
    }

    /// One more environment variable.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A file in the home folder.
    pub fn file(&self, name: &str, text: &str) -> String {
        let path = self.home.join(name);
        std::fs::write(&path, text).expect("written");
        path.display().to_string()
    }

    /// Runs it to its end.
    pub async fn run(&self, arguments: &[&str]) -> Ended {
        self.fed(arguments, "").await
    }

    /// Runs it to its end, with this on its standard input.
    pub async fn fed(&self, arguments: &[&str], input: &str) -> Ended {
        let mut command = process::bound(env!("CARGO_BIN_EXE_oms"));
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            if name.starts_with("OMS_") || name.starts_with("XDG_") {
                command.env_remove(name);
            }
        }
        command
            .args(arguments)
            .env("HOME", &self.home)
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.home)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let input = input.to_owned();
        let ended = tokio::task::spawn_blocking(move || {
            let mut child = process::spawn(command)?;
            // one that ends before it reads is no error of the test
            if let Some(mut stdin) = child.stdin.take() {
                let _ = stdin.write_all(input.as_bytes());
            }
            child.wait_with_output()
        });
        let ended = ended.await.expect("no panic").expect("oms runs");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        Ended {
            code: ended.status.code(),
            stdout: text(ended.stdout),
            stderr: text(ended.stderr),
            log: String::new(),
        }
    }
}
