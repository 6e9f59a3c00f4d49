//! Accounts of earlier versions, which kept them in `oms_normal_config`: they move to `oms_user`.

use super::FIRST_ACCOUNT;
use crate::error::{Error, Kind, Result};
use crate::metadata::{DEFAULT_DEPARTMENT, Metadata, NewUser, UserRole};
use serde::Deserialize;

/// What an earlier version kept of an account.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Old {
    password_hash: String,
    must_change: bool,
}

/// Moves the accounts whose parameters begin so: `admin` becomes ROOT, others ADMIN of the default
/// department. A parameter goes when its account is there, so nothing is moved twice.
pub async fn take_over(metadata: &Metadata, prefix: &str) -> Result<()> {
    for row in metadata.configs().list(prefix).await? {
        let (name, value) = row.map_err(crate::metadata::MetaError::CorruptRow)?;
        let account = name.strip_prefix(prefix).unwrap_or(&name).to_owned();
        let old: Old = serde_json::from_value(value).map_err(|e| {
            Error::new(Kind::RmCorrupt, format!("oms_normal_config row '{name}'"))
                .detail(e)
                .remedy("Correct the row, or delete it.")
        })?;
        if metadata.users().find(&account).await?.is_none() {
            let (role, department) = match account == FIRST_ACCOUNT {
                true => (UserRole::Root, ""),
                false => (UserRole::Admin, DEFAULT_DEPARTMENT),
            };
            let new = NewUser {
                account,
                password_hash: old.password_hash,
                role,
                department_id: department.to_owned(),
                mail: String::new(),
                phone: String::new(),
                description: "of an earlier version".to_owned(),
                must_change: old.must_change,
            };
            metadata.users().create(new).await?;
        }
        metadata.configs().delete(&name).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[tokio::test]
    async fn accounts_move_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("rm.db");
        let metadata = Metadata::open(&path.to_string_lossy()).await;
        let metadata = metadata.expect("opened");
        metadata.migrate().await.expect("migrated");
        let old = |hash: &str| json!({ "passwordHash": hash, "mustChange": false });
        for (name, hash) in [("old.admin", "one"), ("old.bob", "two")] {
            metadata
                .configs()
                .set(name, &old(hash))
                .await
                .expect("a row");
        }
        take_over(&metadata, "old.").await.expect("moved");
        let find = async |name: &str| {
            let found = metadata.users().find(name).await.expect("a look");
            let found = found.expect("it is there");
            (found.role, found.department_id, found.password_hash)
        };
        let one = (UserRole::Root, String::new(), "one".to_owned());
        assert_eq!(find("admin").await, one);
        assert_eq!(find("bob").await.0, UserRole::Admin);
        let left = metadata.configs().list("old.").await.expect("a list");
        assert!(left.is_empty());

        // a process that died in between leaves the parameter: what was moved stays as it is
        let again = metadata.configs().set("old.admin", &old("three")).await;
        again.expect("a row");
        take_over(&metadata, "old.").await.expect("moved");
        assert_eq!(find("admin").await, one);
    }
}
