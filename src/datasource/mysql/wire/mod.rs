//! Sessions that carry rows in bulk: the client side of the MySQL protocol, as far as that needs it.
//!
//! The driver makes a value of its own of every cell it reads. Here a row stays where the socket
//! wrote it: the protocol's text row is the encoding of [`crate::model::row`] byte for byte, so a
//! batch of rows is a shared buffer and a list of places in it. Everything else (catalogue, settings,
//! short statements with typed answers) goes through the driver, see [`super::connection`].
//!
//! A session that is dropped closes its socket at once and reads nothing more; one that met an error
//! of the connection, or whose rows were not read to their end, says so with
//! [`WireSession::is_usable`].

mod link;
mod login;
mod session;
mod tls;

pub use session::{Done, Prepared, Rows, WireSession};
pub(super) use tls::tls_config;

#[cfg(test)]
mod tests;
