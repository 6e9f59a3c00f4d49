//! What the journal tells, and what is put back where a row says nonsense.

use super::good::{Good, good};
use super::known::{Known, PERSON, PROJECT_ROW, PROJECT_STATUS, STEP_STATUS};
use super::view::Around;
use crate::metadata::{
    Component, ComponentStatus, ComponentType, DesiredStatus, ProjectStatus, RawRow, RowProblem,
    StateText, Step, StepName, StepStatus, TaskStatus, now,
};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

const STEP: &str = "s_1";
const COMPONENT: &str = "n:c:1";

fn step(name: StepName, status: StepStatus, info: Value) -> Step {
    Step {
        id: STEP.to_owned(),
        project_id: "np_1".to_owned(),
        order: 1,
        name,
        status,
        progress: 0,
        interactive: false,
        step_info: info,
        extra_info: json!({}),
        start_time: None,
        finish_time: None,
        epoch: 1,
        gmt_created: now(),
        gmt_modified: now(),
    }
}

fn component(id: &str, desired: DesiredStatus) -> Component {
    Component {
        id: id.to_owned(),
        project_id: "np_1".to_owned(),
        step_id: STEP.to_owned(),
        kind: ComponentType::FullVerification,
        status: ComponentStatus::Running,
        desired_status: desired,
        node: "n".to_owned(),
        epoch: 1,
        attempt: 0,
        config: json!({ "subId": 7 }),
        checkpoint: json!({}),
        progress: json!({}),
        error: None,
        latest_heartbeat: None,
        gmt_created: now(),
        gmt_modified: now(),
    }
}

fn problem(table: &'static str, id: &str, column: &str) -> RowProblem {
    RowProblem {
        table,
        id: id.to_owned(),
        column: column.to_owned(),
        found: "nonsense".to_owned(),
        why: "is nonsense".to_owned(),
    }
}

fn row(cells: &[(&str, &str)]) -> RawRow {
    let cell = |(column, text): &(&str, &str)| ((*column).to_owned(), Some((*text).to_owned()));
    cells.iter().map(cell).collect()
}

fn text(good: Option<Good>) -> Option<String> {
    good.and_then(|good| good.text().map(str::to_owned))
}

#[test]
fn the_journals_last_word_counts_and_nonsense_says_nothing() {
    let mut known = Known::default();
    assert_eq!(known.told(STEP), StepStatus::Init);
    let name = StepName::IncrTransfer;
    known.learn(STEP, STEP_STATUS, &json!({ "step": name, "to": "RUNNING" }));
    assert!(!known.held(STEP, StepStatus::Running));
    assert!(
        known.held(STEP, StepStatus::Suspend),
        "an edit, not yet known"
    );
    let by_sql = json!({ "step": name, "to": "SUSPEND", "by": PERSON });
    known.learn(STEP, STEP_STATUS, &by_sql);
    known.learn(STEP, STEP_STATUS, &json!({ "to": "NONSENSE" }));
    known.learn(STEP, "component.made", &json!({ "to": "FAILED" }));
    assert_eq!(known.told(STEP), StepStatus::Suspend);
    assert!(known.held(STEP, StepStatus::Suspend));
    known.learn(STEP, STEP_STATUS, &json!({ "step": name, "to": "SUSPEND" }));
    assert!(
        !known.held(STEP, StepStatus::Suspend),
        "paused with its project"
    );

    known.learn("np_1", PROJECT_STATUS, &json!({ "to": "SUSPEND" }));
    known.learn("np_1", PROJECT_STATUS, &json!({}));
    assert_eq!(known.status, Some(ProjectStatus::Suspend));
}

#[test]
fn what_is_not_known_is_not_put_back() {
    let (known, around) = (Known::default(), Around::default());
    for (table, column) in [
        ("oms_project", "config"),
        ("oms_project", "alarm_level"),
        ("oms_step", "step_name"),
        ("oms_step", "epoch"),
        ("oms_component", "desired_status"),
        ("oms_verify_result", "status"),
    ] {
        let found = good(
            &problem(table, "x", column),
            &RawRow::default(),
            &known,
            &around,
        );
        assert_eq!(found, None, "{table}.{column}");
    }
    // a project that ran before its states went to the journal
    let status = problem("oms_project", "np_1", "project_status");
    let of = |step_status| {
        let around = Around {
            steps: vec![step(StepName::TransferPrecheck, step_status, json!({}))],
            ..Around::default()
        };
        text(good(&status, &RawRow::default(), &known, &around))
    };
    assert_eq!(of(StepStatus::Finished), None);
    assert_eq!(of(StepStatus::Init), Some("INIT".to_owned()));
}

#[test]
fn a_step_gets_the_component_that_works_for_it() {
    let stopped = component("n:c:9", DesiredStatus::Stopped);
    let around = Around {
        components: vec![component(COMPONENT, DesiredStatus::Running), stopped],
        ..Around::default()
    };
    let info = problem("oms_step", STEP, "step_info");
    let found = text(good(&info, &RawRow::default(), &Known::default(), &around));
    let found: Value = serde_json::from_str(&found.expect("known")).expect("JSON");
    assert_eq!(found, json!({ "component": COMPONENT, "subId": 7 }));

    // the journal is sure of it, in whatever order it is read
    let mut known = Known::default();
    for number in [2, 10, 9] {
        let id = format!("n:c:{number:010}");
        let made = json!({ "step": STEP, "info": { "component": id } });
        known.learn(&id, "component.made", &made);
    }
    let found = text(good(&info, &RawRow::default(), &known, &around)).expect("known");
    assert!(found.contains("n:c:0000000010"), "{found}");
}

#[test]
fn a_task_is_done_only_where_its_step_is() {
    let status = problem("oms_task", "t_1", "task_status");
    let of = |step_status, cells: &[(&str, &str)]| {
        let around = Around {
            steps: vec![step(StepName::StructTransfer, step_status, json!({}))],
            ..Around::default()
        };
        text(good(&status, &row(cells), &Known::default(), &around)).expect("always known")
    };
    let task = ("task_group", STEP);
    let failed = ("extra_info", "{\"errorCode\":\"SCH-0001\"}");
    assert_eq!(
        of(StepStatus::Finished, &[task]),
        TaskStatus::Finished.text()
    );
    assert_eq!(of(StepStatus::Failed, &[task]), TaskStatus::Pending.text());
    assert_eq!(
        of(StepStatus::Failed, &[task, failed]),
        TaskStatus::Failed.text()
    );
}

fn state<S: StateText + Clone + std::fmt::Debug + 'static>() -> impl Strategy<Value = S> {
    select(S::iter().collect::<Vec<_>>())
}

proptest! {
    /// Whatever the rows around say, what is put back can be understood.
    #[test]
    fn what_is_put_back_is_good(
        name in state::<StepName>(),
        status in state::<StepStatus>(),
        project in state::<ProjectStatus>(),
        is in prop::option::of(state::<ComponentStatus>()),
        wanted in prop::option::of(state::<DesiredStatus>()),
        named in any::<bool>(),
        column in select(vec![
            "component_type", "status", "desired_status", "config", "checkpoint", "progress",
        ]),
    ) {
        let info = if named { json!({ "component": COMPONENT, "subId": 2 }) } else { json!({}) };
        let mut known = Known::default();
        known.learn("np_1", PROJECT_STATUS, &json!({ "to": project }));
        known.learn("np_1", PROJECT_ROW, &json!({ "config": { "a": 1 }, "alarm_level": "LOW" }));
        let around = Around {
            steps: vec![step(name, status, info)],
            ..Around::default()
        };
        let is = is.map(|s| s.text());
        let wanted = wanted.map(|s| s.text());
        let mut cells = vec![("id", COMPONENT), ("step_id", STEP)];
        cells.extend(is.as_deref().map(|s| ("status", s)));
        cells.extend(wanted.as_deref().map(|s| ("desired_status", s)));
        let found = good(&problem("oms_component", COMPONENT, column), &row(&cells), &known, &around);
        if let Some(found) = text(found) {
            let fits = match column {
                "component_type" => ComponentType::from_text(&found).is_some(),
                "status" => ComponentStatus::from_text(&found).is_some(),
                "desired_status" => DesiredStatus::from_text(&found).is_some(),
                _ => serde_json::from_str::<Value>(&found).is_ok_and(|v| v.is_object()),
            };
            prop_assert!(fits, "{column} = {found}");
            // nothing is started that was stopped, or belongs to no step
            if column == "desired_status" && (!named || is.as_deref() == Some("STOPPED")) {
                prop_assert_ne!(found, DesiredStatus::Running.text());
            }
        }
    }
}
