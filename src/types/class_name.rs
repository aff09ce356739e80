//! The Java class names of types, as custom types and vectors carry them.
//!
//! A name is a class, with or without its package, and parameters in parentheses:
//! `org.apache.cassandra.db.marshal.VectorType(org.apache.cassandra.db.marshal.FloatType , 3)`.

use std::sync::Arc;

use nom::branch::alt;
use nom::bytes::complete::{take_while, take_while1};
use nom::character::complete::{char, multispace0};
use nom::combinator::{all_consuming, opt};
use nom::multi::separated_list0;
use nom::sequence::{delimited, terminated};
use nom::{IResult, Parser};

use super::{CqlType, MAX_TYPE_DEPTH, NativeType, UdtType, VectorType};

const PACKAGE: &str = "org.apache.cassandra.db.marshal.";

/// Every native type's class, once. `DateType` is what `timestamp` was called at first.
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

/// The type that a class name stands for; `None` if it is of no class known here, is malformed,
/// or nests deeper than [`MAX_TYPE_DEPTH`].
pub(super) fn parse(class: &str) -> Option<CqlType> {
    let parameters = class.bytes().filter(|byte| b"(,=".contains(byte)).count();
    if parameters > FEW_PARAMETERS.saturating_add(class.len() / LENGTH_OF_A_PARAMETER) {
        return None;
    }
    let (_, tree) = all_consuming(|input| node(input, 0)).parse(class).ok()?;
    tree.to_type()
}

/// A name with more parameters than its length is good for is no type that a server has: theirs are
/// at least as long as the package. This bounds what the tree of a name takes.
const FEW_PARAMETERS: usize = 16;
const LENGTH_OF_A_PARAMETER: usize = 24;

/// The class name of a type, as Cassandra writes it.
pub(super) fn print(cql_type: &CqlType) -> String {
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
            let fields =
                udt.fields.iter().map(|(name, field)| format!(",{}:{}", hex(name), print(field)));
            let fields: String = fields.collect();
            with("UserType", format!("{},{}{fields}", udt.keyspace, hex(&udt.name)))
        }
        CqlType::Vector(vector) => vector.class.to_string(),
        CqlType::Custom(class) => class.to_string(),
    }
}

/// A class name with its parameters, before anybody knows what it stands for.
struct Node<'a> {
    /// The hexadecimal name before a `:`, which the fields of user-defined types have.
    label: Option<&'a str>,
    class: &'a str,
    parameters: Vec<Node<'a>>,
    text: &'a str,
}

fn node(input: &str, depth: usize) -> IResult<&str, Node<'_>> {
    if depth >= MAX_TYPE_DEPTH {
        return Err(nom::Err::Failure(nom::error::Error::new(
            input,
            nom::error::ErrorKind::TooLarge,
        )));
    }
    let word = || take_while1(|c: char| c.is_alphanumeric() || "._-$".contains(c));
    let (rest, _) = multispace0(input)?;
    let (start, label) =
        opt(terminated(take_while(|c: char| c.is_ascii_hexdigit()), char(':'))).parse(rest)?;
    let (rest, class) = word().parse(start)?;
    let parameter = |input| node(input, depth.saturating_add(1));
    let (rest, parameters) =
        opt(delimited(char('('), separated_list0(separator, parameter), (multispace0, char(')'))))
            .parse(rest)?;
    let text = start.strip_suffix(rest).unwrap_or(start);
    Ok((rest, Node { label, class, parameters: parameters.unwrap_or_default(), text }))
}

/// Between two parameters: a comma, with or without spaces; `=>` in some composite types.
fn separator(input: &str) -> IResult<&str, ()> {
    let (rest, _) = (multispace0, alt((char(',').map(|_| ()), (char('='), char('>')).map(|_| ()))))
        .parse(input)?;
    Ok((rest, ()))
}

impl Node<'_> {
    fn to_type(&self) -> Option<CqlType> {
        let short = self.class.strip_prefix(PACKAGE).unwrap_or(self.class);
        if let Some((_, native)) = CLASSES.iter().find(|(class, _)| *class == short) {
            return self.parameters.is_empty().then_some(CqlType::Native(*native));
        }
        Some(match (short, self.parameters.as_slice()) {
            ("FrozenType" | "ReversedType", [inner]) => inner.to_type()?,
            ("ListType", [element]) => CqlType::List(Box::new(element.to_type()?)),
            ("SetType", [element]) => CqlType::Set(Box::new(element.to_type()?)),
            ("MapType", [key, value]) => CqlType::Map(Box::new((key.to_type()?, value.to_type()?))),
            ("TupleType", elements) => {
                CqlType::Tuple(elements.iter().map(Self::to_type).collect::<Option<_>>()?)
            }
            ("UserType", [keyspace, name, fields @ ..]) => {
                let fields = fields
                    .iter()
                    .map(|field| Some((unhex(field.label?)?, field.to_type()?)))
                    .collect::<Option<_>>()?;
                let keyspace = keyspace.class.to_owned();
                CqlType::Udt(Arc::new(UdtType { keyspace, name: unhex(name.class)?, fields }))
            }
            ("VectorType", [element, dimensions]) => CqlType::Vector(Box::new(VectorType {
                element: element.to_type()?,
                dimensions: dimensions.class.parse().ok()?,
                class: self.text.into(),
            })),
            _ => CqlType::Custom(self.text.into()),
        })
    }
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<String> {
    let digits: Option<Vec<u32>> = text.chars().map(|c| c.to_digit(16)).collect();
    let bytes = digits?
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => u8::try_from(high.wrapping_mul(16).wrapping_add(*low)).ok(),
            _ => None,
        })
        .collect::<Option<Vec<u8>>>()?;
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_are_read_as_either_server_writes_them() {
        for class in [
            "org.apache.cassandra.db.marshal.VectorType(org.apache.cassandra.db.marshal.FloatType , 3)",
            "org.apache.cassandra.db.marshal.VectorType(org.apache.cassandra.db.marshal.FloatType, 3)",
            "VectorType(FloatType,3)",
        ] {
            let Some(CqlType::Vector(vector)) = parse(class) else { panic!("{class}") };
            assert_eq!(vector.element, NativeType::Float.into());
            assert_eq!(vector.dimensions, 3);
            assert_eq!(&*vector.class, class);
        }
    }

    #[test]
    fn every_type_prints_to_a_name_that_parses() {
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
            assert_eq!(parse(&print(&cql_type)).as_ref(), Some(&cql_type), "{cql_type}");
        }
    }

    #[test]
    fn malformed_and_endless_names_are_no_type() {
        assert!(parse(&"ListType(".repeat(100_000)).is_none());
        let deep = format!("{}Int32Type{}", "ListType(".repeat(40), ")".repeat(40));
        assert!(parse(&deep).is_none());
        for class in ["", "(", "ListType(Int32Type", "VectorType(FloatType,-)", "Int32Type(x)"] {
            assert!(parse(class).is_none(), "{class}");
        }
    }
}
