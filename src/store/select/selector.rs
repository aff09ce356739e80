//! Compiles the columns of a result.

use std::fmt;

use super::aggregate::Aggregate;
use super::expression::Expression;
use super::metadata::{self, CellPart};
use crate::cql::FunctionName;
use crate::cql::{
    BindMarker, Literal, MetadataFunction, SelectedColumn, Selection, Selector, Term, TypeName,
};
use crate::message::ServerError;
use crate::store::error::{invalid, unsupported};
use crate::store::fit::Fit;
use crate::store::function::{self, Argument};
use crate::store::schema::{Column, TableSchema};
use crate::store::term::{TermArgument, compile, infer, resolve};
use crate::store::type_text::TypeText;
use crate::store::variables::Variables;
use crate::types::{ColumnSpec, CqlType, Identifier, NativeType};

/// The columns of a result, and the aggregates that their expressions name by index.
#[derive(Debug)]
pub(super) struct Projection {
    pub(super) columns: Vec<ColumnSpec>,
    pub(super) expressions: Vec<Expression>,
    /// Each aggregate and its argument. `count(*)` has no argument.
    pub(super) aggregates: Vec<(Aggregate, Option<Expression>)>,
}

/// The name of the receiver of the terms of a selection.
const RECEIVER: &str = "[selection]";

/// A compiled selector: its name in the result, its type, and its expression.
struct Compiled {
    name: String,
    cql_type: CqlType,
    expression: Expression,
}

/// Returns the columns of the result and their expressions, and adds their bind variables.
///
/// # Errors
/// Returns an INVALID error if a column or function is unknown, or if this server does not support a
/// part of the selection.
pub(super) fn projection(
    selection: &Selection,
    variables: &mut Variables<'_>,
) -> Result<Projection, ServerError> {
    let table = variables.table;
    let mut projection =
        Projection { columns: Vec::new(), expressions: Vec::new(), aggregates: Vec::new() };
    let columns = match selection {
        Selection::All => {
            for (index, column) in table.columns.iter().enumerate() {
                projection.columns.push(table.spec(&column.name, column.cql_type.clone()));
                projection.expressions.push(Expression::Column(index));
            }
            return Ok(projection);
        }
        Selection::Columns(columns) => columns,
    };
    for SelectedColumn { selector, alias } in columns {
        let mut compiler = Compiler { variables, aggregates: &mut projection.aggregates };
        let compiled = compiler.compile(selector)?;
        let name = alias.as_ref().unwrap_or(&compiled.name);
        projection.columns.push(table.spec(name, compiled.cql_type));
        projection.expressions.push(compiled.expression);
    }
    Ok(projection)
}

/// Returns the index and the schema of a column.
pub(super) fn find<'t>(
    name: &str,
    table: &'t TableSchema,
) -> Result<(usize, &'t Column), ServerError> {
    let index = table.index(name)?;
    // `index` is valid, because the table has just returned it.
    table.column(index).map(|column| (index, column)).ok_or_else(|| invalid("unknown column"))
}

struct Compiler<'c, 't> {
    variables: &'c mut Variables<'t>,
    aggregates: &'c mut Vec<(Aggregate, Option<Expression>)>,
}

impl Compiler<'_, '_> {
    fn compile(&mut self, selector: &Selector) -> Result<Compiled, ServerError> {
        let table = self.variables.table;
        Ok(match selector {
            Selector::Column(name) => {
                let (index, column) = find(name, table)?;
                Compiled {
                    name: name.clone(),
                    cql_type: column.cql_type.clone(),
                    expression: Expression::Column(index),
                }
            }
            Selector::CountRows => Compiled {
                name: "count".to_owned(),
                cql_type: NativeType::BigInt.into(),
                expression: self.aggregate(Aggregate::CountRows, None),
            },
            Selector::Metadata { function, of } => self.metadata(*function, of)?,
            Selector::Function { name, arguments } if Aggregate::is_name(name) => {
                self.aggregate_call(&name.name, arguments)?
            }
            Selector::Function { name, arguments } => self.call(name, arguments)?,
            Selector::Cast { selector, cql_type } => self.cast(selector, cql_type)?,
            Selector::Field { of, field } => self.field(of, field)?,
            Selector::Element { of, key } => {
                let of = self.compile(of)?;
                let (key_type, element) = element_types(&of, "Element")?;
                let key_name = key_name(&of);
                Compiled {
                    name: format!("{}[{}]", of.name, term_text(key)),
                    cql_type: element,
                    expression: Expression::Element(
                        Box::new(of.expression),
                        compile(key, &key_type, &key_name, self.variables)?,
                    ),
                }
            }
            Selector::Slice { of, from, to } => {
                let of = self.compile(of)?;
                let (key_type, _) = element_types(&of, "Slice")?;
                let key_name = key_name(&of);
                let mut bound = |term: &Option<Term>| match term {
                    Some(term) => compile(term, &key_type, &key_name, self.variables).map(Some),
                    None => Ok(None),
                };
                let (low, high) = (bound(from)?, bound(to)?);
                let is_multi_cell = match &of.expression {
                    Expression::Column(index) => {
                        table.column(*index).is_some_and(Column::is_multi_cell)
                    }
                    _ => false,
                };
                let bounds = (low, high);
                Compiled {
                    name: format!("{}[{}..{}]", of.name, text(from), text(to)),
                    expression: Expression::Slice {
                        of: Box::new(of.expression),
                        bounds,
                        is_multi_cell,
                    },
                    cql_type: of.cql_type,
                }
            }
            Selector::Term(Term::TypeHint { cql_type, term }) => {
                let hinted = resolve(cql_type, table)?;
                let name = format!("({cql_type}){}", term_text(term));
                let term = Term::TypeHint { cql_type: cql_type.clone(), term: term.clone() };
                let compiled = compile(&term, &hinted, RECEIVER, self.variables)?;
                Compiled { name, cql_type: hinted, expression: Expression::Term(compiled) }
            }
            Selector::Term(term) => {
                return Err(cannot_infer(term));
            }
            Selector::Negation(_) | Selector::Arithmetic { .. } => {
                return Err(unsupported(&format!("the column {selector}")));
            }
        })
    }

    fn aggregate(&mut self, aggregate: Aggregate, argument: Option<Expression>) -> Expression {
        self.aggregates.push((aggregate, argument));
        Expression::Aggregate(self.aggregates.len().saturating_sub(1))
    }

    fn aggregate_call(
        &mut self,
        name: &str,
        arguments: &[Selector],
    ) -> Result<Compiled, ServerError> {
        let count = self.aggregates.len();
        let compiled = arguments.iter().map(|argument| match argument {
            Selector::Term(term) => self.untyped(term),
            other => self.compile(other),
        });
        let mut compiled = compiled.collect::<Result<Vec<_>, _>>()?;
        let types: Vec<_> = compiled.iter().map(|argument| &argument.cql_type).collect();
        let aggregate = Aggregate::find(name, &types)?;
        if self.aggregates.len() > count {
            let message = "aggregate functions cannot be used as arguments of aggregate functions";
            return Err(invalid(message));
        }
        // `find` accepts one argument only.
        let Some(argument) = compiled.pop() else { return Err(unsupported(name)) };
        Ok(Compiled {
            name: format!("system.{name}({})", argument.name),
            cql_type: aggregate.result(&argument.cql_type),
            expression: self.aggregate(aggregate, Some(argument.expression)),
        })
    }

    /// Compiles a term for the type that it has by itself.
    fn untyped(&mut self, term: &Term) -> Result<Compiled, ServerError> {
        let name = term_text(term);
        // Cassandra takes a null for a blob here.
        let cql_type = match infer(term, self.variables.table) {
            Some(cql_type) => cql_type,
            None if *term == Term::Literal(Literal::Null) => NativeType::Blob.into(),
            None => return Err(cannot_infer(term)),
        };
        let expression = Expression::Term(compile(term, &cql_type, RECEIVER, self.variables)?);
        Ok(Compiled { name, cql_type, expression })
    }

    fn call(
        &mut self,
        name: &FunctionName,
        arguments: &[Selector],
    ) -> Result<Compiled, ServerError> {
        let table = self.variables.table;
        // The types of terms follow from the function.
        let mut compiled = Vec::new();
        for argument in arguments {
            compiled.push(match argument {
                Selector::Term(_) => None,
                other => Some(self.compile(other)?),
            });
        }
        let provided: Vec<Provided<'_>> = arguments
            .iter()
            .zip(&compiled)
            .filter_map(|(argument, compiled)| match (argument, compiled) {
                (Selector::Term(term), _) => Some(Provided::Term(TermArgument { term, table })),
                (_, Some(compiled)) => Some(Provided::Expression(compiled)),
                _ => None,
            })
            .collect();
        let provided: Vec<_> = provided.iter().map(|of| of as &dyn Argument).collect();
        let Some(function) = function::find(name, &provided, None, table)? else {
            return Err(invalid(format!("Unknown function '{name}'")));
        };
        let mut names = Vec::new();
        let mut expressions = Vec::new();
        for (index, (argument, compiled)) in arguments.iter().zip(compiled).enumerate() {
            let (name, expression) = match (argument, compiled) {
                (Selector::Term(term), _) => {
                    let (cql_type, _) = function.argument(index);
                    let text = term_text(term);
                    let term = compile(term, cql_type, RECEIVER, self.variables)?;
                    (text, Expression::Term(term))
                }
                (_, Some(compiled)) => (compiled.name, compiled.expression),
                (other, None) => return Err(unsupported(&format!("the column {other}"))),
            };
            names.push(name);
            expressions.push(expression);
        }
        Ok(Compiled {
            name: format!("{function}({})", names.join(", ")),
            cql_type: function.result().clone(),
            expression: Expression::Call(function, expressions),
        })
    }

    fn cast(&mut self, selector: &Selector, target: &TypeName) -> Result<Compiled, ServerError> {
        let of = self.compile(selector)?;
        let target = resolve(target, self.variables.table)?;
        if of.cql_type == target {
            // The type of a column in descending order differs from its CQL type.
            let is_descending = match &of.expression {
                Expression::Column(index) => {
                    self.variables.table.column(*index).is_some_and(|column| column.is_descending)
                }
                _ => false,
            };
            return Ok(match is_descending {
                true => {
                    Compiled { name: format!("cast({} as {})", of.name, TypeText(&target)), ..of }
                }
                false => of,
            });
        }
        let not_castable = || {
            let name = Identifier(&of.name);
            invalid(format!("{name} cannot be cast to {}", TypeText(&target)))
        };
        if !matches!(target, CqlType::Native(_)) || target == NativeType::Counter.into() {
            return Err(not_castable());
        }
        let name = FunctionName { keyspace: None, name: format!("cast_as_{}", TypeText(&target)) };
        let qualified =
            FunctionName { keyspace: Some("system".to_owned()), name: name.name.clone() };
        let provided = Provided::Expression(&of);
        let table = self.variables.table;
        let function = function::find(&qualified, &[&provided], None, table)?;
        let Some(function) = function else { return Err(not_castable()) };
        Ok(Compiled {
            name: format!("cast({} as {})", of.name, TypeText(&target)),
            cql_type: target,
            expression: Expression::Call(function, vec![of.expression]),
        })
    }

    fn field(&mut self, of: &Selector, field: &str) -> Result<Compiled, ServerError> {
        let of = self.compile(of)?;
        let CqlType::Udt(udt) = &of.cql_type else {
            return Err(invalid(format!(
                "Invalid field selection: {} of type {} is not a user type",
                of.name,
                TypeText(&of.cql_type)
            )));
        };
        let index = udt.fields.iter().position(|(name, _)| name == field);
        let found = index.and_then(|index| Some((index, udt.fields.get(index)?)));
        let Some((index, (_, cql_type))) = found else {
            return Err(invalid(format!(
                "{} of type {} has no field {field}",
                of.name,
                TypeText(&of.cql_type)
            )));
        };
        Ok(Compiled {
            name: format!("{}.{field}", of.name),
            cql_type: cql_type.clone(),
            expression: Expression::Field(Box::new(of.expression), index),
        })
    }

    fn metadata(
        &mut self,
        function: MetadataFunction,
        of: &Selector,
    ) -> Result<Compiled, ServerError> {
        let table = self.variables.table;
        let compiled = self.compile(of)?;
        let (part, is_list) = match (of, compiled.expression) {
            (_, Expression::Column(index)) => {
                let is_list = table.column(index).is_some_and(Column::is_multi_cell);
                (CellPart::Column(index), is_list)
            }
            (_, Expression::Field(of, field)) => match *of {
                Expression::Column(index) => (CellPart::Field(index, field), false),
                _ => return Err(unsupported(&format!("{function} of parts of a field"))),
            },
            (_, Expression::Element(of, key)) => match *of {
                Expression::Column(index) => (CellPart::Element(index, key), false),
                _ => return Err(unsupported(&format!("{function} of parts of an element"))),
            },
            (_, Expression::Slice { of, bounds: (from, to), .. }) => match *of {
                Expression::Column(index) => {
                    let is_list = table.column(index).is_some_and(Column::is_multi_cell);
                    (CellPart::Slice(index, from, to), is_list)
                }
                _ => return Err(unsupported(&format!("{function} of parts of a slice"))),
            },
            (of, _) => return Err(unsupported(&format!("the column {function}({of})"))),
        };
        let (CellPart::Column(index)
        | CellPart::Field(index, _)
        | CellPart::Element(index, _)
        | CellPart::Slice(index, ..)) = part;
        if let Some(column) = table.column(index).filter(|column| column.kind.is_key()) {
            return Err(invalid(format!(
                "Cannot use selection function {function} on PRIMARY KEY part {}",
                column.name
            )));
        }
        Ok(Compiled {
            name: format!("{function}({})", compiled.name),
            cql_type: metadata::result_type(function, is_list),
            expression: Expression::Metadata(function, part),
        })
    }
}

/// An argument of a function in a selection.
enum Provided<'a> {
    Term(TermArgument<'a>),
    Expression(&'a Compiled),
}

impl fmt::Display for Provided<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Term(term) => term.fmt(f),
            Self::Expression(compiled) => f.write_str(&compiled.name),
        }
    }
}

impl Argument for Provided<'_> {
    fn fit(&self, cql_type: &CqlType) -> Fit {
        match self {
            Self::Term(term) => term.fit(cql_type),
            Self::Expression(compiled) => Fit::of_type(&compiled.cql_type, cql_type),
        }
    }

    fn inferred(&self) -> Option<CqlType> {
        match self {
            Self::Term(term) => term.inferred(),
            Self::Expression(compiled) => Some(compiled.cql_type.clone()),
        }
    }
}

fn cannot_infer(term: &Term) -> ServerError {
    invalid(format!(
        "Cannot infer type for term {} in selection clause (try using a cast to force a type)",
        term_text(term)
    ))
}

/// Returns the text of a term in the name of a column, where bind variables have no names.
fn term_text(term: &Term) -> String {
    match term {
        Term::Literal(Literal::Null) => "NULL".to_owned(),
        // Cassandra does not double the quotation marks inside of a name.
        Term::Literal(Literal::String(text)) => format!("'{text}'"),
        _ => without_names(term).to_string(),
    }
}

fn without_names(term: &Term) -> Term {
    let all = |terms: &[Term]| terms.iter().map(without_names).collect();
    match term {
        Term::Marker(_) => Term::Marker(BindMarker::Positional),
        Term::List(terms) => Term::List(all(terms)),
        Term::Set(terms) => Term::Set(all(terms)),
        Term::Tuple(terms) => Term::Tuple(all(terms)),
        Term::Function { name, arguments } => {
            Term::Function { name: name.clone(), arguments: all(arguments) }
        }
        Term::TypeHint { cql_type, term } => {
            let term = Box::new(without_names(term));
            Term::TypeHint { cql_type: cql_type.clone(), term }
        }
        other => other.clone(),
    }
}

fn text(term: &Option<Term>) -> String {
    term.as_ref().map_or_else(String::new, term_text)
}

fn key_name(of: &Compiled) -> String {
    match of.cql_type {
        CqlType::Map(_) => format!("key({})", of.name),
        _ => format!("value({})", of.name),
    }
}

/// Returns the type of the keys of a map or a set, and the type of its elements.
fn element_types(of: &Compiled, kind: &str) -> Result<(CqlType, CqlType), ServerError> {
    match &of.cql_type {
        CqlType::Map(types) => Ok((types.0.clone(), types.1.clone())),
        CqlType::Set(element) => Ok(((**element).clone(), (**element).clone())),
        CqlType::List(_) => Err(invalid(format!(
            "{kind} selection is only allowed on sets and maps, but {} is a list",
            of.name
        ))),
        other => {
            // The words of Cassandra differ.
            let is = if kind == "Element" { "is " } else { "" };
            Err(invalid(format!(
                "Invalid {} selection: {} {is}of type {} is not a collection",
                kind.to_lowercase(),
                of.name,
                TypeText(other)
            )))
        }
    }
}
