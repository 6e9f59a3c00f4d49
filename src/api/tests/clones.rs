//! Rights to make a project like another.

use super::*;

#[tokio::test]
async fn a_clone_needs_the_project_and_both_of_its_data_sources() {
    let world = World::new().await;
    let alice = world.user("alice", UserRole::User).await;
    let bob = world.user("bob", UserRole::User).await;
    let mine = [
        world.source(&alice, "a1").await,
        world.source(&alice, "a2").await,
    ];
    let other = world.source(&bob, "b1").await;
    let root = world.user("root", UserRole::Root).await;
    let clone = |project: &Project, name: &str| json!({ "id": project.id, "name": name });

    let whole = world.project(&alice, "whole", [&mine[0], &mine[1]]).await;
    let foreign = [
        world.project(&alice, "to_bob", [&mine[0], &other]).await,
        world.project(&alice, "from_bob", [&other, &mine[1]]).await,
        world.project(&bob, "of_bob", [&mine[0], &mine[1]]).await,
    ];
    for project in &foreign {
        let refused = world
            .ask(&alice, "CloneProject", clone(project, "twin"))
            .await;
        world.refused(refused, Kind::Forbidden, "alice");
        // whoever may use all of it makes one
        let name = format!("{}_twin", project.name);
        let made = world
            .ask(&root, "CloneProject", clone(project, &name))
            .await;
        made.expect("done");
    }
    let made = world
        .ask(&alice, "CloneProject", clone(&whole, "twin"))
        .await;
    let made = made.expect("done").data;
    let projects = world.api.metadata.projects();
    let made = projects
        .get(made.as_str().expect("an id"))
        .await
        .expect("made");
    assert_eq!(made.owner, Some(alice.id));
    assert_eq!([made.source_id, made.target_id], mine);
}
