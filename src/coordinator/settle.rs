//! Rows that cannot be understood: what they say is refused, explained in `extra_info`, and the last
//! good value put back where it is known.

use super::act::Reconciler;
use super::good::{Good, good};
use super::known::{
    COMPONENT_MADE, Known, PROJECT_ROW, PROJECT_STATUS, REFUSED, STEP_STATUS, is_news, row_of,
};
use super::view::{Around, Look, Rows, look};
use crate::error::{Kind, Result};
use crate::metadata::{MetaError, NewEvent, Project, RawRow, RowProblem, StepUpdate, Written, now};
use serde_json::{Map, Value, json};

/// Cells that are put right in one look, at most.
const MOST: usize = 64;

impl Reconciler {
    /// A project's rows, after what cannot be understood was put right. `None` where that is not
    /// possible: `extra_info` says why, and nothing is done until a person mends it.
    pub(super) async fn settled(&self, project: &str) -> Result<Option<Rows>> {
        for _ in 0..MOST {
            let known = self.known(project).await?;
            match look(&self.metadata, project, known, true).await? {
                Look::Fine(rows) => return self.accept_row(*rows).await.map(Some),
                Look::Broken(problem, around) => {
                    tracing::warn!(project_id = project, %problem, "a row of rm cannot be understood");
                    if !self.mend(project, &problem, &around).await? {
                        return Ok(None);
                    }
                }
            }
        }
        Ok(None)
    }

    /// What the journal knows of a project; read once, then kept up by [`Reconciler::record`].
    pub(super) async fn known(&self, project: &str) -> Result<Known> {
        if let Some(known) = self.known.lock().get(project) {
            return Ok(known.clone());
        }
        let kinds = [PROJECT_STATUS, PROJECT_ROW, STEP_STATUS, COMPONENT_MADE];
        let events = self.metadata.events().list_kinds(project, &kinds).await?;
        let mut known = Known::default();
        for event in events.into_iter().flatten() {
            known.learn(&event.subject, &event.kind, &event.detail);
        }
        let mut all = self.known.lock();
        Ok(all.entry(project.to_owned()).or_insert(known).clone())
    }

    /// Writes to the journal, and then to memory.
    pub(super) async fn record(
        &self,
        project: &str,
        subject: &str,
        kind: &str,
        detail: Value,
    ) -> Result<()> {
        let event = NewEvent {
            project_id: project.to_owned(),
            subject: subject.to_owned(),
            event_no: None,
            kind: kind.to_owned(),
            epoch: self.epoch,
            detail: detail.clone(),
        };
        self.metadata.events().append(event).await?;
        if let Some(known) = self.known.lock().get_mut(project) {
            known.learn(subject, kind, &detail);
        }
        Ok(())
    }

    /// Keeps what a person may change in the project's row, so that it can be put back, and takes
    /// away what was said about a row that is good again.
    async fn accept_row(&self, mut rows: Rows) -> Result<Rows> {
        let project = rows.project.id.clone();
        let mut extra = rows.project.extra_info.clone();
        if let Some(row) = is_news(&rows) {
            let edited = rows.known.row.is_some();
            self.record(&project, &project, PROJECT_ROW, row).await?;
            rows.known = self.known(&project).await?;
            if edited {
                remove(&mut extra, &["refused"]);
            }
        }
        if extra.get("errorCode").and_then(Value::as_str) == Some(Kind::RmCorrupt.code()) {
            remove(&mut extra, &["errorCode", "errorMsg", "proposal"]);
        }
        if extra != rows.project.extra_info {
            self.set_extra(&project, &extra).await?;
            rows.project.extra_info = extra;
        }
        Ok(rows)
    }

    /// The journal knows a configuration before the row has it.
    pub(super) async fn record_config(&self, project: &Project, config: &Value) -> Result<()> {
        let row = row_of(&Project {
            config: config.clone(),
            ..project.clone()
        });
        self.record(&project.id, &project.id, PROJECT_ROW, row)
            .await
    }

    /// Puts one cell right; false where it is not known how.
    async fn mend(&self, project: &str, problem: &RowProblem, around: &Around) -> Result<bool> {
        let Some(row) = self.metadata.raw_row(problem).await? else {
            return Ok(true); // gone meanwhile
        };
        let known = self.known(project).await?;
        let nonsense = row.get(&problem.column);
        let good = good(problem, &row, &known, around).filter(|good| good.text() != nonsense);
        let (Some(nonsense), Some(good)) = (nonsense, good) else {
            self.explain(project, problem, &row, around, None).await?;
            return Ok(false);
        };
        let written = self
            .metadata
            .put_back(problem, nonsense, good.text(), self.epoch)
            .await?;
        match written {
            Written::Applied => {}
            // a person was quicker
            Written::Changed { .. } | Written::NotFound => return Ok(true),
            fenced @ Written::Fenced { .. } => {
                fenced.require(problem.table, &problem.id, self.epoch)?;
            }
        }
        self.explain(project, problem, &row, around, Some(&good))
            .await?;
        let detail = refused(problem, &good);
        self.record(project, &problem.id, REFUSED, detail).await?;
        Ok(true)
    }

    /// Says in the project's `extra_info`, and in that of the step which the row belongs to, what was
    /// refused and what was put back.
    async fn explain(
        &self,
        project: &str,
        problem: &RowProblem,
        row: &RawRow,
        around: &Around,
        good: Option<&Good>,
    ) -> Result<()> {
        let said = |before: Value| {
            let mut extra = object(before);
            match good {
                Some(good) => {
                    extra.insert("refused".to_owned(), refused(problem, good));
                }
                None => {
                    extra.insert("errorCode".to_owned(), Kind::RmCorrupt.code().into());
                    extra.insert("errorMsg".to_owned(), problem.to_string().into());
                    extra.insert("proposal".to_owned(), Kind::RmCorrupt.remedy().into());
                }
            }
            Value::Object(extra)
        };
        let own = |problem: &RowProblem| {
            let text = row
                .get("extra_info")
                .filter(|_| problem.column != "extra_info");
            text.and_then(|text| serde_json::from_str(text).ok())
                .unwrap_or_default()
        };
        let before = match &around.project {
            Some(project) => project.extra_info.clone(),
            None => own(problem),
        };
        let extra = said(before.clone());
        if extra != before {
            self.set_extra(project, &extra).await?;
        }
        let step = match problem.table {
            "oms_step" => Some((problem.id.clone(), own(problem))),
            "oms_task" => in_step(row.get("task_group"), around),
            "oms_component" => in_step(row.get("step_id"), around),
            _ => None,
        };
        if let Some((step, before)) = step {
            let extra = said(before.clone());
            if extra != before {
                let update = StepUpdate {
                    extra_info: Some(extra),
                    ..StepUpdate::default()
                };
                self.update_step(&step, update).await?;
            }
        }
        Ok(())
    }

    pub(super) async fn set_extra(&self, project: &str, extra: &Value) -> Result<()> {
        let written = self
            .metadata
            .projects()
            .set_extra_info(project, extra, self.epoch)
            .await?;
        Ok(written.require("oms_project", project, self.epoch)?)
    }
}

/// A step that can be understood, with its `extra_info`.
fn in_step(id: Option<&str>, around: &Around) -> Option<(String, Value)> {
    let step = around
        .steps
        .iter()
        .find(|step| Some(step.id.as_str()) == id)?;
    Some((step.id.clone(), step.extra_info.clone()))
}

fn refused(problem: &RowProblem, good: &Good) -> Value {
    json!({
        "table": problem.table,
        "id": problem.id,
        "column": problem.column,
        "value": problem.found,
        "message": MetaError::CorruptRow(problem.clone()).to_string(),
        "putBack": good.text().map(|text| text.chars().take(80).collect::<String>()),
        "refusedTime": now().format("%Y-%m-%dT%H:%M:%S").to_string(),
    })
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn remove(object: &mut Value, keys: &[&str]) {
    if let Some(map) = object.as_object_mut() {
        map.retain(|key, _| !keys.contains(&key.as_str()));
    }
}

/// What is said of refused nonsense outlives the changes of state that follow.
pub(super) fn keep_refused(before: &Value, mut extra: Value) -> Value {
    if let (Some(refused), Some(map)) = (before.get("refused"), extra.as_object_mut()) {
        map.insert("refused".to_owned(), refused.clone());
    }
    extra
}
