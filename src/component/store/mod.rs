//! The Store: pulls a source's log once, keeps it on disk, and serves it to any number of
//! consumers, whole transactions only.
//!
//! [`StoreWork`] is the work of the component; [`StoreHub`] is where consumers find the Stores of
//! this node and open a [`StoreReader`]. On disk a Store is a folder: `store.json` says where the
//! log began and whose it is, `consumers.json` how far the consumers are, and numbered segment
//! files hold frames ([`frame`]). Each segment begins with all definitions of tables as of its
//! start, and definitions that change follow in place, so that every event is read with the
//! columns of its own time. At most one process writes: it holds a lock on the file `lock`.

mod batch;
mod beat;
mod codec;
mod definitions;
mod frame;
mod hub;
mod live;
mod meta;
mod open;
mod ours;
mod puller;
mod reader;
mod recover;
mod retention;
mod segment;
mod tracker;
mod work;
mod writer;

pub use definitions::end_of_log;
pub use hub::StoreHub;
pub use reader::StoreReader;
pub use work::StoreWork;

#[cfg(test)]
mod tests;
