//! The texts in the database are the reference's, letter by letter.

use crate::{StateText, *};

fn assert_texts<S: StateText>(expected: &str) {
    let texts = S::allowed();
    assert_eq!(texts, expected.split(' ').collect::<Vec<_>>());
    for text in &texts {
        let state = S::from_text(text).expect("a state's own text");
        assert_eq!(&state.text(), text);
    }
    assert!(S::from_text("pending").is_none());
    assert!(S::from_text("").is_none());
}

#[test]
fn state_texts_are_the_references() {
    assert_texts::<ProjectStatus>(
        "INIT RUNNING SUSPEND FAILED FINISHED RELEASING RELEASED DELETED RUNNING_MODIFYING RUNNING_MERGING",
    );
    assert_texts::<ProjectType>("MIGRATION SYNC");
    assert_texts::<AlarmLevel>("HIGH MEDIUM LOW IGNORE");
    assert_texts::<StepName>(
        "TRANSFER_PRECHECK TRANSFER_PREPARE STRUCT_TRANSFER TRANSFER_INCR_LOG_PULL FULL_TRANSFER \
         INDEX_TRANSFER INCR_TRANSFER INCR_VERIFIER FULL_VERIFIER TRANSFER_APP_SWITCH REVERSE_INCR_TRANSFER",
    );
    assert_texts::<StepStatus>("INIT RUNNING FAILED FINISHED SUSPEND MONITORING");
    assert_texts::<TaskStatus>("PENDING RUNNING FINISHED FAILED SKIPPED");
    assert_texts::<ComponentType>(
        "PRECHECK STRUCT_TRANSFER STORE FULL_IMPORT INDEX_TRANSFER INCR_SYNC FULL_VERIFICATION INCR_VERIFICATION APP_SWITCH RELEASE",
    );
    assert_texts::<ComponentStatus>("INIT RUNNING PAUSED STOPPED EXCEPTION FINISHED");
    assert_texts::<DesiredStatus>("RUNNING PAUSED STOPPED");
    assert_texts::<DataSourceType>(
        "MYSQL MARIADB OB_MYSQL OB_MYSQL_CE OB_ORACLE ORACLE DB2_LUW KAFKA ROCKETMQ DATAHUB SYBASE \
         LOGPROXY ADB DBP_OP_ROUTE DMS IDB TIDB POSTGRESQL",
    );
    assert_texts::<SliceStatus>("INIT RUNNING FINISHED FAILED");
    assert_texts::<VerifyStatus>("RUNNING ERROR FINISHED SUSPEND");
    assert_texts::<VerifyResultType>(
        "RUNNING SCHEMA_MISMATCH INDEX_CONFLICT TARGET_TABLE_NOT_EXIST RUNTIME_EXCEPTION BOTH_EMPTY \
         CONSISTENT INCONSISTENT SOURCE_EMPTY TARGET_EMPTY MISMATCH_LIMIT MISMATCH_LIMIT_NO_PK \
         NOT_CATEGORIZED",
    );
    assert_texts::<DiffType>("MASTER_ONLY IMAGE_ONLY MISMATCHED");
    assert_texts::<UserRole>("ROOT ROOT-VIEWER ADMIN ADMIN-VIEWER USER");
    assert_texts::<OmTaskStatus>("INITIALIZING READY IN_PROGRESS SUCCESSFUL FAILED");
}

#[test]
fn serde_says_the_same_text() {
    let json = serde_json::to_string(&DataSourceType::Db2Luw).expect("an enum is JSON");
    assert_eq!(json, format!("\"{}\"", DataSourceType::Db2Luw));
    assert_eq!(
        "MONITORING".parse::<StepStatus>(),
        Ok(StepStatus::Monitoring)
    );
    let error = "MONITOR".parse::<StepStatus>().expect_err("no state");
    assert!(
        error.contains("'MONITOR' is none of INIT, RUNNING"),
        "{error}"
    );
}

#[test]
fn no_table_is_forgotten() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut in_files: Vec<String> = std::fs::read_dir(folder)
        .expect("the crate's own folder")
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.starts_with("oms_"))
        .map(|name| name.trim_end_matches(".rs").to_owned())
        .collect();
    let mut listed: Vec<String> = all_tables().into_iter().map(|table| table.name).collect();
    in_files.sort();
    listed.sort();
    assert_eq!(in_files, listed);
}
