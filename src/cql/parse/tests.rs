//! Tests of the grammar.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::parse_select;
use crate::cql::select::{
    Comparison, Condition, Direction, InValues, MetadataFunction, Operand, Ordering, Relation,
    Select, SelectedColumn, Selection, Selector, TableName,
};
use crate::cql::term::{BindMarker, FunctionName, Literal, Term, TypeName};

#[test]
fn parses_statements_whatever_their_case_and_white_space() {
    for (text, formatted) in [
        ("SELECT * FROM system.local", "SELECT * FROM system.local"),
        ("select\t*\nfrom System . LOCAL ;; -- c\n/* d */", "SELECT * FROM system.local"),
        ("/* a */ SELECT -- b\n Key // c\r FROM\"Ks\".\"T\"", "SELECT key FROM \"Ks\".\"T\""),
        ("SELECT json, distinct FROM t", "SELECT \"json\", \"distinct\" FROM t"),
        ("SELECT JSON DISTINCT a AS \"A\" FROM t", "SELECT JSON DISTINCT a AS \"A\" FROM t"),
        ("SELECT json AS j FROM t", "SELECT \"json\" AS j FROM t"),
        (
            "SELECT COUNT(*), count(1), COUNT ( v ), TTL(v), WriteTime(\"V\"), token(a , b) FROM t",
            "SELECT count(*), count(*), count(v), ttl(v), writetime(\"V\"), token(a, b) FROM t",
        ),
        (
            "SELECT toJson(m) as M, cast(v AS TEXT), ks.f(?, 1, g(a)), m['a'], u.x.y, s[1..2] FROM t",
            "SELECT tojson(m) AS m, cast(v as text), ks.f(?, 1, g(a)), m['a'], u.x.y, s[1 .. 2] \
             FROM t",
        ),
        (
            "SELECT a FROM t WHERE a=? AND b IN(1,-2) and (c) > (:x,'it''s') AND d!=0xAb",
            "SELECT a FROM t WHERE a = ? AND b IN (1, -2) AND (c) > (:x, 'it''s') AND d != 0xab",
        ),
        (
            "SELECT a FROM t WHERE token(a,b)>=token(1,$$x$$) AND (m CONTAINS KEY 'k') AND l CONTAINS 1.5e-3 \
             AND n IS NOT NULL AND m[1]=2 AND o LIKE '%x' AND p IN ? AND (a,b) IN ((1,2),(3,4))",
            "SELECT a FROM t WHERE token(a, b) >= token(1, 'x') AND m CONTAINS KEY 'k' AND \
             l CONTAINS 1.5e-3 AND n IS NOT NULL AND m[1] = 2 AND o LIKE '%x' AND p IN ? AND \
             (a, b) IN ((1, 2), (3, 4))",
        ),
        (
            "SELECT a FROM t WHERE a = {'k': [1, NAN], 'l': null} AND b = {x: 1, \"Y\": now()} AND \
             c = {} AND d = (List<Int>) ? AND e = 12e4067d-9716-4d5a-a0f0-6d3a3c6ba05f AND f = 1h30m",
            "SELECT a FROM t WHERE a = {'k': [1, NaN], 'l': null} AND b = {x: 1, \"Y\": now()} AND \
             c = {} AND d = (list<int>) ? AND e = 12e4067d-9716-4d5a-a0f0-6d3a3c6ba05f AND f = 1h30m",
        ),
        (
            "SELECT a FROM t GROUP BY a ORDER BY c DESC, d, v ANN OF [1.0] PER PARTITION LIMIT 2 \
             LIMIT :n ALLOW FILTERING",
            "SELECT a FROM t GROUP BY a ORDER BY c DESC, d ASC, v ANN OF [1.0] PER PARTITION LIMIT 2 \
             LIMIT :n ALLOW FILTERING",
        ),
    ] {
        let parsed = parse_select(text);
        assert_eq!(parsed.map(|select| select.to_string()).as_deref(), Ok(formatted), "{text}");
    }
}

#[test]
fn errors_name_the_position_and_the_expected_token() {
    for (text, error) in [
        ("", "line 1:0 mismatched input '<EOF>' expecting SELECT"),
        ("SELEC * FROM t", "line 1:0 mismatched input 'SELEC' expecting SELECT"),
        ("SELECT * FRM t", "line 1:9 mismatched input 'FRM' expecting FROM"),
        ("SELECT a b FROM t", "line 1:9 mismatched input 'b' expecting FROM"),
        ("SELECT * FROM", "line 1:13 no viable alternative at input '<EOF>', expecting a name"),
        (
            "SELECT FROM t",
            "line 1:7 no viable alternative at input 'FROM', expecting a column, a function or a \
             term",
        ),
        ("SELECT * FROM t foo", "line 1:16 mismatched input 'foo' expecting EOF"),
        ("SELECT * FROM t -- c", "line 1:20 mismatched input '<EOF>' expecting a line break"),
        ("SELECT * FROM t /* c", "line 1:20 mismatched input '<EOF>' expecting */"),
        ("SELECT * FROM t; SELECT", "line 1:17 mismatched input 'SELECT' expecting EOF"),
        (
            "SELECT *\nFROM t -- é\n  WHERE é = 1",
            "line 3:8 no viable alternative at input 'é', expecting a name",
        ),
        (
            "SELECT * FROM t WHERE a",
            "line 1:23 no viable alternative at input '<EOF>', expecting an operator",
        ),
        (
            "SELECT * FROM t WHERE a = 1 AND AND",
            "line 1:32 no viable alternative at input 'AND', expecting a name",
        ),
        (
            "SELECT * FROM t WHERE a = 'abc",
            "line 1:26 no viable alternative at input ''', expecting a term",
        ),
        (
            "SELECT * FROM t LIMIT 'a'",
            "line 1:22 no viable alternative at input ''a'', expecting an integer or a bind marker",
        ),
        (
            "SELECT * FROM t WHERE token(a) IN (1)",
            "line 1:31 no viable alternative at input 'IN', expecting an operator",
        ),
        ("SELECT f(a FROM t", "line 1:11 mismatched input 'FROM' expecting )"),
    ] {
        let parsed = parse_select(text).map_err(|error| error.to_string());
        assert_eq!(parsed, Err(error.to_owned()), "{text}");
    }
}

#[test]
fn deep_nesting_is_an_error_and_needs_little_stack() {
    let parse = || {
        for (open, inside, close) in [
            ("[", "1", "]"),
            ("{", "1", "}"),
            ("{1:", "1", "}"),
            ("{a:", "1", "}"),
            ("(", "1", ")"),
            ("(int)", "1", ""),
            ("f(", "1", ")"),
        ] {
            let nested = |depth| [open.repeat(depth), inside.into(), close.repeat(depth)].concat();
            for before in ["SELECT a FROM t WHERE a = ", "SELECT a FROM t WHERE a IN (f(), "] {
                let end = if before.ends_with("= ") { "" } else { ")" };
                let text = |depth| format!("{before}{}{end}", nested(depth));
                let parsed = parse_select(&text(60)).map(|select| select.to_string());
                assert!(parsed.is_ok(), "{parsed:?}");
                for depth in [64, 10_000] {
                    let error = parse_select(&text(depth)).unwrap_err().to_string();
                    assert!(error.ends_with("nests too deeply"), "{error}");
                }
            }
        }
        for text in [
            format!("SELECT {}a{} FROM t", "f(".repeat(10_000), ")".repeat(10_000)),
            format!("SELECT a{} FROM t", ".b".repeat(10_000)),
            format!("SELECT a{} FROM t", "[1]".repeat(10_000)),
            format!("SELECT a FROM t WHERE {}a = 1", "(".repeat(10_000)),
            format!("SELECT cast(a AS {}) FROM t", "list<".repeat(10_000)),
        ] {
            let error = parse_select(&text).unwrap_err().to_string();
            assert!(error.ends_with("nests too deeply"), "{error}");
        }
    };
    std::thread::Builder::new().stack_size(1 << 20).spawn(parse).unwrap().join().unwrap();
}

fn name() -> impl Strategy<Value = String> {
    let plain = ["a", "b1", "as", "count", "distinct", "json", "key", "ttl", "values"];
    let quoted = ["", "A", "a\"b", "select", "token", "é", "1", "in"];
    select([&plain[..], &quoted[..]].concat()).prop_map(str::to_owned)
}

fn function_name() -> impl Strategy<Value = FunctionName> {
    let named = |(keyspace, name)| FunctionName { keyspace, name };
    let token = FunctionName { keyspace: None, name: "token".to_owned() };
    prop_oneof![4 => (option::of(name()), name()).prop_map(named), 1 => Just(token)]
}

fn type_name() -> impl Strategy<Value = TypeName> {
    select(vec![
        "int",
        "list<text>",
        "map<text,frozen<tuple<int,\"U\">>>",
        "vector<float,3>",
        "ks.u",
    ])
    .prop_map(|name| TypeName(name.to_owned()))
}

fn marker() -> impl Strategy<Value = BindMarker> {
    prop_oneof![Just(BindMarker::Positional), name().prop_map(BindMarker::Named)]
}

fn integer() -> impl Strategy<Value = Term> {
    any::<i64>().prop_map(|number| Term::Literal(Literal::Integer(number.to_string())))
}

fn literal() -> impl Strategy<Value = Literal> {
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

fn term() -> impl Strategy<Value = Term> {
    let leaf = prop_oneof![
        literal().prop_map(Term::Literal),
        marker().prop_map(Term::Marker),
        Just(Term::Set(Vec::new())),
    ];
    leaf.prop_recursive(3, 12, 3, |term| {
        let entry = (term.clone(), term.clone());
        prop_oneof![
            vec(term.clone(), 0..3).prop_map(Term::List),
            vec(term.clone(), 0..3).prop_map(Term::Set),
            vec(entry, 1..3).prop_map(Term::Map),
            vec((name(), term.clone()), 1..3).prop_map(Term::Udt),
            vec(term.clone(), 1..3).prop_map(Term::Tuple),
            (function_name(), vec(term.clone(), 0..3))
                .prop_map(|(name, arguments)| Term::Function { name, arguments }),
            (type_name(), term)
                .prop_map(|(cql_type, term)| Term::TypeHint { cql_type, term: Box::new(term) }),
        ]
    })
}

/// Returns selectors that can be followed by a field name or brackets.
fn suffixed(
    of: impl Strategy<Value = Selector> + Clone + 'static,
) -> impl Strategy<Value = Selector> {
    let of = of.prop_filter("a term has no parts", |of| {
        !matches!(of, Selector::Term(_) | Selector::CountRows)
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
    let not_a_call = term().prop_filter("a call is a selector of its own", |term| {
        !matches!(term, Term::Function { .. })
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
        prop_oneof![
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

fn comparison() -> impl Strategy<Value = Comparison> {
    select(vec![
        Comparison::Equal,
        Comparison::NotEqual,
        Comparison::Less,
        Comparison::LessOrEqual,
        Comparison::Greater,
        Comparison::GreaterOrEqual,
    ])
}

fn relation() -> impl Strategy<Value = Relation> {
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

fn select_statement() -> impl Strategy<Value = Select> {
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

/// Words and symbols of which tests make texts that resemble statements.
const PARTS: [&str; 52] = [
    "SELECT", "FROM", "WHERE", "AND", "IN", "LIMIT", "ORDER", "BY", "JSON", "DISTINCT", "AS", "*",
    "(", ")", "[", "]", "{", "}", ",", ".", "..", ":", ";", "?", "=", "<", ">=", "!", "-", "a",
    "t", "\"A\"", "'s'", "'", "\"", "$$", "/*", "--", "\n", " ", "1", "1.5e", "0x1", "1h", "token",
    "count", "cast", "ttl", "CONTAINS", "KEY", "é", "null",
];

proptest! {
    #[test]
    fn parsing_a_formatted_statement_yields_the_statement(statement in select_statement()) {
        let text = statement.to_string();
        prop_assert_eq!(parse_select(&text), Ok(statement), "{}", text);
    }

    #[test]
    fn arbitrary_text_never_panics(text in ".*", parts in vec(select(PARTS.to_vec()), 0..40)) {
        let _parsed = parse_select(&text);
        let joined = parts.join(" ");
        for statement in [
            parts.concat(),
            joined.clone(),
            format!("SELECT {joined} FROM t"),
            format!("SELECT * FROM t WHERE a = {joined}"),
        ] {
            if let Ok(parsed) = parse_select(&statement) {
                prop_assert_eq!(parse_select(&parsed.to_string()), Ok(parsed));
            }
        }
    }
}
