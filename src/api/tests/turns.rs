//! Actions that come one after the other.

use super::*;
use std::pin::pin;

/// While another's action looks at projects and data sources and changes them, none is made.
#[tokio::test]
async fn a_project_is_made_when_its_turn_comes() {
    let world = World::new().await;
    let root = world.user("root", UserRole::Root).await;
    let ends = [
        &*world.source(&root, "from").await,
        &*world.source(&root, "to").await,
    ];
    let project = world.project(&root, "p", ends).await;
    let create = json!({
        "name": "new", "type": "MIGRATION", "sourceEndpointId": ends[0], "sinkEndpointId": ends[1],
        "transferMapping": { "mode": "WILDCARD", "tableAndViewWhiteList": ["shop.*"] },
        "enableStructTransfer": true, "enableFullTransfer": true, "enableFullVerify": true,
        "enableIncrTransfer": true,
    });
    for (action, body) in [
        ("CreateProject", create),
        ("CloneProject", json!({ "id": project.id, "name": "twin" })),
    ] {
        let turn = world.api.life.lock().await;
        let mut asked = pin!(world.ask(&root, action, body));
        // so much is done beside it that it would be over long ago
        let beside = async {
            for _ in 0..300 {
                world
                    .api
                    .metadata
                    .components()
                    .next_sequence()
                    .await
                    .expect("a number");
            }
        };
        tokio::select! {
            biased;
            answer = &mut asked => {
                panic!("{action} did not wait for its turn: {:?}", answer.map(|a| a.data));
            }
            () = beside => {}
        }
        drop(turn);
        let made = asked.await.expect("done").data;
        assert!(
            made.as_str().is_some_and(|id| id.starts_with("np_")),
            "{made}"
        );
    }
}
