//! Texts that match several statements.

/// A text that matches the statements of one form. `%` matches any number of characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StatementPattern {
    /// The parts between the wildcards, in lower case.
    parts: Vec<String>,
}

impl StatementPattern {
    pub(super) fn new(pattern: &str) -> Self {
        let parts = normalize(pattern).to_lowercase();
        Self { parts: parts.split('%').map(str::to_owned).collect() }
    }

    /// Returns true if the whole statement matches, whatever its case and the amount of white space.
    pub(super) fn matches(&self, statement: &str) -> bool {
        let statement = normalize(statement).to_lowercase();
        let Some((first, rest)) = self.parts.split_first() else { return false };
        let Some(statement) = statement.strip_prefix(&**first) else { return false };
        let Some((last, middle)) = rest.split_last() else { return statement.is_empty() };
        // The leftmost occurrence of each part leaves the most text for the parts after it.
        let mut remaining = statement;
        for part in middle {
            let Some((_, after)) = remaining.split_once(&**part) else { return false };
            remaining = after;
        }
        remaining.ends_with(&**last)
    }
}

/// Returns `text` without trailing semicolons, and with each run of white space replaced by one
/// space.
pub(super) fn normalize(text: &str) -> String {
    let text = text.trim_end_matches(|c: char| c == ';' || c.is_whitespace());
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_the_whole_statement() {
        let matches = |pattern: &str, text: &str| StatementPattern::new(pattern).matches(text);
        assert!(matches("select * from users", "SELECT  *\nFROM users;"));
        assert!(!matches("SELECT * FROM users", "SELECT name FROM users"));
        assert!(matches("%users%", "SELECT name FROM users WHERE id = 1"));
        assert!(matches("INSERT INTO users %", "INSERT INTO Users (id) VALUES (1)"));
        assert!(!matches("INSERT INTO users %", "BEGIN BATCH INSERT INTO users (id)"));
        assert!(matches("%", ""));
        assert!(matches("%b%b", "abab"));
        assert!(!matches("ab%b", "ab"));
        assert!(!matches("a%b%c", "acb"));
        assert!(matches("a%b%c", "abxbc"));
    }
}
