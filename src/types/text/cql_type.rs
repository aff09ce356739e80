//! Parses and formats CQL types.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use nom::Parser;
use nom::character::complete::digit1;
use nom::combinator::opt;
use nom::multi::many0_count;
use nom::sequence::{preceded, terminated};

use super::class_name;
use super::{
    CqlTextError, Identifier, Parsed, Quoted, blanks, fault, keyword, name, quoted_text, symbol,
    whole,
};
use crate::types::{CqlType, MAX_TYPE_DEPTH, NativeType, UdtType};

/// A function that looks up a user-defined type by its keyspace and its name. The keyspace is
/// `None` if the text names no keyspace.
type FindUdt<'f> = &'f mut dyn FnMut(Option<&str>, &str) -> Option<Arc<UdtType>>;

impl CqlType {
    /// Parses a type from CQL text. `user_type` looks up a user-defined type by its keyspace and
    /// its name. The keyspace is `None` if the text names no keyspace. Names that the text does not
    /// quote are passed in lower case.
    ///
    /// `frozen<T>` is parsed as `T`, since both have the same values. A quoted string is a Java class
    /// name, which [`parse_class`](Self::parse_class) resolves.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use cqlwire::types::{CqlType, NativeType, UdtType};
    ///
    /// let address = Arc::new(UdtType {
    ///     keyspace: "shop".into(),
    ///     name: "address".into(),
    ///     fields: vec![("street".into(), NativeType::Text.into())],
    /// });
    /// let parsed = CqlType::parse_with("map<text, frozen<Address>>", |keyspace, name| {
    ///     (keyspace.is_none() && name == "address").then(|| Arc::clone(&address))
    /// })?;
    /// assert_eq!(parsed.to_string(), "map<text, shop.address>");
    /// # Ok::<(), cqlwire::types::CqlTextError>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the text is not a type, if `user_type` returns `None`, or if types nest
    /// deeper than [`MAX_TYPE_DEPTH`].
    pub fn parse_with(
        text: &str,
        mut user_type: impl FnMut(Option<&str>, &str) -> Option<Arc<UdtType>>,
    ) -> Result<Self, CqlTextError> {
        parse(text, &mut user_type, "a known type")
    }
}

/// Parses a type that contains no user-defined type. To parse user-defined types, use
/// [`CqlType::parse_with`].
impl FromStr for CqlType {
    type Err = CqlTextError;

    fn from_str(text: &str) -> Result<Self, CqlTextError> {
        let hint = "a native type, or a collection of such types (use CqlType::parse_with for user-defined types)";
        parse(text, &mut |_, _| None, hint)
    }
}

fn parse(text: &str, find: FindUdt<'_>, expected: &'static str) -> Result<CqlType, CqlTextError> {
    let mut types = TypeParser { find, expected };
    whole(|input| terminated(|input| types.cql_type(input, 0), blanks).parse(input), text)
}

/// A parser of CQL types.
struct TypeParser<'f> {
    find: FindUdt<'f>,
    /// Description of the expected type, for the error if `find` returns `None`.
    expected: &'static str,
}

impl TypeParser<'_> {
    // The recursive functions are small and call no generic parser. Without optimization, each level
    // of recursion would otherwise use several kilobytes of stack.

    fn cql_type<'a>(&mut self, input: &'a str, depth: usize) -> Parsed<'a, CqlType> {
        // A loop instead of a recursion, because the nesting bound does not count `frozen`.
        let (rest, levels) = frozen(input)?;
        let (mut rest, cql_type) = self.unfrozen(rest, depth)?;
        for _ in 0..levels {
            rest = closed(rest)?;
        }
        Ok((rest, cql_type))
    }

    fn unfrozen<'a>(&mut self, input: &'a str, depth: usize) -> Parsed<'a, CqlType> {
        let (start, _) = blanks(input)?;
        if depth >= MAX_TYPE_DEPTH {
            return Err(too_deep(start));
        }
        match outer(start) {
            Some((outer, rest)) => self.with_parameters(&outer, start, rest, depth),
            None => self.without_parameters(start, depth),
        }
    }

    /// Parses a type without parameters: a class name, a native type or a user-defined type.
    fn without_parameters<'a>(&mut self, start: &'a str, depth: usize) -> Parsed<'a, CqlType> {
        if start.starts_with('\'') {
            let (rest, class) = quoted_text(start)?;
            return Ok((rest, class_name::parse_within(&class, depth)));
        }
        let (rest, first) = match name(start) {
            Err(nom::Err::Error(_)) => return Err(fault(start, "a CQL type")),
            read => read?,
        };
        let (rest, second) = opt(preceded(symbol('.', "`.`"), name)).parse(rest)?;
        let native = native(&first.text).filter(|_| !first.is_quoted);
        let cql_type = match (second, native) {
            (None, Some(native)) => native.into(),
            (None, None) => CqlType::Udt(self.user_type(start, None, &first.text)?),
            (Some(name), _) => {
                CqlType::Udt(self.user_type(start, Some(&first.text), &name.text)?)
            }
        };
        Ok((rest, cql_type))
    }

    fn user_type<'a>(
        &mut self,
        start: &'a str,
        keyspace: Option<&str>,
        name: &str,
    ) -> Result<Arc<UdtType>, nom::Err<super::Fault<'a>>> {
        (self.find)(keyspace, name).ok_or_else(|| fault(start, self.expected))
    }

    /// Parses the parameters of type `outer`, which begin at `input`, and the closing `>`. If `outer`
    /// has no parameters, the error points to `start`.
    fn with_parameters<'a>(
        &mut self,
        outer: &str,
        start: &'a str,
        input: &'a str,
        depth: usize,
    ) -> Parsed<'a, CqlType> {
        let below = depth.saturating_add(1);
        let (rest, cql_type) = match outer {
            "list" => {
                let (rest, element) = self.cql_type(input, below)?;
                (rest, CqlType::List(Box::new(element)))
            }
            "set" => {
                let (rest, element) = self.cql_type(input, below)?;
                (rest, CqlType::Set(Box::new(element)))
            }
            "tuple" => self.tuple(input, below)?,
            "map" => self.map(input, below)?,
            "vector" => {
                let (rest, element) = self.cql_type(input, below)?;
                vector(element, rest)?
            }
            _ => return Err(fault(start, "list, set, map, tuple, vector or frozen before `<`")),
        };
        Ok((closed(rest)?, cql_type))
    }

    fn map<'a>(&mut self, input: &'a str, below: usize) -> Parsed<'a, CqlType> {
        let (rest, key) = self.cql_type(input, below)?;
        let (rest, value) = self.cql_type(comma(rest)?, below)?;
        Ok((rest, CqlType::Map(Box::new((key, value)))))
    }

    fn tuple<'a>(&mut self, mut input: &'a str, below: usize) -> Parsed<'a, CqlType> {
        let mut elements = Vec::new();
        // CQL has no empty tuple, but the protocol can describe one.
        if closed(input).is_ok() {
            return Ok((input, CqlType::Tuple(elements)));
        }
        loop {
            let (rest, element) = self.cql_type(input, below)?;
            elements.push(element);
            match comma(rest) {
                Ok(rest) => input = rest,
                Err(_) => return Ok((rest, CqlType::Tuple(elements))),
            }
        }
    }
}

#[cold]
fn too_deep(at: &str) -> nom::Err<super::Fault<'_>> {
    fault(at, format!("at most {MAX_TYPE_DEPTH} nested types"))
}

/// Counts the `frozen<` at the start of `input`.
fn frozen(input: &str) -> Parsed<'_, usize> {
    many0_count((preceded(blanks, keyword("frozen")), symbol('<', "`<`"))).parse(input)
}

/// Returns the name of a type with parameters, and the text after the `<`. Returns `None` if `start`
/// is another type.
fn outer(start: &str) -> Option<(Cow<'_, str>, &str)> {
    let (rest, outer) = name(start).ok().filter(|(_, outer)| !outer.is_quoted)?;
    let (rest, _) = symbol('<', "`<`").parse(rest).ok()?;
    Some((outer.text, rest))
}

/// Parses a `>`.
fn closed(input: &str) -> Result<&str, nom::Err<super::Fault<'_>>> {
    Ok(symbol('>', "`>`").parse(input)?.0)
}

/// Parses a comma.
fn comma(input: &str) -> Result<&str, nom::Err<super::Fault<'_>>> {
    Ok(symbol(',', "`,`").parse(input)?.0)
}

/// Parses the comma and the number of elements of a vector.
fn vector(element: CqlType, input: &str) -> Parsed<'_, CqlType> {
    let (rest, _) = blanks(comma(input)?)?;
    let (after, dimensions) = opt(digit1).parse(rest)?;
    let dimensions = dimensions.and_then(|digits: &str| digits.parse().ok());
    let dimensions = dimensions.ok_or_else(|| fault(rest, "a number of elements"))?;
    Ok((after, CqlType::vector(element, dimensions)))
}

fn native(name: &str) -> Option<NativeType> {
    NativeType::from_name(if name == "varchar" { "text" } else { name })
}

/// Returns true if `name` must be quoted when it names a user-defined type. These are the names of
/// all other types, and words that servers accept as a column name but not as a type name.
fn is_reserved(name: &str) -> bool {
    const TYPES: [&str; 6] = ["frozen", "list", "map", "set", "tuple", "vector"];
    const KEYWORDS: [&str; 12] = [
        "bitstring",
        "byte",
        "cast",
        "complex",
        "count",
        "distinct",
        "enum",
        "interval",
        "json",
        "macaddr",
        "ttl",
        "writetime",
    ];
    native(name).is_some() || TYPES.contains(&name) || KEYWORDS.contains(&name)
}

impl fmt::Display for CqlType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Native(native) => native.fmt(f),
            Self::List(element) => write!(f, "list<{element}>"),
            Self::Set(element) => write!(f, "set<{element}>"),
            Self::Map(pair) => write!(f, "map<{}, {}>", pair.0, pair.1),
            Self::Tuple(elements) => {
                f.write_str("tuple<")?;
                for (index, element) in elements.iter().enumerate() {
                    let comma = if index == 0 { "" } else { ", " };
                    write!(f, "{comma}{element}")?;
                }
                f.write_str(">")
            }
            Self::Udt(udt) => {
                if !udt.keyspace.is_empty() {
                    write!(f, "{}.", Identifier(&udt.keyspace))?;
                }
                match is_reserved(&udt.name) {
                    true => Quoted(&udt.name).fmt(f),
                    false => Identifier(&udt.name).fmt(f),
                }
            }
            Self::Vector(vector) => write!(f, "vector<{}, {}>", vector.element, vector.dimensions),
            Self::Custom(class) => write!(f, "'{}'", class.replace('\'', "''")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn udt(keyspace: &str, name: &str) -> Arc<UdtType> {
        let fields = vec![("a".into(), NativeType::Int.into())];
        Arc::new(UdtType { keyspace: keyspace.into(), name: name.into(), fields })
    }

    fn parse_any(text: &str) -> Result<CqlType, CqlTextError> {
        CqlType::parse_with(text, |keyspace, name| Some(udt(keyspace.unwrap_or(""), name)))
    }

    #[test]
    fn types_parse_and_print() {
        for (text, printed) in [
            ("int", "int"),
            (" VarChar ", "text"),
            ("list<frozen<frozen<set<int>>>>", "list<set<int>>"),
            ("MAP < text,\n int >", "map<text, int>"),
            ("tuple<int>", "tuple<int>"),
            ("tuple< >", "tuple<>"),
            ("vector<float, 3>", "vector<float, 3>"),
            ("Address", "address"),
            ("ks . \"Address\"", "ks.\"Address\""),
            ("\"select\".\"a\"\"b\"", "\"select\".\"a\"\"b\""),
            ("\"text\"", "\"text\""),
            ("ks.frozen", "ks.\"frozen\""),
            ("frozen", "\"frozen\""),
            ("ks.json", "ks.\"json\""),
            ("ks.key", "ks.key"),
            ("'com.example.It''s'", "'com.example.It''s'"),
            ("'ListType(Int32Type)'", "list<int>"),
            ("''", "''"),
        ] {
            let parsed = parse_any(text).unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!(parsed.to_string(), printed, "{text}");
            assert_eq!(parse_any(printed), Ok(parsed), "{text}");
        }
        for native in NativeType::KNOWN {
            assert_eq!(native.to_string().parse(), Ok(CqlType::from(*native)));
        }
    }

    #[test]
    fn errors_point_to_the_first_invalid_text() {
        for (text, message) in [
            ("", "at byte 0: expected a CQL type, found the end of the text"),
            ("list<", "at byte 5: expected a CQL type, found the end of the text"),
            ("list<int, int>", "at byte 8: expected `>`, found \", int>\""),
            ("map<int>", "at byte 7: expected `,`, found \">\""),
            ("tuple<int,>", "at byte 10: expected a CQL type, found \">\""),
            ("vector<int, x>", "at byte 12: expected a number of elements, found \"x>\""),
            ("int int", "at byte 4: expected the end of the text, found \"int\""),
            ("'a", "at byte 2: expected a closing `'`, found the end of the text"),
            (
                "bag<int>",
                "at byte 0: expected list, set, map, tuple, vector or frozen before `<`, \
                 found \"bag<int>\"",
            ),
            (
                "list<adress>",
                "at byte 5: expected a native type, or a collection of such types \
                 (use CqlType::parse_with for user-defined types), found \"adress>\"",
            ),
        ] {
            assert_eq!(text.parse::<CqlType>().unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let lists = |depth: usize| format!("{}int{}", "list<".repeat(depth), ">".repeat(depth));
        assert!(lists(MAX_TYPE_DEPTH - 1).parse::<CqlType>().is_ok());
        for depth in [MAX_TYPE_DEPTH, 100_000] {
            let error = lists(depth).parse::<CqlType>().unwrap_err();
            assert_eq!(error.expected(), "at most 128 nested types");
        }
        let frozen = format!("{}int{}", "frozen<".repeat(100_000), ">".repeat(100_000));
        assert_eq!(frozen.parse(), Ok(CqlType::from(NativeType::Int)));
    }
}
