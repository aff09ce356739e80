//! Restores the escaping of string literals in the `WHERE` clause of a materialized view.
//!
//! Cassandra stores the clause in `system_schema.views` with the quotes in literals unescaped:
//! `v = 'it''s'` becomes `v = 'it's'`, which is not valid CQL.

use std::borrow::Cow;

use super::ddl::string;

/// Returns `clause` with the quotes inside its string literals escaped.
///
/// A valid clause is returned unchanged. In any other clause, a literal is taken to end at the
/// first quote that is followed by something that may follow a literal. Outside brackets, this is
/// the end of the clause, or ` AND ` and a relation. Inside brackets, it is a comma, a colon or a
/// closing bracket. A literal that itself contains such a sequence is split there. If a literal has
/// no end, the clause is returned unchanged.
pub(super) fn escape_literals(clause: &str) -> Cow<'_, str> {
    match requote(clause, escaped_end) {
        Some(_) => Cow::Borrowed(clause),
        None => requote(clause, unescaped_end).map_or(Cow::Borrowed(clause), Cow::Owned),
    }
}

/// Copies a clause and escapes the content of each string literal. `end` returns the position of
/// the closing quote in the text after the opening quote; its second argument is the depth of
/// brackets. Returns `None` if a literal or a quoted name has no end.
fn requote(clause: &str, end: fn(&str, usize) -> Option<usize>) -> Option<String> {
    let (mut rest, mut depth, mut out) = (clause, 0_usize, String::new());
    while let Some(at) = rest.find(['\'', '"', '(', ')', '[', ']', '{', '}']) {
        let (before, from) = rest.split_at(at);
        let (mark, after) = from.split_at(1);
        out.push_str(before);
        rest = after;
        match mark {
            "'" => {
                let (content, after) = after.split_at(end(after, depth)?);
                out.push_str(&string(content));
                rest = after.strip_prefix('\'')?;
                continue;
            }
            // A doubled quote in a name is handled as the end of one name and the start of the
            // next, which copies both quotes.
            "\"" => {
                let (name, after) = after.split_once('"')?;
                out.push_str(&format!("\"{name}\""));
                rest = after;
                continue;
            }
            "(" | "[" | "{" => depth = depth.saturating_add(1),
            _ => depth = depth.saturating_sub(1),
        }
        out.push_str(mark);
    }
    out.push_str(rest);
    Some(out)
}

/// Returns the position of the closing quote of a literal whose inner quotes are escaped. Returns
/// `None` if there is no such quote, or if the text after it cannot follow a literal.
fn escaped_end(text: &str, depth: usize) -> Option<usize> {
    let mut quotes = quotes(text);
    loop {
        let (at, after) = quotes.next()?;
        match after.starts_with('\'') {
            true => _ = quotes.next(),
            false => return ends_literal(after, depth).then_some(at),
        }
    }
}

/// Returns the position of the closing quote of a literal whose inner quotes are not escaped, or
/// `None` if there is no such quote.
fn unescaped_end(text: &str, depth: usize) -> Option<usize> {
    quotes(text).find(|(_, after)| ends_literal(after, depth)).map(|(at, _)| at)
}

/// Returns the position of each quote, and the text after it.
fn quotes(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.match_indices('\'')
        .filter_map(|(at, quote)| Some((at, text.get(at.saturating_add(quote.len())..)?)))
}

/// Returns true if `after` may follow a literal at this depth of brackets.
fn ends_literal(after: &str, depth: usize) -> bool {
    match depth {
        0 => after.is_empty() || after.strip_prefix(" AND ").is_some_and(starts_relation),
        _ => after.starts_with([',', ':', ')', ']', '}']),
    }
}

/// Returns true if the text starts with a column, several columns or `token(...)`, and an operator.
fn starts_relation(text: &str) -> bool {
    const OPERATORS: [&str; 9] =
        ["=", "<", ">", "!=", "IS NOT NULL", "IN ", "CONTAINS ", "LIKE ", "BETWEEN "];
    let (name, after) = match text.strip_prefix('"') {
        Some(quoted) => quoted.split_once("\" ").unwrap_or_default(),
        None if text.starts_with('(') || text.starts_with("token(") => {
            text.split_once(") ").unwrap_or_default()
        }
        None => {
            let (name, after) = text.split_once(' ').unwrap_or_default();
            match name.chars().all(|c| c.is_alphanumeric() || c == '_') {
                true => (name, after),
                false => return false,
            }
        }
    };
    !name.is_empty() && OPERATORS.iter().any(|operator| after.starts_with(operator))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_valid_clause_stays_unchanged() {
        for clause in [
            "",
            "v IS NOT NULL AND k > 5",
            "v = ''",
            "v = 'a' AND k IS NOT NULL",
            "v = 'it''s' AND k = 'they''re'",
            "v IN ('a', 'b') AND \"it's\" IS NOT NULL",
            "(a, b) > ('x', 'y') AND token(k) > token('it''s')",
            "m = {'a': 'b', 'c': 'd'} AND \"a\"\"b\" = 'c'",
        ] {
            assert!(matches!(escape_literals(clause), Cow::Borrowed(same) if same == clause));
        }
    }

    #[test]
    fn quotes_in_literals_are_escaped() {
        for (clause, expected) in [
            ("v = 'it's'", "v = 'it''s'"),
            ("v = '''", "v = ''''"),
            ("v = 'it'' AND k IS NOT NULL", "v = 'it''' AND k IS NOT NULL"),
            ("v > '' AND w = 'it's'", "v > '' AND w = 'it''s'"),
            ("v = 'a'b'c' AND \"it's\" = 'it's'", "v = 'a''b''c' AND \"it's\" = 'it''s'"),
            ("v = 'rock 'n' AND roll'", "v = 'rock ''n'' AND roll'"),
            ("v = 'it's (not)' AND k = 1", "v = 'it''s (not)' AND k = 1"),
            ("v IN ('it's', 'she's') AND k = 1", "v IN ('it''s', 'she''s') AND k = 1"),
            ("(a, b) > ('x's', 1)", "(a, b) > ('x''s', 1)"),
            ("v = 'it's' AND token(k) > 1", "v = 'it''s' AND token(k) > 1"),
            ("v = 'it's' AND (a, b) > (1, 2)", "v = 'it''s' AND (a, b) > (1, 2)"),
            ("m = {'it's': 'Zoë's'}", "m = {'it''s': 'Zoë''s'}"),
        ] {
            assert_eq!(escape_literals(clause), expected);
            assert_eq!(escape_literals(expected), expected);
        }
    }

    #[test]
    fn a_clause_that_cannot_be_read_stays_unchanged() {
        for clause in ["v = 'it's", "v = ('it's' AND k", "\"v = 'it's'", "'", "AND 'a' b"] {
            assert_eq!(escape_literals(clause), clause);
        }
    }
}
