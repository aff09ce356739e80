//! The rules of `rename_all`, which change the case of a Rust name.

use syn::ext::IdentExt;
use syn::{Ident, LitStr, Result};

use crate::messages::list;

/// A rule for the case of names: a function that joins the words of a name, given in lower case.
#[derive(Clone, Copy)]
pub(crate) struct Rule(fn(&[String]) -> String);

const RULES: [(&str, Rule); 7] = [
    ("snake_case", Rule(|words| words.join("_"))),
    ("camelCase", Rule(camel)),
    ("PascalCase", Rule(|words| words.iter().map(|word| capital(word)).collect())),
    ("SCREAMING_SNAKE_CASE", Rule(|words| words.join("_").to_uppercase())),
    ("kebab-case", Rule(|words| words.join("-"))),
    ("lowercase", Rule(<[String]>::concat)),
    ("UPPERCASE", Rule(|words| words.concat().to_uppercase())),
];

impl Rule {
    pub(crate) fn parse(rule: &LitStr) -> Result<Self> {
        let (known, text) = (RULES.map(|(name, _)| name), rule.value());
        let found = RULES.into_iter().find(|(name, _)| *name == text);
        found.map(|(_, rule)| rule).ok_or_else(|| {
            let known = list(&known);
            syn::Error::new(
                rule.span(),
                format!("unknown naming rule `{text}`: use one of {known}"),
            )
        })
    }

    pub(crate) fn apply(self, ident: &Ident) -> String {
        (self.0)(&words(&ident.unraw().to_string()))
    }
}

fn camel(words: &[String]) -> String {
    let (first, rest) = words.split_first().map_or(("", words), |(first, rest)| (first, rest));
    first.to_owned() + &rest.iter().map(|word| capital(word)).collect::<String>()
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(char::to_uppercase).into_iter().flatten().chain(letters).collect()
}

/// Splits a name into words in lower case. An underscore or an upper-case letter starts a word. An acronym is
/// one word: `HTTPServer` consists of `http` and `server`.
fn words(name: &str) -> Vec<String> {
    let letters: Vec<char> = name.chars().collect();
    let (mut words, mut word) = (Vec::new(), String::new());
    for (index, &letter) in letters.iter().enumerate() {
        let after_lower = index > 0 && !letters[index - 1].is_uppercase();
        let before_lower = letters.get(index + 1).is_some_and(|next| next.is_lowercase());
        if letter == '_' || letter.is_uppercase() && (after_lower || before_lower) {
            words.push(std::mem::take(&mut word));
        }
        if letter != '_' {
            word.extend(letter.to_lowercase());
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn renamed(name: &str) -> Vec<String> {
        let ident: Ident = syn::parse_str(name).unwrap();
        RULES.iter().map(|(_, rule)| rule.apply(&ident)).collect()
    }

    #[test]
    fn every_rule_joins_the_same_words() {
        let all = ["user_id", "userId", "UserId", "USER_ID", "user-id", "userid", "USERID"];
        assert_eq!(renamed("user_id"), all);
        assert_eq!(renamed("UserId"), all);
        assert_eq!(renamed("_user__id"), all);
    }

    #[test]
    fn acronyms_digits_and_raw_identifiers_are_split() {
        assert_eq!(renamed("HTTPServer")[0], "http_server");
        assert_eq!(renamed("line2_a")[1], "line2A");
        assert_eq!(renamed("r#type")[2], "Type");
        assert_eq!(renamed("ÉtéÀ")[0], "été_à");
    }
}
