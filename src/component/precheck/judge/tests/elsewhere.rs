//! Logs that are served elsewhere than by the source itself.

use super::super::super::facts::LogAddress;
use super::*;

fn elsewhere(f: &mut Facts, settings: &[(&str, &str)]) {
    f.log.elsewhere = Some(LogAddress {
        address: "replica:3307".to_owned(),
        is_service: f.source.flavour == OceanBase,
        settings: variables(settings),
        grants: Some(Grants::parse([
            "GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO `app`@`%`",
        ])),
    });
}

#[test]
fn logs_that_are_served_elsewhere() {
    let name = "SOURCE-DB_INCR_LOG";
    // its settings count, and the database's own do not
    case(name, Passed, "from the log at replica:3307", |f| {
        f.source.settings = variables(&[("log_bin", "OFF")]);
        elsewhere(f, &[]);
    });
    case(name, Failed, "binlog_row_image is MINIMAL", |f| {
        elsewhere(f, &[("binlog_row_image", "MINIMAL")]);
    });
    case(name, Failed, "at the binlog address replica:3307", |f| {
        elsewhere(f, &[]);
        f.log.refusal = Some("nobody there".to_owned());
    });
    case(name, Passed, "from the Binlog Service at replica", |f| {
        f.source = server(OceanBase, &[("log_bin", "OFF")]);
        elsewhere(f, &[]);
    });
    case(name, Failed, "gives no MySQL log", |f| {
        f.source = server(OceanBase, &[]);
    });
    case("SOURCE-DB_MASTER_SLAVE", Failed, "replica", |f| {
        elsewhere(f, &[("log_replica_updates", "OFF")]);
    });
    let rights = "SOURCE-DB_ACCOUNT_INCR_READ_PRIVILEGE";
    case(rights, Passed, "", |f| {
        f.source.grants = Grants::parse(["GRANT SELECT ON *.* TO `app`@`%`"]);
        elsewhere(f, &[]);
    });
    case(rights, Failed, "REPLICATION SLAVE", |f| {
        elsewhere(f, &[]);
        let at = f.log.elsewhere.as_mut().expect("set");
        at.grants = Some(Grants::parse(["GRANT SELECT ON *.* TO `app`@`%`"]));
    });
}
