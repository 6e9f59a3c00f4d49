//! Many at once.

use std::time::Duration;

use oms::metadata::{
    Leased, Metadata, NewEvent, NewSlice, NewTask, SliceKey, TableKey, TaskStatus, new_id,
};
use serde_json::json;
use tokio::task::JoinSet;

/// Dozens of tasks read and write, and none waits for ever.
pub async fn many_tasks_at_once(meta: &Metadata) {
    let group = new_id("s_");
    let mut workers = JoinSet::new();
    for worker in 0..48 {
        let (meta, group) = (meta.clone(), group.clone());
        workers.spawn(async move {
            let task = NewTask {
                id: None,
                group: group.clone(),
                kind: "TABLE".to_owned(),
                name: format!("shop.t{worker}"),
                max_retry_count: None,
                task_info: json!({}),
            };
            let id = meta.tasks().upsert(task).await.expect("a task").id;
            for round in 1..=10 {
                let running = TaskStatus::Running;
                let set = meta.tasks().set_status(&id, running, None, None, round);
                assert!(set.await.expect("a write").applied());
                meta.tasks().list(&group).await.expect("a list");
                let event = NewEvent {
                    project_id: "np_load".to_owned(),
                    subject: group.clone(),
                    event_no: Some(worker * 100 + round),
                    kind: "ROUND".to_owned(),
                    epoch: 1,
                    detail: json!({}),
                };
                meta.events().append(event).await.expect("an entry");
            }
        });
    }
    let all = async {
        while workers
            .join_next()
            .await
            .transpose()
            .expect("no panic")
            .is_some()
        {}
    };
    tokio::time::timeout(Duration::from_secs(120), all)
        .await
        .expect("nobody waits for ever");
    assert_eq!(meta.tasks().list(&group).await.expect("a list").len(), 48);
    assert_eq!(meta.events().list(&group).await.expect("a list").len(), 480);
}

/// A slice, a lease and a number go to one of those who want them at the same moment.
pub async fn one_of_many_gets_it(meta: &Metadata) {
    let table = TableKey {
        project_id: new_id("np_"),
        schema: "shop".to_owned(),
        table: "orders".to_owned(),
    };
    let one = vec![NewSlice::whole(1)];
    meta.slices()
        .insert_many(&table, one, 1)
        .await
        .expect("a slice");
    let (lease, subject) = (new_id("lease."), new_id("s_"));
    let mut workers = JoinSet::new();
    for worker in 0..12 {
        let (meta, lease, subject) = (meta.clone(), lease.clone(), subject.clone());
        let key = SliceKey {
            table: table.clone(),
            slice_no: 0,
        };
        workers.spawn(async move {
            let started = meta
                .slices()
                .start(&key, 1)
                .await
                .expect("an answer")
                .applied();
            let holder = format!("worker {worker}");
            let minute = Duration::from_secs(60);
            let leased = meta
                .leases()
                .acquire(&lease, &holder, minute)
                .await
                .expect("an answer");
            let number = meta.components().next_sequence().await.expect("a number");
            let event = NewEvent {
                project_id: "np_load".to_owned(),
                subject,
                event_no: None,
                kind: "RACE".to_owned(),
                epoch: 1,
                detail: json!({}),
            };
            let entry = meta.events().append(event).await.expect("an entry");
            (
                started,
                matches!(leased, Leased::Acquired { .. }),
                number,
                entry,
            )
        });
    }
    let results = workers.join_all().await;
    assert_eq!(
        results.iter().filter(|r| r.0).count(),
        1,
        "one starts the slice"
    );
    assert_eq!(
        results.iter().filter(|r| r.1).count(),
        1,
        "one has the lease"
    );
    let mut numbers: Vec<_> = results.iter().map(|r| r.2).collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), 12, "no number is given twice");
    let mut entries: Vec<_> = results.iter().map(|r| r.3).collect();
    entries.sort_unstable();
    assert_eq!(entries, (1..=12).collect::<Vec<_>>(), "no entry is lost");
}
