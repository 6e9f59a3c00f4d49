//! What `DescribeAppSwitch` answered, as far as this program has to decide on it. Pure.

use crate::cli::remote::columns::text_at;
use crate::workflow::switch::COMPLETE_OBJECT;
use serde_json::Value;

/// Where a switchover is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It has not begun.
    NotBegun,
    /// It was rolled back, and has not begun again.
    RolledBack,
    /// Somebody is at work.
    OnTheWay,
    /// A person's word is waited for: a sub-step's name, or `COMPLETE_OBJECT`.
    Waits(String),
    /// The application works at the target, and the way back follows.
    Done,
    /// The application works at the target; the way back was gone without.
    DoneOneWay,
    /// This sub-step failed.
    Failed(String),
    /// The step failed, and no sub-step says why; or it goes on in a moment.
    FailedAlone,
    /// All was done, and then the way back failed.
    WayBackFailed,
    /// Paused.
    Suspended,
}

/// Reads it.
pub fn standing(state: &Value) -> Standing {
    let back = state["way"] == "BACK";
    let reverse = state["reverseStatus"].as_str().unwrap_or_default();
    match state["status"].as_str().unwrap_or_default() {
        "INIT" if back => Standing::RolledBack,
        "INIT" => Standing::NotBegun,
        "SUSPEND" => Standing::Suspended,
        "FAILED" => match sub_steps(state).find(|sub| sub["status"] == "FAILED") {
            Some(sub) => Standing::Failed(text_at(sub, "name")),
            None => Standing::FailedAlone,
        },
        // a roll-back ends in INIT
        "FINISHED" if !back => match reverse {
            "MONITORING" => Standing::Done,
            "FAILED" => Standing::WayBackFailed,
            "SUSPEND" => Standing::Suspended,
            _ if is_skipped(state, "CREATE_REVERSE_SYNC") => Standing::DoneOneWay,
            _ => Standing::OnTheWay,
        },
        _ => match state["waitsFor"].as_str() {
            Some(what) => Standing::Waits(what.to_owned()),
            None => Standing::OnTheWay,
        },
    }
}

/// The sub-steps, in their order.
pub fn sub_steps(state: &Value) -> impl Iterator<Item = &Value> {
    state["subSteps"].as_array().into_iter().flatten()
}

/// The objects that a person moves.
pub fn objects(state: &Value) -> impl Iterator<Item = &Value> {
    state["objects"].as_array().into_iter().flatten()
}

/// Whether a sub-step or an object is behind us.
pub fn is_over(row: &Value) -> bool {
    matches!(row["status"].as_str(), Some("FINISHED" | "SKIPPED"))
}

/// The sub-step whose turn it is.
pub fn turn(state: &Value) -> Option<&Value> {
    sub_steps(state).find(|sub| !is_over(sub))
}

/// A sub-step by its name.
pub fn sub_step<'s>(state: &'s Value, name: &str) -> Option<&'s Value> {
    sub_steps(state).find(|sub| sub["name"] == name)
}

fn is_skipped(state: &Value, name: &str) -> bool {
    sub_step(state, name).is_some_and(|sub| sub["status"] == "SKIPPED")
}

/// What `--confirm` and `--skip` mean to the API: an object by its name becomes its id.
pub fn id_of(state: &Value, text: &str) -> String {
    let named = objects(state).find(|object| object["name"] == text);
    named.map_or_else(|| text.to_owned(), |object| text_at(object, "id"))
}

/// What can be confirmed now of what was given beforehand: names of sub-steps, ids of objects.
pub fn confirmable(state: &Value, what: &str, given: &[String]) -> Vec<String> {
    let says = |text: &str| given.iter().any(|one| one == text);
    if what != COMPLETE_OBJECT {
        let id = sub_step(state, what).map(|sub| text_at(sub, "id"));
        let meant = says("all") || says(what) || id.is_some_and(|id| says(&id));
        return meant.then(|| what.to_owned()).into_iter().collect();
    }
    let every = says("all") || says(COMPLETE_OBJECT);
    open_objects(state)
        .filter(|object| every || says(&text_at(object, "id")) || says(&text_at(object, "name")))
        .map(|object| text_at(object, "id"))
        .collect()
}

/// The objects that nobody has seen to.
pub fn open_objects(state: &Value) -> impl Iterator<Item = &Value> {
    objects(state).filter(|object| !is_over(object))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn state(status: &str, way: &str, reverse: &str) -> Value {
        json!({
            "status": status, "way": way, "reverseStatus": reverse, "waitsFor": null,
            "subSteps": [
                { "id": "t_1", "name": "START_SWITCH", "status": "FINISHED" },
                { "id": "t_2", "name": "STOP_SOURCE_WRITES", "status": "PENDING" },
                { "id": "t_3", "name": "CREATE_REVERSE_SYNC", "status": "PENDING" },
            ],
            "objects": [
                { "id": "t_8", "name": "TRIGGER s.a", "status": "SKIPPED" },
                { "id": "t_9", "name": "EVENT s.b", "status": "PENDING" },
            ],
        })
    }

    #[test]
    fn a_switchover_is_done_when_the_way_back_follows() {
        let of = |status, way, reverse| standing(&state(status, way, reverse));
        assert_eq!(of("INIT", "FORWARD", "INIT"), Standing::NotBegun);
        assert_eq!(of("INIT", "BACK", "INIT"), Standing::RolledBack);
        assert_eq!(of("RUNNING", "FORWARD", "INIT"), Standing::OnTheWay);
        assert_eq!(of("FINISHED", "FORWARD", "RUNNING"), Standing::OnTheWay);
        assert_eq!(of("FINISHED", "FORWARD", "MONITORING"), Standing::Done);
        assert_eq!(of("FINISHED", "FORWARD", "FAILED"), Standing::WayBackFailed);
        assert_eq!(of("FINISHED", "FORWARD", "SUSPEND"), Standing::Suspended);
        assert_eq!(of("FINISHED", "BACK", "MONITORING"), Standing::OnTheWay);
        assert_eq!(of("SUSPEND", "FORWARD", "INIT"), Standing::Suspended);
        let mut one_way = state("FINISHED", "FORWARD", "INIT");
        one_way["subSteps"][2]["status"] = "SKIPPED".into();
        assert_eq!(standing(&one_way), Standing::DoneOneWay);
    }

    #[test]
    fn a_failed_sub_step_that_is_tried_again_by_itself_is_no_failure() {
        let mut running = state("RUNNING", "FORWARD", "INIT");
        running["subSteps"][1]["status"] = "FAILED".into();
        assert_eq!(standing(&running), Standing::OnTheWay);
        running["status"] = "FAILED".into();
        let failed = Standing::Failed("STOP_SOURCE_WRITES".to_owned());
        assert_eq!(standing(&running), failed);
        // a person let it run again, and the step does not know it yet
        running["subSteps"][1]["status"] = "PENDING".into();
        assert_eq!(standing(&running), Standing::FailedAlone);
    }

    #[test]
    fn only_what_was_named_is_confirmed() {
        let state = state("RUNNING", "FORWARD", "INIT");
        let of = |what, given: &[&str]| {
            let given: Vec<String> = given.iter().map(|text| (*text).to_owned()).collect();
            confirmable(&state, what, &given)
        };
        let stop = "STOP_SOURCE_WRITES";
        assert!(of(stop, &[]).is_empty());
        assert!(of(stop, &["STOP_TARGET_WRITES", "COMPLETE_OBJECT"]).is_empty());
        for given in ["all", stop, "t_2"] {
            assert_eq!(of(stop, &[given]), [stop]);
        }
        assert!(of(COMPLETE_OBJECT, &[stop, "TRIGGER s.a", "t_8"]).is_empty());
        for given in ["all", COMPLETE_OBJECT, "t_9", "EVENT s.b"] {
            assert_eq!(of(COMPLETE_OBJECT, &[given]), ["t_9"]);
        }
        assert_eq!(id_of(&state, "EVENT s.b"), "t_9");
        assert_eq!(id_of(&state, stop), stop);
    }
}
