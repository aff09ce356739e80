//! Functions and aggregates as the Python driver exports them.

use super::super::ddl::list;
use super::super::{Aggregate, Function};
use super::text::{ExportedName, QualifiedName, without_frozen};

impl Function {
    /// Returns the statement that creates the function. The type of the result is printed as the server
    /// stores it, with `frozen<…>`.
    pub(crate) fn export(&self) -> String {
        let arguments = self.arguments.iter().zip(&self.argument_texts);
        let arguments = arguments.map(|((name, _), cql_type)| {
            format!("{} {}", ExportedName(name), without_frozen(cql_type))
        });
        format!(
            "CREATE FUNCTION {}({})\n    {} ON NULL INPUT\n    RETURNS {}\n    LANGUAGE {}\n    AS $${}$$;",
            QualifiedName(&self.keyspace, &self.name),
            list(arguments),
            if self.is_called_on_null { "CALLED" } else { "RETURNS NULL" },
            self.return_text,
            self.language,
            self.body,
        )
    }

    /// Returns the name and the types of the arguments, as DESCRIBE FUNCTIONS prints them.
    pub(crate) fn exported_signature(&self) -> String {
        format!("{}({})", self.name, self.argument_texts.join(","))
    }
}

impl Aggregate {
    /// Returns the statement that creates the aggregate.
    pub(crate) fn export(&self) -> String {
        let mut statement = format!(
            "CREATE AGGREGATE {}({})\n    SFUNC {}\n    STYPE {}",
            QualifiedName(&self.keyspace, &self.name),
            list(self.argument_texts.iter().map(|text| without_frozen(text))),
            ExportedName(&self.state_function),
            without_frozen(&self.state_text),
        );
        if let Some(function) = &self.final_function {
            statement.push_str(&format!("\n    FINALFUNC {}", ExportedName(function)));
        }
        if let Some(state) = &self.initial_state {
            statement.push_str(&format!("\n    INITCOND {state}"));
        }
        statement.push(';');
        statement
    }

    /// Returns the name and the types of the arguments, as DESCRIBE AGGREGATES prints them.
    pub(crate) fn exported_signature(&self) -> String {
        format!("{}({})", self.name, self.argument_texts.join(","))
    }
}
