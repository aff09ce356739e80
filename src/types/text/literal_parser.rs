//! Parses CQL literals as values of a given type.

use std::borrow::Cow;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::sync::Arc;

use nom::Parser;
use nom::bytes::complete::{tag_no_case, take_while};
use nom::character::complete::{char, digit1};
use nom::combinator::{map_opt, opt, recognize};
use nom::sequence::{pair, terminated};
use uuid::Uuid;

use super::{
    CqlTextError, Fault, Identifier, Parsed, all_of, blanks, expected, fault, keyword, name,
    raw_string, string, symbol, whole, word,
};
use super::{number, temporal};
use crate::types::{CqlType, NativeType, UdtType, Value};
use crate::wire::Counted;

type Failure<'a> = nom::Err<Fault<'a>>;

impl Value {
    /// Parses a CQL literal as a value of `cql_type`. Accepts the text that `Display` writes, and
    /// all other constants that servers accept for the type.
    ///
    /// `null` is a value of every type. For text, blobs and custom types, `''` is a value of zero
    /// bytes. For all other types, `''` is the [empty](Value::Empty) value. Fields of user-defined
    /// types may be in any order. A missing field is null, but missing fields at the end of the
    /// type are left out of the value. Timestamps without a time zone are in UTC.
    ///
    /// ```
    /// use cqlwire::types::{CqlType, Value};
    ///
    /// let ages: CqlType = "map<text, int>".parse()?;
    /// let value = Value::parse(&ages, "{'Ada': 36, $$Grace$$: -1}")?;
    /// assert_eq!(value.to_string(), "{'Ada': 36, 'Grace': -1}");
    ///
    /// let error = Value::parse(&ages, "{'Ada': 3000000000}").unwrap_err();
    /// let message = "at byte 8: expected a whole number from -2147483648 to 2147483647";
    /// assert!(error.to_string().starts_with(message));
    /// # Ok::<(), cqlwire::types::CqlTextError>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the text is not a literal of the type.
    pub fn parse(cql_type: &CqlType, literal: &str) -> Result<Self, CqlTextError> {
        whole(|input| terminated(|input| value(cql_type, input), blanks).parse(input), literal)
    }
}

/// Skips blanks and parses a value. The recursion is as deep as the nesting of the type.
fn value<'a>(cql_type: &CqlType, input: &'a str) -> Parsed<'a, Value> {
    let (input, _) = blanks(input)?;
    if let (rest, Some(_)) = opt(keyword("null")).parse(input)? {
        return Ok((rest, Value::Null));
    }
    if let Some(rest) = input.strip_prefix("''")
        && !rest.starts_with('\'')
    {
        return Ok((rest, empty(cql_type)));
    }
    match cql_type {
        CqlType::Native(native) => native_value(*native, input),
        CqlType::List(element) => {
            sequence(element, ['[', ']'], input).map(|(rest, values)| (rest, Value::List(values)))
        }
        CqlType::Set(element) => {
            sequence(element, ['{', '}'], input).map(|(rest, values)| (rest, Value::Set(values)))
        }
        CqlType::Vector(vector) => {
            let (rest, values) = sequence(&vector.element, ['[', ']'], input)?;
            if values.len() == vector.dimensions {
                return Ok((rest, Value::Vector(values)));
            }
            let (count, found) = (vector.dimensions, values.len());
            let elements = Counted(count, "element");
            Err(fault(input, format!("{elements} instead of {found}")))
        }
        CqlType::Map(types) => map(&types.0, &types.1, input),
        CqlType::Tuple(types) => tuple(types, input),
        CqlType::Udt(udt) => user_type(udt, input),
        CqlType::Custom(_) => bytes(input).map(|(rest, bytes)| (rest, Value::Custom(bytes.into()))),
    }
}

/// Returns the value of the literal `''`: a value of zero bytes.
fn empty(cql_type: &CqlType) -> Value {
    match cql_type {
        CqlType::Native(NativeType::Ascii) => Value::Ascii(String::new()),
        CqlType::Native(NativeType::Text) => Value::Text(String::new()),
        CqlType::Native(NativeType::Blob) => Value::Blob(Vec::new().into()),
        CqlType::Native(NativeType::Unknown(_)) | CqlType::Custom(_) => {
            Value::Custom(Vec::new().into())
        }
        _ => Value::Empty,
    }
}

fn native_value(native: NativeType, input: &str) -> Parsed<'_, Value> {
    /// Wraps a parsed value in a variant of `Value`.
    macro_rules! as_value {
        ($variant:ident, $parsed:expr) => {{
            let (rest, parsed) = $parsed?;
            Ok((rest, Value::$variant(parsed.into())))
        }};
    }
    match native {
        NativeType::Ascii => {
            let (rest, text) = text(input)?;
            match text.is_ascii() {
                true => Ok((rest, Value::Ascii(text.into()))),
                false => Err(fault(input, "US-ASCII text")),
            }
        }
        NativeType::Text => as_value!(Text, text(input)),
        NativeType::BigInt => as_value!(BigInt, integer(input, &(i64::MIN..=i64::MAX))),
        NativeType::Counter => as_value!(Counter, integer(input, &(i64::MIN..=i64::MAX))),
        NativeType::Int => as_value!(Int, integer(input, &(i32::MIN..=i32::MAX))),
        NativeType::SmallInt => as_value!(SmallInt, integer(input, &(i16::MIN..=i16::MAX))),
        NativeType::TinyInt => as_value!(TinyInt, integer(input, &(i8::MIN..=i8::MAX))),
        NativeType::Varint => as_value!(Varint, number::varint(input)),
        NativeType::Decimal => as_value!(Decimal, number::decimal(input)),
        NativeType::Double => as_value!(Double, floating::<f64>(input, "double")),
        NativeType::Float => as_value!(Float, floating::<f32>(input, "float")),
        NativeType::Blob => as_value!(Blob, bytes(input)),
        NativeType::Boolean => {
            let (rest, flag) = expected("true or false", word).parse(input)?;
            match flag.to_ascii_lowercase().parse() {
                Ok(flag) => Ok((rest, Value::Boolean(flag))),
                Err(_) => Err(fault(input, "true or false")),
            }
        }
        NativeType::Uuid => as_value!(Uuid, uuid(input)),
        NativeType::TimeUuid => as_value!(TimeUuid, uuid(input)),
        NativeType::Inet => {
            let (rest, address) = expected("an IP address in quotes", raw_string).parse(input)?;
            let address: Result<IpAddr, _> = address.parse();
            let address = address.map_err(|_| fault(input, "an IPv4 or IPv6 address"))?;
            Ok((rest, Value::Inet(address)))
        }
        NativeType::Date => as_value!(Date, in_quotes_or_number(temporal::date, input)),
        NativeType::Time => as_value!(Time, in_quotes_or_number(temporal::time, input)),
        NativeType::Timestamp => {
            as_value!(Timestamp, in_quotes_or_number(temporal::timestamp, input))
        }
        NativeType::Duration => as_value!(Duration, temporal::duration(input)),
        NativeType::Unknown(_) => as_value!(Custom, bytes(input)),
    }
}

fn text(input: &str) -> Parsed<'_, Cow<'_, str>> {
    expected("text in quotes", string).parse(input)
}

fn integer<'a, T>(input: &'a str, range: &RangeInclusive<T>) -> Parsed<'a, T>
where
    T: FromStr + std::fmt::Display,
{
    let digits = recognize(pair(opt(char('-')), digit1));
    let (rest, digits) = expected("a whole number", digits).parse(input)?;
    match digits.parse() {
        Ok(number) => Ok((rest, number)),
        Err(_) => {
            let (least, most) = (range.start(), range.end());
            Err(fault(input, format!("a whole number from {least} to {most}")))
        }
    }
}

/// Parses a floating-point number of the CQL type `name`.
fn floating<'a, T>(input: &'a str, name: &'static str) -> Parsed<'a, T>
where
    T: FromStr + From<f32> + Into<f64> + Copy,
{
    let (start, minus) = opt(char('-')).parse(input)?;
    let named = |word: &str| match word.to_ascii_lowercase().as_str() {
        "nan" => Some(f32::NAN),
        "infinity" if minus.is_some() => Some(f32::NEG_INFINITY),
        "infinity" => Some(f32::INFINITY),
        _ => None,
    };
    if let (rest, Some(number)) = opt(map_opt(word, named)).parse(start)? {
        return Ok((rest, number.into()));
    }
    let (rest, digits) = number::floating(input)?;
    let number = digits.parse().ok().filter(|number: &T| (*number).into().is_finite());
    Ok((rest, number.ok_or_else(|| fault(input, format!("a number in the range of {name}")))?))
}

fn bytes(input: &str) -> Parsed<'_, Vec<u8>> {
    let (start, _) = expected("bytes such as 0x00ff", tag_no_case("0x")).parse(input)?;
    let (rest, digits) = take_while(|c: char| c.is_ascii_alphanumeric()).parse(start)?;
    let bytes = base16ct::mixed::decode_vec(digits).ok();
    Ok((rest, bytes.ok_or_else(|| fault(start, "two hexadecimal digits for each byte"))?))
}

fn uuid(input: &str) -> Parsed<'_, Uuid> {
    let (rest, word) = take_while(|c: char| c.is_ascii_alphanumeric() || c == '-').parse(input)?;
    let uuid = Some(word).filter(|word| word.len() == uuid::fmt::Hyphenated::LENGTH);
    let uuid = uuid.and_then(|word| Uuid::try_parse(word).ok());
    let description = "a UUID such as 123e4567-e89b-12d3-a456-426655440000";
    Ok((rest, uuid.ok_or_else(|| fault(input, description))?))
}

/// Applies `parser` to the text in single quotes, or to a whole number without quotes.
fn in_quotes_or_number<'a, T>(
    parser: fn(&'a str) -> Parsed<'a, T>,
    input: &'a str,
) -> Parsed<'a, T> {
    if let (rest, Some(text)) = opt(raw_string).parse(input)? {
        return Ok((rest, all_of(parser, text)?));
    }
    let digits = recognize(pair(opt(char('-')), digit1));
    let (rest, number) = expected("text in quotes or a whole number", digits).parse(input)?;
    Ok((rest, all_of(parser, number)?))
}

/// Parses values of one type between brackets.
fn sequence<'a>(element: &CqlType, brackets: [char; 2], input: &'a str) -> Parsed<'a, Vec<Value>> {
    let mut values = Vec::new();
    let rest = items(input, brackets, |input| {
        let (rest, element) = value(element, input)?;
        values.push(element);
        Ok(rest)
    })?;
    Ok((rest, values))
}

fn map<'a>(key_type: &CqlType, value_type: &CqlType, input: &'a str) -> Parsed<'a, Value> {
    let mut entries = Vec::new();
    let rest = items(input, ['{', '}'], |input| {
        let (rest, key) = value(key_type, input)?;
        let (rest, _) = symbol(':', "`:`").parse(rest)?;
        let (rest, value) = value(value_type, rest)?;
        entries.push((key, value));
        Ok(rest)
    })?;
    Ok((rest, Value::Map(entries)))
}

fn tuple<'a>(types: &[CqlType], input: &'a str) -> Parsed<'a, Value> {
    let mut values = Vec::new();
    let rest = items(input, ['(', ')'], |input| {
        let count = types.len();
        let Some(element) = types.get(values.len()) else {
            return Err(fault(input, format!("at most {}", Counted(count, "element"))));
        };
        let (rest, element) = value(element, input)?;
        values.push(element);
        Ok(rest)
    })?;
    Ok((rest, Value::Tuple(values)))
}

fn user_type<'a>(udt: &Arc<UdtType>, input: &'a str) -> Parsed<'a, Value> {
    let mut fields: Vec<Option<Value>> = Vec::new();
    let rest = items(input, ['{', '}'], |input| {
        let (rest, name) = name(input)?;
        let mut known = udt.fields.iter().enumerate();
        let Some((index, (_, field))) = known.find(|(_, (field, _))| *field == name.text) else {
            let udt = CqlType::Udt(Arc::clone(udt));
            return Err(fault(input, format!("a field name of {udt}")));
        };
        if matches!(fields.get(index), Some(Some(_))) {
            return Err(fault(input, format!("field {} only once", Identifier(&name.text))));
        }
        let (rest, _) = symbol(':', "`:`").parse(rest)?;
        let (rest, value) = value(field, rest)?;
        fields.resize(fields.len().max(index.saturating_add(1)), None);
        if let Some(slot) = fields.get_mut(index) {
            *slot = Some(value);
        }
        Ok(rest)
    })?;
    if fields.is_empty() {
        // A value without fields would be the empty value.
        fields.resize(udt.fields.len(), None);
    }
    let fields = fields.into_iter().map(|field| field.unwrap_or(Value::Null)).collect();
    Ok((rest, Value::Udt { udt: Arc::clone(udt), fields }))
}

/// Parses comma-separated items between brackets. `item` parses one item and returns the remaining
/// text.
fn items<'a>(
    input: &'a str,
    [open, close]: [char; 2],
    mut item: impl FnMut(&'a str) -> Result<&'a str, Failure<'a>>,
) -> Result<&'a str, Failure<'a>> {
    let Some(rest) = input.strip_prefix(open) else {
        return Err(fault(input, format!("`{open}`")));
    };
    let (mut rest, _) = blanks(rest)?;
    if let Some(rest) = rest.strip_prefix(close) {
        return Ok(rest);
    }
    loop {
        (rest, _) = blanks(item(rest)?)?;
        if let Some(rest) = rest.strip_prefix(close) {
            return Ok(rest);
        }
        let Some(after) = rest.strip_prefix(',') else {
            return Err(fault(rest, format!("`,` or `{close}`")));
        };
        (rest, _) = blanks(after)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Date, Decimal, Duration, Time, Timestamp, Varint};

    fn udt() -> CqlType {
        let int = || CqlType::from(NativeType::Int);
        let names = ["a", "B", "select"].map(str::to_owned);
        let fields = names.into_iter().map(|name| (name, int())).collect();
        CqlType::Udt(Arc::new(UdtType { keyspace: "ks".into(), name: "abc".into(), fields }))
    }

    fn of(cql_type: &str) -> CqlType {
        if cql_type == "abc" { udt() } else { cql_type.parse().unwrap() }
    }

    #[test]
    fn literals_of_every_type_parse() {
        let text = |text: &str| Value::Text(text.into());
        let ints = |ints: &[i32]| ints.iter().copied().map(Value::Int).collect::<Vec<_>>();
        let uuid = "123E4567-e89b-12d3-a456-426655440000";
        for (cql_type, literal, value) in [
            ("int", " null ", Value::Null),
            ("int", "NULL", Value::Null),
            ("int", "''", Value::Empty),
            ("list<int>", "''", Value::Empty),
            ("text", "''", text("")),
            ("text", "'null'", text("null")),
            ("text", "''''", text("'")),
            ("text", "'it''s'", text("it's")),
            ("text", "$$it's$$", text("it's")),
            ("text", "$$$$", text("")),
            ("ascii", "'a\nb'", Value::Ascii("a\nb".into())),
            ("bigint", "-9223372036854775808", Value::BigInt(i64::MIN)),
            ("counter", "007", Value::Counter(7)),
            ("tinyint", "-128", Value::TinyInt(-128)),
            ("smallint", "32767", Value::SmallInt(32_767)),
            ("varint", "-129", Value::Varint(Varint::from(-129))),
            ("decimal", "-1.50e3", Value::Decimal(Decimal::new(-150, -1))),
            ("double", "1", Value::Double(1.0)),
            ("double", "1.e-3", Value::Double(0.001)),
            ("double", "1.25", Value::Double(1.25)),
            ("double", "1.", Value::Double(1.0)),
            ("double", "-infinity", Value::Double(f64::NEG_INFINITY)),
            ("float", "3.4028235E38", Value::Float(f32::MAX)),
            ("blob", "0x", Value::Blob(vec![].into())),
            ("blob", "0X0aFF", Value::Blob(vec![10, 255].into())),
            ("boolean", "TRUE", Value::Boolean(true)),
            ("uuid", uuid, Value::Uuid(uuid.parse().unwrap())),
            ("timeuuid", uuid, Value::TimeUuid(uuid.parse().unwrap())),
            ("inet", "'::1'", Value::Inet("::1".parse().unwrap())),
            ("date", "'1970-01-02'", Value::Date(Date(1))),
            ("date", "2147483649", Value::Date(Date(1))),
            ("date", "'2147483649'", Value::Date(Date(1))),
            ("time", "'00:00:01'", Value::Time(Time(1_000_000_000))),
            ("timestamp", "'1970-01-01T00:00:01Z'", Value::Timestamp(Timestamp(1_000))),
            ("timestamp", "-1", Value::Timestamp(Timestamp(-1))),
            ("duration", "-1mo2d", Value::Duration(Duration::new(-1, -2, 0).unwrap())),
            ("'com.example.Point'", "0x01", Value::Custom(vec![1].into())),
            ("list<int>", "[1,\n2 , 3 ]", Value::List(ints(&[1, 2, 3]))),
            ("list<int>", "[ ]", Value::List(vec![])),
            ("set<int>", "{2, 1}", Value::Set(ints(&[2, 1]))),
            ("map<int, text>", "{1:'a'}", Value::Map(vec![(Value::Int(1), text("a"))])),
            ("map<text, int>", "{}", Value::Map(vec![])),
            ("tuple<int, text>", "(1)", Value::Tuple(ints(&[1]))),
            ("tuple<int, text>", "(1, null)", Value::Tuple(vec![Value::Int(1), Value::Null])),
            ("vector<int, 2>", "[1, 2]", Value::Vector(ints(&[1, 2]))),
        ] {
            assert_eq!(Value::parse(&of(cql_type), literal), Ok(value), "{cql_type} {literal}");
        }
        for (literal, is_negative) in [("-0.0", true), ("0.0", false), ("-0", true)] {
            let Ok(Value::Double(zero)) = Value::parse(&of("double"), literal) else { panic!() };
            assert_eq!(zero.is_sign_negative(), is_negative);
        }
        let not_a_number = Value::parse(&of("float"), "nan");
        assert!(matches!(not_a_number, Ok(Value::Float(number)) if number.is_nan()));
    }

    #[test]
    fn fields_may_be_in_any_order_or_missing() {
        for (literal, printed) in [
            ("{\"select\": 3, A: 1}", "{a: 1, \"B\": null, \"select\": 3}"),
            ("{\"B\":2}", "{a: null, \"B\": 2}"),
            ("{a: null}", "{a: null}"),
            ("{}", "{a: null, \"B\": null, \"select\": null}"),
        ] {
            let value = Value::parse(&udt(), literal).unwrap();
            assert_eq!(value.to_string(), printed);
            assert_eq!(Value::parse(&udt(), printed), Ok(value));
        }
    }

    #[test]
    fn errors_point_to_the_first_invalid_text() {
        for (cql_type, literal, message) in [
            ("int", "", "0: expected a whole number, found the end of the text"),
            ("list<int>", "[1  ", "4: expected `,` or `]`, found the end of the text"),
            ("int", "1.5", "1: expected the end of the text, found \".5\""),
            ("int", "'1'", "0: expected a whole number, found \"'1'\""),
            ("tinyint", "128", "0: expected a whole number from -128 to 127, found \"128\""),
            ("float", "1e39", "0: expected a number in the range of float, found \"1e39\""),
            ("double", "inf", "0: expected a number, found \"inf\""),
            ("blob", "0x1", "2: expected two hexadecimal digits for each byte, found \"1\""),
            ("blob", "ff", "0: expected bytes such as 0x00ff, found \"ff\""),
            ("boolean", "yes", "0: expected true or false, found \"yes\""),
            ("text", "a", "0: expected text in quotes, found \"a\""),
            ("text", "$$a", "0: expected a closing `$$`, found \"$$a\""),
            ("ascii", "'é'", "0: expected US-ASCII text, found \"'é'\""),
            ("inet", "'1.2.3'", "0: expected an IPv4 or IPv6 address, found \"'1.2.3'\""),
            ("date", "'2024-02-29'x", "12: expected the end of the text, found \"x\""),
            ("date", "'2024-02'", "8: expected `-`, found the end of the text"),
            ("list<int>", "[1 2]", "3: expected `,` or `]`, found \"2]\""),
            ("list<int>", "[1,]", "3: expected a whole number, found \"]\""),
            ("set<int>", "[1]", "0: expected `{`, found \"[1]\""),
            ("map<int, int>", "{1}", "2: expected `:`, found \"}\""),
            ("tuple<int>", "(1, 2)", "4: expected at most 1 element, found \"2)\""),
            ("vector<int, 2>", "[1]", "0: expected 2 elements instead of 1, found \"[1]\""),
            ("abc", "{b: 1}", "1: expected a field name of ks.abc, found \"b: 1}\""),
            ("abc", "{a: 1, a: 1}", "7: expected field a only once, found \"a: 1}\""),
        ] {
            let error = Value::parse(&of(cql_type), literal).unwrap_err();
            assert_eq!(error.to_string(), format!("at byte {message}"), "{cql_type}");
        }
        assert!(Value::parse(&of("uuid"), "123e4567e89b12d3a456426655440000").is_err());
        assert!(Value::parse(&of("list<int>"), &"[".repeat(1_000_000)).is_err());
    }
}
