//! `oms project` at a server: what changes projects.

use super::args::Waiting;
use super::client::Client;
use super::wait::{Goal, wait};
use super::{act, columns, find, tell};
use crate::cli::args::Output;
use crate::cli::failure::Outcome;
use crate::error::{Error, Kind, Result};
use serde_json::{Value, json};
use std::io::Read;
use std::path::Path;

pub use super::show::{list, progress, show, steps};
pub use super::verify::verify_result;

/// Makes a project from a file.
pub async fn create(client: &Client, file: &Path, output: Output) -> Outcome {
    let mut body = parameters(file)?;
    // names are easier to write than ids
    for key in ["sourceEndpointId", "sinkEndpointId"] {
        if let Some(name) = body[key].as_str().map(str::to_owned) {
            body[key] = find::datasource(client, &name).await?.into();
        }
    }
    let labels = body.get_mut("labelIds").and_then(Value::as_array_mut);
    for label in labels.into_iter().flatten() {
        if let Some(name) = label.as_str().map(str::to_owned) {
            *label = find::label(client, &name).await?.into();
        }
    }
    let data = client.call("CreateProject", body).await?.data;
    tell(output, &data, columns::cell)
}

fn parameters(file: &Path) -> Result<Value> {
    let what = match file == Path::new("-") {
        true => "standard input".to_owned(),
        false => format!("project file {}", file.display()),
    };
    let mut text = String::new();
    let read = match file == Path::new("-") {
        true => std::io::stdin().read_to_string(&mut text),
        false => std::fs::File::open(file).and_then(|mut file| file.read_to_string(&mut text)),
    };
    read.map_err(|e| Error::new(Kind::ConfigUnreadable, what.clone()).caused_by(e))?;
    let invalid = |why: String| Error::new(Kind::ConfigInvalid, what.clone()).detail(why);
    // JSON is YAML
    let value: Value = serde_yaml_ng::from_str(&text).map_err(|e| invalid(e.to_string()))?;
    match value.is_object() {
        true => Ok(value),
        false => Err(invalid(
            "it does not hold the parameters of CreateProject, by name".into(),
        )),
    }
}

/// An action that gives a project another state.
#[derive(Debug, Clone, Copy)]
pub struct Change {
    action: &'static str,
    done: &'static str,
    goal: Goal,
    force: bool,
}

/// `StartProject`.
pub const START: Change = Change {
    action: "StartProject",
    done: "is started",
    goal: Goal::Settled,
    force: false,
};
/// `StopProject`.
pub const PAUSE: Change = Change {
    action: "StopProject",
    done: "is paused",
    goal: Goal::Paused,
    force: false,
};
/// `ResumeProject`.
pub const RESUME: Change = Change {
    action: "ResumeProject",
    done: "goes on",
    goal: Goal::Settled,
    force: false,
};
/// `ReleaseProject`, also where a server is gone.
pub fn release(force: bool) -> Change {
    Change {
        action: "ReleaseProject",
        done: "is being released",
        goal: Goal::Released,
        force,
    }
}

/// Changes a project's state, and waits for the new one if that is wanted.
pub async fn change(client: &Client, wanted: &Waiting, change: Change, output: Output) -> Outcome {
    let id = find::project(client, &wanted.id).await?;
    let mut body = json!({ "id": id });
    if change.force {
        body["force"] = true.into();
    }
    if !wanted.wait {
        let done = format!("project {id} {}", change.done);
        return act(client, output, change.action, body, &done).await;
    }
    client.call(change.action, body).await?;
    let project = wait(client, &id, change.goal, wanted.timeout, output).await?;
    tell(output, &project, |project| {
        format!("project {id} is {}", columns::text_at(project, "status"))
    })
}

/// Deletes a project.
pub async fn delete(client: &Client, id: &str, output: Output) -> Outcome {
    let id = find::project(client, id).await?;
    let done = format!("project {id} is deleted");
    act(client, output, "DeleteProject", json!({ "id": id }), &done).await
}

/// Gives a project another name.
pub async fn rename(client: &Client, id: &str, name: &str, output: Output) -> Outcome {
    let id = find::project(client, id).await?;
    let done = format!("project {id} is now called {name}");
    let body = json!({ "id": id, "name": name });
    act(client, output, "RenameProject", body, &done).await
}

/// Makes another project like one; prints its id.
pub async fn clone(client: &Client, id: &str, name: &str, output: Output) -> Outcome {
    let id = find::project(client, id).await?;
    let body = json!({ "id": id, "name": name });
    let data = client.call("CloneProject", body).await?.data;
    tell(output, &data, columns::cell)
}

/// Says how loud a project's alerts are.
pub async fn alarm_level(client: &Client, id: &str, level: &str, output: Output) -> Outcome {
    let id = find::project(client, id).await?;
    let level = level.to_uppercase();
    let done = format!("project {id} has the alert level {level}");
    let body = json!({ "id": id, "alarmLevel": level });
    act(client, output, "UpdateProjectAlarmLevel", body, &done).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_holds_parameters_in_yaml_or_json() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("project.yaml");
        let read = |text: &str| {
            std::fs::write(&path, text).expect("written");
            parameters(&path)
        };
        let wanted = json!({ "name": "shop", "transferMapping": { "mode": "WILDCARD" } });
        assert_eq!(
            read("name: shop\ntransferMapping: {mode: WILDCARD}\n").expect("YAML"),
            wanted
        );
        assert_eq!(read(&wanted.to_string()).expect("JSON"), wanted);
        for text in ["", "- a", "a: b: c", "text"] {
            let error = read(text).expect_err(text);
            assert!(error.to_string().contains("project.yaml"), "{error}");
        }
        let error = parameters(&folder.path().join("none")).expect_err("missing");
        assert_eq!(error.kind(), Kind::ConfigUnreadable);
    }
}
