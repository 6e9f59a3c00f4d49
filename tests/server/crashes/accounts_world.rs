//! What the API shows of accounts and of what belongs to them, as a whole that can be compared.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::player::{list, text};
use crate::client::OmsServer;

/// The first account, to whom goes what belonged to one that is deleted.
pub const ADMIN: &str = "admin";

/// Accounts and what belongs to them; all by names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct World {
    pub users: BTreeMap<String, User>,
    pub departments: BTreeSet<String>,
    /// By the account at the database.
    pub sources: BTreeMap<String, Source>,
}

/// An account.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct User {
    /// The one that was sent and that works.
    pub password: String,
    pub must_change: bool,
    pub description: String,
    pub department: String,
    pub locked: bool,
    pub tokens: BTreeSet<String>,
    pub sessions: usize,
}

/// A data source.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    pub owner: String,
    pub has_version: bool,
}

/// What was found.
pub struct Look {
    pub world: World,
    /// Of everything that has one, by name.
    pub ids: BTreeMap<String, String>,
    /// The ids of open sessions.
    pub sessions: BTreeSet<String>,
}

/// Looks at everything whose name begins with a mark. The passwords are those of `sure` and `maybe`.
pub async fn look(server: &OmsServer, mark: &str, sure: &World, maybe: Option<&World>) -> Look {
    let mut look = Look {
        world: World::default(),
        ids: BTreeMap::new(),
        sessions: BTreeSet::new(),
    };
    let mut departments = BTreeMap::new();
    for row in list(server, "ListDepartments", json!({})).await {
        let (id, name) = (text(&row, "id"), text(&row, "name"));
        departments.insert(id.clone(), name.clone());
        if name == "default" || name.starts_with(mark) {
            look.ids.insert(name.clone(), id);
        }
        if name.starts_with(mark) {
            look.world.departments.insert(name);
        }
    }
    for row in list(server, "ListUsers", json!({})).await {
        let name = text(&row, "account");
        if !name.starts_with(mark) {
            continue;
        }
        look.ids.insert(name.clone(), text(&row, "id"));
        let mut user = User {
            must_change: row["mustChangePassword"] == true,
            description: text(&row, "description"),
            department: departments
                .get(&text(&row, "departmentId"))
                .cloned()
                .unwrap_or_default(),
            locked: row["isLocked"] == true,
            ..User::default()
        };
        user.password = password(server, &name, &user, sure, maybe).await;
        look.world.users.insert(name, user);
    }
    belongings(server, mark, &mut look).await;
    look
}

async fn belongings(server: &OmsServer, mark: &str, look: &mut Look) {
    for row in list(server, "ListApiTokens", json!({})).await {
        if let Some(user) = look.world.users.get_mut(&text(&row, "owner")) {
            user.tokens.insert(text(&row, "name"));
            look.ids.insert(text(&row, "name"), text(&row, "id"));
        }
    }
    for row in list(server, "ListSessions", json!({})).await {
        if let Some(user) = look.world.users.get_mut(&text(&row, "account")) {
            user.sessions += 1;
            look.sessions.insert(text(&row, "id"));
        }
    }
    for row in list(server, "ListDataSource", json!({})).await {
        let account = text(&row, "userName");
        if account.starts_with(mark) {
            look.ids.insert(account.clone(), text(&row, "id"));
            let source = Source {
                owner: text(&row, "owner"),
                has_version: !text(&row, "version").is_empty(),
            };
            look.world.sources.insert(account, source);
        }
    }
}

/// The one of the passwords that were sent with which one can log in.
async fn password(
    server: &OmsServer,
    name: &str,
    found: &User,
    sure: &World,
    maybe: Option<&World>,
) -> String {
    let worlds = [Some(sure), maybe];
    let sent: BTreeSet<String> = worlds
        .into_iter()
        .flatten()
        .filter_map(|world| world.users.get(name))
        .map(|user| user.password.clone())
        .collect();
    if found.locked {
        // nobody can try; a new password would have ended the lock
        let of = sure.users.get(name).map(|user| user.password.clone());
        return of.unwrap_or_default();
    }
    let mut work = Vec::new();
    for password in &sent {
        let login = (name.to_owned(), password.clone());
        let reply = server.call_as(&login, "ListUsers", json!({})).await;
        match reply.status {
            200 | 403 => work.push(password.clone()),
            401 => {}
            _ => panic!("{name}: {:#}", reply.body),
        }
    }
    if sent.len() > 1 {
        // wrong ones were counted
        let users = list(server, "ListUsers", json!({ "searchKey": name })).await;
        let id: &Value = &users[0]["id"];
        server.call("UnlockUser", json!({ "id": id })).await.data();
    }
    assert_eq!(work.len(), 1, "{name} {found:?}: {work:?} of {sent:?} work");
    work.remove(0)
}
