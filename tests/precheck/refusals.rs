//! Bad input: each has an error of its own kind, and the item of the connection says it too.

use oms::component::precheck::{ItemStatus, Scope};
use oms::error::Kind as ErrorKind;

use crate::fixture::check;
use crate::harness::{Kind, Options, Server};

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_fail_keep_their_own_kind() {
    let server = Server::start(Kind::MariaDb, Options::default()).await;
    let good = server.url();
    for (url, kind) in [
        (
            format!("mysql://oms:wrong@127.0.0.1:{}", server.port()),
            ErrorKind::AccessDenied,
        ),
        (
            "mysql://oms:x@no-such-host.invalid:3306".to_owned(),
            ErrorKind::HostUnknown,
        ),
        (
            "mysql://oms:x@127.0.0.1:1".to_owned(),
            ErrorKind::Unreachable,
        ),
    ] {
        for (source, target, item) in [
            (&url, &good, "SOURCE-RDB_CONNECT"),
            (&good, &url, "DEST-RDB_CONNECT"),
        ] {
            let (end, log) = check(source, target, "shop.*", Scope::default()).await;
            let error = end.expect_err("no connection");
            assert_eq!(error.kind(), kind, "{error}");
            assert!(!error.to_string().contains("wrong"), "{error}");
            let item = log.item(item);
            assert_eq!(item.status, ItemStatus::Failed);
            assert!(!item.remedy.is_empty());
            assert_eq!(log.with(ItemStatus::Failed).len(), 1);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_that_match_nothing() {
    let source = Server::start(Kind::MariaDb, Options::default()).await;
    let target = Server::start(Kind::MariaDb, Options::default()).await;
    source
        .exec("CREATE DATABASE shop; CREATE TABLE shop.orders (id INT PRIMARY KEY)")
        .await;
    for include in ["shop.typo*", "typo.*", "Shop.orders", "mysql.user"] {
        let (end, log) = check(&source.url(), &target.url(), include, Scope::default()).await;
        let error = end.expect_err(include);
        assert_eq!(
            error.kind(),
            ErrorKind::NothingMatches,
            "{include}: {error}"
        );
        assert_eq!(
            log.item("SOURCE-RDB_TABLE_EXIST").status,
            ItemStatus::Failed
        );
    }
}
