//! Outcomes of objects, without a server. `tests/schemas.rs` has the works on real servers.

use super::log::Failures;
use super::*;
use crate::error::{Error, ErrorReport, Kind, Result};
use crate::model::table::TableName;
use futures::future::BoxFuture;
use parking_lot::Mutex;

#[derive(Default)]
struct Notebook(Mutex<Vec<String>>);

impl ObjectLog for Notebook {
    fn is_skipped<'a>(&'a self, _: &'a Object) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async { Ok(false) })
    }

    fn is_finished<'a>(&'a self, _: &'a Object) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async { Ok(false) })
    }

    fn begin<'a>(&'a self, _: &'a Object) -> BoxFuture<'a, Result<()>> {
        Box::pin(async { Ok(()) })
    }

    fn finished<'a>(
        &'a self,
        object: &'a Object,
        notes: &'a [String],
    ) -> BoxFuture<'a, Result<()>> {
        self.0.lock().push(format!("{object} done {notes:?}"));
        Box::pin(async { Ok(()) })
    }

    fn failed<'a>(
        &'a self,
        object: &'a Object,
        report: &'a ErrorReport,
    ) -> BoxFuture<'a, Result<()>> {
        self.0.lock().push(format!("{object} {}", report.code));
        Box::pin(async { Ok(()) })
    }
}

#[tokio::test]
async fn one_objects_failure_shows_on_that_object() {
    let log = Notebook::default();
    let failures = Failures::default();
    let a = Object::table(&TableName::new("s", "a"));
    let b = Object::index(&TableName::new("s", "b"), "k");
    let refused = Error::new(Kind::SchemaRefused, "creating table s.a").detail("no");
    failures
        .settle(&log, &a, Err(refused))
        .await
        .expect("goes on");
    failures
        .settle(&log, &b, Ok(vec!["n".into()]))
        .await
        .expect("goes on");
    assert_eq!(
        *log.0.lock(),
        ["table s.a STR-0002", "key s.b.k done [\"n\"]"]
    );
    let error = failures.into_result("migrating").expect_err("names it");
    assert_eq!(error.kind(), Kind::SchemaRefused);
    assert_eq!(
        error.to_string(),
        "migrating: 1 object(s) failed: table s.a: creating table s.a: no"
    );
}

#[tokio::test]
async fn what_may_pass_ends_the_work_and_leaves_the_object_open() {
    let log = Notebook::default();
    let failures = Failures::default();
    let a = Object::view(&TableName::new("s", "a"));
    for kind in [Kind::Unreachable, Kind::Interrupted, Kind::ReadOnly] {
        let outcome = failures.settle(&log, &a, Err(Error::new(kind, "x"))).await;
        assert_eq!(outcome.expect_err("ends").kind(), kind);
    }
    assert!(log.0.lock().is_empty());
    assert!(failures.into_result("x").is_ok());
}
