//! What a server says about itself that decides how definitions are read and written.

use super::{rows, schemas};
use crate::datasource::mysql::connect::Server;
use crate::datasource::mysql::connection::Connection;
use crate::datasource::mysql::ddl::Target;
use crate::datasource::mysql::ddl::family;
use crate::datasource::mysql::endpoint::Flavour;
use crate::error::Result;
use crate::model::ddl::charset::{canonical_charset, canonical_collation};
use crate::model::ddl::{CharsetDefault, Dialect};
use mysql_async::prelude::Queryable;
use std::collections::BTreeSet;

/// A global variable's value; None where the server has none of this name.
async fn variable(conn: &mut Connection, name: &str) -> Option<String> {
    conn.query_first::<String, _>(format!("SELECT CAST(@@GLOBAL.{name} AS CHAR)"))
        .await
        .ok()
        .flatten()
}

/// How the server reads statements: its family, defaults of character sets, of its databases.
pub async fn dialect(conn: &mut Connection, server: &Server) -> Result<Dialect> {
    let default: Vec<String> = rows(
        conn,
        "character sets",
        "SELECT default_collate_name FROM information_schema.character_sets WHERE character_set_name = 'utf8mb4'"
            .to_owned(),
    )
    .await?;
    let default = default
        .into_iter()
        .next()
        .unwrap_or_else(|| "utf8mb4_general_ci".to_owned());
    let mut out = Dialect::new(family(server.flavour), &canonical_collation(&default));
    // MariaDB 11.4 lets people choose the default collation of a character set
    if let Some(chosen) = variable(conn, "character_set_collations").await {
        for pair in chosen.split(',') {
            if let Some(("utf8mb4", collation)) = pair.split_once('=') {
                let collation = canonical_collation(collation);
                out.utf8mb4_collation = match collation.starts_with("uca1400") {
                    true => format!("utf8mb4_{collation}"),
                    false => collation,
                };
            }
        }
    }
    if let (Some(charset), Some(collation)) = (
        variable(conn, "character_set_server").await,
        variable(conn, "collation_server").await,
    ) {
        out.server = CharsetDefault {
            charset: canonical_charset(&charset),
            collation: canonical_collation(&collation),
        };
    }
    if let Some(explicit) = variable(conn, "explicit_defaults_for_timestamp").await {
        out.explicit_timestamp_defaults = explicit != "0";
    }
    out.inline_references = match server.flavour {
        Flavour::MariaDb => true,
        Flavour::MySql => server.version_numbers() >= (9, 0, 0),
        Flavour::OceanBase => false,
    };
    out.schemas = schemas(conn)
        .await?
        .into_iter()
        .map(|s| (s.name, s.default))
        .collect();
    Ok(out)
}

/// What the server knows as a target.
pub async fn target(conn: &mut Connection, server: &Server) -> Result<Target> {
    let version = server.version_numbers();
    let mariadb = server.flavour == Flavour::MariaDb;
    // since 10.10 some of MariaDB's collations stand for several character sets
    let sql = if mariadb && version >= (10, 10, 0) {
        "SELECT full_collation_name FROM information_schema.collation_character_set_applicability"
    } else {
        "SELECT collation_name FROM information_schema.collations"
    };
    let names: Vec<String> = rows(conn, "collations", sql.to_owned()).await?;
    let says_utf8 = !names.iter().any(|n| n.starts_with("utf8mb3"));
    let collations: BTreeSet<String> = names.iter().map(|n| canonical_collation(n)).collect();
    let lower_case_names = variable(conn, "lower_case_table_names")
        .await
        .is_some_and(|v| v != "0");
    Ok(Target {
        flavour: server.flavour,
        version: match server.flavour {
            Flavour::OceanBase => oceanbase_version(&server.version),
            _ => version,
        },
        collations,
        says_utf8,
        lower_case_names,
        dialect: dialect(conn, server).await?,
    })
}

/// From `5.7.25-OceanBase seekdb-v1.4.0.0`.
fn oceanbase_version(version: &str) -> (u32, u32, u32) {
    let behind = version
        .rsplit_once("-v")
        .map_or(version, |(_, behind)| behind);
    let mut parts = behind
        .split(|c: char| !c.is_ascii_digit())
        .map(|d| d.parse().unwrap_or(0));
    let mut next = || parts.next().unwrap_or(0);
    (next(), next(), next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oceanbase_has_a_version_of_its_own() {
        assert_eq!(
            oceanbase_version("5.7.25-OceanBase seekdb-v1.4.0.0"),
            (1, 4, 0)
        );
        assert_eq!(oceanbase_version("5.7.25-OceanBase_CE-v4.3.5.1"), (4, 3, 5));
    }
}
