//! Tests of SELECT.

use super::{check_errors, check_formats};

#[test]
fn parses_select_whatever_their_case_and_white_space() {
    check_formats(&[
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
             c = {} AND d = (list<int>)? AND e = 12e4067d-9716-4d5a-a0f0-6d3a3c6ba05f AND f = 1h30m",
        ),
        (
            "SELECT a+b*2-c%d/2, - a, -1, f(a - 1)+-1 FROM t WHERE a=1+2*-f()- 3",
            "SELECT a + b * 2 - c % d / 2, - a, -1, f(a - 1) + -1 FROM t WHERE a = 1 + 2 * - f() - 3",
        ),
        (
            "SELECT a FROM t GROUP BY a ORDER BY c DESC, d, v ANN OF [1.0] PER PARTITION LIMIT 2 \
             LIMIT :n ALLOW FILTERING",
            "SELECT a FROM t GROUP BY a ORDER BY c DESC, d ASC, v ANN OF [1.0] PER PARTITION LIMIT 2 \
             LIMIT :n ALLOW FILTERING",
        ),
    ]);
}

#[test]
fn errors_name_the_position_and_the_expected_token() {
    check_errors(&[
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
    ]);
}
