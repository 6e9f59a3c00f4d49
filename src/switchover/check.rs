//! The switchover's pre-check: what must be so before anything is changed. It reads only.

use super::rm::Asked;
use super::work::Ends;
use crate::component::precheck::{ItemStatus, PrecheckWork, Scope};
use crate::error::{Error, Kind, Result};
use crate::metadata::{
    Component, ComponentStatus, ComponentType, StepName, StepStatus, VerifyResultType, VerifyStatus,
};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::Instant;

/// A lag up to this is let pass (reference 1.9), milliseconds.
const MOST_LAG_MS: u64 = 15_000;
/// A lag that is too long, or not known, is looked at for so long.
const SETTLED: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Objects that a message names, at most.
const NAMED: usize = 10;

/// The item about the lag.
const LAG: &str = "LAG";
/// The item about the verification; the one that is mostly waived.
const VERIFICATION: &str = "VERIFICATION";

/// One thing that was checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckItem {
    /// Its name, by which it is waived.
    pub name: String,
    /// How it stands.
    pub status: ItemStatus,
    /// What was found.
    pub message: String,
    /// What to do; empty where nothing is to be done.
    pub remedy: String,
    /// The user goes without it.
    pub waived: bool,
    #[serde(skip)]
    kind: Option<Kind>,
}

/// The pre-check of a switchover.
pub(super) struct Check<'w> {
    /// Between these.
    pub ends: &'w Ends,
}

impl Check<'_> {
    /// Fails where an item failed that the user does not go without.
    pub async fn require(&self, asked: &Asked) -> Result<()> {
        let items = self.items(&asked.waive).await?;
        let open = items
            .iter()
            .filter(|item| item.status == ItemStatus::Failed && !item.waived);
        let open: Vec<&CheckItem> = open.collect();
        let Some(first) = open.first() else {
            return Ok(());
        };
        let only = open.len() == 1;
        let kind = first.kind.filter(|_| only).unwrap_or(Kind::SwitchPrecheck);
        let lines = open
            .iter()
            .map(|item| format!("{}: {} -> {}", item.name, item.message, item.remedy));
        Err(Error::new(
            kind,
            format!("the switchover's pre-check: {} item(s) failed", open.len()),
        )
        .detail(lines.collect::<Vec<_>>().join("; ")))
    }

    /// Everything that is checked.
    pub async fn items(&self, waive: &[String]) -> Result<Vec<CheckItem>> {
        let mut items = vec![self.settled_lag().await?];
        items.extend(self.verification().await?);
        items.extend(self.way_back().await?);
        for item in &mut items {
            item.waived = waive.iter().any(|name| name == &item.name);
        }
        Ok(items)
    }

    async fn component(&self, of: StepName) -> Result<Option<(StepStatus, Option<Component>)>> {
        let (metadata, project) = (&self.ends.metadata, self.ends.project.as_str());
        let steps = metadata.steps().list(project).await?;
        let Some(step) = steps.into_iter().flatten().find(|s| s.name == of) else {
            return Ok(None);
        };
        let named = step.step_info.get("component").and_then(Value::as_str);
        let component = match named {
            Some(id) => metadata.components().get(id).await.ok(),
            None => None,
        };
        Ok(Some((step.status, component)))
    }

    /// One that has just started does not know its lag yet.
    async fn settled_lag(&self) -> Result<CheckItem> {
        let deadline = Instant::now() + SETTLED;
        loop {
            let lag = self.lag().await?;
            if lag.status == ItemStatus::Passed || Instant::now() >= deadline {
                return Ok(lag);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn lag(&self) -> Result<CheckItem> {
        let found = self.component(StepName::IncrTransfer).await?;
        let follows = |c: &&Component| {
            c.kind == ComponentType::IncrSync && c.status == ComponentStatus::Running
        };
        let component = found.as_ref().and_then(|(_, c)| c.as_ref()).filter(follows);
        let lag = component.and_then(|c| c.progress.get("lag_ms")?.as_u64());
        Ok(match (component, lag) {
            (Some(_), Some(ms)) if ms <= MOST_LAG_MS => passed(LAG, format!("{ms} ms")),
            (Some(_), Some(ms)) => CheckItem {
                kind: Some(Kind::SwitchLag),
                ..failed(
                    LAG,
                    format!("the target is {ms} ms behind, {MOST_LAG_MS} ms are let pass"),
                    "Wait until it has caught up, then retry.",
                )
            },
            (Some(_), None) => failed(LAG, "the lag is not known yet", "Retry in a moment."),
            (None, _) => failed(
                LAG,
                "the forward synchronization does not run",
                "Let it run first.",
            ),
        })
    }

    async fn verification(&self) -> Result<Option<CheckItem>> {
        let say = |message: String, remedy: &str| CheckItem {
            kind: Some(Kind::ExistInconsistency),
            ..failed(VERIFICATION, message, remedy)
        };
        let verify = self.ends.metadata.verify();
        let project = self.ends.project.as_str();
        let again = "Verify (again), correct what differs, then retry; or waive it.";
        let Some(sub_id) = verify
            .last_sub_id(project)
            .await?
            .filter(|_| self.ends.verifies)
        else {
            return Ok(Some(say("nothing was verified".to_owned(), again)));
        };
        if let Some((status, _)) = self.component(StepName::FullVerifier).await?
            && status != StepStatus::Finished
        {
            return Ok(Some(say(format!("FULL_VERIFIER is {status}"), again)));
        }
        let mut different = BTreeSet::new();
        // 0: of what was applied since
        for sub_id in [sub_id, 0] {
            for result in verify
                .list(project, sub_id, 0, 0)
                .await?
                .into_iter()
                .flatten()
            {
                let equal = matches!(
                    result.result_type,
                    VerifyResultType::Consistent | VerifyResultType::BothEmpty
                );
                let runs = sub_id == 0 && result.status == VerifyStatus::Running;
                if result.differences() > 0 || !equal && !runs {
                    different.insert(format!(
                        "{}.{} ({})",
                        result.key.source_schema, result.key.source_table, result.result_type
                    ));
                }
            }
        }
        if different.is_empty() {
            return Ok(Some(passed(
                VERIFICATION,
                format!("verification {sub_id}: equal"),
            )));
        }
        let names: Vec<String> = different.into_iter().take(NAMED).collect();
        let message = format!("verification {sub_id}: not equal: {}", names.join(", "));
        Ok(Some(say(message, again)))
    }

    /// The pre-check with the two ends swapped: rights, log settings and definitions for the way back.
    async fn way_back(&self) -> Result<Vec<CheckItem>> {
        let ends = self.ends;
        let scope = Scope {
            structure: false,
            full: false,
            incr: true,
            heartbeat: true,
            ..Scope::default()
        };
        let check = PrecheckWork::new(
            ends.target.clone(),
            ends.source.clone(),
            ends.filter.clone(),
            std::sync::Arc::new(Nowhere),
        );
        let items = check.scope(scope).examine().await?;
        let item = |item: crate::component::precheck::Item| CheckItem {
            // its source is the target of the way forth
            name: format!("REVERSE-{}", item.full_name()),
            status: item.status,
            message: item.message,
            remedy: item.remedy,
            waived: false,
            kind: None,
        };
        Ok(items.into_iter().map(item).collect())
    }
}

/// A log for items that are kept elsewhere.
pub(super) struct Nowhere;

impl crate::component::precheck::PrecheckLog for Nowhere {
    fn skipped(&self) -> futures::future::BoxFuture<'_, Result<Vec<String>>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn items<'a>(
        &'a self,
        _: &'a [crate::component::precheck::Item],
    ) -> futures::future::BoxFuture<'a, Result<()>> {
        Box::pin(async { Ok(()) })
    }
}

fn passed(name: &str, message: impl Into<String>) -> CheckItem {
    CheckItem {
        name: name.to_owned(),
        status: ItemStatus::Passed,
        message: message.into(),
        remedy: String::new(),
        waived: false,
        kind: None,
    }
}

fn failed(name: &str, message: impl Into<String>, remedy: &str) -> CheckItem {
    CheckItem {
        status: ItemStatus::Failed,
        remedy: remedy.to_owned(),
        ..passed(name, message)
    }
}
