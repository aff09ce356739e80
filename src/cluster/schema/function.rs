//! Functions and aggregates that users define.

use super::ddl::{Qualified, Thawed, list, string};
use super::fields::Fields;
use super::user_types::UserTypes;
use crate::types::{CqlType, Identifier};

/// A user-defined function.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Function {
    /// Its keyspace.
    pub keyspace: String,
    /// Its name, which it may share with functions of other arguments.
    pub name: String,
    /// The names and types of its arguments.
    pub arguments: Vec<(String, CqlType)>,
    /// The type of what it returns.
    pub return_type: CqlType,
    /// Whether it is called when an argument is null; else it is null then.
    pub is_called_on_null: bool,
    /// The language of its body.
    pub language: String,
    /// Its text.
    pub body: String,
}

/// A user-defined aggregate.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Aggregate {
    /// Its keyspace, in which its functions are, too.
    pub keyspace: String,
    /// Its name, which it may share with aggregates of other arguments.
    pub name: String,
    /// The types of its arguments.
    pub arguments: Vec<CqlType>,
    /// The function that takes a state and the arguments, and returns the next state.
    pub state_function: String,
    /// The type of the state.
    pub state_type: CqlType,
    /// The function that makes the result out of the last state; if there is none, that is it.
    pub final_function: Option<String>,
    /// The first state, as a literal; null if there is none.
    pub initial_state: Option<String>,
    /// The type of the result.
    pub return_type: CqlType,
}

impl Function {
    /// Its name and the types of its arguments, such as `plus(int, int)`: what it is one of a kind by.
    pub fn signature(&self) -> String {
        signature(&self.name, self.arguments.iter().map(|(_, of)| of))
    }

    /// The statement that creates it.
    pub fn ddl(&self) -> String {
        let Self { keyspace, name, language, body, .. } = self;
        let argument = |(name, of): &(String, _)| format!("{} {}", Identifier(name), Thawed(of));
        let arguments = list(self.arguments.iter().map(argument));
        let return_type = Thawed(&self.return_type);
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
        let place = format!("{keyspace}.{name}");
        let mut read = |text: &str| types.cql_type(text, &place);
        let names = fields.texts("argument_names").into_iter().map(str::to_owned);
        let arguments = fields.texts("argument_types").into_iter().map(&mut read);
        let arguments = names.zip(arguments).collect();
        Some(Self {
            keyspace: keyspace.to_owned(),
            name,
            arguments,
            return_type: read(fields.text("return_type")?),
            is_called_on_null: fields.flag("called_on_null_input").unwrap_or_default(),
            language: fields.text("language").unwrap_or_default().to_owned(),
            body: fields.text("body").unwrap_or_default().to_owned(),
        })
    }
}

impl Aggregate {
    /// Its name and the types of its arguments, such as `total(int)`: what it is one of a kind by.
    pub fn signature(&self) -> String {
        signature(&self.name, &self.arguments)
    }

    /// The statement that creates it. Its functions must be there.
    pub fn ddl(&self) -> String {
        let Self { keyspace, name, state_function, .. } = self;
        let mut ddl = format!(
            "CREATE AGGREGATE {} ({})\n    SFUNC {}\n    STYPE {}",
            Qualified(keyspace, name),
            list(self.arguments.iter().map(Thawed)),
            Identifier(state_function),
            Thawed(&self.state_type),
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
        let place = format!("{keyspace}.{name}");
        let mut read = |text: &str| types.cql_type(text, &place);
        Some(Self {
            keyspace: keyspace.to_owned(),
            name,
            arguments: fields.texts("argument_types").into_iter().map(&mut read).collect(),
            state_function: fields.text("state_func")?.to_owned(),
            state_type: read(fields.text("state_type")?),
            final_function: fields.text("final_func").map(str::to_owned),
            initial_state: fields.text("initcond").map(str::to_owned),
            return_type: read(fields.text("return_type")?),
        })
    }
}

fn signature<'t>(name: &str, arguments: impl IntoIterator<Item = &'t CqlType>) -> String {
    format!("{}({})", Identifier(name), list(arguments))
}
