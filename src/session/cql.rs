//! What a statement does, by its first word.

/// The first word of a statement, behind its comments; empty if it does not begin with one.
pub(super) fn first_keyword(statement: &str) -> &str {
    let mut rest = statement.trim_start();
    loop {
        let line = rest.strip_prefix("--").or_else(|| rest.strip_prefix("//"));
        let end = match (line, rest.strip_prefix("/*")) {
            (Some(line), _) => line.split_once(['\n', '\r']),
            (None, Some(block)) => block.split_once("*/"),
            (None, None) => break,
        };
        rest = end.map_or("", |(_comment, rest)| rest.trim_start());
    }
    rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default()
}

/// Whether it only is_read_only, and so applies nothing.
pub(super) fn is_read_only(statement: &str) -> bool {
    first_keyword(statement).eq_ignore_ascii_case("SELECT")
}

/// Whether it has its connection use another keyspace, which the others have to follow.
pub(super) fn switches_keyspace(statement: &str) -> bool {
    first_keyword(statement).eq_ignore_ascii_case("USE")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_word_is_found_behind_blanks_and_comments() {
        for (statement, expected) in [
            ("SELECT 1", "SELECT"),
            (" \n insert", "insert"),
            ("-- a\r/* b\n-- c */// d\n  USE\"Ks\"", "USE"),
            ("use/**/ks", "use"),
            ("-- SELECT", ""),
            ("/* SELECT", ""),
            ("?", ""),
            ("", ""),
        ] {
            assert_eq!(first_keyword(statement), expected, "{statement:?}");
        }
        assert!(switches_keyspace("-- c\nUse ks") && !switches_keyspace("USED"));
        assert!(is_read_only("/* USE */select") && !is_read_only("SELECTED"));
    }
}
