//! Which side a full verification takes for the truth, and that it stays so.
//!
//! Before a switchover the source is the truth; behind it, when the application writes at the target, the
//! target is: differences are said, and corrected, the other way round. In between a verification does not
//! run: what it corrects could be what the application has just written.

use crate::actor::work::{Context, Finish, Work};
use crate::error::{Error, Kind, Result};
use crate::metadata::{Metadata, StepName, StepStatus};
use futures::future::BoxFuture;
use std::time::Duration;

/// A switchover takes longer from its beginning to the application's first write at the other side: there
/// is a pre-check, and a person's word or a read-only source.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Where a project's switchover stands; `Init`: it has none, or it has not begun.
pub(super) async fn switchover(metadata: &Metadata, project: &str) -> Result<StepStatus> {
    let steps = metadata.steps().list(project).await?;
    let mut steps = steps.into_iter().flatten();
    let switch = steps.find(|step| step.name == StepName::TransferAppSwitch);
    Ok(switch.map_or(StepStatus::Init, |step| step.status))
}

/// A verification that ends with an error when the application moves.
pub(super) struct InItsRole {
    pub(super) work: Box<dyn Work>,
    pub(super) metadata: Metadata,
    /// The target is the truth.
    pub(super) goes_back: bool,
}

impl Work for InItsRole {
    fn run(self: Box<Self>, context: Context) -> BoxFuture<'static, Result<Finish>> {
        Box::pin(async move {
            let Self {
                work,
                metadata,
                goes_back,
            } = *self;
            let project = context.assignment.project.as_str().to_owned();
            let check = async || {
                let found = switchover(&metadata, &project).await?;
                let wanted = match goes_back {
                    true => StepStatus::Finished,
                    false => StepStatus::Init,
                };
                match found == wanted {
                    true => Ok(()),
                    false => Err(moves(&project, found)),
                }
            };
            check().await?;
            let mut work = work.run(context);
            loop {
                tokio::select! {
                    end = &mut work => return end,
                    () = tokio::time::sleep(LOOK_EVERY) => match check().await {
                        // rm may be away for a while
                        Err(error) if error.is_transient() => {}
                        checked => checked?,
                    }
                }
            }
        })
    }
}

fn moves(project: &str, found: StepStatus) -> Error {
    Error::new(Kind::StateInvalid, format!("comparing the sides of project {project}"))
        .detail(format!(
            "its switchover is {found}: the application moves, and neither side is the truth"
        ))
        .remedy("Let the switchover end, or take it back; then run the verification again (RerunComponent).")
}
