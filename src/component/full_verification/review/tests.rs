//! What a watched row must show before it is called different.

use super::*;

#[test]
fn a_target_that_lags_within_the_round_is_equal() {
    let mut watch = Watch::default();
    watch.begin_round();
    watch.source(Some(1));
    watch.source(Some(2));
    assert!(watch.explains(Some(1)) && watch.explains(Some(2)));
    assert!(!watch.explains(Some(3)) && !watch.explains(None));
}

#[test]
fn an_image_older_than_the_last_look_of_the_round_before_explains_nothing() {
    let mut watch = Watch::default();
    watch.begin_round();
    watch.source(Some(1));
    watch.source(Some(2));
    watch.begin_round();
    assert!(watch.explains(Some(2)));
    assert!(!watch.explains(Some(1)));
    watch.source(None);
    assert!(watch.explains(None));
}

#[test]
fn two_still_rounds_behind_which_incr_sync_passed_are_proof() {
    let mut watch = Watch::default();
    for round in 0..2 {
        assert!(!watch.is_proved());
        watch.begin_round();
        watch.source(Some(1));
        watch.source(Some(1));
        assert!(!watch.is_hot(), "round {round}");
        watch.end_round(Passed::Yes);
    }
    assert!(watch.is_proved());
}

#[test]
fn a_hot_row_is_not_proved_different() {
    let mut watch = Watch::default();
    for image in 0..20 {
        watch.begin_round();
        watch.source(Some(image));
        watch.source(Some(image + 1));
        watch.end_round(Passed::Yes);
    }
    assert!(!watch.is_proved());
    assert!(watch.may_be_final(true));
}

#[test]
fn nothing_is_final_while_incr_sync_has_not_passed() {
    let mut watch = Watch::default();
    for _ in 0..5 {
        watch.begin_round();
        watch.source(Some(1));
        watch.end_round(Passed::NotYet);
    }
    assert!(!watch.is_proved() && !watch.may_be_final(true));
    // where nobody can tell, waiting is all there is
    assert!(watch.may_be_final(false));
}
