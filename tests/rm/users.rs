//! Accounts, departments, tokens, ownership and the audit log.

use chrono::{NaiveDateTime, TimeDelta};
use oms::metadata::{
    AuditFilter, DEFAULT_DEPARTMENT, DataSourceType, MetaErrorKind, Metadata, NewAudit,
    NewDataSource, NewProject, NewUser, ProjectType, User, UserRole, UserUpdate, new_id, now,
};
use serde_json::json;

use super::good;

async fn user(meta: &Metadata, department: &str) -> User {
    let new = NewUser {
        account: new_id("bob_"),
        password_hash: "$argon2id$".to_owned(),
        role: UserRole::AdminViewer,
        department_id: department.to_owned(),
        mail: String::new(),
        phone: String::new(),
        description: "x".repeat(256),
        must_change: true,
    };
    let made = meta.users().create(new.clone()).await.expect("an account");
    let again = meta.users().create(new).await.expect_err("taken");
    assert_eq!(again.kind(), MetaErrorKind::Conflict);
    made
}

pub async fn accounts(meta: &Metadata) {
    let users = meta.users();
    let made = user(meta, DEFAULT_DEPARTMENT).await;
    let found = users.find(&made.account).await.expect("a look");
    assert_eq!(found.as_ref(), Some(&made));
    let case = users.find(&made.account.to_uppercase()).await;
    assert_eq!(case.expect("a look"), None, "case counts");
    assert!(!format!("{made:?}").contains("argon2id"));

    let until: NaiveDateTime = now() + TimeDelta::minutes(30);
    for locked in [false, false, true, false] {
        let failed = users.failed(&made.id, 3, until).await.expect("counted");
        assert_eq!(failed, locked);
    }
    let found = users.get(&made.id).await.expect("an account");
    assert_eq!((found.is_locked, found.login_failure_times), (true, 4));
    assert!(found.locked_at(now()) && !found.locked_at(until + TimeDelta::seconds(1)));
    let update = UserUpdate {
        role: Some(UserRole::User),
        mail: Some("a@b".to_owned()),
        ..UserUpdate::default()
    };
    users
        .update(&made.id, update.clone())
        .await
        .expect("a write");
    let unlocked = users.unlock(&made.id);
    unlocked.await.expect("a write");
    let found = users.get(&made.id).await.expect("an account");
    assert_eq!((found.role, &*found.mail), (UserRole::User, "a@b"));
    assert_eq!(found.locked_until, None);
    assert_eq!((found.is_locked, found.login_failure_times), (false, 0));
    let late = users.change_password(&made.id, "an earlier one", "other");
    let late = late.await.expect_err("it is another one by now");
    assert_eq!(late.kind(), MetaErrorKind::NotFound);
    let set = users.change_password(&made.id, &found.password_hash, "other");
    set.await.expect("a write");
    let found = users.get(&made.id).await.expect("an account");
    assert_eq!((&*found.password_hash, found.must_change), ("other", false));

    let deleted = users.delete(&made.id, "u_nobody").await;
    deleted.expect("deleted");
    for outcome in [
        users.update(&made.id, update).await,
        users.unlock(&made.id).await,
        users.get(&made.id).await.map(|_| ()),
    ] {
        let error = outcome.expect_err("it is gone");
        assert_eq!(error.kind(), MetaErrorKind::NotFound);
    }
}

pub async fn departments(meta: &Metadata) {
    let departments = meta.departments();
    for _ in 0..2 {
        departments.make_default().await.expect("the default one");
    }
    let name = new_id("east ");
    let made = departments.create(&name).await.expect("a department");
    let again = departments.create(&name).await.expect_err("taken");
    assert_eq!(again.kind(), MetaErrorKind::Conflict);
    let listed = good(departments.list().await.expect("a list"));
    assert!(listed.contains(&made));
    let member = user(meta, &made.id).await;
    assert!(!departments.delete_empty(&made.id).await.expect("a look"));
    let deleted = meta.users().delete(&member.id, "u_nobody").await;
    deleted.expect("deleted");
    assert!(departments.delete_empty(&made.id).await.expect("deleted"));
    let error = departments.get(&made.id).await.expect_err("it is gone");
    assert_eq!(error.kind(), MetaErrorKind::NotFound);
}

pub async fn tokens(meta: &Metadata) {
    let tokens = meta.api_tokens();
    let (owner, hash) = (new_id("u"), new_id("hash"));
    let until = now() + TimeDelta::days(1);
    let made = tokens.create(&owner, "ci", &hash, until).await;
    let made = made.expect("a token");
    let again = tokens.create(&owner, "ci", &new_id("hash"), until).await;
    assert_eq!(again.expect_err("taken").kind(), MetaErrorKind::Conflict);
    let found = tokens.find(&hash).await.expect("a look");
    assert_eq!(found.as_ref(), Some(&made));
    assert!(good(tokens.list().await.expect("a list")).contains(&made));
    tokens.delete(&made.id).await.expect("deleted");
    assert_eq!(tokens.find(&hash).await.expect("a look"), None);
}

pub async fn ownership(meta: &Metadata) {
    let (one, two) = (new_id("u"), new_id("u"));
    let id = new_id("np_");
    let project = NewProject {
        name: format!("project of {id}"),
        id: id.clone(),
        kind: ProjectType::Migration,
        source_id: "e_source".to_owned(),
        target_id: "e_target".to_owned(),
        config: json!({}),
        alarm_level: oms::metadata::AlarmLevel::Low,
    };
    let made = meta
        .projects()
        .create_whole(project, Some(&one), Vec::new(), &[])
        .await;
    assert_eq!(made.expect("a project").owner.as_ref(), Some(&one));
    let source = NewDataSource {
        id: None,
        name: "shop".to_owned(),
        kind: DataSourceType::Mysql,
        host: format!("{}.example", new_id("h")),
        port: 3306,
        username: "app".to_owned(),
        password_cipher: String::new(),
        options: json!({}),
        tls_key_cipher: None,
        version: String::new(),
    };
    let sources = meta.datasources();
    let made = sources.create_owned(source.clone(), Some(&one)).await;
    let made = made.expect("a data source");
    let again = sources.create_owned(source, Some(&two)).await;
    assert_eq!(again.expect("as it is").owner.as_ref(), Some(&one));
    let until = now() + TimeDelta::days(1);
    let hash = new_id("hash");
    let token = meta.api_tokens().create(&one, "ci", &hash, until).await;
    let token = token.expect("a token");
    let deleted = meta.users().delete(&one, &two).await;
    deleted.expect("deleted, and handed over");
    let gone = meta.api_tokens().get(&token.id).await.expect_err("gone");
    assert_eq!(gone.kind(), MetaErrorKind::NotFound);
    let found = meta.projects().get(&id).await.expect("a project");
    assert_eq!(found.owner.as_ref(), Some(&two));
    let found = sources.get(&made.id).await.expect("a data source");
    assert_eq!(found.owner.as_ref(), Some(&two));
}

pub async fn audit(meta: &Metadata) {
    let logs = meta.audit_logs();
    let (first, object) = (new_id("r"), new_id("o"));
    let line = NewAudit {
        request_id: first.clone(),
        account: "bob".to_owned(),
        user_id: "u1".to_owned(),
        department_id: "d_1".to_owned(),
        address: "127.0.0.1".to_owned(),
        action: "DeleteProject".to_owned(),
        object: object.clone(),
        before: Some(json!({ "name": "x" })),
    };
    logs.begin(line.clone()).await.expect("a line");
    logs.begin(line.clone()).await.expect("the same again");
    let filter = AuditFilter {
        object: Some(object.clone()),
        ..AuditFilter::default()
    };
    let (rows, total) = logs.list(&filter, 0, 10).await.expect("a list");
    assert_eq!(total, 1);
    assert_eq!(good(rows)[0].result_code, "", "it began");
    let after = json!({ "name": "y" });
    let finished = logs.finish(&first, &object, Some(&after), "OK");
    finished.await.expect("a result");
    let second = NewAudit {
        request_id: new_id("r"),
        department_id: String::new(),
        before: None,
        ..line
    };
    logs.begin(second).await.expect("a line");
    let (rows, total) = logs.list(&filter, 1, 10).await.expect("a list");
    assert_eq!(total, 2);
    let rows = good(rows);
    assert_eq!(rows.len(), 1, "the newest is left out");
    assert_eq!(
        (&*rows[0].result_code, &rows[0].after),
        ("OK", &Some(after))
    );
    let time = rows[0].gmt_created;
    for (narrower, expected) in [
        (
            AuditFilter {
                department_id: Some("d_1".to_owned()),
                ..filter.clone()
            },
            1,
        ),
        (
            AuditFilter {
                user_id: Some("u2".to_owned()),
                ..filter.clone()
            },
            0,
        ),
        (
            AuditFilter {
                result_code: Some("OK".to_owned()),
                ..filter.clone()
            },
            1,
        ),
        (
            AuditFilter {
                until: Some(time),
                ..filter.clone()
            },
            0,
        ),
        (
            AuditFilter {
                from: Some(time),
                ..filter.clone()
            },
            2,
        ),
    ] {
        let (rows, total) = logs.list(&narrower, 0, 10).await.expect("a list");
        assert_eq!(
            (rows.len() as u64, total),
            (expected, expected),
            "{narrower:?}"
        );
    }
}
