//! Java class names of CQL types. On the wire, custom types and vectors are encoded as their class
//! name.
//!
//! A name consists of a class, with or without its package, and of parameters in parentheses:
//! `org.apache.cassandra.db.marshal.VectorType(org.apache.cassandra.db.marshal.FloatType , 3)`.

use std::sync::Arc;

use base16ct::lower::encode_string;
use base16ct::mixed::decode_vec;
use nom::Parser;
use nom::branch::alt;
use nom::bytes::complete::{take_while, take_while1};
use nom::character::complete::char;
use nom::combinator::opt;
use nom::sequence::terminated;

use super::{CqlTextError, Fault, Parsed, blanks, expected, fault, symbol, whole};
use crate::types::{CqlType, MAX_TYPE_DEPTH, NativeType, UdtType, VectorType};

impl CqlType {
    /// Resolves the class name of a custom type that a server sent. Returns a vector or a native
    /// type if the class is that of a vector or a native type, and a custom type otherwise. Servers
    /// send a native type as a custom type if the protocol version has no id for it.
    pub fn from_class(class: &str) -> Self {
        match parse_sent(class) {
            Some(known @ (Self::Native(_) | Self::Vector(_))) => known,
            _ => Self::Custom(class.into()),
        }
    }

    /// Parses a Java class name, with or without its package. An unknown class is a custom type, and
    /// `FrozenType` and `ReversedType` are replaced by their parameter.
    ///
    /// ```
    /// use cqlwire::types::{CqlType, NativeType};
    ///
    /// let class = "org.apache.cassandra.db.marshal.ListType(UTF8Type)";
    /// let list = CqlType::List(Box::new(NativeType::Text.into()));
    /// assert_eq!(CqlType::parse_class(class), Ok(list));
    /// ```
    ///
    /// # Errors
    /// Returns an error if the text is not a class name, if the parameters do not match the class, or
    /// if types nest deeper than [`MAX_TYPE_DEPTH`].
    pub fn parse_class(class: &str) -> Result<Self, CqlTextError> {
        parse(class)
    }

    /// Returns the Java class name of the type, as Cassandra writes it.
    ///
    /// ```
    /// use cqlwire::types::{CqlType, NativeType};
    ///
    /// let int = CqlType::from(NativeType::Int);
    /// assert_eq!(int.class_name(), "org.apache.cassandra.db.marshal.Int32Type");
    /// ```
    pub fn class_name(&self) -> String {
        print(self)
    }

    /// Returns the type `vector<element, dimensions>`, with Cassandra's class name.
    pub fn vector(element: Self, dimensions: usize) -> Self {
        let class = format!(
            "org.apache.cassandra.db.marshal.VectorType({} , {dimensions})",
            print(&element)
        );
        Self::Vector(Box::new(VectorType { element, dimensions, class: class.into() }))
    }
}

const PACKAGE: &str = "org.apache.cassandra.db.marshal.";

/// The class of each native type. `DateType` is an older class of `timestamp`.
const CLASSES: [(&str, NativeType); 21] = [
    ("AsciiType", NativeType::Ascii),
    ("BooleanType", NativeType::Boolean),
    ("ByteType", NativeType::TinyInt),
    ("BytesType", NativeType::Blob),
    ("CounterColumnType", NativeType::Counter),
    ("DecimalType", NativeType::Decimal),
    ("DoubleType", NativeType::Double),
    ("DurationType", NativeType::Duration),
    ("FloatType", NativeType::Float),
    ("InetAddressType", NativeType::Inet),
    ("Int32Type", NativeType::Int),
    ("IntegerType", NativeType::Varint),
    ("LongType", NativeType::BigInt),
    ("ShortType", NativeType::SmallInt),
    ("SimpleDateType", NativeType::Date),
    ("TimeType", NativeType::Time),
    ("TimestampType", NativeType::Timestamp),
    ("DateType", NativeType::Timestamp),
    ("TimeUUIDType", NativeType::TimeUuid),
    ("UTF8Type", NativeType::Text),
    ("UUIDType", NativeType::Uuid),
];

/// Parses a class name.
pub(in crate::types) fn parse(class: &str) -> Result<CqlType, CqlTextError> {
    whole(|input| cql_type(input, Level::new(0)), class)
}

/// Parses a class name that is nested in `depth` other types. Returns a custom type if the
/// name is invalid.
pub(super) fn parse_within(class: &str, depth: usize) -> CqlType {
    let known = whole(|input| cql_type(input, Level::new(depth)), class);
    known.unwrap_or_else(|_| CqlType::Custom(class.into()))
}

/// Parses a class name that a server sent. Returns `None` if the name is malformed, nests too deep,
/// or has too many parameters for its length.
pub(in crate::types) fn parse_sent(class: &str) -> Option<CqlType> {
    let known = is_plausible(class).then(|| parse(class).ok())??;
    match &known {
        // A vector is re-encoded as its own class name, without a `FrozenType` around it. The
        // shorter name must pass the check, too.
        CqlType::Vector(vector) if !is_plausible(&vector.class) => None,
        _ => Some(known),
    }
}

/// Returns true if the name is long enough for its number of parameters. Servers write the package
/// of each parameter, so every real name is long enough. The check bounds the memory of the parsed
/// tree.
fn is_plausible(class: &str) -> bool {
    let parameters = class.bytes().filter(|byte| b"(,=".contains(byte)).count();
    parameters <= BASE_PARAMETERS.saturating_add(class.len() / BYTES_PER_PARAMETER)
}

/// Number of parameters that a name of any length may have.
const BASE_PARAMETERS: usize = 16;

/// Number of bytes that a name must have for each parameter beyond [`BASE_PARAMETERS`].
const BYTES_PER_PARAMETER: usize = 24;

fn cql_type(input: &str, level: Level) -> Parsed<'_, CqlType> {
    let (rest, tree) = node(input, level)?;
    Ok((rest, tree.to_type()?))
}

/// Returns the class name of a type, as Cassandra writes it.
pub(in crate::types) fn print(cql_type: &CqlType) -> String {
    let with = |class: &str, parameters: String| format!("{PACKAGE}{class}({parameters})");
    match cql_type {
        CqlType::Native(native) => match CLASSES.iter().find(|(_, known)| known == native) {
            Some((class, _)) => format!("{PACKAGE}{class}"),
            None => native.to_string(),
        },
        CqlType::List(element) => with("ListType", print(element)),
        CqlType::Set(element) => with("SetType", print(element)),
        CqlType::Map(pair) => with("MapType", format!("{},{}", print(&pair.0), print(&pair.1))),
        CqlType::Tuple(elements) => {
            with("TupleType", elements.iter().map(print).collect::<Vec<_>>().join(","))
        }
        CqlType::Udt(udt) => {
            let fields = udt.fields.iter().map(|(name, field)| {
                format!(",{}:{}", encode_string(name.as_bytes()), print(field))
            });
            let fields: String = fields.collect();
            with(
                "UserType",
                format!("{},{}{fields}", udt.keyspace, encode_string(udt.name.as_bytes())),
            )
        }
        CqlType::Vector(vector) => vector.class.to_string(),
        CqlType::Custom(class) => class.to_string(),
    }
}

/// A class name with its parameters, parsed but not yet resolved to a type.
struct Node<'a> {
    /// The hexadecimal field name before a `:`, or `None` outside user-defined types.
    label: Option<&'a str>,
    class: &'a str,
    parameters: Vec<Node<'a>>,
    text: &'a str,
}

/// The position of a class name in the class name that contains it.
#[derive(Clone, Copy)]
struct Level {
    /// Number of types around the class, without those that only wrap another type.
    depth: usize,
    /// Number of classes around the class.
    recursion: usize,
}

/// Maximum number of classes around a class. Cassandra wraps each collection in a `FrozenType`,
/// which does not count as a type of its own.
const MAX_RECURSION: usize = 2 * MAX_TYPE_DEPTH;

/// Classes whose type is that of their parameter.
const WRAPPERS: [&str; 2] = ["FrozenType", "ReversedType"];

impl Level {
    const fn new(depth: usize) -> Self {
        Self { depth, recursion: depth }
    }

    fn is_too_deep(self, class: &str) -> bool {
        let is_wrapper = WRAPPERS.contains(&without_package(class));
        self.recursion >= MAX_RECURSION || (self.depth >= MAX_TYPE_DEPTH && !is_wrapper)
    }

    /// Returns the level of the parameters of `class`.
    fn below(self, class: &str) -> Self {
        let counts = usize::from(!WRAPPERS.contains(&without_package(class)));
        Self {
            depth: self.depth.saturating_add(counts),
            recursion: self.recursion.saturating_add(1),
        }
    }
}

fn without_package(class: &str) -> &str {
    class.strip_prefix(PACKAGE).unwrap_or(class)
}

// The recursive functions are small and call no generic parser. Without optimization, each level of
// recursion would otherwise use several kilobytes of stack.

fn node(input: &str, level: Level) -> Parsed<'_, Node<'_>> {
    let (start, (label, class, after)) = head(input)?;
    if level.is_too_deep(class) {
        return Err(too_deep(input));
    }
    let (rest, parameters) = match opened(after) {
        None => (after, Vec::new()),
        Some(rest) => parameters(rest, level.below(class))?,
    };
    let text = start.strip_suffix(rest).unwrap_or(start);
    Ok((rest, Node { label, class, parameters, text }))
}

/// Parses the parameters of a class and the closing parenthesis.
fn parameters(mut input: &str, level: Level) -> Parsed<'_, Vec<Node<'_>>> {
    let mut parameters = Vec::new();
    if let Ok((rest, ())) = closed(input) {
        return Ok((rest, parameters));
    }
    loop {
        let (rest, parameter) = node(input, level)?;
        parameters.push(parameter);
        match separator(rest) {
            Ok((rest, ())) => input = rest,
            Err(_) => return closed(rest).map(|(rest, ())| (rest, parameters)),
        }
    }
}

#[cold]
fn too_deep(at: &str) -> nom::Err<Fault<'_>> {
    fault(at, format!("at most {MAX_TYPE_DEPTH} nested types"))
}

/// Parses the start of a class name: its label and its class. Returns the text from the label or
/// class on, and the text after the class.
fn head(input: &str) -> Parsed<'_, (Option<&str>, &str, &str)> {
    let word = || take_while1(|c: char| c.is_alphanumeric() || "._-$".contains(c));
    let (input, _) = blanks(input)?;
    let (start, label) =
        opt(terminated(take_while(|c: char| c.is_ascii_hexdigit()), char(':'))).parse(input)?;
    let (after, class) = expected("a class name", word()).parse(start)?;
    Ok((start, (label, class, after)))
}

/// Returns the text after an opening parenthesis, or `None` if there is no such parenthesis.
fn opened(input: &str) -> Option<&str> {
    let (rest, _) = blanks(input.strip_prefix('(')?).ok()?;
    Some(rest)
}

fn closed(input: &str) -> Parsed<'_, ()> {
    let (rest, _) = symbol(')', "`,` or `)`").parse(input)?;
    Ok((rest, ()))
}

/// Parses the separator of two parameters: a comma, or `=>` in some composite types.
fn separator(input: &str) -> Parsed<'_, ()> {
    let (rest, _) =
        (blanks, alt((char(',').map(|_| ()), (char('='), char('>')).map(|_| ())))).parse(input)?;
    Ok((rest, ()))
}

impl<'a> Node<'a> {
    fn to_type(&self) -> Result<CqlType, nom::Err<Fault<'a>>> {
        let short = without_package(self.class);
        if let Some((_, native)) = CLASSES.iter().find(|(class, _)| *class == short) {
            return match self.parameters.first() {
                Some(parameter) => Err(fault(parameter.text, "no parameter")),
                None => Ok(CqlType::Native(*native)),
            };
        }
        Ok(match (short, self.parameters.as_slice()) {
            ("FrozenType" | "ReversedType", [inner]) => inner.to_type()?,
            ("ListType", [element]) => CqlType::List(Box::new(element.to_type()?)),
            ("SetType", [element]) => CqlType::Set(Box::new(element.to_type()?)),
            ("MapType", [key, value]) => CqlType::Map(Box::new((key.to_type()?, value.to_type()?))),
            ("TupleType", elements) => {
                CqlType::Tuple(elements.iter().map(Self::to_type).collect::<Result<_, _>>()?)
            }
            ("UserType", [keyspace, name, fields @ ..]) => {
                let fields = fields
                    .iter()
                    .map(|field| Ok((unhex(field.label, field.text)?, field.to_type()?)))
                    .collect::<Result<_, _>>()?;
                let keyspace = keyspace.class.to_owned();
                let name = unhex(Some(name.class), name.text)?;
                CqlType::Udt(Arc::new(UdtType { keyspace, name, fields }))
            }
            ("VectorType", [element, dimensions]) => CqlType::Vector(Box::new(VectorType {
                element: element.to_type()?,
                dimensions: dimensions
                    .class
                    .parse()
                    .map_err(|_| fault(dimensions.text, "a number of elements"))?,
                class: self.text.into(),
            })),
            ("FrozenType" | "ReversedType" | "ListType" | "SetType", _) => {
                return Err(fault(self.text, "one type parameter"));
            }
            ("MapType", _) => return Err(fault(self.text, "two type parameters")),
            ("UserType", _) => return Err(fault(self.text, "a keyspace, a name and fields")),
            ("VectorType", _) => return Err(fault(self.text, "a type and a number of elements")),
            _ => CqlType::Custom(self.text.into()),
        })
    }
}

/// Decodes a name from hexadecimal `digits`. If they are invalid or missing, the error points to
/// `at`.
fn unhex<'a>(digits: Option<&str>, at: &'a str) -> Result<String, nom::Err<Fault<'a>>> {
    let name = digits.and_then(|digits| String::from_utf8(decode_vec(digits).ok()?).ok());
    name.ok_or_else(|| fault(at, "a name in hexadecimal digits"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_of_cassandra_and_scylladb_parse() {
        for class in [
            "org.apache.cassandra.db.marshal.VectorType(org.apache.cassandra.db.marshal.FloatType , 3)",
            "org.apache.cassandra.db.marshal.VectorType(org.apache.cassandra.db.marshal.FloatType, 3)",
            "VectorType(FloatType,3)",
        ] {
            let Ok(CqlType::Vector(vector)) = parse(class) else { panic!("{class}") };
            assert_eq!(vector.element, NativeType::Float.into());
            assert_eq!(vector.dimensions, 3);
            assert_eq!(&*vector.class, class);
        }
    }

    #[test]
    fn every_type_prints_as_a_name_that_parses() {
        let udt = UdtType {
            keyspace: "ks".into(),
            name: "naïve".into(),
            fields: vec![
                ("a b".into(), NativeType::Int.into()),
                ("inner".into(), CqlType::Tuple(vec![NativeType::Uuid.into()])),
            ],
        };
        let mut types: Vec<CqlType> = NativeType::KNOWN.iter().copied().map(Into::into).collect();
        types.push(CqlType::Set(Box::new(NativeType::Text.into())));
        types.push(CqlType::Map(Box::new((NativeType::Int.into(), CqlType::Udt(Arc::new(udt))))));
        types.push(CqlType::vector(CqlType::List(Box::new(NativeType::Int.into())), 2));
        for cql_type in types {
            assert_eq!(parse(&print(&cql_type)).as_ref(), Ok(&cql_type), "{cql_type}");
        }
    }

    #[test]
    fn frozen_and_reversed_types_are_their_parameter() {
        let list = CqlType::List(Box::new(NativeType::Text.into()));
        assert_eq!(parse("ReversedType(FrozenType(ListType(UTF8Type)))"), Ok(list));
        let composite = "CompositeType(Int32Type, UTF8Type)";
        assert_eq!(parse(composite), Ok(CqlType::Custom(composite.into())));
        // A class name inside a CQL type counts towards the nesting bound of that type.
        let list = parse("ListType(Int32Type)").unwrap();
        assert_eq!(parse_within("ListType(Int32Type)", MAX_TYPE_DEPTH - 2), list);
        let too_deep = parse_within("ListType(Int32Type)", MAX_TYPE_DEPTH - 1);
        assert_eq!(too_deep, CqlType::Custom("ListType(Int32Type)".into()));
    }

    #[test]
    fn malformed_and_too_deep_names_are_errors() {
        assert!(parse(&"ListType(".repeat(100_000)).is_err());
        assert!(parse_sent(&format!("TupleType({}a)", "a,".repeat(30_000))).is_none());
        let nested = |class: &str, depth: usize| {
            let closing = ")".repeat(depth * class.matches('(').count());
            format!("{}Int32Type{closing}", class.repeat(depth))
        };
        for class in ["ListType(", "FrozenType(ListType("] {
            assert!(parse(&nested(class, MAX_TYPE_DEPTH - 1)).is_ok(), "{class}");
            let error = parse(&nested(class, MAX_TYPE_DEPTH)).unwrap_err();
            assert_eq!(error.expected(), "at most 128 nested types");
        }
        assert!(parse(&nested("FrozenType(", 100_000)).is_err());
        for (class, message) in [
            ("", "at byte 0: expected a class name, found the end of the text"),
            ("(", "at byte 0: expected a class name, found \"(\""),
            ("ListType(Int32Type", "at byte 18: expected `,` or `)`, found the end of the text"),
            ("ListType", "at byte 0: expected one type parameter, found \"ListType\""),
            ("VectorType(FloatType,-)", "at byte 21: expected a number of elements, found \"-\""),
            ("Int32Type(x)", "at byte 10: expected no parameter, found \"x\""),
            ("UserType(ks,6)", "at byte 12: expected a name in hexadecimal digits, found \"6\""),
            ("Int32Type,", "at byte 9: expected the end of the text, found \",\""),
        ] {
            assert_eq!(parse(class).unwrap_err().to_string(), message);
            assert!(parse_sent(class).is_none(), "{class}");
        }
    }

    /// ScyllaDB writes no space before the comma.
    #[test]
    fn vector_types_are_equal_if_their_class_names_differ_in_spaces() {
        let ours = CqlType::vector(NativeType::Float.into(), 3);
        let class = ours.class_name().replace(" ,", ",");
        let theirs = CqlType::from_class(&class);
        assert_eq!(theirs, ours);
        assert_eq!(theirs.class_name(), class);
        assert_ne!(theirs, CqlType::vector(NativeType::Float.into(), 4));
        assert_ne!(theirs, CqlType::vector(NativeType::Double.into(), 3));
    }
}
