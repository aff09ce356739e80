//! User-defined functions and aggregates.

use super::ddl::{Qualified, Unfrozen, list, string};
use super::fields::Fields;
use super::user_types::UserTypes;
use crate::types::{CqlType, Identifier};

/// A user-defined function.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Function {
    /// The keyspace that contains the function.
    pub keyspace: String,
    /// The name of the function. Functions with different argument types may share a name.
    pub name: String,
    /// The names and types of the arguments.
    pub arguments: Vec<(String, CqlType)>,
    /// The types of the arguments as the server writes them.
    #[cfg(feature = "cli")]
    pub(super) argument_texts: Vec<String>,
    /// The return type.
    pub return_type: CqlType,
    /// The return type as the server writes it.
    #[cfg(feature = "cli")]
    pub(super) return_text: String,
    /// True if the function is called even when an argument is null. If false, the result is null
    /// in this case, and the function is not called.
    pub is_called_on_null: bool,
    /// The language of the body, such as `java`.
    pub language: String,
    /// The source code of the function.
    pub body: String,
}

/// A user-defined aggregate.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Aggregate {
    /// The keyspace that contains the aggregate and the functions that it uses.
    pub keyspace: String,
    /// The name of the aggregate. Aggregates with different argument types may share a name.
    pub name: String,
    /// The types of the arguments.
    pub arguments: Vec<CqlType>,
    /// The types of the arguments as the server writes them.
    #[cfg(feature = "cli")]
    pub(super) argument_texts: Vec<String>,
    /// The name of the function that computes the next state from the current state and the
    /// arguments.
    pub state_function: String,
    /// The type of the state.
    pub state_type: CqlType,
    /// The type of the state as the server writes it.
    #[cfg(feature = "cli")]
    pub(super) state_text: String,
    /// The name of the function that computes the result from the last state. `None`: the last state
    /// is the result.
    pub final_function: Option<String>,
    /// The initial state, as a CQL literal. `None`: the initial state is null.
    pub initial_state: Option<String>,
    /// The type of the result.
    pub return_type: CqlType,
}

impl Function {
    /// Returns the name and the argument types, such as `plus(int, int)`. They identify the function
    /// within its keyspace.
    pub fn signature(&self) -> String {
        signature(&self.name, self.arguments.iter().map(|(_, cql_type)| cql_type))
    }

    /// Returns the statement that creates the function. The types that it names must exist.
    pub fn ddl(&self) -> String {
        let Self { keyspace, name, language, body, .. } = self;
        let argument =
            |(name, cql_type): &(String, _)| format!("{} {}", Identifier(name), Unfrozen(cql_type));
        let arguments = list(self.arguments.iter().map(argument));
        let return_type = Unfrozen(&self.return_type);
        let name = Qualified(keyspace, name);
        let on_null = match self.is_called_on_null {
            true => "CALLED",
            false => "RETURNS NULL",
        };
        let body = match body.contains("$$") || body.ends_with('$') {
            true => string(body),
            false => format!("$${body}$$"),
        };
        format!(
            "CREATE FUNCTION {name} ({arguments})\n    {on_null} ON NULL INPUT\n    \
             RETURNS {return_type}\n    LANGUAGE {language}\n    AS {body};"
        )
    }

    pub(super) fn read(
        keyspace: &str,
        fields: Fields<'_>,
        types: &mut UserTypes<'_>,
    ) -> Option<Self> {
        let name = fields.text("function_name")?.to_owned();
        let location = format!("{keyspace}.{name}");
        let mut read = |text: &str| types.cql_type(text, &location);
        let names = fields.texts("argument_names").into_iter().map(str::to_owned);
        let arguments = fields.texts("argument_types").into_iter().map(&mut read);
        let arguments = names.zip(arguments).collect();
        Some(Self {
            keyspace: keyspace.to_owned(),
            name,
            arguments,
            #[cfg(feature = "cli")]
            argument_texts: owned(fields.texts("argument_types")),
            return_type: read(fields.text("return_type")?),
            #[cfg(feature = "cli")]
            return_text: fields.text("return_type")?.to_owned(),
            is_called_on_null: fields.flag("called_on_null_input").unwrap_or_default(),
            language: fields.text("language").unwrap_or_default().to_owned(),
            body: fields.text("body").unwrap_or_default().to_owned(),
        })
    }
}

impl Aggregate {
    /// Returns the name and the argument types, such as `total(int)`. They identify the aggregate
    /// within its keyspace.
    pub fn signature(&self) -> String {
        signature(&self.name, &self.arguments)
    }

    /// Returns the statement that creates the aggregate. The functions and types that it names must
    /// exist.
    pub fn ddl(&self) -> String {
        let Self { keyspace, name, state_function, .. } = self;
        let mut ddl = format!(
            "CREATE AGGREGATE {} ({})\n    SFUNC {}\n    STYPE {}",
            Qualified(keyspace, name),
            list(self.arguments.iter().map(Unfrozen)),
            Identifier(state_function),
            Unfrozen(&self.state_type),
        );
        if let Some(function) = &self.final_function {
            ddl.push_str(&format!("\n    FINALFUNC {}", Identifier(function)));
        }
        if let Some(state) = &self.initial_state {
            ddl.push_str(&format!("\n    INITCOND {state}"));
        }
        ddl.push(';');
        ddl
    }

    pub(super) fn read(
        keyspace: &str,
        fields: Fields<'_>,
        types: &mut UserTypes<'_>,
    ) -> Option<Self> {
        let name = fields.text("aggregate_name")?.to_owned();
        let location = format!("{keyspace}.{name}");
        let mut read = |text: &str| types.cql_type(text, &location);
        Some(Self {
            keyspace: keyspace.to_owned(),
            name,
            arguments: fields.texts("argument_types").into_iter().map(&mut read).collect(),
            #[cfg(feature = "cli")]
            argument_texts: owned(fields.texts("argument_types")),
            state_function: fields.text("state_func")?.to_owned(),
            state_type: read(fields.text("state_type")?),
            #[cfg(feature = "cli")]
            state_text: fields.text("state_type")?.to_owned(),
            final_function: fields.text("final_func").map(str::to_owned),
            initial_state: fields.text("initcond").map(str::to_owned),
            return_type: read(fields.text("return_type")?),
        })
    }
}

fn signature<'t>(name: &str, arguments: impl IntoIterator<Item = &'t CqlType>) -> String {
    format!("{}({})", Identifier(name), list(arguments))
}

#[cfg(feature = "cli")]
fn owned(texts: Vec<&str>) -> Vec<String> {
    texts.into_iter().map(str::to_owned).collect()
}
