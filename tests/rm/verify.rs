//! Results and differences of verifications.

use oms::metadata::{
    DiffFilter, DiffType, MetaErrorKind, Metadata, NewDiff, NewVerify, VerifyKey, VerifyResultType,
    VerifyStatus, VerifyUpdate, Written, new_id,
};
use serde_json::json;

use super::good;

fn new(project_id: &str, table: &str) -> NewVerify {
    NewVerify {
        key: VerifyKey {
            project_id: project_id.to_owned(),
            sub_id: 1,
            source_schema: "shop".to_owned(),
            source_table: table.to_owned(),
        },
        dest_schema: "shop".to_owned(),
        dest_table: table.to_owned(),
    }
}

pub async fn results(meta: &Metadata) {
    let project = new_id("np_");
    let verify = meta.verify();
    assert_eq!(verify.last_sub_id(&project).await.expect("a look"), None);
    let begun = verify
        .begin(new(&project, "orders"), 1)
        .await
        .expect("a comparison");
    assert_eq!(begun.result_type, VerifyResultType::Running);
    let key = begun.key.clone();
    let halfway = VerifyUpdate {
        progress: Some(50),
        consistent_count: Some(500),
        extra_info: Some(json!({"after": [500]})),
        ..VerifyUpdate::default()
    };
    assert!(
        verify
            .update(&key, halfway, 1)
            .await
            .expect("a write")
            .applied()
    );
    let again = verify
        .begin(new(&project, "orders"), 2)
        .await
        .expect("a comparison");
    assert_eq!(
        (again.progress, again.extra_info),
        (50, json!({"after": [500]}))
    );
    let dead = verify
        .update(&key, VerifyUpdate::default(), 1)
        .await
        .expect("a write");
    assert_eq!(dead, Written::Fenced { found: 2 });
    let error = verify
        .begin(new(&project, "orders"), 1)
        .await
        .expect_err("an old epoch");
    assert_eq!(error.kind(), MetaErrorKind::Fenced);

    let result = VerifyUpdate {
        source_only_count: Some(1),
        mismatched_count: Some(2),
        result_desc: Some("3 rows differ".to_owned()),
        ..VerifyUpdate::default()
    };
    let finished = verify
        .finish(&key, VerifyResultType::Inconsistent, result, 2)
        .await;
    assert!(finished.expect("a write").applied());
    verify
        .begin(new(&project, "items"), 2)
        .await
        .expect("a comparison");
    let listed = good(verify.list(&project, 1, 0, 0).await.expect("results"));
    let tables: Vec<_> = listed.iter().map(|r| r.key.source_table.as_str()).collect();
    assert_eq!(tables, ["items", "orders"]);
    let orders = &listed[1];
    assert_eq!(
        (orders.status, orders.progress),
        (VerifyStatus::Finished, 100)
    );
    assert_eq!((orders.differences(), orders.consistent_count), (3, 500));
    assert_eq!(
        verify.list(&project, 1, 1, 5).await.expect("a page").len(),
        1
    );
    assert_eq!(verify.last_sub_id(&project).await.expect("a look"), Some(1));
    let error = verify
        .delete(&project, 1, 1)
        .await
        .expect_err("an old epoch");
    assert_eq!(error.kind(), MetaErrorKind::Fenced);
    verify.delete(&project, 1, 2).await.expect("a delete");
    assert!(
        verify
            .list(&project, 1, 0, 0)
            .await
            .expect("results")
            .is_empty()
    );
}

pub async fn differences(meta: &Metadata) {
    let project = new_id("np_");
    let verify = meta.verify();
    let key = verify
        .begin(new(&project, "orders"), 1)
        .await
        .expect("a comparison")
        .key;
    let diff = |id: i32, kind| NewDiff {
        key_hash: None,
        kind,
        unique_keys: json!([{"columnName": "id", "columnValue": id}]),
        details: json!([]),
        correction_sql: format!("DELETE FROM shop.orders WHERE id = {id}"),
    };
    let all: Vec<_> = (0..450).map(|id| diff(id, DiffType::MasterOnly)).collect();
    for _ in 0..2 {
        let added = verify
            .add_diffs(&key, all.clone(), 1)
            .await
            .expect("differences");
        assert_eq!(added, Written::Applied);
    }
    let filter = DiffFilter {
        sub_id: 1,
        ..DiffFilter::default()
    };
    let count = verify
        .count_diffs(&project, &filter)
        .await
        .expect("a count");
    assert_eq!(count, 450, "a repeat does not double");

    let renewed = vec![diff(0, DiffType::Mismatched)];
    assert!(
        verify
            .add_diffs(&key, renewed, 1)
            .await
            .expect("a difference")
            .applied()
    );
    let listed = good(
        verify
            .list_diffs(&project, &filter)
            .await
            .expect("differences"),
    );
    assert_eq!(listed[0].kind, DiffType::Mismatched);
    let page = DiffFilter {
        offset: 448,
        limit: 10,
        ..filter.clone()
    };
    assert_eq!(
        verify
            .list_diffs(&project, &page)
            .await
            .expect("a page")
            .len(),
        2
    );
    let after = DiffFilter {
        after_id: listed[447].id,
        ..filter.clone()
    };
    assert_eq!(
        verify
            .list_diffs(&project, &after)
            .await
            .expect("a page")
            .len(),
        2
    );

    verify
        .mark_corrected(&[listed[1].id])
        .await
        .expect("a write");
    let open = DiffFilter {
        uncorrected: true,
        ..filter.clone()
    };
    assert_eq!(
        verify.count_diffs(&project, &open).await.expect("a count"),
        449
    );
    let equal = [all[2].hash(), all[3].hash()];
    assert_eq!(
        verify.remove_diffs(&key, &equal).await.expect("a delete"),
        2
    );
    let other = DiffFilter {
        source_table: Some("Orders".to_owned()),
        ..filter.clone()
    };
    assert_eq!(
        verify.count_diffs(&project, &other).await.expect("a count"),
        0
    );

    verify
        .begin(new(&project, "orders"), 2)
        .await
        .expect("a newer component");
    let dead = verify
        .add_diffs(&key, vec![diff(999, DiffType::ImageOnly)], 1)
        .await;
    assert_eq!(dead.expect("a write"), Written::Fenced { found: 2 });
    assert_eq!(
        verify
            .count_diffs(&project, &filter)
            .await
            .expect("a count"),
        448
    );
    verify.delete(&project, 1, 2).await.expect("a delete");
    assert_eq!(
        verify
            .count_diffs(&project, &filter)
            .await
            .expect("a count"),
        0
    );
}
