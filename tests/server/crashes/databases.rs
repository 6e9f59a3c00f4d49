//! The database servers of the storm, and accounts on them: each data source needs one of its own.

use std::sync::Arc;

use crate::harness::server::start_all;
use crate::harness::{Kind, Options, Server};

/// The password of all accounts.
pub const SECRET: &str = "oms-secret";

/// Those with accounts on the source make data sources of theirs.
pub const MARKS: [&str; 2] = ["ann", "bob"];

/// The servers.
pub struct Databases {
    pub source: Arc<Server>,
    pub target: Arc<Server>,
    pub oceanbase: Arc<Server>,
}

impl Databases {
    pub async fn start() -> Self {
        let [source, target, oceanbase] = start_all([
            (Kind::MySql, Options::default()),
            (Kind::MariaDb, Options::default()),
            (Kind::OceanBase, Options::default()),
        ])
        .await;
        let mut accounts: Vec<String> = Vec::new();
        for mark in MARKS.iter().chain(&["svc"]) {
            accounts.extend((0..3).map(|number| format!("{mark}db{number}")));
        }
        for server in [&source, &oceanbase] {
            let user = |name: &String| format!("CREATE USER {name} IDENTIFIED BY '{SECRET}'; ");
            server
                .exec(&accounts.iter().map(user).collect::<String>())
                .await;
        }
        Self {
            source,
            target,
            oceanbase,
        }
    }
}
