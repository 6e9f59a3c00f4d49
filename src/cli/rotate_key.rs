//! `oms rm rotate-key`: a new key for the secrets of the rm database.
//!
//! 1. Every secret is decrypted. One that does not decrypt is named, and nothing is changed.
//! 2. The key file gets the new key in front of the old one. From here on whoever encrypts uses it, and
//!    whoever meets it reads the file anew.
//! 3. Each text is encrypted anew and written, if it is still what it was.
//! 4. When no text needs an older key, and nobody is about to write one, the older keys go: to a file
//!    beside, for another rm database that may have been encrypted with them.
//!
//! A process that is killed leaves a file with all the keys that the rows need; the next run finds more
//! than one key there, and goes on at 3.

use super::args::Output;
use super::exit::ExitCode;
use super::print;
use super::project;
use crate::config::key_ring::{Held, check_changeable, old_of};
use crate::config::secret_store::{SecretStore, key_id, tls_key_of};
use crate::error::{Error, Kind, Result};
use crate::metadata::{Cipher, CipherColumn, Metadata};
use std::path::Path;

/// Runs the command.
pub async fn run(rm: &str, key_file: &Path, output: Output) -> Result<ExitCode> {
    check_changeable(key_file)?;
    let metadata = project::open(rm).await?;
    metadata.migrate().await?;
    let secrets = SecretStore::open_existing(key_file)?;
    let ciphers = metadata.datasources().ciphers().await?;
    for cipher in &ciphers {
        open(&secrets, cipher)?;
    }
    let held = Held::alone(key_file).await?;
    let resumed = held.ring().keys().len() > 1;
    if ciphers.is_empty() && !resumed {
        let what = format!("rm database {}", metadata.place());
        return Err(Error::new(Kind::ConfigInvalid, what)
            .detail("it holds no secret, so there is nothing to encrypt anew")
            .remedy("Give the rm database that belongs to the key file with --rm."));
    }
    match resumed {
        // others may have the file again
        true => drop(held),
        false => drop(held.add()?),
    }
    let written = encrypt_anew(&metadata, &secrets, key_file).await?;
    let key = SecretStore::open_existing(key_file)?.sealer().await?;
    let key = key.key_id().to_owned();
    let file = key_file.display();
    match output {
        Output::Text => {
            let how = match resumed {
                true => "the rotation that was interrupted is complete",
                false => "a new key was made",
            };
            print::out(&format!(
                "key file {file}: {how}; {written} secrets were encrypted anew with {key}; older keys are in {}: delete it if no other rm database used them",
                old_of(key_file).display()
            ));
        }
        output => print::document(
            output,
            &serde_json::json!({ "keyFile": file.to_string(), "keyId": key, "secrets": written, "resumed": resumed }),
        )?,
    }
    Ok(ExitCode::Equal)
}

/// Encrypts with the newest key what is not, until nothing is left and the older keys can go. Gives how
/// many texts it wrote.
async fn encrypt_anew(metadata: &Metadata, secrets: &SecretStore, file: &Path) -> Result<u64> {
    let mut written = 0;
    loop {
        let ciphers = metadata.datasources().ciphers().await?;
        for cipher in &ciphers {
            let sealer = secrets.sealer().await?;
            if key_id(&cipher.text) == Some(sealer.key_id()) {
                continue;
            }
            let secret = open(secrets, cipher)?;
            let text = sealer.seal(&owner(cipher), &secret)?;
            let replaced = metadata.datasources().replace_cipher(cipher, &text).await?;
            written += u64::from(replaced);
        }
        // nobody writes from here on, so what is looked at now is what there is
        let held = Held::alone(file).await?;
        let current = held.ring().current().id.clone();
        let ciphers = metadata.datasources().ciphers().await?;
        if ciphers
            .iter()
            .all(|c| key_id(&c.text) == Some(current.as_str()))
        {
            held.retire_old()?;
            return Ok(written);
        }
    }
}

fn owner(cipher: &Cipher) -> String {
    match cipher.column {
        CipherColumn::Password => cipher.datasource.clone(),
        CipherColumn::TlsKey => tls_key_of(&cipher.datasource),
    }
}

fn open(secrets: &SecretStore, cipher: &Cipher) -> Result<crate::datasource::mysql::Secret> {
    secrets.unseal(&owner(cipher), &cipher.text).map_err(|e| {
        let which = match cipher.column {
            CipherColumn::Password => "password",
            CipherColumn::TlsKey => "tls_key",
        };
        let (id, name) = (&cipher.datasource, &cipher.name);
        Error::new(e.kind(), format!("the {which} of data source {id} ('{name}')"))
            .detail(e)
            .remedy("Restore the key file that it was encrypted with, or give the data source its password anew (CreateMysqlDataSource with the same address and user), or delete it; then run this again.")
    })
}
