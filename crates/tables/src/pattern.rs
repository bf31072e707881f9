//! Columns by name or by pattern: `*` stands for any text, `?` for one character.

use crate::table::Table;
use std::collections::HashSet;
use tautnet::error::{Error, Result};
use tautnet::printable::{list, shown};

/// The names of the columns that are meant. A text that is the name of a column means that one alone.
pub(crate) fn columns<'a>(table: &'a Table, asked: &[String]) -> Result<HashSet<&'a str>> {
    let mut names = HashSet::new();
    for text in asked {
        if !text.contains(['*', '?']) || table.column(text).is_ok() {
            names.insert(&*table.column(text)?.name);
            continue;
        }
        let pattern: Vec<char> = text.chars().collect();
        let before = names.len();
        names.extend(table.columns().iter().map(|column| &*column.name).filter(|name| matches(&pattern, name)));
        let found = names.len() > before || names.iter().any(|name| matches(&pattern, name));
        if !found {
            return Err(Error::new(
                format!("{} has no column like `{}`", table.source(), shown(text)),
                format!("its columns are {}", list(table.columns().iter().map(|column| &*column.name))),
            ));
        }
    }
    Ok(names)
}

/// Whether a name is like a pattern. After a `*` the shortest text is tried first, and only the last `*` is gone back to.
pub(crate) fn matches(pattern: &[char], name: &str) -> bool {
    let name: Vec<char> = name.chars().collect();
    let (mut at, mut k) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while k < name.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, k));
                at += 1;
            }
            Some(&sign) if sign == '?' || sign == name[k] => (at, k) = (at + 1, k + 1),
            _ => match &mut star {
                Some((place, taken)) => {
                    *taken += 1;
                    (at, k) = (*place + 1, *taken);
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|sign| *sign == '*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// By its definition.
    fn naive(pattern: &[char], name: &[char]) -> bool {
        match pattern.split_first() {
            None => name.is_empty(),
            Some(('*', rest)) => (0..=name.len()).any(|k| naive(rest, &name[k..])),
            Some((sign, rest)) => {
                name.split_first().is_some_and(|(first, after)| (*sign == '?' || sign == first) && naive(rest, after))
            }
        }
    }

    proptest! {
        #[test]
        fn patterns_match_as_they_are_defined(pattern in "[ab*?]{0,8}", name in "[ab]{0,10}") {
            let pattern: Vec<char> = pattern.chars().collect();
            prop_assert_eq!(matches(&pattern, &name), naive(&pattern, &name.chars().collect::<Vec<_>>()));
        }
    }
}
