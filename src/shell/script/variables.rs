//! Variables of scripts, such as `${keyspace}`.

use std::collections::HashMap;

use crate::cql::{TokenKind, next_token};

/// Replaces the variables of a script by their values. Variables in comments are left. If no values are
/// given, so are variables in strings and quoted names, because other shells do not replace them.
///
/// # Errors
/// Returns the line and the name of the first variable without a value.
pub(in crate::shell) fn replace_variables(
    script: &str,
    values: &HashMap<String, String>,
) -> Result<String, (usize, String)> {
    let mut replaced = String::with_capacity(script.len());
    let mut rest = script;
    let replace = |text: &str, replaced: &mut String, before: &str| {
        let name = variable_name(text)?;
        Some(match values.get(name) {
            Some(value) => {
                replaced.push_str(value);
                Ok("${}".len() + name.len())
            }
            None => Err((before.matches('\n').count() + 1, name.to_owned())),
        })
    };
    while let Some(token) = next_token(rest) {
        let before = &script[..script.len() - rest.len()];
        let mut length = token.text.len();
        if token.kind == TokenKind::Symbol
            && let Some(variable) = replace(rest, &mut replaced, before)
        {
            length = variable?;
        } else if token.kind.is_quoted() && !values.is_empty() {
            let mut text = token.text;
            while let Some(at) = text.find("${") {
                replaced.push_str(&text[..at]);
                text = &text[at..];
                match replace(text, &mut replaced, before) {
                    Some(variable) => text = &text[variable?..],
                    None => {
                        replaced.push_str("${");
                        text = &text["${".len()..];
                    }
                }
            }
            replaced.push_str(text);
        } else {
            replaced.push_str(token.text);
        }
        rest = &rest[length..];
    }
    Ok(replaced)
}

/// Returns the name of the variable at the start of a text.
fn variable_name(text: &str) -> Option<&str> {
    let (name, _) = text.strip_prefix("${")?.split_once('}')?;
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    (!name.is_empty() && name.chars().all(is_name)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(values: &[(&str, &str)]) -> HashMap<String, String> {
        values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
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
        let script = "SELECT '${a}';\nUSE ${ks};";
        let unknown = |line, name: &str| Err((line, name.to_owned()));
        assert_eq!(replace_variables(script, &HashMap::new()), unknown(2, "ks"));
        assert_eq!(replace_variables(script, &values(&[("ks", "x")])), unknown(1, "a"));
        let quoted = "SELECT '${a}', \"${b}\", $$ ${c} $$; -- ${d}";
        assert_eq!(replace_variables(quoted, &HashMap::new()), Ok(quoted.to_owned()));
    }
}
