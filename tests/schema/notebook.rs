//! An object log in memory.

use futures::future::BoxFuture;
use oms::component::struct_transfer::{Object, ObjectLog};
use oms::error::{ErrorReport, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio_util::sync::CancellationToken;

/// What became of every object.
#[derive(Default)]
pub struct Notebook {
    /// Objects that are done, with their notes.
    pub done: Mutex<BTreeMap<String, Vec<String>>>,
    /// Objects that failed, and why.
    pub failed: Mutex<BTreeMap<String, String>>,
    /// Objects that a person skips.
    pub skipped: BTreeSet<String>,
    /// Objects that were begun.
    pub begun: AtomicUsize,
    /// Ends the work when this many objects were begun.
    pub cancel: Option<(usize, CancellationToken)>,
}

impl Notebook {
    /// Notes of an object that is done.
    pub fn notes(&self, object: &str) -> Option<Vec<String>> {
        self.done.lock().expect("lock").get(object).cloned()
    }

    /// What failed.
    pub fn failures(&self) -> BTreeMap<String, String> {
        self.failed.lock().expect("lock").clone()
    }
}

impl ObjectLog for Notebook {
    fn is_skipped<'a>(&'a self, object: &'a Object) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async { Ok(self.skipped.contains(&object.to_string())) })
    }

    fn is_finished<'a>(&'a self, object: &'a Object) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async { Ok(self.notes(&object.to_string()).is_some()) })
    }

    fn begin<'a>(&'a self, _: &'a Object) -> BoxFuture<'a, Result<()>> {
        let begun = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
        if let Some((limit, token)) = &self.cancel
            && begun >= *limit
        {
            token.cancel();
        }
        Box::pin(async { Ok(()) })
    }

    fn finished<'a>(
        &'a self,
        object: &'a Object,
        notes: &'a [String],
    ) -> BoxFuture<'a, Result<()>> {
        self.done
            .lock()
            .expect("lock")
            .insert(object.to_string(), notes.to_vec());
        Box::pin(async { Ok(()) })
    }

    fn failed<'a>(
        &'a self,
        object: &'a Object,
        report: &'a ErrorReport,
    ) -> BoxFuture<'a, Result<()>> {
        self.failed.lock().expect("lock").insert(
            object.to_string(),
            format!("{} {}", report.code, report.message),
        );
        Box::pin(async { Ok(()) })
    }
}
