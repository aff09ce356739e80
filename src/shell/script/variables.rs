//! Variables of scripts, such as `${keyspace}`.

use std::collections::HashMap;
use std::fmt;

use crate::cql::{Token, TokenKind, next_token};

/// The values of variables, by name. The `Debug` output omits the values, which may be passwords.
#[derive(Clone, Default)]
pub(in crate::shell) struct Variables(HashMap<String, String>);

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl FromIterator<(String, String)> for Variables {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}

/// The reason why the variables of a script cannot be replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::shell) struct VariableError {
    /// Line of the variable, from 1.
    pub(in crate::shell) line: usize,
    pub(in crate::shell) reason: String,
}

/// Replaces the variables of a script by their values. Variables in comments are left. If no values are
/// given, so are variables in strings and quoted names, because other shells do not replace them.
///
/// A value cannot end what contains it: in a string or a quoted name, its quotation marks are doubled, and
/// elsewhere it is one token. So a value cannot add a statement.
///
/// # Errors
/// Returns the first variable that has no value, or whose value is not allowed in its place: `$$` in a
/// string between `$$`, or not one word, number, string or quoted name outside of strings.
pub(in crate::shell) fn replace_variables(
    script: &str,
    values: &Variables,
) -> Result<String, VariableError> {
    let mut replaced = String::with_capacity(script.len());
    let mut rest = script;
    while let Some(token) = next_token(rest) {
        let fail = |reason| {
            let before = &script[..script.len() - rest.len()];
            VariableError { line: before.matches('\n').count() + 1, reason }
        };
        let mut length = token.text.len();
        if token.kind == TokenKind::Symbol
            && let Some(name) = variable_name(rest)
        {
            let value = values.get(name).map_err(fail)?;
            if !is_one_token(value, replaced.ends_with('-')) {
                return Err(fail(format!(
                    "the value of variable `{name}` is not one word, number, string or quoted name, so \
                     the script was not run; write the variable in quotation marks if it is text"
                )));
            }
            replaced.push_str(value);
            length = variable_length(name);
        } else if token.kind.is_quoted() && !values.0.is_empty() {
            replaced.push_str(&replace_in_quotes(token, values).map_err(fail)?);
        } else {
            replaced.push_str(token.text);
        }
        rest = &rest[length..];
    }
    Ok(replaced)
}

impl Variables {
    /// Returns the value of a variable.
    ///
    /// # Errors
    /// Returns the reason if it has none.
    fn get(&self, name: &str) -> Result<&str, String> {
        self.0.get(name).map(String::as_str).ok_or_else(|| {
            format!(
                "variable `{name}` has no value, so the script was not run; pass --variable \
                 {name}=VALUE"
            )
        })
    }
}

/// Replaces the variables of a string or a quoted name.
///
/// # Errors
/// Returns the reason if a variable has no value, or one that ends the string.
fn replace_in_quotes(token: Token<'_>, values: &Variables) -> Result<String, String> {
    let mark = token.text.chars().next().unwrap_or_default();
    let mut replaced = String::with_capacity(token.text.len());
    let mut text = token.text;
    while let Some(at) = text.find("${") {
        replaced.push_str(&text[..at]);
        text = &text[at..];
        let Some(name) = variable_name(text) else {
            replaced.push_str("${");
            text = &text["${".len()..];
            continue;
        };
        let value = values.get(name)?;
        match mark {
            '$' if value.contains("$$") || value.starts_with('$') || value.ends_with('$') => {
                return Err(format!(
                    "the value of variable `{name}` may end the string between $$, so the script was \
                     not run; write the string in '"
                ));
            }
            '$' => replaced.push_str(value),
            mark => replaced.push_str(&value.replace(mark, &String::from_iter([mark, mark]))),
        }
        text = &text[variable_length(name)..];
    }
    replaced.push_str(text);
    Ok(replaced)
}

/// Returns true if a value is one word, number, string or quoted name. A number may have a minus sign,
/// except after another one (`follows_minus`), with which it would begin a comment.
fn is_one_token(value: &str, follows_minus: bool) -> bool {
    let (value, is_negative) = match value.strip_prefix('-') {
        Some(value) if !follows_minus => (value, true),
        _ => (value, false),
    };
    next_token(value).is_some_and(|token| {
        let is_allowed = match token.kind {
            TokenKind::Number => true,
            TokenKind::Word | TokenKind::String | TokenKind::QuotedName => !is_negative,
            _ => false,
        };
        is_allowed && token.text.len() == value.len()
    })
}

/// Returns the name of the variable at the start of a text.
fn variable_name(text: &str) -> Option<&str> {
    let text = text.strip_prefix("${")?;
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let (name, rest) = text.split_at(text.find(|c| !is_name(c))?);
    (!name.is_empty() && rest.starts_with('}')).then_some(name)
}

/// Returns the length of a variable in a script, in bytes.
const fn variable_length(name: &str) -> usize {
    "${}".len() + name.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(values: &[(&str, &str)]) -> Variables {
        values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn error(script: &str, values: &Variables) -> (usize, String) {
        let VariableError { line, reason } = replace_variables(script, values).unwrap_err();
        (line, reason)
    }

    #[test]
    fn replaces_variables_outside_comments() {
        let script = "USE ${ks}; -- ${ks}\nINSERT '${user} ${' \"${ks}\" $$ ${ks}$$ ${ks}x;";
        let values = values(&[("ks", "shop"), ("user", "ada")]);
        let expected = "USE shop; -- ${ks}\nINSERT 'ada ${' \"shop\" $$ shop$$ shopx;";
        assert_eq!(replace_variables(script, &values), Ok(expected.to_owned()));
    }

    #[test]
    fn refuses_a_variable_without_a_value() {
        let (line, reason) = error("SELECT '${a}';\nUSE ${ks};", &Variables::default());
        assert_eq!(line, 2);
        assert!(reason.starts_with("variable `ks` has no value"), "{reason}");
        let (line, reason) = error("SELECT '${a}';\nUSE ${ks};", &values(&[("ks", "x")]));
        assert_eq!(line, 1);
        assert!(reason.starts_with("variable `a` has no value"), "{reason}");
        let quoted = "SELECT '${a}', \"${b}\", $$ ${c} $$; -- ${d}";
        assert_eq!(replace_variables(quoted, &Variables::default()), Ok(quoted.to_owned()));
    }

    #[test]
    fn a_value_does_not_end_the_string_or_name_around_it() {
        let values = values(&[("v", "x'; DROP TABLE \"t"), ("d", "a$$; DROP"), ("e", "a$")]);
        for (script, expected) in [
            ("'${v}'", "'x''; DROP TABLE \"t'"),
            ("\"${v}\"", "\"x'; DROP TABLE \"\"t\""),
            ("$$${v}$$", "$$x'; DROP TABLE \"t$$"),
            ("'${d}'", "'a$$; DROP'"),
        ] {
            assert_eq!(replace_variables(script, &values), Ok(expected.to_owned()));
        }
        for script in ["$$${d}$$", "$$${e}$$"] {
            let (_, reason) = error(script, &values);
            assert!(reason.contains("may end the string between $$"), "{reason}");
        }
    }

    #[test]
    fn a_value_outside_of_strings_is_one_token() {
        for value in ["ks", "-1.5e3", "'it''s'", "\"Ks\"", "$$a b$$", "0xff"] {
            let expected = Ok(format!("SET a = {value};"));
            assert_eq!(replace_variables("SET a = ${v};", &values(&[("v", value)])), expected);
        }
        for value in ["", ";", "a;", "a b", " a", "1 OR", "--", "-a", "/* a", "'a", "a--", "*"] {
            let (_, reason) = error("SET a = ${v};", &values(&[("v", value)]));
            assert!(reason.contains("is not one word, number"), "{value}: {reason}");
        }
        let (_, reason) = error("SET a = a -${v};", &values(&[("v", "-1")]));
        assert!(reason.contains("is not one word, number"), "{reason}");
    }

    #[test]
    fn debug_output_does_not_contain_the_values() {
        assert_eq!(format!("{:?}", values(&[("password", "s3cret")])), "{\"password\"}");
    }
}
