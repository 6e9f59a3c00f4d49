//! `oms rm rotate-key` beside a running server: killed at any moment, every secret opens with what is in
//! the key file, and at the end the new key is the only one.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use oms::config::secret_store::{SecretStore, key_id, tls_key_of};
use oms::datasource::mysql::Secret;
use oms::metadata::{
    Cipher, CipherColumn, DataSourceType, DataSourceUpdate, Metadata, NewDataSource,
};
use serde_json::json;

use crate::client::OmsServer;
use crate::harness::{Kind, Options, Server, wait_until};
use crate::life::datasource;

const MANY: usize = 150;

/// Where a server has its things.
struct Place {
    rm: PathBuf,
    key: PathBuf,
}

impl Place {
    fn of(folder: &Path) -> Self {
        Self {
            rm: folder.join("rm.db"),
            key: folder.join("oms.key"),
        }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_oms"));
        command
            .args(["rm", "rotate-key", "--rm"])
            .arg(&self.rm)
            .env("OMS_KEY_FILE", &self.key)
            .env("OMS_LOG", "trace,sqlx=info,sea_orm=info")
            .stdin(Stdio::null());
        command
    }

    async fn rotate(&self) -> Output {
        let mut command = self.command();
        let ended = tokio::task::spawn_blocking(move || command.output());
        ended.await.expect("no panic").expect("oms starts")
    }

    fn key_text(&self) -> String {
        std::fs::read_to_string(&self.key).expect("a key file")
    }

    /// The ids of the keys that the file holds, the newest first.
    fn keys(&self) -> Vec<String> {
        let text = self.key_text();
        let lines = text.lines().filter(|line| line.starts_with('k'));
        let ids = lines.filter_map(|line| line.split(' ').next());
        ids.map(str::to_owned).collect()
    }

    async fn metadata(&self) -> Metadata {
        Metadata::open(&self.rm.to_string_lossy())
            .await
            .expect("rm opens")
    }
}

fn owner(cipher: &Cipher) -> String {
    match cipher.column {
        CipherColumn::Password => cipher.datasource.clone(),
        CipherColumn::TlsKey => tls_key_of(&cipher.datasource),
    }
}

/// Every secret opens with what is in the key file, and is the one that was put in.
async fn all_open(place: &Place, metadata: &Metadata) {
    // the rows first: what is read here may be encrypted anew before the file is read, never the
    // other way round
    let ciphers = metadata.datasources().ciphers().await.expect("read");
    let mut opened = 0;
    for cipher in ciphers.iter().filter(|c| c.name.starts_with("many-")) {
        let secrets = SecretStore::open_existing(&place.key).expect("a good key file");
        let secret = secrets.unseal(&owner(cipher), &cipher.text);
        let secret = secret.unwrap_or_else(|e| panic!("{}: {e}", cipher.name));
        assert_eq!(secret.reveal(), secret_of(&cipher.name, cipher.column));
        opened += 1;
    }
    assert_eq!(opened, 2 * MANY);
}

fn secret_of(name: &str, column: CipherColumn) -> String {
    format!("hidden {column:?} of {name}")
}

/// Many data sources, each with a password and a key for TLS.
async fn fill(place: &Place, metadata: &Metadata) {
    let secrets = SecretStore::open_existing(&place.key).expect("a key file");
    let sealer = secrets.sealer().await.expect("held");
    for number in 0..MANY {
        let (id, name) = (format!("e_many{number:04}"), format!("many-{number}"));
        let seal = |column, owner: &str| {
            let secret = Secret::new(secret_of(&name, column));
            sealer.seal(owner, &secret).expect("sealed")
        };
        let new = NewDataSource {
            id: Some(id.clone()),
            name: name.clone(),
            kind: DataSourceType::Mysql,
            host: format!("h{number}"),
            port: 3306,
            username: "u".to_owned(),
            password_cipher: seal(CipherColumn::Password, &id),
            options: json!({}),
            tls_key_cipher: None,
            version: String::new(),
        };
        metadata.datasources().create(new).await.expect("made");
        let update = DataSourceUpdate {
            tls_key_cipher: Some(Some(seal(CipherColumn::TlsKey, &tls_key_of(&id)))),
            ..DataSourceUpdate::default()
        };
        metadata
            .datasources()
            .update(&id, update)
            .await
            .expect("written");
    }
}

/// How many texts a key has encrypted.
async fn encrypted_with(metadata: &Metadata, key: &str) -> usize {
    let ciphers = metadata.datasources().ciphers().await.expect("read");
    let with = ciphers.iter().filter(|c| key_id(&c.text) == Some(key));
    with.count()
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_moment_nothing_is_lost() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = Place::of(folder.path());
    let database = Server::start(Kind::MariaDb, Options::default()).await;
    let server = OmsServer::ready(folder.path()).await;
    let metadata = place.metadata().await;
    fill(&place, &metadata).await;
    let password = url::Url::parse(&database.url_with_password()).expect("a URL");
    let password = password.password().unwrap_or_default().to_owned();
    let action = "CreateMysqlDataSource";
    let live = datasource(&server, action, "live", &database, &password).await;
    let mut printed = String::new();
    let mut seen = BTreeSet::new();
    // killed when so many texts were encrypted anew; what runs and writes meanwhile is the server
    for stop_at in [0, 1, MANY, 2 * MANY - 2] {
        let before = place.keys();
        assert_eq!(before.len(), 1, "{before:?}");
        let mut command = place.command();
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().expect("oms starts");
        let what = format!("{stop_at} texts to be encrypted anew");
        wait_until(&what, Duration::from_secs(30), || async {
            let keys = place.keys();
            // it may be at its end already: then this round has no kill in the midst
            let ended = keys != before && keys.len() == 1;
            let done = encrypted_with(&metadata, &keys[0]).await;
            match ended || (keys.len() == 2 && done >= stop_at) {
                true => Ok(Some(())),
                false => Err(format!("{keys:?}, {done}")),
            }
        })
        .await;
        // the server meets the new key, and writes with it
        let tested = server.call("TestDataSource", json!({ "id": live })).await;
        tested.data();
        let again = datasource(&server, action, "live", &database, &password).await;
        assert_eq!(again, live);
        child.kill().expect("killed");
        child.wait().expect("gone");
        if place.keys().len() == 2 {
            seen.insert(stop_at);
        }
        all_open(&place, &metadata).await;

        // the next run completes it, while the server goes on writing
        let calls = async {
            for _ in 0..20 {
                datasource(&server, action, "live", &database, &password).await;
            }
        };
        let (ended, ()) = tokio::join!(place.rotate(), calls);
        let said = [&ended.stdout[..], &ended.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        assert!(ended.status.success(), "{said}");
        printed += &said;
        let after = place.keys();
        assert!(after.len() == 1 && after != before, "{after:?}");
        let all = metadata.datasources().ciphers().await.expect("read").len();
        assert_eq!(all, 2 * MANY + 1);
        assert_eq!(encrypted_with(&metadata, &after[0]).await, all);
        all_open(&place, &metadata).await;
        let tested = server.call("TestDataSource", json!({ "id": live })).await;
        tested.data();
    }
    assert!(
        seen.contains(&0) && seen.contains(&1),
        "killed in the midst: {seen:?}"
    );
    let old = place.key.with_file_name("oms.key.old");
    let retired = std::fs::read_to_string(old).expect("retired keys");
    assert!(retired.lines().filter(|l| l.starts_with('k')).count() >= 4);
    let drafts = std::fs::read_dir(folder.path()).expect("a folder");
    let drafts: Vec<_> = drafts.flatten().map(|e| e.file_name()).collect();
    let left = |name: &std::ffi::OsString| name.to_string_lossy().starts_with("oms.draft");
    assert!(!drafts.iter().any(left), "{drafts:?}");

    // no secret and no key is printed or logged
    printed += &server.log();
    for line in (place.key_text() + &retired).lines() {
        if let Some((_, key)) = line.split_once(' ').filter(|_| line.starts_with('k')) {
            assert!(!printed.contains(key));
        }
    }
    assert!(!printed.contains("hidden") && !printed.contains(&password));
    assert!(printed.contains("encrypted anew"), "{printed}");
    assert_eq!(server.terminate().await, Some(0));
    // a server that never had the old keys
    let server = OmsServer::start(folder.path(), Some(crate::client::PASSWORD)).await;
    let tested = server.call("TestDataSource", json!({ "id": live })).await;
    tested.data();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_rotated_is_named_and_nothing_changes() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = Place::of(folder.path());
    let refused = async |place: &Place, code: &str, says: &[&str]| {
        let ended = place.rotate().await;
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!(ended.status.code(), Some(2), "{said}");
        for says in [&[code][..], says].concat() {
            assert!(said.contains(says), "{says}: {said}");
        }
        assert!(!said.contains("hidden"), "{said}");
    };
    refused(&place, "CFG-0005", &["oms.key", "no such file"]).await;
    SecretStore::open(&place.key).expect("made");
    refused(&place, "CFG-0002", &["rm.db", "no such file"]).await;
    let metadata = place.metadata().await;
    metadata.migrate().await.expect("migrated");
    refused(&place, "CFG-0001", &["rm.db", "holds no secret"]).await;
    fill(&place, &metadata).await;
    let key = place.key_text();
    let rows = async || {
        let ciphers = metadata.datasources().ciphers().await.expect("read");
        ciphers.into_iter().map(|c| c.text).collect::<Vec<_>>()
    };
    let before = rows().await;

    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &Path, mode| {
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(path, mode).expect("its mode");
    };
    for open in [0o644, 0o660] {
        mode(&place.key, open);
        let says = format!("mode {open:04o}");
        refused(&place, "CFG-0005", &["oms.key", &says, "chmod 600"]).await;
    }
    mode(&place.key, 0o600);
    // somebody who may read everything, and write nothing
    let ended = reader(&place).output().expect("oms starts");
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(2), "{said}");
    assert!(
        said.contains("CFG-0005") && said.contains("cannot be written"),
        "{said}"
    );
    mode(folder.path(), 0o700);
    std::fs::write(&place.key, "nonsense\n").expect("written");
    refused(&place, "CFG-0005", &["oms.key", "line 1", "32 bytes"]).await;
    std::fs::write(&place.key, &key).expect("written");

    // one text that does not decrypt: of another row
    let ciphers = metadata.datasources().ciphers().await.expect("read");
    let (one, other) = (&ciphers[7], &ciphers[9]);
    let swapped = metadata.datasources().replace_cipher(one, &other.text);
    assert!(swapped.await.expect("written"));
    let broken = rows().await;
    refused(&place, "CFG-0005", &[&one.datasource, &one.name, "tls_key"]).await;
    assert_eq!(rows().await, broken);
    let mended = Cipher {
        text: other.text.clone(),
        ..one.clone()
    };
    let back = metadata.datasources().replace_cipher(&mended, &one.text);
    assert!(back.await.expect("written"));
    assert_eq!((rows().await, place.key_text()), (before, key));

    let ended = place.rotate().await;
    assert!(ended.status.success(), "{ended:?}");
    all_open(&place, &metadata).await;
    // mode and owner are what they were
    let found = std::fs::metadata(&place.key).expect("there");
    assert_eq!(found.permissions().mode() & 0o777, 0o600);
}

/// The command as somebody who may not write the key's folder.
fn reader(place: &Place) -> Command {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let folder = place.key.parent().expect("a folder");
    let found = std::fs::metadata(folder).expect("a folder");
    let given = place.command();
    if found.uid() != 0 {
        let mode = std::fs::Permissions::from_mode(0o500);
        std::fs::set_permissions(folder, mode).expect("its mode");
        return given;
    }
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid", "65534", "--regid", "65534", "--clear-groups"])
        .args([
            "--inh-caps",
            "+dac_read_search",
            "--ambient-caps",
            "+dac_read_search",
            "--",
        ])
        .arg(given.get_program())
        .args(given.get_args())
        .env("OMS_KEY_FILE", &place.key);
    command
}
