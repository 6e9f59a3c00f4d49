//! Every action, every role, every relation: a new action needs a line here and in the rules.

use super::*;
use std::collections::BTreeSet;

/// For each action what ROOT, ROOT-VIEWER, ADMIN, ADMIN-VIEWER and USER may do it to: `A` anything,
/// `D` their own and their department's, `d` their department's only, `O` their own, `-` nothing.
const TABLE: &[(&str, &str)] = &[
    ("CancelProjectModifyRecord", "A-D-O"),
    ("CreateProjectModifyRecords", "A-D-O"),
    ("ListProjectModifyRecords", "AADDO"),
    ("RetryProjectModifyRecords", "A-D-O"),
    ("StopProjectModifyRecords", "A-D-O"),
    ("ChangePassword", "AOOOO"),
    ("CreateApiToken", "AOOOO"),
    ("CreateDepartment", "A----"),
    ("CreateMySqlDataSource", "A-D-O"),
    ("CreateMysqlDataSource", "A-D-O"),
    ("CreateOceanBaseDataSource", "A-D-O"),
    ("CreateLabel", "A-D-O"),
    ("CreateProject", "A-D-O"),
    ("DeleteDataSource", "A-D-O"),
    ("DeleteLabel", "A-A--"),
    ("DescribeProjectStepMetric", "AADDO"),
    ("ListAllLabels", "AADDO"),
    ("ReleaseProject", "A-D-O"),
    ("StartProjectsByLabel", "A-D-O"),
    ("StopProjectsByLabel", "A-D-O"),
    ("TestDataSource", "A-D-O"),
    ("UpdateProjectConfig", "A-D-O"),
    ("UpdateProjectLabels", "A-D-O"),
    ("CloneProject", "A-D-O"),
    ("RenameProject", "A-D-O"),
    ("UpdateProjectAlarmLevel", "A-D-O"),
    ("CreateSession", "AOOOO"),
    ("DeleteSession", "AOOOO"),
    ("ListSessions", "AADDO"),
    ("CreateUser", "A-d--"),
    ("DeleteApiToken", "AOOOO"),
    ("DeleteDepartment", "A----"),
    ("DeleteProject", "A-D-O"),
    ("DeleteUser", "A-d--"),
    ("DescribeProject", "AADDO"),
    ("DescribeProjectComponents", "AADDO"),
    ("DescribeProjectProgress", "AADDO"),
    ("DescribeProjectSteps", "AADDO"),
    ("DescribeAppSwitch", "AADDO"),
    ("ListApiTokens", "AADDO"),
    ("ListAuditLogs", "AADDO"),
    ("ListDataSource", "AADDO"),
    ("ListDepartments", "AADDD"),
    ("ListFullVerifyCorrectionsResult", "AADDO"),
    ("ListFullVerifyInconsistenciesResult", "AADDO"),
    ("ListProjectFullVerifyResult", "AADDO"),
    ("ListProjects", "AADDO"),
    ("ListUsers", "AADDO"),
    ("ResumeProject", "A-D-O"),
    ("StartProject", "A-D-O"),
    ("StopProject", "A-D-O"),
    ("UnlockUser", "A-d--"),
    ("UpdateUser", "A-d--"),
    ("DeleteComponent", "A-D-O"),
    ("DescribeOmTask", "AADDO"),
    ("ListOmTasks", "AADDO"),
    ("PauseComponent", "A-D-O"),
    ("RepairProjectStep", "A-D-O"),
    ("RerunComponent", "A-D-O"),
    ("ResumeComponent", "A-D-O"),
    ("RetryOmTask", "A-D-O"),
    ("SkipOmTask", "A-D-O"),
    ("StartComponent", "A-D-O"),
    ("UpdateFullImport", "A-D-O"),
    ("UpdateFullVerification", "A-D-O"),
    ("UpdateIncrSync", "A-D-O"),
    ("UpdateStore", "A-D-O"),
    ("GetPreCheckResult", "AADDO"),
    ("ListServers", "AAAAA"),
    ("ListSystemParameters", "AAAAA"),
    ("ResetSystemParameter", "A----"),
    ("RetryPreCheck", "A-D-O"),
    ("SubmitPreCheck", "A-D-O"),
    ("RehearseAppSwitch", "A-D-O"),
    ("StartAppSwitch", "A-D-O"),
    ("ConfirmAppSwitch", "A-D-O"),
    ("RetryAppSwitch", "A-D-O"),
    ("SkipAppSwitch", "A-D-O"),
    ("RollBackAppSwitch", "A-D-O"),
    ("UpdateServerQuota", "A----"),
    ("UpdateSystemParameter", "A----"),
];

const ROLES: [UserRole; 5] = [
    UserRole::Root,
    UserRole::RootViewer,
    UserRole::Admin,
    UserRole::AdminViewer,
    UserRole::User,
];

#[test]
fn every_action_has_one_rule() {
    let names: BTreeSet<_> = actions::ACTIONS.iter().map(|action| action.name).collect();
    let ruled: BTreeSet<_> = RULES.iter().map(|(name, ..)| *name).collect();
    let tested: BTreeSet<_> = TABLE.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ruled, "actions, and rules of src/api/permit.rs");
    assert_eq!(names, tested, "actions, and the table of this test");
    assert_eq!(ruled.len(), RULES.len(), "an action with two rules");
}

#[test]
fn roles_have_the_references_rights() {
    use Relation::{Department, Foreign, Own};
    for (action, rights) in TABLE {
        for (role, right) in ROLES.into_iter().zip(rights.chars()) {
            let found = [Own, Department, Foreign].map(|relation| may(role, action, relation));
            let wanted = match right {
                'A' => [true, true, true],
                'D' => [true, true, false],
                'd' => [false, true, false],
                'O' => [true, false, false],
                '-' => [false, false, false],
                other => panic!("{other}"),
            };
            assert_eq!(found, wanted, "{role} {action} (own, department, foreign)");
        }
    }
    assert!(!may(UserRole::Root, "Nonsense", Own));
}

#[test]
fn viewers_change_nothing_but_their_own_account() {
    for (action, class, _) in RULES {
        for role in [UserRole::RootViewer, UserRole::AdminViewer] {
            if class.changes() && may(role, action, Relation::Own) {
                assert_eq!(*class, Class::Oneself, "{role} {action}");
            }
        }
    }
}

#[test]
fn nobody_makes_an_equal() {
    let given = |giver| ROLES.map(|role| may_give(giver, role));
    assert_eq!(given(UserRole::Root), [false, true, true, true, true]);
    assert_eq!(given(UserRole::Admin), [false, false, false, true, true]);
    for viewer in [UserRole::RootViewer, UserRole::AdminViewer, UserRole::User] {
        assert_eq!(given(viewer), [false; 5]);
    }
}
