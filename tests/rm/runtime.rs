//! Components and what they share.

use std::time::Duration;

use oms::metadata::{
    ComponentStatus, ComponentType, DataSourceType, DataSourceUpdate, DesiredStatus, Leased,
    MetaErrorKind, Metadata, NewComponent, NewDataSource, NewEvent, Report, Written, new_id,
};
use serde_json::json;

use super::{good, project};

/// The Coordinator of the components' project.
const COORDINATOR: i64 = 5;

pub async fn components(meta: &Metadata) {
    let new = sequence_and_creation(meta).await;
    reports_are_fenced_by_assignment(meta, &new.id).await;
    let again = meta.components().create(new.clone()).await;
    let again = again.expect("the same again");
    assert_eq!((again.epoch, again.error), (2, None));
    orders_are_fenced_by_project(meta, &new).await;
    removals_are_fenced_by_project(meta, &new).await;
    assert!(
        !meta
            .components()
            .delete(&new.id, 1)
            .await
            .expect("a delete")
    );
    assert!(
        meta.components()
            .delete(&new.id, 2)
            .await
            .expect("a delete")
    );
}

async fn sequence_and_creation(meta: &Metadata) -> NewComponent {
    let project = project(meta).await;
    let number = meta.components().next_sequence().await.expect("a number");
    assert_eq!(
        meta.components().next_sequence().await.expect("a number"),
        number + 1
    );
    let id = format!("127.0.0.1-7100:MYSQL_{}_e_x-1-0:{number:010}", project.id);
    let new = NewComponent {
        id: id.clone(),
        project_id: project.id.clone(),
        step_id: "s_x".to_owned(),
        kind: ComponentType::Store,
        desired_status: DesiredStatus::Running,
        node: project.id.clone(),
        config: json!({"port": 7100}),
        checkpoint: json!({}),
    };
    let made = meta
        .components()
        .create(new.clone())
        .await
        .expect("a component");
    assert_eq!((made.status, made.epoch), (ComponentStatus::Init, 0));
    let claim = meta.projects().claim(&project.id, COORDINATOR).await;
    assert!(claim.expect("a claim").applied());
    new
}

async fn reports_are_fenced_by_assignment(meta: &Metadata, id: &str) {
    let one = meta
        .components()
        .bump_epoch(id, None, COORDINATOR)
        .await
        .expect("an epoch");
    let two = meta
        .components()
        .bump_epoch(id, Some("b"), COORDINATOR)
        .await
        .expect("an epoch");
    assert_eq!((one, two), (1, 2));
    let report = Report {
        status: Some(ComponentStatus::Running),
        attempt: Some(1),
        checkpoint: Some(json!({"file": "binlog.000003"})),
        error: Some(Some(json!({"code": "BIN-0001"}))),
        ..Report::default()
    };
    let dead = meta
        .components()
        .report(id, one, report.clone())
        .await
        .expect("a report");
    assert_eq!(dead, Written::Fenced { found: 2 });
    assert!(
        meta.components()
            .report(id, two, report)
            .await
            .expect("a report")
            .applied()
    );
    let over = Report {
        error: Some(None),
        ..Report::default()
    };
    let found = meta.components().get(id).await.expect("a component");
    assert_eq!((found.node.as_str(), found.attempt), ("b", 1));
    assert!(found.error.is_some() && found.latest_heartbeat.is_some());
    assert!(
        meta.components()
            .report(id, two, over)
            .await
            .expect("a report")
            .applied()
    );
}

async fn removals_are_fenced_by_project(meta: &Metadata, new: &NewComponent) {
    let other = NewComponent {
        id: format!("{}1", new.id),
        ..new.clone()
    };
    let components = meta.components();
    components.create(other.clone()).await.expect("a component");
    let late = components.remove(&other.id, COORDINATOR - 1).await;
    assert!(!late.expect("a delete"), "an old Coordinator's");
    components.get(&other.id).await.expect("it is there");
    let gone = components.remove(&other.id, COORDINATOR).await;
    assert!(gone.expect("a delete"));
    let again = components.remove(&other.id, COORDINATOR).await;
    assert!(!again.expect("a delete"));
    components.get(&new.id).await.expect("the others stay");
}

async fn orders_are_fenced_by_project(meta: &Metadata, new: &NewComponent) {
    let id = new.id.as_str();
    let stop = DesiredStatus::Stopped;
    let late = meta
        .components()
        .set_desired(id, stop, 4)
        .await
        .expect("a write");
    assert_eq!(late, Written::Fenced { found: COORDINATOR });
    let error = meta
        .components()
        .bump_epoch(id, None, 4)
        .await
        .expect_err("an old epoch");
    assert_eq!(error.kind(), MetaErrorKind::Fenced);
    let nobody = meta
        .components()
        .set_desired("nobody", stop, 5)
        .await
        .expect("a write");
    assert_eq!(nobody, Written::NotFound);
    assert!(
        meta.components()
            .set_desired(id, stop, 5)
            .await
            .expect("a write")
            .applied()
    );
    let listed = good(
        meta.components()
            .list(&new.project_id)
            .await
            .expect("components"),
    );
    assert_eq!(listed[0].desired_status, stop);
    assert_eq!(
        meta.components()
            .list_by_node(&new.project_id)
            .await
            .expect("a list")
            .len(),
        0
    );
}

pub async fn datasources_and_parameters(meta: &Metadata) {
    let sources = meta.datasources();
    let new = NewDataSource {
        id: None,
        name: "shop".to_owned(),
        kind: DataSourceType::Mysql,
        host: format!("{}.example", new_id("h")),
        port: 3306,
        username: "app".to_owned(),
        password_cipher: "cipher".to_owned(),
        options: json!({"tls": false}),
        tls_key_cipher: None,
        version: String::new(),
    };
    let made = sources.create(new.clone()).await.expect("a data source");
    assert_eq!(
        sources.create(new.clone()).await.expect("the same again"),
        made
    );
    let other = NewDataSource {
        username: "App".to_owned(),
        ..new.clone()
    };
    assert_ne!(
        sources.create(other).await.expect("another").id,
        made.id,
        "case counts"
    );
    let update = DataSourceUpdate {
        version: Some("9.7.0".to_owned()),
        password_cipher: Some("newer".to_owned()),
        ..DataSourceUpdate::default()
    };
    sources
        .update(&made.id, update.clone())
        .await
        .expect("a write");
    let found = sources
        .find_by_endpoint(new.kind, &new.host, 3306, "app")
        .await;
    let found = found
        .expect("a look")
        .expect("it is there")
        .expect("a good row");
    assert_eq!(
        (found.version.as_str(), found.password_cipher.as_str()),
        ("9.7.0", "newer")
    );
    assert!(
        !format!("{found:?}").contains("newer"),
        "no secret in a debug print"
    );
    let error = sources
        .update("e_nobody", update)
        .await
        .expect_err("no data source");
    assert_eq!(error.kind(), MetaErrorKind::NotFound);

    let name = new_id("test.config.");
    assert_eq!(meta.configs().get(&name).await.expect("a look"), None);
    for value in [json!({"enable": true}), json!(5)] {
        meta.configs().set(&name, &value).await.expect("a write");
        assert_eq!(
            meta.configs().get(&name).await.expect("a look"),
            Some(value)
        );
    }
    assert_eq!(
        good(meta.configs().list(&name).await.expect("a list")),
        [(name, json!(5))]
    );
}

pub async fn journal(meta: &Metadata) {
    let subject = new_id("s_");
    let event = |event_no, epoch| NewEvent {
        project_id: "np_x".to_owned(),
        subject: subject.clone(),
        event_no,
        kind: "STEP_STARTED".to_owned(),
        epoch,
        detail: json!({"n": 1}),
    };
    assert_eq!(
        meta.events()
            .append(event(None, 1))
            .await
            .expect("an entry"),
        1
    );
    assert_eq!(
        meta.events()
            .append(event(None, 2))
            .await
            .expect("an entry"),
        2
    );
    assert_eq!(
        meta.events()
            .append(event(Some(2), 2))
            .await
            .expect("the same again"),
        2
    );
    let error = meta
        .events()
        .append(event(None, 1))
        .await
        .expect_err("an old epoch");
    assert_eq!(error.kind(), MetaErrorKind::Fenced);
    let listed = good(meta.events().list(&subject).await.expect("the journal"));
    let numbers: Vec<_> = listed.iter().map(|e| (e.event_no, e.epoch)).collect();
    assert_eq!(numbers, [(1, 1), (2, 2)]);
    assert_eq!(
        meta.events()
            .list_project("np_x", 1)
            .await
            .expect("the journal")
            .len(),
        1
    );
}

pub async fn leases(meta: &Metadata) {
    let name = new_id("lease.");
    let ttl = Duration::from_secs(60);
    let leases = meta.leases();
    let acquired = |epoch| Leased::Acquired { epoch };
    assert_eq!(
        leases.acquire(&name, "a", ttl).await.expect("a lease"),
        acquired(1)
    );
    match leases.acquire(&name, "b", ttl).await.expect("an answer") {
        Leased::Held {
            holder, remaining, ..
        } => {
            assert_eq!(holder, "a");
            assert!(
                remaining > Duration::from_secs(30) && remaining <= ttl,
                "{remaining:?}"
            );
        }
        other => panic!("{other:?}"),
    }
    let short = Duration::from_millis(50);
    assert!(
        leases
            .renew(&name, "a", 1, short)
            .await
            .expect("a write")
            .applied()
    );
    tokio::time::sleep(short * 2).await;
    assert_eq!(
        leases.acquire(&name, "b", ttl).await.expect("a lease"),
        acquired(2)
    );
    let late = leases.renew(&name, "a", 1, ttl).await.expect("a write");
    assert_eq!(late, Written::Fenced { found: 2 });
    assert!(
        leases
            .release(&name, "b", 2)
            .await
            .expect("a write")
            .applied()
    );
    assert_eq!(
        leases.acquire(&name, "c", ttl).await.expect("a lease"),
        acquired(3)
    );
    assert_eq!(
        leases.acquire(&name, "c", ttl).await.expect("a lease"),
        acquired(4)
    );
    let nobody = leases
        .release(&new_id("lease."), "c", 4)
        .await
        .expect("a write");
    assert_eq!(nobody, Written::NotFound);
}
