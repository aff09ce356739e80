//! Strategies for the statements that are not SELECT.

use std::collections::HashSet;

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::strategies::{
    comparison, function_name, integer, literal, marker, name, relation, term, type_name,
};
use crate::cql::definition::{
    AlterKeyspace, AlterTable, ClusteringOrder, ColumnDefinition, CreateKeyspace, CreateTable,
    DropElement, Mask, OptionValue, Options, PrimaryKey, TableChange,
};
use crate::cql::describe::{Describe, DescribeSubject, ElementKind};
use crate::cql::index::{CreateIndex, IndexPart, IndexTarget};
use crate::cql::mutation::{
    Assignment, Attribute, Batch, Delete, IfCondition, Insert, InsertValues, JsonValue, Mutation,
    Operation, Target, TargetCondition, Update, Using,
};
use crate::cql::select::{Comparison, Condition, InValues, TableName};
use crate::cql::statement::Statement;
use crate::cql::term::{Literal, Term, TypeName};
use crate::cql::user_type::{AlterType, CreateType, TypeChange};
use crate::message::BatchKind;

pub(super) fn statement() -> impl Strategy<Value = Statement> {
    prop_oneof![
        6 => mutation().prop_map(Statement::Mutation),
        1 => batch().prop_map(Statement::Batch),
        3 => create(),
        3 => alter(),
        2 => drop_element(),
        1 => table_name().prop_map(Statement::Truncate),
        1 => name().prop_map(Statement::Use),
        2 => describe().prop_map(Statement::Describe),
    ]
}

fn table_name() -> impl Strategy<Value = TableName> {
    (option::of(name()), name()).prop_map(|(keyspace, name)| TableName { keyspace, name })
}

fn mutation() -> impl Strategy<Value = Mutation> {
    prop_oneof![
        insert().prop_map(Mutation::Insert),
        update().prop_map(Mutation::Update),
        delete().prop_map(Mutation::Delete),
    ]
}

fn insert() -> impl Strategy<Value = Insert> {
    let json = prop_oneof![".*".prop_map(JsonValue::Text), marker().prop_map(JsonValue::Marker),];
    let values = prop_oneof![
        (vec(name(), 1..4), vec(term(), 1..4))
            .prop_map(|(columns, terms)| InsertValues::Columns { columns, terms }),
        (json, any::<bool>())
            .prop_map(|(value, default_unset)| InsertValues::Json { value, default_unset }),
    ];
    (table_name(), values, any::<bool>(), using()).prop_map(
        |(table, values, if_not_exists, using)| Insert { table, values, if_not_exists, using },
    )
}

fn number() -> impl Strategy<Value = Term> {
    prop_oneof![integer(), marker().prop_map(Term::Marker)]
}

fn using() -> impl Strategy<Value = Using> {
    let attribute =
        prop_oneof![number().prop_map(Attribute::Timestamp), number().prop_map(Attribute::Ttl),];
    vec(attribute, 0..3).prop_map(Using)
}

fn target() -> impl Strategy<Value = Target> {
    prop_oneof![
        name().prop_map(Target::Column),
        (name(), term()).prop_map(|(name, key)| Target::Element(name, key)),
        (name(), name()).prop_map(|(name, field)| Target::Field(name, field)),
    ]
}

fn assignment() -> impl Strategy<Value = Assignment> {
    let operation = prop_oneof![
        term().prop_map(Operation::Add),
        term().prop_map(Operation::Prepend),
        term().prop_map(Operation::Subtract),
    ];
    prop_oneof![
        (target(), term())
            .prop_map(|(target, term)| Assignment { target, operation: Operation::Set(term) }),
        (name().prop_map(Target::Column), operation)
            .prop_map(|(target, operation)| Assignment { target, operation }),
    ]
}

fn update() -> impl Strategy<Value = Update> {
    // Each column is assigned once, so that the assignments are compatible.
    let assignments = vec(assignment(), 1..4).prop_map(|mut assignments| {
        let mut seen = HashSet::new();
        assignments.retain(|assignment| seen.insert(assignment.target.column().to_owned()));
        assignments
    });
    (table_name(), using(), assignments, vec(relation(), 1..3), option::of(if_condition()))
        .prop_map(|(table, using, assignments, relations, condition)| Update {
            table,
            using,
            assignments,
            relations,
            condition,
        })
}

fn if_condition() -> impl Strategy<Value = IfCondition> {
    let values = prop_oneof![
        marker().prop_map(InValues::Marker),
        vec(term(), 0..3).prop_map(InValues::Terms),
    ];
    let condition = prop_oneof![
        (comparison(), term()).prop_map(|(is, term)| Condition::Compare(is, term)),
        values.prop_map(Condition::In),
    ];
    let contains = (select(vec![Comparison::Contains, Comparison::ContainsKey]), term())
        .prop_map(|(is, term)| Condition::Compare(is, term));
    let column = prop_oneof![Just("exists".to_owned()), name()].prop_map(Target::Column);
    let of_target = prop_oneof![(target(), condition), (column, contains)];
    let of_target = of_target.prop_map(|(target, condition)| TargetCondition { target, condition });
    prop_oneof![Just(IfCondition::Exists), vec(of_target, 1..4).prop_map(IfCondition::All)]
}

fn delete() -> impl Strategy<Value = Delete> {
    let using = vec(number().prop_map(Attribute::Timestamp), 0..2).prop_map(Using);
    let clauses = (vec(relation(), 1..3), option::of(if_condition()));
    (vec(target(), 0..3), table_name(), using, clauses).prop_map(
        |(targets, table, using, (relations, condition))| Delete {
            targets,
            table,
            using,
            relations,
            condition,
        },
    )
}

fn batch() -> impl Strategy<Value = Batch> {
    let kind = select(vec![BatchKind::Logged, BatchKind::Unlogged, BatchKind::Counter]);
    (kind, using(), vec(mutation(), 0..4)).prop_map(|(kind, using, statements)| Batch {
        kind,
        using,
        statements,
    })
}

fn constant() -> impl Strategy<Value = Literal> {
    literal().prop_filter("null is no option", |literal| *literal != Literal::Null)
}

fn options(minimum: usize) -> impl Strategy<Value = Options> {
    let entries = vec((constant(), constant()), 0..3).prop_map(|mut entries| {
        let mut seen = HashSet::new();
        entries.retain(|(key, _)| seen.insert(key.raw_text().into_owned()));
        entries
    });
    let value =
        prop_oneof![constant().prop_map(OptionValue::Literal), entries.prop_map(OptionValue::Map),];
    let name = prop_oneof![name(), Just("clustering".to_owned()), Just("compact".to_owned())];
    btree_map(name, value, minimum..4).prop_map(|options| Options(options.into_iter().collect()))
}

fn column() -> impl Strategy<Value = ColumnDefinition> {
    let mask = prop_oneof![
        Just(Mask::Default),
        (function_name(), vec(term(), 0..3))
            .prop_map(|(name, arguments)| Mask::Function { name, arguments }),
    ];
    (name(), type_name(), any::<bool>(), option::of(mask)).prop_map(
        |(name, cql_type, is_static, mask)| ColumnDefinition { name, cql_type, is_static, mask },
    )
}

fn field() -> impl Strategy<Value = (String, TypeName)> {
    (name(), type_name())
}

fn create_table() -> impl Strategy<Value = CreateTable> {
    let key = (vec(name(), 1..3), vec(name(), 0..3))
        .prop_map(|(partition, clustering)| PrimaryKey { partition, clustering });
    let order = (name(), any::<bool>())
        .prop_map(|(column, is_descending)| ClusteringOrder { column, is_descending });
    let flags = (any::<bool>(), any::<bool>());
    (flags, table_name(), vec(column(), 1..4), vec(key, 0..3), vec(order, 0..3), options(0))
        .prop_map(
            |(
                (if_not_exists, is_compact),
                table,
                columns,
                primary_keys,
                clustering_order,
                options,
            )| {
                CreateTable {
                    if_not_exists,
                    table,
                    columns,
                    primary_keys,
                    clustering_order,
                    is_compact,
                    options,
                }
            },
        )
}

fn create_index() -> impl Strategy<Value = CreateIndex> {
    let parts = vec![
        IndexPart::Simple,
        IndexPart::Values,
        IndexPart::Keys,
        IndexPart::Entries,
        IndexPart::Full,
    ];
    let target = (select(parts), name()).prop_map(|(part, column)| IndexTarget { part, column });
    let flags = (any::<bool>(), any::<bool>());
    let names = (option::of(table_name()), table_name());
    (flags, names, vec(target, 0..3), option::of(".*"), options(0)).prop_map(
        |((is_custom, if_not_exists), (name, table), targets, using, options)| CreateIndex {
            is_custom,
            if_not_exists,
            name,
            table,
            targets,
            using,
            options,
        },
    )
}

fn create() -> impl Strategy<Value = Statement> {
    prop_oneof![
        (any::<bool>(), name(), options(1)).prop_map(|(if_not_exists, name, options)| {
            Statement::CreateKeyspace(CreateKeyspace { if_not_exists, name, options })
        }),
        create_table().prop_map(Statement::CreateTable),
        (any::<bool>(), table_name(), vec(field(), 1..4)).prop_map(
            |(if_not_exists, name, fields)| {
                Statement::CreateType(CreateType { if_not_exists, name, fields })
            }
        ),
        create_index().prop_map(Statement::CreateIndex),
    ]
}

fn table_change() -> impl Strategy<Value = TableChange> {
    let flag = any::<bool>;
    let timestamp = option::of(any::<i64>().prop_map(|number| number.to_string()));
    prop_oneof![
        (flag(), vec(column(), 1..3))
            .prop_map(|(if_not_exists, columns)| TableChange::Add { if_not_exists, columns }),
        (flag(), vec(name(), 1..3), timestamp).prop_map(|(if_exists, columns, timestamp)| {
            TableChange::Drop { if_exists, columns, timestamp }
        }),
        (flag(), vec((name(), name()), 1..3))
            .prop_map(|(if_exists, columns)| TableChange::Rename { if_exists, columns }),
        field().prop_map(|(column, cql_type)| TableChange::AlterType { column, cql_type }),
        (flag(), name(), option::of(Just(Mask::Default))).prop_map(|(if_exists, column, mask)| {
            TableChange::AlterMask { if_exists, column, mask }
        }),
        Just(TableChange::DropCompactStorage),
        options(1).prop_map(TableChange::With),
    ]
}

fn alter() -> impl Strategy<Value = Statement> {
    let flag = any::<bool>;
    let type_change = prop_oneof![
        (flag(), field()).prop_map(|(if_not_exists, (field, cql_type))| TypeChange::Add {
            if_not_exists,
            field,
            cql_type
        }),
        (flag(), vec((name(), name()), 1..3))
            .prop_map(|(if_exists, fields)| TypeChange::Rename { if_exists, fields }),
        field().prop_map(|(field, cql_type)| TypeChange::AlterType { field, cql_type }),
    ];
    prop_oneof![
        (flag(), name(), options(1)).prop_map(|(if_exists, name, options)| {
            Statement::AlterKeyspace(AlterKeyspace { if_exists, name, options })
        }),
        (flag(), table_name(), table_change()).prop_map(|(if_exists, table, change)| {
            Statement::AlterTable(AlterTable { if_exists, table, change })
        }),
        (flag(), table_name(), type_change).prop_map(|(if_exists, name, change)| {
            Statement::AlterType(AlterType { if_exists, name, change })
        }),
    ]
}

fn drop_element() -> impl Strategy<Value = Statement> {
    let keyspace =
        (any::<bool>(), name()).prop_map(|(if_exists, name)| DropElement { if_exists, name });
    let statements: Vec<fn(DropElement<TableName>) -> Statement> =
        vec![Statement::DropTable, Statement::DropType, Statement::DropIndex];
    let element = (any::<bool>(), table_name(), select(statements))
        .prop_map(|(if_exists, name, statement)| statement(DropElement { if_exists, name }));
    prop_oneof![1 => keyspace.prop_map(Statement::DropKeyspace), 3 => element]
}

fn describe() -> impl Strategy<Value = Describe> {
    let lists = vec![
        ElementKind::Keyspace,
        ElementKind::Table,
        ElementKind::Type,
        ElementKind::Function,
        ElementKind::Aggregate,
    ];
    let elements = vec![
        ElementKind::Table,
        ElementKind::Type,
        ElementKind::Function,
        ElementKind::Aggregate,
        ElementKind::Index,
        ElementKind::MaterializedView,
    ];
    let words = ["aggregate", "cluster", "columnfamilies", "keyspaces", "only", "types"];
    let word = select(words.to_vec()).prop_map(str::to_owned);
    let name_or_word = prop_oneof![name(), word];
    let any_name = prop_oneof![
        name_or_word.clone().prop_map(|name| TableName { keyspace: None, name }),
        (name_or_word, name())
            .prop_map(|(keyspace, name)| TableName { keyspace: Some(keyspace), name }),
    ];
    let subject = prop_oneof![
        Just(DescribeSubject::Cluster),
        any::<bool>().prop_map(|is_full| DescribeSubject::Schema { is_full }),
        select(lists).prop_map(DescribeSubject::Names),
        (option::of(name()), any::<bool>())
            .prop_map(|(name, is_only)| DescribeSubject::Keyspace { name, is_only }),
        (select(elements), table_name())
            .prop_map(|(kind, name)| DescribeSubject::Element(kind, name)),
        any_name.prop_map(DescribeSubject::Any),
    ];
    (subject, any::<bool>())
        .prop_map(|(subject, with_internals)| Describe { subject, with_internals })
}
