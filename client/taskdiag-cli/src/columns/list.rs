// SPDX-License-Identifier: MIT
//! Parses lists of columns in the syntax of `ps -o`: names separated by commas or
//! blanks, each with an optional width and heading.

/// A column of a list: `NAME[:WIDTH][=HEADING]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ColumnSpec<'a> {
    pub(crate) name: &'a str,
    pub(crate) width: Option<usize>,
    pub(crate) heading: Option<&'a str>,
}

/// Errors of a list of columns.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ColumnListError {
    #[error("empty column name")]
    Empty,
    #[error("invalid column width {0:?}: expected a number from 1 to {MAX_WIDTH}")]
    Width(String),
}

/// The largest accepted width: larger ones are typing errors.
const MAX_WIDTH: usize = 100_000;

/// Parses a list. Neither a name nor a heading can contain a separator.
pub(crate) fn parse(list: &str) -> Result<Vec<ColumnSpec<'_>>, ColumnListError> {
    // Like ps, accept one separator at the end.
    let list = list.strip_suffix(is_separator).unwrap_or(list);
    list.split(is_separator).map(ColumnSpec::parse).collect()
}

/// Whether the character separates columns of a list.
pub(crate) fn is_separator(c: char) -> bool {
    matches!(c, ',' | ' ' | '\t' | '\n')
}

impl<'a> ColumnSpec<'a> {
    /// Parses one column.
    pub(crate) fn parse(word: &'a str) -> Result<Self, ColumnListError> {
        let (name, heading) = match word.split_once('=') {
            Some((name, heading)) => (name, Some(heading)),
            None => (word, None),
        };
        let (name, width) = match name.split_once(':') {
            Some((name, width)) => (name, Some(parse_width(width)?)),
            None => (name, None),
        };
        if name.is_empty() {
            return Err(ColumnListError::Empty);
        }
        Ok(Self {
            name,
            width,
            heading,
        })
    }
}

fn parse_width(word: &str) -> Result<usize, ColumnListError> {
    word.parse()
        .ok()
        .filter(|width| (1..=MAX_WIDTH).contains(width) && !word.starts_with(['0', '+']))
        .ok_or_else(|| ColumnListError::Width(word.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(
        name: &str,
        width: Option<usize>,
        heading: Option<&'static str>,
    ) -> ColumnSpec<'static> {
        ColumnSpec {
            name: Box::leak(name.to_owned().into_boxed_str()),
            width,
            heading,
        }
    }

    #[test]
    fn names_are_separated_by_commas_or_blanks() {
        let expected = vec![spec("pid", None, None), spec("%cpu", None, None)];
        for list in ["pid,%cpu", "pid %cpu", "pid\t%cpu\n", "pid,%cpu,"] {
            assert_eq!(parse(list), Ok(expected.clone()), "{list:?}");
        }
    }

    #[test]
    fn widths_and_headings_are_parsed() {
        assert_eq!(
            parse("user:20,pid=,comm=NAME,args:5=Command"),
            Ok(vec![
                spec("user", Some(20), None),
                spec("pid", None, Some("")),
                spec("comm", None, Some("NAME")),
                spec("args", Some(5), Some("Command")),
            ])
        );
    }

    #[test]
    fn malformed_lists_are_rejected() {
        for list in ["", ",", "pid,,comm", ",pid", "=X", ":5"] {
            assert_eq!(parse(list), Err(ColumnListError::Empty), "{list:?}");
        }
        for width in ["", "0", "07", "-1", "+1", "x", "100001"] {
            let error = ColumnListError::Width(width.to_owned());
            assert_eq!(parse(&format!("pid:{width}")), Err(error));
        }
    }
}
