//! A pre-check begins anew: all of it is written, or nothing.

use oms::metadata::{
    CheckAnew, ComponentType, DesiredStatus, Metadata, NewComponent, NewEvent, NewTask,
    ProjectStatus, Step, StepStatus, StepUpdate, TaskStatus, Written, new_id,
};
use serde_json::json;

use super::{first_steps, good, project};

/// A check of a step that is in a state, with a component of its own.
fn check(step: &Step, seen: StepStatus, skip: Option<Vec<String>>) -> CheckAnew {
    let id = new_id("c_");
    CheckAnew {
        project: step.project_id.clone(),
        step: step.id.clone(),
        update: StepUpdate {
            only_if: Some(seen),
            status: Some(StepStatus::Running),
            step_info: Some(json!({ "component": id })),
            clear_finish_time: true,
            ..StepUpdate::default()
        },
        skip,
        component: NewComponent {
            id,
            project_id: step.project_id.clone(),
            step_id: step.id.clone(),
            kind: ComponentType::Precheck,
            desired_status: DesiredStatus::Running,
            node: "n".to_owned(),
            config: json!({}),
            checkpoint: json!({}),
        },
        config: Some(json!({ "include": ["shop.one"] })),
        runs: Some(json!({ "runs": true })),
        journal: vec![NewEvent {
            project_id: step.project_id.clone(),
            subject: step.id.clone(),
            event_no: None,
            kind: "step.status".to_owned(),
            epoch: 5,
            detail: json!({ "to": "RUNNING" }),
        }],
    }
}

/// State of the step, of the tasks in the order of their names, what is wanted of the components, state
/// of the project, entries of the journal.
type Seen = (
    StepStatus,
    Vec<TaskStatus>,
    Vec<DesiredStatus>,
    ProjectStatus,
    usize,
);

async fn look(meta: &Metadata, step: &Step) -> Seen {
    let found = meta.steps().get(&step.id).await.expect("a step");
    let tasks = good(meta.tasks().list(&step.id).await.expect("a list"));
    let components = meta.components().list(&step.project_id).await;
    let project = meta.projects().get(&step.project_id).await;
    let journal = meta.events().list(&step.id).await.expect("a journal");
    (
        found.status,
        tasks.iter().map(|t| t.status).collect(),
        good(components.expect("a list"))
            .iter()
            .map(|c| c.desired_status)
            .collect(),
        project.expect("a project").status,
        journal.len(),
    )
}

pub async fn begins_as_a_whole(meta: &Metadata) {
    use DesiredStatus::{Running, Stopped};
    let project = project(meta).await;
    let steps = meta.steps().create_all(&project.id, first_steps()).await;
    let step = good(steps.expect("steps")).remove(0);
    let mut ids = Vec::new();
    for name in ["a", "b"] {
        let new = NewTask {
            id: None,
            group: step.id.clone(),
            kind: "PRECHECK".to_owned(),
            name: name.to_owned(),
            max_retry_count: None,
            task_info: json!({}),
        };
        ids.push(meta.tasks().upsert(new).await.expect("a task").id);
    }
    let begin = async |seen, skip, epoch| {
        let check = check(&step, seen, skip);
        let begun = meta.steps().check_anew(check, epoch).await;
        begun.expect("a write")
    };
    let (init, failed, skipped) = (StepStatus::Init, TaskStatus::Failed, TaskStatus::Skipped);
    let first = begin(init, Some(ids[..1].to_vec()), 5).await;
    assert_eq!(first, Written::Applied);
    let running = (StepStatus::Running, ProjectStatus::Running);
    let pending = TaskStatus::Pending;
    let after = |tasks: [TaskStatus; 2], wanted: Vec<DesiredStatus>, entries| {
        (running.0, tasks.to_vec(), wanted, running.1, entries)
    };
    let begun = after([skipped, pending], vec![Running], 1);
    assert_eq!(look(meta, &step).await, begun);
    let found = meta.projects().get(&project.id).await.expect("a project");
    assert_eq!(found.config, json!({ "include": ["shop.one"] }));
    assert_eq!(found.extra_info, json!({ "runs": true }));

    // it is in another state, or of a newer Coordinator: nothing of it is written
    let late = begin(init, None, 5).await;
    let is = |found: &str| Written::Changed {
        found: found.to_owned(),
    };
    assert_eq!(late, is("RUNNING"));
    let fenced = begin(running.0, None, 4).await;
    assert_eq!(fenced, Written::Fenced { found: 5 });
    assert_eq!(look(meta, &step).await, begun);

    let again = begin(running.0, None, 5).await;
    assert_eq!(again, Written::Applied);
    let begun = after([failed, pending], vec![Stopped, Running], 2);
    assert_eq!(look(meta, &step).await, begun);
    // none is skipped more than before
    let none = begin(running.0, Some(Vec::new()), 5).await;
    assert_eq!(none, Written::Applied);
    let begun = after([failed, pending], vec![Stopped, Stopped, Running], 3);
    assert_eq!(look(meta, &step).await, begun);
}
