//! Slices.

use oms::metadata::{Metadata, NewSlice, SliceKey, SliceStatus, TableKey, Written, new_id};
use serde_json::json;

use super::good;

fn table() -> TableKey {
    TableKey {
        project_id: new_id("np_"),
        schema: "shop".to_owned(),
        table: "orders".to_owned(),
    }
}

fn cut(count: i32) -> Vec<NewSlice> {
    let slice = |slice_no| NewSlice {
        slice_no,
        lower_bound: (slice_no > 0).then(|| json!([slice_no * 100])),
        upper_bound: (slice_no < count - 1).then(|| json!([(slice_no + 1) * 100])),
        estimated_rows: 100,
        slice_info: json!({}),
    };
    (0..count).map(slice).collect()
}

pub async fn slices(meta: &Metadata) {
    let table = table();
    let slices = meta.slices();
    slices
        .insert_many(&table, cut(450), 1)
        .await
        .expect("slices");
    slices
        .insert_many(&table, cut(450), 1)
        .await
        .expect("the same again");
    let listed = good(slices.list(&table).await.expect("slices"));
    assert_eq!(listed.len(), 450);
    assert_eq!(
        (&listed[0].lower_bound, &listed[1].lower_bound),
        (&None, &Some(json!([100])))
    );

    let next = slices.next_pending(&table, 1).await.expect("a look");
    let key = next.expect("a slice").expect("a good row").key;
    assert_eq!(key.slice_no, 0);
    assert!(slices.start(&key, 1).await.expect("a start").applied());
    let second = slices.start(&key, 1).await.expect("a start");
    assert!(
        matches!(second, Written::Changed { .. }),
        "one worker only: {second:?}"
    );
    let info = json!({"position": "binlog.000003:4"});
    let report = slices.progress(&key, 50, 500, Some(&info), 1).await;
    assert!(report.expect("a write").applied());
    assert!(
        slices
            .finish(&key, 101, 1010, 1)
            .await
            .expect("a write")
            .applied()
    );
    assert!(matches!(
        slices.start(&key, 2).await.expect("a start"),
        Written::Changed { .. }
    ));
    let failed = SliceKey {
        slice_no: 1,
        ..key.clone()
    };
    assert!(slices.start(&failed, 1).await.expect("a start").applied());
    assert!(slices.fail(&failed, 1).await.expect("a write").applied());

    let counts = slices.counts(&table.project_id).await.expect("counts");
    assert_eq!(counts, slices.table_counts(&table).await.expect("counts"));
    assert_eq!((counts.init, counts.finished, counts.failed), (448, 1, 1));
    assert_eq!((counts.total(), counts.estimated_rows), (450, 45_000));
    assert_eq!((counts.copied_rows, counts.copied_bytes), (101, 1010));
    let next = slices.next_pending(&table, 1).await.expect("a look");
    assert_eq!(next.expect("a slice").expect("a good row").key, failed);
    let none = slices.counts("np_nobody").await.expect("counts");
    assert_eq!(none.total(), 0);
    assert_eq!(slices.delete_table(&table, 1).await.expect("a delete"), 450);
}

pub async fn slices_of_a_dead_component_go_on(meta: &Metadata) {
    let table = table();
    let slices = meta.slices();
    slices.insert_many(&table, cut(2), 1).await.expect("slices");
    let key = |slice_no| SliceKey {
        table: table.clone(),
        slice_no,
    };
    assert!(slices.start(&key(0), 1).await.expect("a start").applied());
    // The component of epoch 1 dies; the one of epoch 2 finds its slice first.
    let next = slices.next_pending(&table, 2).await.expect("a look");
    assert_eq!(next.expect("a slice").expect("a good row").key, key(0));
    assert!(slices.start(&key(0), 2).await.expect("a start").applied());
    let dead = slices.finish(&key(0), 1, 1, 1).await.expect("a write");
    assert_eq!(dead, Written::Fenced { found: 2 });
    let dead = slices.start(&key(0), 1).await.expect("a start");
    assert_eq!(dead, Written::Fenced { found: 2 });
    assert!(
        slices
            .finish(&key(0), 7, 70, 2)
            .await
            .expect("a write")
            .applied()
    );
    let listed = good(slices.list(&table).await.expect("slices"));
    assert_eq!(
        (listed[0].status, listed[0].copied_rows),
        (SliceStatus::Finished, 7)
    );
}

pub async fn long_values_fit(meta: &Metadata) {
    let table = table();
    let text = "ü😀".repeat(40_000);
    let slice = NewSlice {
        upper_bound: Some(json!([text])),
        ..NewSlice::whole(1)
    };
    meta.slices()
        .insert_many(&table, vec![slice], 1)
        .await
        .expect("a slice");
    let listed = good(meta.slices().list(&table).await.expect("slices"));
    assert_eq!(listed[0].upper_bound, Some(json!([text])));
}
