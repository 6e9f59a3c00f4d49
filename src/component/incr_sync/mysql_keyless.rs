//! Taking rows of a table without a key away: what the target holds of each image is counted first,
//! then all that go whole are deleted with one search, and the others one by one.

use super::keyless::Removal;
use super::layout::Layout;
use super::render::Renderer;
use super::render_keyless::ByImage;
use crate::datasource::mysql::Connection;
use crate::error::{Error, Kind, Result};

/// Images in one search, at most.
const IMAGES: usize = 50;

/// Takes the copies away; how many rows went. Must stand in the lane's transaction: nobody else
/// writes the table.
///
/// # Errors
/// [`Kind::ApplyDrift`] where the target does not hold what must be there; else as the server
/// refuses.
pub async fn remove(
    conn: &mut Connection,
    renderer: &Renderer,
    layout: &Layout,
    removals: &[Removal],
) -> Result<u64> {
    let by_image = ByImage {
        flavour: renderer.flavour,
        layout,
    };
    let most = if by_image.is_ambiguous() { 1 } else { IMAGES };
    let mut search = Search {
        conn,
        renderer,
        by_image,
        affected: 0,
    };
    let mut rest = removals;
    while !rest.is_empty() {
        // each image stands up to three times in a statement, and grows when it is quoted
        let mut bytes = 0;
        let fit = rest.iter().take_while(|removal| {
            bytes += 4 * removal.row.size();
            bytes <= renderer.soft
        });
        let (now, later) = rest.split_at(fit.count().clamp(1, most).min(rest.len()));
        search.remove(now).await?;
        rest = later;
    }
    Ok(search.affected)
}

struct Search<'a> {
    conn: &'a mut Connection,
    renderer: &'a Renderer,
    by_image: ByImage<'a>,
    affected: u64,
}

impl Search<'_> {
    fn what(&self) -> String {
        format!("writing to {}", self.by_image.layout.table().name)
    }

    async fn remove(&mut self, removals: &[Removal]) -> Result<()> {
        if let [one] = removals
            && one.at_least == one.count
        {
            return self.run(self.by_image.delete_some(one)?, one.count).await;
        }
        let found = self.count(removals).await?;
        for (removal, found) in removals.iter().zip(&found) {
            if *found < removal.at_least {
                return Err(drift(removal.at_least, *found));
            }
        }
        let (mut whole, mut some) = (Vec::new(), Vec::new());
        for (removal, found) in removals.iter().zip(found) {
            match removal.count {
                0 => {}
                count if count == found => whole.push(removal),
                _ => some.push(removal),
            }
        }
        if !whole.is_empty() {
            let gone = whole.iter().map(|removal| removal.count).sum();
            self.run(self.by_image.delete_all(&whole)?, gone).await?;
        }
        for removal in some {
            let sql = self.by_image.delete_some(removal)?;
            self.run(sql, removal.count).await?;
        }
        Ok(())
    }

    /// How many rows equal each image.
    async fn count(&mut self, removals: &[Removal]) -> Result<Vec<u64>> {
        let sql = self.by_image.count(removals)?;
        self.renderer.check_length(self.by_image.layout, &sql)?;
        let rows: Vec<(Option<u64>, u64)> = self.conn.rows(self.what(), sql).await?;
        let mut found = vec![0; removals.len()];
        for (which, count) in rows {
            if let Some(slot) = which.and_then(|at| found.get_mut(at as usize)) {
                *slot = count;
            }
        }
        Ok(found)
    }

    async fn run(&mut self, sql: Vec<u8>, wanted: u64) -> Result<()> {
        self.renderer.check_length(self.by_image.layout, &sql)?;
        let affected = self.conn.run(self.what(), sql).await?;
        if affected != wanted {
            return Err(drift(wanted, affected));
        }
        self.affected += affected;
        Ok(())
    }
}

fn drift(wanted: u64, found: u64) -> Error {
    Error::new(Kind::ApplyDrift, "changing a row of a table without a key")
        .detail(format!("{found} rows are there, of {wanted}"))
}
