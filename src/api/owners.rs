//! Whose things are: the accounts that they belong to, and how these stand to who asks.

use super::auth::Who;
use super::permit::{Relation, may, of_department};
use super::{Api, FIRST_ACCOUNT};
use crate::error::Result;
use std::collections::HashMap;

/// Names and departments of all accounts, by id.
pub struct Owners(HashMap<String, (String, String)>);

impl Owners {
    /// As they are now.
    pub async fn load(api: &Api) -> Result<Self> {
        let users = api.metadata.users().list().await?;
        let users = users.into_iter().flatten();
        Ok(Self(
            users
                .map(|user| (user.id, (user.account, user.department_id)))
                .collect(),
        ))
    }

    /// The accounts whose things a list shows.
    pub fn seen(&self, who: &Who, action: &str) -> Vec<String> {
        let accounts = self.0.keys();
        let seen = accounts.filter(|id| self.sees(who, action, Some(id.as_str())));
        seen.cloned().collect()
    }

    /// How what belongs to an account stands to who asks.
    pub fn relation(&self, who: &Who, owner: Option<&str>) -> Relation {
        match owner {
            None => Relation::Foreign,
            Some(owner) if owner == who.id => Relation::Own,
            Some(owner) => match self.0.get(owner) {
                Some((_, department)) => of_department(who, department),
                None => Relation::Foreign,
            },
        }
    }

    /// Does a list show it.
    pub fn sees(&self, who: &Who, action: &str, owner: Option<&str>) -> bool {
        may(who.role, action, self.relation(who, owner))
    }

    /// The name of whom it belongs to.
    pub fn account(&self, owner: Option<&str>) -> &str {
        let found = owner.and_then(|owner| self.0.get(owner));
        found.map_or(FIRST_ACCOUNT, |(account, _)| account)
    }
}
