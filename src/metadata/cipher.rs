//! The encrypted texts of `oms_datasource`, whatever else stands in its rows: for who changes the key.

use entity::oms_datasource as d;
use sea_orm::{
    ConnectionTrait, EntityTrait, QueryOrder, QuerySelect, QueryTrait, sea_query::Query,
};

use super::{
    DataSources, MetaError,
    access::is,
    retry::{Twice, retry},
    row::now,
};

/// Which encrypted text of a data source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CipherColumn {
    /// The password.
    Password,
    /// The key of the client certificate for TLS.
    TlsKey,
}

/// An encrypted text. One that is empty or NULL is none.
#[derive(Clone)]
pub struct Cipher {
    /// The data source.
    pub datasource: String,
    /// The user's name for it.
    pub name: String,
    /// Which of its texts.
    pub column: CipherColumn,
    /// The text.
    pub text: String,
}

impl DataSources<'_> {
    /// All encrypted texts.
    pub async fn ciphers(self) -> Result<Vec<Cipher>, MetaError> {
        let what = "read what is encrypted";
        let columns = [
            d::Column::Id,
            d::Column::Name,
            d::Column::PasswordCipher,
            d::Column::TlsKeyCipher,
        ];
        let select = d::Entity::find()
            .select_only()
            .columns(columns)
            .order_by_asc(d::Column::Id)
            .into_query();
        // from where is written: a reader of its own may be a little behind
        let rows = retry(what, Twice::Harmless, || self.0.write.query_all(&select)).await?;
        let mut ciphers = Vec::new();
        for row in rows {
            let cell = |at: usize| -> Result<String, MetaError> {
                let cell = row.try_get_by_index::<Option<String>>(at);
                cell.map(Option::unwrap_or_default)
                    .map_err(|error| MetaError::from_db(what, error))
            };
            for (at, column) in [(2, CipherColumn::Password), (3, CipherColumn::TlsKey)] {
                let text = cell(at)?;
                if !text.is_empty() {
                    ciphers.push(Cipher {
                        datasource: cell(0)?,
                        name: cell(1)?,
                        column,
                        text,
                    });
                }
            }
        }
        Ok(ciphers)
    }

    /// Replaces an encrypted text if it is still what it was; whether it was.
    pub async fn replace_cipher(self, was: &Cipher, text: &str) -> Result<bool, MetaError> {
        let column = match was.column {
            CipherColumn::Password => d::Column::PasswordCipher,
            CipherColumn::TlsKey => d::Column::TlsKeyCipher,
        };
        let update = Query::update()
            .table(d::Entity)
            .value(column, text)
            .value(d::Column::GmtModified, now())
            .and_where(is(d::Column::Id, was.datasource.as_str()))
            .and_where(is(column, was.text.as_str()))
            .to_owned();
        // done twice it matches nothing, and what stands there is looked at again
        let what = "encrypt anew";
        Ok(self.0.execute(what, Twice::Harmless, &update).await? > 0)
    }
}
