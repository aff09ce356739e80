//! The check that a term can be a value of a type.

use super::constant;
use super::type_hint::resolve;
use std::fmt;

use crate::cql::{Literal, Term};
use crate::store::fit::Fit;
use crate::store::function::{self, Argument};
use crate::store::schema::TableSchema;
use crate::types::CqlType;

/// Returns the fit of a term for a type.
pub(in crate::store) fn fit(term: &Term, cql_type: &CqlType, table: &TableSchema) -> Fit {
    let all = |terms: &[Term], cql_type: &CqlType| {
        terms.iter().map(|term| fit(term, cql_type, table)).min().unwrap_or(Fit::Weak)
    };
    // An empty literal fits, but not exactly.
    match (term, cql_type) {
        (Term::Literal(literal), _) => constant::fit(literal, cql_type),
        (Term::Marker(_), _) => Fit::Weak,
        (Term::List(terms), CqlType::List(element)) => all(terms, element),
        (Term::List(terms), CqlType::Vector(vector)) if terms.len() == vector.dimensions => {
            all(terms, &vector.element)
        }
        (Term::Set(terms), CqlType::Set(element)) => all(terms, element),
        (Term::Set(terms), CqlType::Map(_)) if terms.is_empty() => Fit::Weak,
        (Term::Map(entries), CqlType::Map(types)) => {
            let entry = |(key, value): &(Term, Term)| {
                fit(key, &types.0, table).min(fit(value, &types.1, table))
            };
            entries.iter().map(entry).min().unwrap_or(Fit::Weak)
        }
        (Term::Tuple(terms), CqlType::Tuple(types)) if terms.len() <= types.len() => {
            let fits = terms.iter().zip(types).map(|(term, of)| fit(term, of, table));
            fits.min().unwrap_or(Fit::Weak).min(Fit::Weak)
        }
        (Term::Udt(fields), CqlType::Udt(udt)) => {
            let of_field = |(name, term): &(String, Term)| {
                let field = udt.fields.iter().find(|(known, _)| known == name);
                field.map_or(Fit::No, |(_, of)| fit(term, of, table))
            };
            fields.iter().map(of_field).min().unwrap_or(Fit::Weak).min(Fit::Weak)
        }
        (Term::Function { name, .. }, _) => function::fit(name, cql_type, table),
        (Term::TypeHint { cql_type: hint, .. }, _) => match resolve(hint, table) {
            Ok(hinted) => Fit::of_type(&hinted, cql_type),
            Err(_) => Fit::No,
        },
        _ => Fit::No,
    }
}

/// Returns the type that a term has by itself, or `None` if it has none.
pub(in crate::store) fn infer(term: &Term, table: &TableSchema) -> Option<CqlType> {
    let all = |terms: &[Term]| terms.first().and_then(|first| infer(first, table)).map(Box::new);
    match term {
        Term::Literal(literal) => constant::preferred(literal).map(CqlType::Native),
        Term::Marker(_) | Term::Udt(_) | Term::Negation(_) | Term::Arithmetic { .. } => None,
        Term::List(terms) => all(terms).map(CqlType::List),
        Term::Set(terms) => all(terms).map(CqlType::Set),
        Term::Map(entries) => {
            let (key, value) = entries.first()?;
            Some(CqlType::Map(Box::new((infer(key, table)?, infer(value, table)?))))
        }
        Term::Tuple(terms) => {
            let types: Option<Vec<_>> = terms.iter().map(|term| infer(term, table)).collect();
            types.map(CqlType::Tuple)
        }
        Term::Function { name, .. } => function::result_type(name, table),
        Term::TypeHint { cql_type, .. } => resolve(cql_type, table).ok(),
    }
}

/// A term as the argument of a function.
pub(in crate::store) struct TermArgument<'a> {
    pub(in crate::store) term: &'a Term,
    pub(in crate::store) table: &'a TableSchema,
}

impl fmt::Display for TermArgument<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.term {
            // Unlike everywhere else, Cassandra writes it in upper case here.
            Term::Literal(Literal::Null) => f.write_str("NULL"),
            term => term.fmt(f),
        }
    }
}

impl Argument for TermArgument<'_> {
    fn fit(&self, cql_type: &CqlType) -> Fit {
        fit(self.term, cql_type, self.table)
    }

    fn inferred(&self) -> Option<CqlType> {
        infer(self.term, self.table)
    }
}
