//! A glance at many projects at once: which of them need nothing.
//!
//! A node may hold hundreds of projects, most of them at rest. Their rows are read together, in four
//! statements however many they are; a project of which these rows say that nothing is to be done is
//! left alone, and each of the others is looked at by itself, with rows that are read anew. So a glance
//! decides nothing: rows that change behind it are seen by the next one.

use super::act::Reconciler;
use super::known::is_news;
use super::view::{Rows, Sound, sound};
use crate::error::{Kind, Result};
use crate::metadata::{Component, Row, RowProblem, Step, Task};
use crate::workflow::plan::{View, plan};
use std::collections::HashMap;

/// Fewer projects than this are looked at one by one.
const MANY: usize = 3;

impl Reconciler {
    /// The rows of these projects, without those of projects that need a look of their own: a row cannot
    /// be understood, or the journal was not read yet.
    pub(super) async fn glance(&self, ids: &[String]) -> Result<HashMap<String, Rows>> {
        if ids.len() < MANY {
            return Ok(HashMap::new());
        }
        let metadata = &self.metadata;
        let projects = metadata.projects().list_ids(ids).await?;
        let steps = metadata.steps().list_all(ids).await?;
        let components = metadata.components().list_all(ids).await?;
        let (Ok(projects), Ok(steps), Ok(components)) =
            (all(projects), all(steps), all(components))
        else {
            return Ok(HashMap::new());
        };
        let mut steps = by(steps, |s: &Step| s.project_id.clone());
        let mut components = by(components, |c: &Component| c.project_id.clone());
        let mut found = HashMap::new();
        for project in projects {
            let Some(known) = self.known.lock().get(&project.id).cloned() else {
                continue;
            };
            let steps = steps.remove(&project.id).unwrap_or_default();
            let components = components.remove(&project.id).unwrap_or_default();
            let id = project.id.clone();
            if let Sound::Fine(rows) = sound(project, steps, components, known) {
                found.insert(id, *rows);
            }
        }
        self.add_tasks(&mut found).await?;
        Ok(found)
    }

    async fn add_tasks(&self, found: &mut HashMap<String, Rows>) -> Result<()> {
        let mut projects = HashMap::new();
        let (mut every, mut resting, mut switching) = (Vec::new(), Vec::new(), Vec::new());
        for (id, rows) in found.iter() {
            for step in &rows.steps {
                projects.insert(step.id.clone(), id.clone());
                every.push(step.id.clone());
            }
            resting.extend(rows.at_rest());
            switching.extend(rows.switching());
        }
        let open = self
            .metadata
            .tasks()
            .open(&every, &resting, &switching)
            .await?;
        match all::<Task>(open) {
            Ok(open) => {
                for task in open {
                    let project = projects.get(&task.group);
                    if let Some(rows) = project.and_then(|id| found.get_mut(id)) {
                        rows.tasks.push(task);
                    }
                }
            }
            // whose it is shows when each is looked at
            Err(_) => found.clear(),
        }
        Ok(())
    }

    /// What the workflow sees of a project that needs nothing; `None`: it may need something.
    pub(super) fn at_peace(&self, rows: &Rows) -> Option<View> {
        let explained = rows.project.extra_info.get("errorCode");
        if is_news(rows).is_some()
            || explained.and_then(|code| code.as_str()) == Some(Kind::RmCorrupt.code())
        {
            return None;
        }
        let view = rows.view();
        plan(&view).is_empty().then_some(view)
    }
}

/// All rows, if each can be understood.
fn all<T>(rows: Vec<Row<T>>) -> std::result::Result<Vec<T>, RowProblem> {
    rows.into_iter().collect()
}

fn by<T>(rows: Vec<T>, key: impl Fn(&T) -> String) -> HashMap<String, Vec<T>> {
    let mut groups: HashMap<String, Vec<T>> = HashMap::new();
    for row in rows {
        groups.entry(key(&row)).or_default().push(row);
    }
    groups
}
