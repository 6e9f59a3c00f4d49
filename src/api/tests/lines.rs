//! Lines of the audit log: what was before, and what is to be.

use super::*;

#[tokio::test]
async fn a_change_of_settings_tells_both_sides() {
    let world = World::new().await;
    let alice = world.user("alice", UserRole::User).await;
    let ends = [
        &*world.source(&alice, "from").await,
        &*world.source(&alice, "to").await,
    ];
    let project = world.project(&alice, "p", ends).await;
    let sync = world.incr_sync(&project, 1).await;
    let lanes = Options::default().incr_sync.lanes;
    let body = json!({
        "dimension": "NAME", "key": sync, "cmRegion": "",
        "config": { "sink": { "workerNum": lanes + 3 } },
    });
    world
        .ask(&alice, "UpdateIncrSync", body)
        .await
        .expect("done");
    let line = world.line("UpdateIncrSync").await;
    assert_eq!(line.object, sync);
    let (before, after) = (line.before.expect("before"), line.after.expect("after"));
    assert_eq!(before["name"], sync.as_str());
    assert_eq!(before["options"]["incr_sync"]["lanes"], lanes);
    let mut wanted = before.clone();
    wanted["options"]["incr_sync"]["lanes"] = json!(lanes + 3);
    assert_eq!(after, wanted, "nothing else differs");

    // all of a node, each with its project's settings
    let other = world.project(&alice, "q", ends).await;
    let second = world.incr_sync(&other, 2).await;
    world
        .api
        .reconciler
        .operations()
        .await
        .expect("the task before is done");
    let body = json!({
        "dimension": "IP", "key": NODE, "cmRegion": "",
        "config": { "coordinator": { "throttleRps": 77 } },
    });
    world
        .ask(&alice, "UpdateIncrSync", body)
        .await
        .expect("done");
    let line = world.line("UpdateIncrSync").await;
    assert_eq!(line.object, NODE);
    let found = |side: &Option<Value>| -> Vec<Value> {
        let all = side.as_ref().expect("a side")["components"].as_array();
        let told = |c: &Value| {
            let options = &c["options"]["incr_sync"];
            json!([c["name"], options["lanes"], options["throttle_rps"]])
        };
        all.expect("components").iter().map(told).collect()
    };
    let limit = Options::default().incr_sync.throttle_rps;
    let of = |rps: u64| vec![json!([sync, lanes + 3, rps]), json!([second, lanes, rps])];
    assert_eq!(
        (found(&line.before), found(&line.after)),
        (of(limit), of(77))
    );

    // what was refused changed nothing
    let body = json!({
        "dimension": "NAME", "key": sync, "cmRegion": "", "config": { "sink": { "nonsense": 1 } },
    });
    let refused = world.ask(&alice, "UpdateIncrSync", body).await;
    world.refused(refused, Kind::ParameterInvalid, "nonsense");
    let line = world.line("UpdateIncrSync").await;
    assert_eq!(line.result_code, Kind::ParameterInvalid.code());
    assert!(line.before.is_some());
    assert_eq!(line.before, line.after);
}

#[tokio::test]
async fn a_clone_is_told_by_what_was_made() {
    let world = World::new().await;
    let alice = world.user("alice", UserRole::User).await;
    let ends = [
        &*world.source(&alice, "from").await,
        &*world.source(&alice, "to").await,
    ];
    let project = world.project(&alice, "p", ends).await;
    let body = json!({ "id": project.id, "name": "twin" });
    let made = world.ask(&alice, "CloneProject", body).await.expect("done");
    let line = world.line("CloneProject").await;
    assert_eq!(made.data, line.object.as_str());
    assert_ne!(line.object, project.id);
    assert_eq!(line.before, None, "there was none");
    let after = line.after.expect("after");
    assert_eq!((&after["id"], &after["name"]), (&made.data, &json!("twin")));
    assert_eq!(after["config"]["filter"]["include"], json!(["shop.*"]));
}
