//! Pages of lists.

use super::answer::PageInfo;
use super::request::invalid;
use crate::error::Result;

/// Items on a page where nothing is said, and at most.
const SIZE: u64 = 10;
const SIZE_MAX: u64 = 150;

/// Which page is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// From 1.
    pub number: u64,
    /// Items.
    pub size: u64,
}

impl Page {
    /// From `pageNumber` and `pageSize`.
    pub fn of(number: Option<u64>, size: Option<u64>) -> Result<Self> {
        let page = Self {
            number: number.unwrap_or(1),
            size: size.unwrap_or(SIZE),
        };
        if page.number == 0 {
            return Err(invalid("pageNumber", "the first page is 1"));
        }
        if page.size == 0 || page.size > SIZE_MAX {
            return Err(invalid("pageSize", format!("it must be 1 to {SIZE_MAX}")));
        }
        Ok(page)
    }

    /// The page of all items.
    pub fn cut<T>(self, items: Vec<T>) -> (Vec<T>, PageInfo) {
        let info = PageInfo {
            number: self.number,
            size: self.size,
            total: items.len() as u64,
        };
        let skip =
            usize::try_from((self.number - 1).saturating_mul(self.size)).unwrap_or(usize::MAX);
        let items = items.into_iter().skip(skip).take(self.size as usize);
        (items.collect(), info)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_cut() {
        let page = Page::of(Some(2), Some(3)).expect("valid");
        let (items, info) = page.cut((0..8).collect());
        assert_eq!((items, info.total), (vec![3, 4, 5], 8));
        assert!(
            Page::of(Some(u64::MAX), None)
                .expect("valid")
                .cut(vec![1])
                .0
                .is_empty()
        );
        assert!(Page::of(Some(0), None).is_err());
        assert!(Page::of(None, Some(151)).is_err());
    }
}
