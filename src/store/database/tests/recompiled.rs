//! Statements that were prepared before a change of the schema.

use super::*;

#[test]
fn a_statement_is_compiled_once_for_each_change_of_the_schema() {
    let mut session = Session::with(&["CREATE TABLE t (k int PRIMARY KEY, v int)"]);
    let prepared = session.store.prepare("SELECT * FROM t", Some("ks"), &NoTables).unwrap();
    let recompiled = |session: &Session| session.store.recompiled(&prepared, &NoTables);
    assert!(recompiled(&session).unwrap().is_none());
    session.run("ALTER TABLE t ADD w int");
    let first = recompiled(&session).unwrap().unwrap();
    assert!(Arc::ptr_eq(&first, &recompiled(&session).unwrap().unwrap()));
    session.run("ALTER TABLE t ADD x int");
    let second = recompiled(&session).unwrap().unwrap();
    assert!(!Arc::ptr_eq(&first, &second));
    assert_eq!((first.columns().len(), second.columns().len()), (3, 4));
    session.run("DROP TABLE t");
    assert_eq!(recompiled(&session).unwrap_err().message, "table t does not exist");
    let execution = Execution::default();
    let result = text(session.store.execute(&prepared, &execution, &NoTables));
    assert_eq!(result, "0x2200 table t does not exist");
}
