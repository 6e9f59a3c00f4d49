//! A server in a folder of its own, and a client that knows the reference's names only.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::harness::{process, wait_until};

/// A password that keeps the rules; what [`OmsServer::ready`] gives the first account.
pub const PASSWORD: &str = "Better-Pass_42";

/// What an action answered.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: Value,
}

impl Reply {
    /// Its data.
    #[track_caller]
    pub fn data(&self) -> &Value {
        assert_eq!(self.status, 200, "{:#}", self.body);
        assert_eq!(self.body["success"], true, "{:#}", self.body);
        assert!(self.body["errorDetail"].is_null(), "{:#}", self.body);
        &self.body["data"]
    }

    /// What a list says under a key, sorted.
    #[track_caller]
    pub fn names(&self, key: &str) -> Vec<String> {
        let items = self.data().as_array().into_iter().flatten();
        let names = items.filter_map(|item| item[key].as_str());
        let mut names: Vec<String> = names.map(str::to_owned).collect();
        names.sort();
        names
    }

    /// That it was refused like this.
    #[track_caller]
    pub fn refused(&self, status: u16, code: &str, says: &str) {
        assert_eq!(self.status, status, "{:#}", self.body);
        assert_eq!(self.body["success"], false, "{:#}", self.body);
        assert_eq!(self.body["errorDetail"]["code"], code, "{:#}", self.body);
        let message = self.body["errorDetail"]["message"]
            .as_str()
            .unwrap_or_default();
        assert!(message.contains(says), "{says}: {:#}", self.body);
        assert!(
            self.body["errorDetail"]["proposal"].is_string(),
            "{:#}",
            self.body
        );
    }
}

/// A server process.
pub struct OmsServer {
    child: Child,
    pid: u32,
    folder: PathBuf,
    pub address: String,
    tls: Option<TlsConnector>,
    pub account: (String, String),
}

impl OmsServer {
    fn command(folder: &Path, listen: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_oms"));
        command
            .args(["server", "--log-file"])
            .arg(folder.join("server.log"))
            .env("OMS_LISTEN", listen)
            .env("OMS_RM", folder.join("rm.db"))
            .env("OMS_DATA_DIR", folder.join("data"))
            .env("OMS_KEY_FILE", folder.join("oms.key"));
        command
    }

    /// Starts one that cannot start; gives what it says.
    pub async fn fails(folder: &Path, listen: &str) -> String {
        Self::fails_with(folder, listen, &[]).await
    }

    /// As [`Self::fails`], with more environment variables.
    pub async fn fails_with(folder: &Path, listen: &str, env: &[(&str, &Path)]) -> String {
        let mut command = Self::command(folder, listen);
        command.envs(env.iter().copied());
        let ended = tokio::task::spawn_blocking(move || command.output());
        let ended = ended.await.expect("no panic").expect("oms starts");
        assert!(!ended.status.success());
        String::from_utf8_lossy(&ended.stderr).into_owned()
    }

    /// Starts one in a folder; the password is what the first start prints, or the one before.
    pub async fn start(folder: &Path, password: Option<&str>) -> Self {
        let command = Self::command(folder, "127.0.0.1:0");
        Self::spawn(folder, password, command, None).await
    }

    /// As [`Self::start`], with another rm database.
    pub async fn start_on(folder: &Path, password: Option<&str>, rm: &str) -> Self {
        let mut command = Self::command(folder, "127.0.0.1:0");
        command.env("OMS_RM", rm);
        Self::spawn(folder, password, command, None).await
    }

    /// As [`Self::start`], with a file of its configuration, and TLS towards it.
    pub async fn start_with(folder: &Path, config: &str, tls: Option<TlsConnector>) -> Self {
        let file = folder.join("oms.yaml");
        std::fs::write(&file, config).expect("a file");
        let mut command = Self::command(folder, "");
        command.env_remove("OMS_LISTEN").arg("--config").arg(file);
        Self::spawn(folder, None, command, tls).await
    }

    async fn spawn(
        folder: &Path,
        password: Option<&str>,
        mut command: Command,
        tls: Option<TlsConnector>,
    ) -> Self {
        let out = folder.join("server.out");
        let stdout = std::fs::File::create(&out).expect("a file");
        let child = command
            .stdout(stdout)
            .stderr(Stdio::inherit())
            .spawn()
            .expect("oms starts");
        let said = wait_until("the server to listen", Duration::from_secs(30), || async {
            let said = std::fs::read_to_string(&out).map_err(|e| e.to_string())?;
            match said.contains("listening on") {
                true => Ok(Some(said)),
                false => Err(said),
            }
        })
        .await;
        let between = |from: &str, to: char| {
            let (_, rest) = said.split_once(from)?;
            rest.split(to).next().map(str::to_owned)
        };
        let printed = between("password ", ':');
        Self {
            pid: child.id(),
            child,
            folder: folder.to_owned(),
            address: between("://", '\n').expect("an address"),
            tls,
            account: (
                "admin".to_owned(),
                printed.or(password.map(str::to_owned)).expect("a password"),
            ),
        }
    }

    /// Starts one whose first password is changed already.
    pub async fn ready(folder: &Path) -> Self {
        let mut server = Self::start(folder, None).await;
        server.change_password(PASSWORD).await;
        server
    }

    pub async fn change_password(&mut self, new: &str) {
        let old = self.account.1.clone();
        let body = serde_json::json!({ "oldPassword": old, "newPassword": new });
        self.call("ChangePassword", body).await.data();
        self.account.1 = new.to_owned();
    }

    /// Runs an action.
    pub async fn call(&self, action: &str, body: Value) -> Reply {
        self.post(
            &format!("/api/v2?Action={action}"),
            &body.to_string(),
            Some(&self.account),
        )
        .await
    }

    /// Runs an action in another account's name.
    pub async fn call_as(&self, account: &(String, String), action: &str, body: Value) -> Reply {
        let path = format!("/api/v2?Action={action}");
        self.post(&path, &body.to_string(), Some(account)).await
    }

    /// Runs an action with a token.
    pub async fn call_with(&self, token: &str, action: &str, body: Value) -> Reply {
        let path = format!("/api/v2?Action={action}");
        let authorization = format!("Bearer {token}");
        self.request("POST", &path, &body.to_string(), Some(authorization))
            .await
    }

    /// Sends a request of any kind.
    pub async fn post(&self, path: &str, body: &str, account: Option<&(String, String)>) -> Reply {
        let authorization = account.map(basic);
        self.request("POST", path, body, authorization).await
    }

    /// The address that it listens on.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Makes an account whose password was changed, and gives how to log in with it.
    pub async fn user(&self, name: &str, role: &str, department: &str) -> (String, String) {
        let first = ("First-Pass_11".to_owned(), PASSWORD.to_owned());
        let body = serde_json::json!({
            "account": name, "password": first.0, "role": role, "departmentId": department,
        });
        self.call("CreateUser", body).await.data();
        let account = (name.to_owned(), first.0.clone());
        let reply = self
            .call_as(&account, "ListProjects", serde_json::json!({}))
            .await;
        reply.refused(403, "API-0003", name);
        let body = serde_json::json!({ "oldPassword": first.0, "newPassword": first.1 });
        self.call_as(&account, "ChangePassword", body).await.data();
        (account.0, first.1)
    }

    /// Where a page is.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Reads a page.
    pub async fn get(&self, path: &str) -> Reply {
        self.request("GET", path, "", None).await
    }

    /// Runs an action; None where the server is gone.
    pub async fn try_call(&self, action: &str, body: Value) -> Option<Reply> {
        self.try_call_as(&self.account, action, body).await
    }

    /// As [`Self::try_call`], in another account's name.
    pub async fn try_call_as(
        &self,
        account: &(String, String),
        action: &str,
        body: Value,
    ) -> Option<Reply> {
        let path = format!("/api/v2?Action={action}");
        let body = body.to_string();
        let authorization = basic(account);
        self.exchange("POST", &path, &body, Some(authorization))
            .await
            .ok()
    }

    async fn request(
        &self,
        method: &str,
        path: &str,
        body: &str,
        authorization: Option<String>,
    ) -> Reply {
        let reply = self.exchange(method, path, body, authorization).await;
        reply.unwrap_or_else(|e| {
            panic!(
                "{}: {e}\n{:?}\n{}",
                self.address,
                std::fs::read_to_string(format!("/proc/{}/stat", self.pid)),
                self.log()
            )
        })
    }

    async fn exchange(
        &self,
        method: &str,
        path: &str,
        body: &str,
        authorization: Option<String>,
    ) -> std::io::Result<Reply> {
        let known = authorization.is_some();
        let authorization = authorization.map_or(String::new(), |authorization| {
            format!("Authorization: {authorization}\r\n")
        });
        let text = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\n{authorization}Content-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.address,
            body.len()
        );
        let mut socket = TcpStream::connect(&self.address).await?;
        let answer = match &self.tls {
            None => exchange(&mut socket, &text).await?,
            Some(tls) => {
                let name = "127.0.0.1".try_into().expect("a name");
                let mut socket = tls.connect(name, socket).await?;
                exchange(&mut socket, &text).await?
            }
        };
        let gone = || std::io::Error::other(format!("half an answer: {answer}"));
        let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(gone)?;
        let status = head.split(' ').nth(1).and_then(|s| s.parse().ok());
        Ok(Reply {
            status: status.ok_or_else(gone)?,
            head: head.to_lowercase(),
            body: match serde_json::from_str(body) {
                Ok(body) => body,
                // cut off
                Err(_) if known && head.contains(" 200 ") => return Err(gone()),
                Err(_) => Value::Null,
            },
        })
    }

    /// Waits until a project is in a state.
    pub async fn project_is(&self, id: &str, status: &str, deadline: Duration) -> Value {
        wait_until(&format!("{id} to be {status}"), deadline, || async {
            let reply = self
                .call("DescribeProject", serde_json::json!({ "id": id }))
                .await;
            let project = reply.data().clone();
            match project["status"] == status {
                true => Ok(Some(project)),
                false => Err(format!("{project:#}")),
            }
        })
        .await
    }

    /// Waits until a step of a project is in a state.
    pub async fn step_is(&self, id: &str, step: &str, status: &str, deadline: Duration) -> Value {
        wait_until(&format!("{step} to be {status}"), deadline, || async {
            let reply = self
                .call("DescribeProjectSteps", serde_json::json!({ "id": id }))
                .await;
            let steps = reply.data().clone();
            let found = steps
                .as_array()
                .into_iter()
                .flatten()
                .find(|s| s["name"] == step);
            match found {
                Some(found) if found["status"] == status => Ok(Some(found.clone())),
                _ => Err(format!("{steps:#}")),
            }
        })
        .await
    }

    /// Ends it with SIGTERM, and gives how it ended.
    pub async fn terminate(mut self) -> Option<i32> {
        process::signal(self.child.id(), "TERM").expect("signalled");
        let ended = wait_until("the server's end", Duration::from_secs(10), || {
            let exited = self.child.try_wait();
            async { exited }
        })
        .await;
        ended.code()
    }

    /// Kills it at once; what still talks to it sees its end.
    pub fn kill9_now(&self) {
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        kill_process(pid.expect("a process"), Signal::KILL).expect("signalled");
    }

    /// Kills it at once.
    pub fn kill9(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Its folder.
    #[allow(dead_code)]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("server.log")).unwrap_or_default()
    }
}

/// What HTTP Basic says of an account.
fn basic((name, password): &(String, String)) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
}

async fn exchange(
    socket: &mut (impl AsyncRead + AsyncWrite + Unpin),
    text: &str,
) -> std::io::Result<String> {
    socket.write_all(text.as_bytes()).await?;
    socket.flush().await?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await?;
    Ok(answer)
}

impl Drop for OmsServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
