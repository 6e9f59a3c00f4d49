//! What the comparisons of all tables of one run share.

use super::ports::{Progressed, TableProvider, VerifyLog};
use super::sides::Sides;
use super::writer::Writers;
use crate::component::contract::ProgressCell;
use crate::model::options::FullVerificationOptions;
use std::path::PathBuf;
use std::sync::Arc;

/// Connections, settings, and where to say what was found.
pub struct Shared {
    /// Connections to both sides.
    pub sides: Arc<Sides>,
    /// Who corrects, where that is wanted.
    pub writers: Option<Writers>,
    /// Settings.
    pub options: FullVerificationOptions,
    /// Folder under which the files are written.
    pub dir: PathBuf,
    /// Number of this run.
    pub sub_id: u32,
    /// The tables as they are now.
    pub tables: Arc<dyn TableProvider>,
    /// Keeps the results.
    pub log: Arc<dyn VerifyLog>,
    /// Tells how far the target is.
    pub progressed: Arc<dyn Progressed>,
    /// The work's progress.
    pub progress: Arc<ProgressCell>,
}
