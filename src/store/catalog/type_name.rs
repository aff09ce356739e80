//! The types of columns and fields, with the rules of `frozen`.

use std::sync::Arc;

use super::type_budget::TypeBudget;
use crate::message::ServerError;
use crate::store::error::{invalid, syntax_error};
use crate::types::{CqlType, Identifier, MAX_TYPE_DEPTH, NativeType, UdtType};

/// A type of a column or a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store) struct DefinedType {
    pub(in crate::store) cql_type: CqlType,
    pub(in crate::store) is_frozen: bool,
}

impl DefinedType {
    /// Returns the type as `system_schema` has it.
    pub(in crate::store) fn text(&self) -> String {
        let mut out = String::new();
        write_text(&mut out, &self.cql_type, self.is_frozen);
        out
    }

    /// Returns true if each element or field is a cell of its own.
    pub(in crate::store) const fn is_multi_cell(&self) -> bool {
        let has_elements = matches!(
            self.cql_type,
            CqlType::List(_) | CqlType::Set(_) | CqlType::Map(_) | CqlType::Udt(_)
        );
        has_elements && !self.is_frozen
    }

    pub(in crate::store) fn is_counter(&self) -> bool {
        self.cql_type == NativeType::Counter.into()
    }
}

/// Appends a type. Tuples, and the collections and user-defined types within other types, are frozen.
fn write_text(out: &mut String, cql_type: &CqlType, is_frozen: bool) {
    let is_frozen = match cql_type {
        CqlType::Tuple(_) => true,
        CqlType::List(_) | CqlType::Set(_) | CqlType::Map(_) | CqlType::Udt(_) => is_frozen,
        _ => false,
    };
    out.push_str(if is_frozen { "frozen<" } else { "" });
    let mut parameters = |name: &str, types: &[&CqlType]| {
        out.push_str(name);
        for (index, cql_type) in types.iter().enumerate() {
            out.push_str(if index == 0 { "<" } else { ", " });
            write_text(out, cql_type, true);
        }
    };
    match cql_type {
        CqlType::List(element) => parameters("list", &[element]),
        CqlType::Set(element) => parameters("set", &[element]),
        CqlType::Map(types) => parameters("map", &[&types.0, &types.1]),
        CqlType::Tuple(types) => parameters("tuple", &types.iter().collect::<Vec<_>>()),
        CqlType::Vector(vector) => {
            parameters("vector", &[&vector.element]);
            out.push_str(&format!(", {}", vector.dimensions));
        }
        CqlType::Udt(udt) => out.push_str(&Identifier(&udt.name).to_string()),
        CqlType::Native(_) | CqlType::Custom(_) => out.push_str(&cql_type.to_string()),
    }
    let has_parameters =
        !matches!(cql_type, CqlType::Udt(_) | CqlType::Native(_) | CqlType::Custom(_));
    out.push_str(if has_parameters { ">" } else { "" });
    out.push_str(if is_frozen { ">" } else { "" });
}

/// A type as a statement writes it.
#[derive(Debug)]
enum Parsed {
    Frozen(Box<Parsed>),
    /// A type with parameters: `list`, `set`, `map`, `tuple` or `vector`.
    Generic {
        name: String,
        parameters: Vec<Parsed>,
        dimensions: Option<String>,
    },
    /// A native type, a class name or the name of a user-defined type.
    Name {
        keyspace: Option<String>,
        name: String,
        is_quoted: bool,
    },
    Class(String),
}

/// Looks up a user-defined type of the keyspace.
pub(in crate::store) type FindType<'f> = &'f dyn Fn(&str) -> Option<Arc<UdtType>>;

/// Returns the type that `text` names in a definition in `keyspace`. The type is at this depth of the
/// definition, whose budget it reduces.
///
/// # Errors
/// Returns the error of Cassandra if a type is unknown, or if it may not be a part of another one.
/// Returns an INVALID error if the definition exceeds its budget.
pub(super) fn define(
    text: &str,
    keyspace: &str,
    find: FindType<'_>,
    (budget, depth): (&mut TypeBudget, usize),
) -> Result<DefinedType, ServerError> {
    let parsed = parse(text)?;
    Definition { keyspace, find, budget }.resolve(&parsed, depth, false)
}

/// Returns true if a text is the name of a user-defined type without `frozen`.
pub(super) fn is_open_user_type(text: &str) -> Result<bool, ServerError> {
    let parsed = parse(text)?;
    Ok(matches!(parsed, Parsed::Name { .. }) && parsed.native().is_none())
}

/// Returns a type as Cassandra writes it in the errors of ALTER TYPE: with the keyspaces of
/// user-defined types.
pub(super) fn qualified_text(text: &str, keyspace: &str) -> Result<String, ServerError> {
    let mut parsed = parse(text)?;
    parsed.qualify(keyspace);
    Ok(parsed.text())
}

fn parse(text: &str) -> Result<Parsed, ServerError> {
    let mut parser = Parser { rest: text };
    let parsed = parser.parse(0)?;
    match parser.rest.trim().is_empty() {
        true => Ok(parsed),
        false => Err(parser.fault()),
    }
}

struct Parser<'t> {
    rest: &'t str,
}

impl Parser<'_> {
    fn fault(&self) -> ServerError {
        syntax_error(&format!("invalid type at '{}'", self.rest.trim()))
    }

    fn take(&mut self, symbol: char) -> bool {
        let rest = self.rest.trim_start().strip_prefix(symbol);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// Reads the text up to the closing quotation mark. Two marks are one mark of the text.
    fn quoted(&mut self, mark: char) -> Result<Option<String>, ServerError> {
        if !self.take(mark) {
            return Ok(None);
        }
        let mut text = String::new();
        loop {
            let Some((part, rest)) = self.rest.split_once(mark) else { return Err(self.fault()) };
            text.push_str(part);
            self.rest = rest;
            if !self.rest.starts_with(mark) {
                return Ok(Some(text));
            }
            self.take(mark);
            text.push(mark);
        }
    }

    /// Reads a name: its text, and true if it is quoted.
    fn name(&mut self) -> Result<(String, bool), ServerError> {
        if let Some(name) = self.quoted('"')? {
            return Ok((name, true));
        }
        let start = self.rest.trim_start();
        let end = start.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let (name, rest) = start.split_at(end.unwrap_or(start.len()));
        if name.is_empty() {
            return Err(self.fault());
        }
        self.rest = rest;
        Ok((name.to_ascii_lowercase(), false))
    }

    fn parse(&mut self, depth: usize) -> Result<Parsed, ServerError> {
        if depth > MAX_TYPE_DEPTH {
            return Err(invalid("types are nested too deeply"));
        }
        let depth = depth.saturating_add(1);
        if let Some(class) = self.quoted('\'')? {
            return Ok(Parsed::Class(class));
        }
        let (name, is_quoted) = self.name()?;
        let is_generic = matches!(&*name, "list" | "set" | "map" | "tuple" | "vector" | "frozen");
        if is_quoted || !is_generic || !self.take('<') {
            let (keyspace, name, is_quoted) = match self.take('.') {
                true => {
                    let (inner, is_quoted) = self.name()?;
                    (Some(name), inner, is_quoted)
                }
                false => (None, name, is_quoted),
            };
            return Ok(Parsed::Name { keyspace, name, is_quoted });
        }
        let mut parameters = vec![self.parse(depth)?];
        let mut dimensions = None;
        while self.take(',') {
            let start = self.rest.trim_start();
            if name == "vector" {
                let end = start.find(|c: char| !c.is_ascii_digit() && c != '-');
                let (number, rest) = start.split_at(end.unwrap_or(start.len()));
                self.rest = rest;
                dimensions = Some(number.to_owned());
            } else {
                parameters.push(self.parse(depth)?);
            }
        }
        if !self.take('>') {
            return Err(self.fault());
        }
        let count = match &*name {
            "map" => 2,
            "tuple" => parameters.len(),
            _ => 1,
        };
        if parameters.len() != count {
            return Err(self.fault());
        }
        Ok(match (&*name, parameters.pop()) {
            ("frozen", Some(inner)) => Parsed::Frozen(Box::new(inner)),
            (_, last) => {
                parameters.extend(last);
                Parsed::Generic { name, parameters, dimensions }
            }
        })
    }
}

impl Parsed {
    /// Returns true if `frozen` may be written around the type.
    fn can_be_frozen(&self) -> bool {
        match self {
            Self::Frozen(_) | Self::Generic { .. } => true,
            Self::Name { .. } => self.native().is_none(),
            Self::Class(_) => false,
        }
    }

    fn native(&self) -> Option<NativeType> {
        match self {
            Self::Name { keyspace: None, name, is_quoted: false } => match name.parse() {
                Ok(CqlType::Native(native)) => Some(native),
                _ => None,
            },
            _ => None,
        }
    }

    /// Returns the error for a type that is not frozen within a collection, or `None` if the type may
    /// be there.
    fn nested_fault(&self, outer: &str) -> Option<ServerError> {
        let kind = match self {
            Self::Generic { name, .. } if matches!(&**name, "list" | "set" | "map") => {
                "collections"
            }
            Self::Name { .. } if self.native().is_none() => "UDTs",
            _ => return None,
        };
        Some(invalid(format!("Non-frozen {kind} are not allowed inside collections: {outer}")))
    }

    /// Adds a keyspace to the names of user-defined types that have none.
    fn qualify(&mut self, own: &str) {
        if self.native().is_some() {
            return;
        }
        match self {
            Self::Frozen(inner) => inner.qualify(own),
            Self::Generic { parameters, .. } => {
                parameters.iter_mut().for_each(|of| of.qualify(own));
            }
            Self::Name { keyspace, .. } => {
                keyspace.get_or_insert_with(|| own.to_owned());
            }
            Self::Class(_) => {}
        }
    }

    /// Returns the type as Cassandra writes it in errors.
    fn text(&self) -> String {
        match self {
            Self::Frozen(inner) => format!("frozen<{}>", inner.text()),
            Self::Generic { name, parameters, dimensions } => {
                let parameters: Vec<_> = parameters.iter().map(Self::text).collect();
                let dimensions = dimensions.as_ref().map(|number| format!(", {number}"));
                format!("{name}<{}{}>", parameters.join(", "), dimensions.unwrap_or_default())
            }
            Self::Name { keyspace: Some(keyspace), name, .. } => format!("{keyspace}.{name}"),
            Self::Name { name, .. } => name.clone(),
            Self::Class(class) => format!("'{class}'"),
        }
    }
}

/// The resolution of the types of a definition.
struct Definition<'d> {
    keyspace: &'d str,
    find: FindType<'d>,
    budget: &'d mut TypeBudget,
}

impl Definition<'_> {
    fn resolve(
        &mut self,
        parsed: &Parsed,
        depth: usize,
        is_frozen: bool,
    ) -> Result<DefinedType, ServerError> {
        let (name, parameters, dimensions) = match parsed {
            Parsed::Frozen(inner) if inner.can_be_frozen() => {
                return self.resolve(inner, depth, true);
            }
            Parsed::Frozen(inner) => {
                return Err(invalid(format!(
                    "frozen<> is only allowed on collections, tuples, and user-defined types (got {})",
                    inner.text()
                )));
            }
            Parsed::Class(class) => {
                let cql_type = CqlType::parse_class(class)
                    .map_err(|_| syntax_error(&format!("invalid class name '{class}'")))?;
                self.budget.spend(&cql_type, depth)?;
                return Ok(DefinedType { cql_type, is_frozen });
            }
            Parsed::Name { keyspace: of, name, .. } => {
                if let Some(native) = parsed.native() {
                    self.budget.spend_part(depth)?;
                    return Ok(DefinedType { cql_type: native.into(), is_frozen: false });
                }
                let cql_type = user_type(of.as_deref(), name, self.keyspace, self.find)?;
                self.budget.spend(&cql_type, depth)?;
                return Ok(DefinedType { cql_type, is_frozen });
            }
            Parsed::Generic { name, parameters, dimensions } => (&**name, parameters, dimensions),
        };
        self.budget.spend_part(depth)?;
        let is_collection = matches!(name, "list" | "set" | "map");
        let mut types = Vec::with_capacity(parameters.len());
        for (index, parameter) in parameters.iter().enumerate() {
            let text = || parsed.text();
            if is_collection
                && !is_frozen
                && let Some(fault) = parameter.nested_fault(&text())
            {
                return Err(fault);
            }
            let resolved = self.resolve(parameter, depth.saturating_add(1), true)?.cql_type;
            let is_key = index == 0 && name == "map";
            match &resolved {
                CqlType::Native(NativeType::Counter) => {
                    return Err(invalid(match is_collection {
                        true => format!("Counters are not allowed inside collections: {}", text()),
                        false => format!("Counters are not allowed inside {name}s"),
                    }));
                }
                CqlType::Native(NativeType::Duration) if name == "set" => {
                    return Err(invalid(format!(
                        "Durations are not allowed inside sets: {}",
                        text()
                    )));
                }
                CqlType::Native(NativeType::Duration) if is_key => {
                    return Err(invalid(format!(
                        "Durations are not allowed as map keys: {}",
                        text()
                    )));
                }
                _ => types.push(resolved),
            }
        }
        let mut types = types.into_iter();
        let mut next = || types.next().unwrap_or_else(|| NativeType::Blob.into());
        let cql_type = match name {
            "list" => CqlType::List(Box::new(next())),
            "set" => CqlType::Set(Box::new(next())),
            "map" => CqlType::Map(Box::new((next(), next()))),
            "vector" => vector(next(), dimensions.as_deref().unwrap_or_default())?,
            _ => CqlType::Tuple(types.collect()),
        };
        Ok(DefinedType { cql_type, is_frozen })
    }
}

/// Returns the type of a vector. Its class is the one that its text has when it is parsed.
fn vector(element: CqlType, dimensions: &str) -> Result<CqlType, ServerError> {
    let fault =
        || invalid(format!("vectors may only have positive dimensions; given {dimensions}"));
    let dimensions = dimensions.parse::<usize>().ok().filter(|number| *number > 0);
    let dimensions = dimensions.ok_or_else(fault)?;
    Ok(CqlType::vector(element, dimensions))
}

fn user_type(
    of: Option<&str>,
    name: &str,
    keyspace: &str,
    find: FindType<'_>,
) -> Result<CqlType, ServerError> {
    if let Some(of) = of
        && of != keyspace
    {
        return Err(invalid(format!(
            "Statement on keyspace {keyspace} cannot refer to a user type in keyspace {of}; user \
             types can only be used in the keyspace they are defined in"
        )));
    }
    match find(name) {
        Some(udt) => Ok(CqlType::Udt(udt)),
        None => Err(invalid(format!("Unknown type {keyspace}.{name}"))),
    }
}

/// Returns true if values of a type contain durations.
pub(in crate::store) fn has_duration(cql_type: &CqlType) -> bool {
    match cql_type {
        CqlType::Native(native) => *native == NativeType::Duration,
        CqlType::List(of) | CqlType::Set(of) => has_duration(of),
        CqlType::Map(types) => has_duration(&types.0) || has_duration(&types.1),
        CqlType::Tuple(types) => types.iter().any(has_duration),
        CqlType::Udt(udt) => udt.fields.iter().any(|(_, of)| has_duration(of)),
        CqlType::Vector(vector) => has_duration(&vector.element),
        CqlType::Custom(_) => false,
    }
}
