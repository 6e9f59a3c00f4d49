//! Results and differences of verifications.

use oms::metadata::{
    DiffFilter, DiffType, MetaErrorKind, Metadata, NewDiff, NewVerify, VerifyDiff, VerifyKey,
    VerifyResultType, VerifyStatus, VerifyUpdate, Written, new_id,
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

    a_table_ends(meta, &key).await;
}

async fn a_table_ends(meta: &Metadata, key: &VerifyKey) {
    let (verify, project) = (meta.verify(), key.project_id.as_str());
    let result = VerifyUpdate {
        source_only_count: Some(1),
        mismatched_count: Some(2),
        result_desc: Some("3 rows differ".to_owned()),
        ..VerifyUpdate::default()
    };
    let finished = verify
        .finish(key, VerifyResultType::Inconsistent, result, 2)
        .await;
    assert!(finished.expect("a write").applied());
    verify
        .begin(new(project, "items"), 2)
        .await
        .expect("a comparison");
    let listed = good(verify.list(project, 1, 0, 0).await.expect("results"));
    let tables: Vec<_> = listed.iter().map(|r| r.key.source_table.as_str()).collect();
    assert_eq!(tables, ["items", "orders"]);
    let orders = &listed[1];
    assert_eq!(
        (orders.status, orders.progress),
        (VerifyStatus::Finished, 100)
    );
    assert_eq!((orders.differences(), orders.consistent_count), (3, 500));
    assert_eq!(
        verify.list(project, 1, 1, 5).await.expect("a page").len(),
        1
    );
    assert_eq!(verify.last_sub_id(project).await.expect("a look"), Some(1));
    let error = verify
        .delete(project, 1, 1)
        .await
        .expect_err("an old epoch");
    assert_eq!(error.kind(), MetaErrorKind::Fenced);
    verify.delete(project, 1, 2).await.expect("a delete");
    assert!(
        verify
            .list(project, 1, 0, 0)
            .await
            .expect("results")
            .is_empty()
    );
}

fn diff(id: i32, kind: DiffType) -> NewDiff {
    NewDiff {
        key_hash: None,
        kind,
        unique_keys: json!([{"columnName": "id", "columnValue": id}]),
        details: json!([]),
        correction_sql: format!("DELETE FROM shop.orders WHERE id = {id}"),
    }
}

pub async fn differences(meta: &Metadata) {
    let begun = meta.verify().begin(new(&new_id("np_"), "orders"), 1).await;
    let key = begun.expect("a comparison").key;
    differences_are_added_once(meta, &key).await;
    differences_are_listed_and_settled(meta, &key).await;
    a_dead_comparison_adds_nothing(meta, &key).await;
}

async fn count(meta: &Metadata, key: &VerifyKey, filter: &DiffFilter) -> i64 {
    let count = meta.verify().count_diffs(&key.project_id, filter).await;
    count.expect("a count")
}

async fn page(meta: &Metadata, key: &VerifyKey, filter: &DiffFilter) -> Vec<VerifyDiff> {
    let page = meta.verify().list_diffs(&key.project_id, filter).await;
    good(page.expect("differences"))
}

fn all() -> DiffFilter {
    DiffFilter {
        sub_id: 1,
        ..DiffFilter::default()
    }
}

async fn differences_are_added_once(meta: &Metadata, key: &VerifyKey) {
    let many: Vec<_> = (0..450).map(|id| diff(id, DiffType::MasterOnly)).collect();
    for _ in 0..2 {
        let added = meta.verify().add_diffs(key, many.clone(), 1).await;
        assert_eq!(added.expect("differences"), Written::Applied);
    }
    assert_eq!(
        count(meta, key, &all()).await,
        450,
        "a repeat does not double"
    );
    let renewed = vec![diff(0, DiffType::Mismatched)];
    let added = meta.verify().add_diffs(key, renewed, 1).await;
    assert_eq!(added.expect("a difference"), Written::Applied);
    assert_eq!(page(meta, key, &all()).await[0].kind, DiffType::Mismatched);
    assert_eq!(count(meta, key, &all()).await, 450);
}

async fn differences_are_listed_and_settled(meta: &Metadata, key: &VerifyKey) {
    let listed = page(meta, key, &all()).await;
    let last = DiffFilter {
        offset: 448,
        limit: 10,
        ..all()
    };
    assert_eq!(page(meta, key, &last).await, listed[448..]);
    let after = DiffFilter {
        after_id: listed[447].id,
        ..all()
    };
    assert_eq!(page(meta, key, &after).await, listed[448..]);

    let corrected = meta.verify().mark_corrected(&[listed[1].id]).await;
    corrected.expect("a write");
    let open = DiffFilter {
        uncorrected: true,
        ..all()
    };
    assert_eq!(count(meta, key, &open).await, 449);
    let equal = [listed[2].key_hash.clone(), listed[3].key_hash.clone()];
    let removed = meta.verify().remove_diffs(key, &equal).await;
    assert_eq!(removed.expect("a delete"), 2);
    let other = DiffFilter {
        source_table: Some("Orders".to_owned()),
        ..all()
    };
    assert_eq!(count(meta, key, &other).await, 0, "case counts");
}

async fn a_dead_comparison_adds_nothing(meta: &Metadata, key: &VerifyKey) {
    let verify = meta.verify();
    let before = count(meta, key, &all()).await;
    let newer = verify.begin(new(&key.project_id, "orders"), 2).await;
    newer.expect("a newer component");
    let late = vec![diff(999, DiffType::ImageOnly)];
    let dead = verify.add_diffs(key, late, 1).await;
    assert_eq!(dead.expect("a write"), Written::Fenced { found: 2 });
    assert_eq!(count(meta, key, &all()).await, before);
    verify
        .delete(&key.project_id, 1, 2)
        .await
        .expect("a delete");
    assert_eq!(count(meta, key, &all()).await, 0);
}
