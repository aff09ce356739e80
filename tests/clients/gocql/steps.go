package main

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sort"
	"strings"
)

func connect(session *Session) string {
	var cqlVersion string
	check(session.Query("SELECT cql_version FROM system.local").Scan(&cqlVersion))
	expect("cql_version", cqlVersion, "3.4.7")
	return ""
}

func metadata(session *Session) string {
	hostOf := session.Query("SELECT cql_version FROM system.local").Iter().Host()
	expect("address", hostOf.ConnectAddress().String(), host)
	expect("datacenter", hostOf.DataCenter(), "datacenter1")
	expect("partitioner", hostOf.Partitioner(), "org.apache.cassandra.dht.Murmur3Partitioner")
	expect("has tokens", len(hostOf.Tokens()) > 0, true)
	system, err := session.KeyspaceMetadata("system")
	check(err)
	expect("primary key", system.Tables["local"].PartitionKey[0].Name, "key")
	return ""
}

func ddl(session *Session) string {
	execute(session, "DROP KEYSPACE IF EXISTS KS")
	execute(session, "CREATE KEYSPACE KS WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}")
	execute(session, "CREATE TYPE KS.address (street text, number int)")
	execute(session, "CREATE TABLE KS.changed (id int, at timeuuid, note text STATIC, PRIMARY KEY (id, at)) "+
		"WITH CLUSTERING ORDER BY (at DESC)")
	execute(session, "ALTER TABLE KS.changed ADD more set<int>")
	check(session.AwaitSchemaAgreement(context.Background()))
	waitUntil("the altered table", func() bool {
		created, err := session.KeyspaceMetadata(keyspace)
		return err == nil && created.Tables["changed"] != nil && created.Tables["changed"].Columns["more"] != nil
	})
	created, err := session.KeyspaceMetadata(keyspace)
	check(err)
	table := created.Tables["changed"]
	columns := append([]string{}, table.OrderedColumns...)
	sort.Strings(columns)
	expect("columns", columns, []string{"at", "id", "more", "note"})
	expect("partition key", table.PartitionKey[0].Name, "id")
	expect("clustering column", table.ClusteringColumns[0].ClusteringOrder, "desc")
	expect("static column", fmt.Sprint(table.Columns["note"].Kind), "static")
	expect("fields", created.UserTypes["address"].FieldNames, []string{"street", "number"})
	execute(session, "DROP TABLE KS.changed")
	return ""
}

func types(session *Session) string {
	all := samples()
	var names, columns, markers, literals []string
	values := []any{1}
	nulls := []any{3}
	for number, of := range all {
		names = append(names, fmt.Sprintf("c%d", number))
		columns = append(columns, fmt.Sprintf("c%d %s", number, of.cqlType))
		markers = append(markers, "?")
		literals = append(literals, of.literal)
		values = append(values, of.value)
		nulls = append(nulls, reflect.Zero(reflect.PointerTo(reflect.TypeOf(of.value))).Interface())
	}
	list := strings.Join(names, ", ")
	execute(session, "CREATE TABLE KS.every_type (id int PRIMARY KEY, pair tuple<int, text>, "+
		strings.Join(columns, ", ")+")")
	insert := "INSERT INTO KS.every_type (id, " + list + ", pair) VALUES (?, " +
		strings.Join(markers, ", ") + ", (?, ?))"
	// The driver reads and writes each element of a tuple as a value of its own.
	execute(session, insert, append(values, 1, "one")...)
	execute(session, "INSERT INTO KS.every_type (id, "+list+", pair) VALUES (2, "+strings.Join(literals, ", ")+
		", (1, 'one'))")
	execute(session, insert, append(nulls, nil, nil)...)
	for key := 1; key <= 3; key++ {
		var number *int
		var text *string
		targets := []any{}
		for _, of := range all {
			targets = append(targets, reflect.New(reflect.PointerTo(reflect.TypeOf(of.value))).Interface())
		}
		row := query(session, "SELECT "+list+", pair FROM KS.every_type WHERE id = ?", key)
		check(row.Scan(append(targets, &number, &text)...))
		for at, of := range all {
			value := reflect.ValueOf(targets[at]).Elem()
			if key == 3 {
				expect(of.cqlType, value.IsNil(), true)
			} else {
				expect(of.cqlType, fmt.Sprint(value.Elem()), fmt.Sprint(of.value))
			}
		}
		if key == 3 {
			expect("tuple", number == nil && text == nil, true)
		} else {
			expect("tuple", []any{*number, *text}, []any{1, "one"})
		}
	}
	return ""
}

func prepared(session *Session) string {
	execute(session, "CREATE TABLE KS.users (name text PRIMARY KEY, age int)")
	for age := 0; age < 10; age++ {
		execute(session, "INSERT INTO KS.users (name, age) VALUES (?, ?)", fmt.Sprintf("user_%d", age), age)
	}
	for age := 0; age < 10; age++ {
		expect("age", ageOf(session, fmt.Sprintf("user_%d", age)), age)
	}
	expect("no row", ageOf(session, "nobody"), -1)
	return ""
}

// ageOf returns the age of a user, or -1 if there is none.
func ageOf(session *Session, name string) (age int) {
	err := query(session, "SELECT age FROM KS.users WHERE name = ?", name).Scan(&age)
	if errors.Is(err, notFound) {
		return -1
	}
	check(err)
	return age
}

func batch(session *Session) string {
	logged := session.NewBatch(loggedBatch)
	unlogged := session.NewBatch(unloggedBatch)
	logged.Query(in("INSERT INTO KS.users (name, age) VALUES (?, ?)"), "logged", 1)
	logged.Query(in("UPDATE KS.users SET age = 2 WHERE name = 'batch'"))
	logged.Query(in("DELETE FROM KS.users WHERE name = ?"), "user_9")
	check(session.ExecuteBatch(logged))
	expect("ages", []int{ageOf(session, "logged"), ageOf(session, "batch"), ageOf(session, "user_9")}, []int{1, 2, -1})
	unlogged.Query(in("INSERT INTO KS.users (name, age) VALUES (?, ?)"), "unlogged", 3)
	unlogged.Query(in("UPDATE KS.users SET age = 4 WHERE name = 'batch'"))
	check(session.ExecuteBatch(unlogged))
	expect("ages", []int{ageOf(session, "unlogged"), ageOf(session, "batch")}, []int{3, 4})
	return ""
}

func paging(session *Session) string {
	execute(session, "CREATE TABLE KS.numbers (part int, number int, PRIMARY KEY (part, number))")
	for number := 0; number < 250; number++ {
		execute(session, "INSERT INTO KS.numbers (part, number) VALUES (?, ?)", number%2, number)
	}
	sum, count := 0, 0
	var number int
	iter := query(session, "SELECT number FROM KS.numbers").PageSize(100).Iter()
	for iter.Scan(&number) {
		sum, count = sum+number, count+1
	}
	check(iter.Close())
	expect("count and sum", []int{count, sum}, []int{250, 249 * 250 / 2})
	first := query(session, "SELECT number FROM KS.numbers WHERE part = 1").PageSize(40).PageState(nil).Iter()
	expect("rows of the first page", first.NumRows(), 40)
	second := query(session, "SELECT number FROM KS.numbers WHERE part = 1").PageSize(40).PageState(first.PageState()).Iter()
	expect("a row of the second page", second.Scan(&number), true)
	expect("the first row of the second page", number, 81)
	check(first.Close())
	check(second.Close())
	return ""
}

func conditional(session *Session) string {
	insert := "INSERT INTO KS.users (name, age) VALUES (?, ?) IF NOT EXISTS"
	var name string
	var age int
	apply := func(statement string, targets []any, values ...any) bool {
		applied, err := query(session, statement, values...).ScanCAS(targets...)
		check(err)
		return applied
	}
	expect("applied", apply(insert, []any{&name, &age}, "lwt", 1), true)
	expect("applied", apply(insert, []any{&name, &age}, "lwt", 2), false)
	expect("the existing row", []any{name, age}, []any{"lwt", 1})
	expect("applied", apply("UPDATE KS.users SET age = 3 WHERE name = 'lwt' IF age = 1", []any{&age}), true)
	expect("applied", apply("UPDATE KS.users SET age = 4 WHERE name = 'lwt' IF age = 1", []any{&age}), false)
	expect("the existing age", age, 3)
	expect("applied", apply("DELETE FROM KS.users WHERE name = 'lwt' IF EXISTS", nil), true)
	return ""
}

func counter(session *Session) string {
	execute(session, "CREATE TABLE KS.counts (name text PRIMARY KEY, hits counter)")
	add := in("UPDATE KS.counts SET hits = hits + ? WHERE name = ?")
	execute(session, add, 2, "page")
	batch := session.NewBatch(counterBatch)
	batch.Query(add, -3, "page")
	check(session.ExecuteBatch(batch))
	var hits int64
	check(query(session, "SELECT hits FROM KS.counts WHERE name = 'page'").Scan(&hits))
	expect("hits", hits, int64(-1))
	return ""
}

func errorCodes(session *Session) string {
	codes := []int{0x0000, 0x000A, 0x0100, 0x1000, 0x1001, 0x1002, 0x1003, 0x1100, 0x1200, 0x1300, 0x1400, 0x1500, 0x1600,
		0x1700, 0x2000, 0x2100, 0x2200, 0x2300, 0x2400}
	// The codes that replace those that a version does not have.
	inV3 := map[int]int{0x1300: 0x1200, 0x1400: 0x2200, 0x1500: 0x1100, 0x1600: 0x2200, 0x1700: 0x1100}
	inV4 := map[int]int{0x1700: 0x1100}
	replaced := map[string]map[int]int{"3": inV3, "4": inV4}[version]
	if version == "default" && !hasVersion5 {
		replaced = inV4
	}
	for _, code := range codes {
		expected := code
		if other, is := replaced[code]; is {
			expected = other
		}
		err := session.Query(fmt.Sprintf("SELECT v FROM faults.errors WHERE code = %d", code)).Exec()
		var failure requestError
		if !errors.As(err, &failure) {
			panic(fmt.Sprintf("error %#04x: got %v", code, err))
		}
		expect(fmt.Sprintf("error %#04x", code), failure.Code(), expected)
	}
	var value string
	check(session.Query("SELECT v FROM faults.forgotten").Scan(&value))
	expect("value", value, "prepared again")
	return ""
}

func events(session *Session) string {
	hasTable := func() bool {
		// The driver keeps the metadata until an event says that they have changed.
		metadata, err := session.KeyspaceMetadata(keyspace)
		check(err)
		_, has := metadata.Tables["from_another_client"]
		return has
	}
	expect("the table exists", hasTable(), false)
	other := openSession()
	defer other.Close()
	execute(other, "CREATE TABLE KS.from_another_client (id int PRIMARY KEY)")
	waitUntil("the table", hasTable)
	return ""
}

func large(session *Session) string {
	execute(session, "CREATE TABLE KS.large (part int, number int, bytes blob, PRIMARY KEY (part, number))")
	content := func(number int) []byte {
		return []byte(strings.Repeat(string(rune('a'+number)), 1<<20))
	}
	for number := 0; number < 20; number++ {
		execute(session, "INSERT INTO KS.large (part, number, bytes) VALUES (0, ?, ?)", number, content(number))
	}
	iter := query(session, "SELECT number, bytes FROM KS.large WHERE part = 0").Iter()
	expect("rows of one page", iter.NumRows(), 20)
	var number int
	var bytes []byte
	for expected := 0; iter.Scan(&number, &bytes); expected++ {
		expect("number", number, expected)
		expect("the bytes are equal", string(bytes) == string(content(expected)), true)
	}
	check(iter.Close())
	return ""
}

func warnings(session *Session) string {
	if version == "3" {
		return "v3 has no warnings"
	}
	iter := session.Query("SELECT v FROM faults.warnings").Iter()
	expect("warnings", iter.Warnings(), []string{"the first warning", "the second warning"})
	check(iter.Close())
	return ""
}

func payload(session *Session) string {
	if version == "3" {
		return "v3 has no payloads"
	}
	sent := map[string][]byte{"key": []byte("value"), "empty": {}}
	iter := session.Query("SELECT v FROM faults.payload").CustomPayload(sent).Iter()
	expect("payload", iter.GetCustomPayload(), sent)
	check(iter.Close())
	return ""
}

func tracing(session *Session) string {
	var trace strings.Builder
	traced := query(session, "SELECT age FROM KS.users WHERE name = 'user_1'")
	check(traced.Trace(newTraceWriter(session, &trace)).Exec())
	// The text has a line for the session and one for each event.
	expect("the coordinator is named", strings.Contains(trace.String(), host), true)
	expect("has events", strings.Count(trace.String(), "\n") > 1, true)
	return ""
}
