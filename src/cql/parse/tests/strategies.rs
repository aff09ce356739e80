//! Strategies for terms, and for the statement that reads rows.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::cql::select::{
    Comparison, Condition, Direction, InValues, MetadataFunction, Operand, Ordering, Relation,
    Select, SelectedColumn, Selection, Selector, TableName,
};
use crate::cql::term::{BindMarker, FunctionName, Literal, Operator, Term, TypeName};

pub(super) fn name() -> impl Strategy<Value = String> {
    let plain = ["a", "b1", "as", "count", "distinct", "json", "key", "ttl", "values"];
    let quoted = ["", "A", "a\"b", "select", "token", "é", "1", "in"];
    select([&plain[..], &quoted[..]].concat()).prop_map(str::to_owned)
}

pub(super) fn function_name() -> impl Strategy<Value = FunctionName> {
    let named = |(keyspace, name)| FunctionName { keyspace, name };
    let token = FunctionName { keyspace: None, name: "token".to_owned() };
    prop_oneof![4 => (option::of(name()), name()).prop_map(named), 1 => Just(token)]
}

pub(super) fn type_name() -> impl Strategy<Value = TypeName> {
    select(vec![
        "int",
        "list<text>",
        "map<text,frozen<tuple<int,\"U\">>>",
        "vector<float,3>",
        "ks.u",
    ])
    .prop_map(|name| TypeName(name.to_owned()))
}

pub(super) fn marker() -> impl Strategy<Value = BindMarker> {
    prop_oneof![Just(BindMarker::Positional), name().prop_map(BindMarker::Named)]
}

pub(super) fn integer() -> impl Strategy<Value = Term> {
    any::<i64>().prop_map(|number| Term::Literal(Literal::Integer(number.to_string())))
}

pub(super) fn literal() -> impl Strategy<Value = Literal> {
    let floats = vec!["1.5", "1.", "-1e10", "1.5e-3", "1E+3", "NaN", "-NaN", "-Infinity"];
    let durations = vec!["1h30m", "-2mo", "P1Y2M", "PT5S", "P0001-03-20T12:30:21"];
    prop_oneof![
        Just(Literal::Null),
        any::<bool>().prop_map(Literal::Boolean),
        ".*".prop_map(Literal::String),
        any::<i64>().prop_map(|number| Literal::Integer(number.to_string())),
        select(floats).prop_map(|text| Literal::Float(text.to_owned())),
        select(durations).prop_map(|text| Literal::Duration(text.to_owned())),
        any::<u128>().prop_map(|bits| Literal::Uuid(uuid::Uuid::from_u128(bits))),
        "[0-9a-f]{0,8}".prop_map(Literal::Blob),
    ]
}

pub(super) fn term() -> impl Strategy<Value = Term> {
    let leaf = prop_oneof![
        literal().prop_map(Term::Literal),
        marker().prop_map(Term::Marker),
        Just(Term::Set(Vec::new())),
    ];
    leaf.prop_recursive(3, 12, 3, |term| {
        let entry = (term.clone(), term.clone());
        let simple = term
            .clone()
            .prop_filter("operators do not nest", |term| !matches!(term, Term::Arithmetic { .. }));
        let hinted = simple.clone();
        let not_number =
            simple.clone().prop_filter("a minus sign belongs to a number", |term| match term {
                Term::Literal(Literal::Integer(text) | Literal::Float(text))
                | Term::Literal(Literal::Duration(text)) => text.starts_with('-'),
                _ => true,
            });
        prop_oneof![
            not_number.prop_map(|term| Term::Negation(Box::new(term))),
            arithmetic(simple, |operator, left, right| Term::Arithmetic {
                operator,
                left: Box::new(left),
                right: Box::new(right),
            }),
            vec(term.clone(), 0..3).prop_map(Term::List),
            vec(term.clone(), 0..3).prop_map(Term::Set),
            vec(entry, 1..3).prop_map(Term::Map),
            vec((name(), term.clone()), 1..3).prop_map(Term::Udt),
            vec(term.clone(), 1..3).prop_map(Term::Tuple),
            (function_name(), vec(term.clone(), 0..3))
                .prop_map(|(name, arguments)| Term::Function { name, arguments }),
            (type_name(), hinted)
                .prop_map(|(cql_type, term)| Term::TypeHint { cql_type, term: Box::new(term) }),
        ]
    })
}

/// Returns operations with two or three operands.
fn arithmetic<T: std::fmt::Debug + Clone + 'static>(
    operand: impl Strategy<Value = T> + Clone + 'static,
    join: fn(Operator, T, T) -> T,
) -> impl Strategy<Value = T> {
    let operator = select(Operator::ALL.to_vec());
    let second = option::of((operator.clone(), operand.clone()));
    let is_sum = |operator| matches!(operator, Operator::Add | Operator::Subtract);
    (operand.clone(), operator, operand, second).prop_map(move |(a, first, b, second)| {
        match second {
            None => join(first, a, b),
            // A product binds its operands first.
            Some((second, c)) if is_sum(first) && !is_sum(second) => {
                join(first, a, join(second, b, c))
            }
            Some((second, c)) => join(second, join(first, a, b), c),
        }
    })
}

/// Returns selectors that can be followed by a field name or brackets.
fn suffixed(
    of: impl Strategy<Value = Selector> + Clone + 'static,
) -> impl Strategy<Value = Selector> {
    let of = of.prop_filter("a term has no parts", |of| {
        use Selector::{Arithmetic, CountRows, Negation, Term};
        !matches!(of, Term(_) | CountRows | Negation(_) | Arithmetic { .. })
    });
    let of = of.prop_map(Box::new).boxed();
    prop_oneof![
        (of.clone(), name()).prop_map(|(of, field)| Selector::Field { of, field }),
        (of.clone(), term()).prop_map(|(of, key)| Selector::Element { of, key }),
        (of, option::of(term()), option::of(term())).prop_map(|(of, from, to)| Selector::Slice {
            of,
            from,
            to
        }),
    ]
}

fn selector() -> impl Strategy<Value = Selector> {
    let not_a_call = term().prop_filter("calls and operations are selectors", |term| {
        !matches!(term, Term::Function { .. } | Term::Negation(_) | Term::Arithmetic { .. })
    });
    let leaf = prop_oneof![
        4 => name().prop_map(Selector::Column),
        1 => not_a_call.prop_map(Selector::Term),
        1 => Just(Selector::CountRows),
    ];
    leaf.prop_recursive(3, 8, 3, |selector| {
        let functions = vec![
            MetadataFunction::WriteTime,
            MetadataFunction::MaxWriteTime,
            MetadataFunction::Ttl,
        ];
        let boxed = selector.clone().prop_map(Box::new);
        let operand = selector.clone().prop_filter("operators do not nest", |selector| {
            !matches!(selector, Selector::Arithmetic { .. })
        });
        let column = name().prop_map(|name| Selector::Negation(Box::new(Selector::Column(name))));
        prop_oneof![
            column,
            arithmetic(operand, |operator, left, right| Selector::Arithmetic {
                operator,
                left: Box::new(left),
                right: Box::new(right),
            }),
            (select(functions), boxed.clone())
                .prop_map(|(function, of)| Selector::Metadata { function, of }),
            (boxed, type_name())
                .prop_map(|(selector, cql_type)| Selector::Cast { selector, cql_type }),
            (function_name(), vec(selector.clone(), 0..3))
                .prop_map(|(name, arguments)| { Selector::Function { name, arguments } }),
            suffixed(selector),
        ]
    })
}

pub(super) fn comparison() -> impl Strategy<Value = Comparison> {
    select(vec![
        Comparison::Equal,
        Comparison::NotEqual,
        Comparison::Less,
        Comparison::LessOrEqual,
        Comparison::Greater,
        Comparison::GreaterOrEqual,
    ])
}

pub(super) fn relation() -> impl Strategy<Value = Relation> {
    let compare =
        (comparison(), term()).prop_map(|(is, term)| Condition::Compare(is, term)).boxed();
    let only_columns =
        select(vec![Comparison::Contains, Comparison::ContainsKey, Comparison::Like]);
    let in_values = prop_oneof![
        marker().prop_map(InValues::Marker),
        vec(term(), 0..3).prop_map(InValues::Terms),
    ];
    let is_in = in_values.prop_map(Condition::In).boxed();
    let of_column = prop_oneof![
        compare.clone(),
        (only_columns, term()).prop_map(|(is, term)| Condition::Compare(is, term)),
        is_in.clone(),
        Just(Condition::IsNotNull),
    ];
    let names = || vec(name(), 1..3);
    prop_oneof![
        (name().prop_map(Operand::Column), of_column),
        ((name(), term()).prop_map(|(name, key)| Operand::Element(name, key)), compare.clone()),
        (names().prop_map(Operand::Token), compare.clone()),
        (names().prop_map(Operand::Tuple), prop_oneof![compare, is_in]),
    ]
    .prop_map(|(operand, condition)| Relation { operand, condition })
}

fn ordering() -> impl Strategy<Value = Ordering> {
    let direction = prop_oneof![
        Just(Direction::Ascending),
        Just(Direction::Descending),
        term().prop_map(Direction::NearestTo),
    ];
    (name(), direction).prop_map(|(column, direction)| Ordering { column, direction })
}

pub(super) fn select_statement() -> impl Strategy<Value = Select> {
    let column = (selector(), option::of(name()))
        .prop_map(|(selector, alias)| SelectedColumn { selector, alias });
    let selection =
        prop_oneof![Just(Selection::All), vec(column, 1..4).prop_map(Selection::Columns)];
    let limit = || option::of(prop_oneof![integer(), marker().prop_map(Term::Marker)]);
    let table =
        (option::of(name()), name()).prop_map(|(keyspace, name)| TableName { keyspace, name });
    let clauses = (vec(relation(), 0..3), vec(name(), 0..3), vec(ordering(), 0..3));
    let flags = (any::<bool>(), any::<bool>(), any::<bool>());
    (flags, selection, table, clauses, limit(), limit()).prop_map(
        |(
            (is_json, is_distinct, allow_filtering),
            selection,
            table,
            clauses,
            per_partition,
            limit,
        )| {
            let (relations, group_by, order_by) = clauses;
            Select {
                is_json,
                is_distinct,
                selection,
                table,
                relations,
                group_by,
                order_by,
                per_partition_limit: per_partition,
                limit,
                allow_filtering,
            }
        },
    )
}
