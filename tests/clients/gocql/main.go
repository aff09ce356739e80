// Runs the steps of README.md with gocql 2.1, or with gocql 1.7 if built with the tag gocql1.
//
// Arguments: host, port, keyspace, protocol version or `default`, compression or `default`.
package main

import (
	"fmt"
	"os"
	"reflect"
	"strconv"
	"strings"
	"time"
)

var host, port, keyspace, version, compression = os.Args[1], os.Args[2], os.Args[3], os.Args[4], os.Args[5]

// A step panics if it fails. It returns the reason if the client or the version does not support it.
type step struct {
	name string
	run  func(*Session) string
}

var steps = []step{
	{"connect", connect},
	{"metadata", metadata},
	{"ddl", ddl},
	{"types", types},
	{"prepared", prepared},
	{"batch", batch},
	{"paging", paging},
	{"conditional", conditional},
	{"counter", counter},
	{"events", events},
	{"errors", errorCodes},
	{"large", large},
	{"warnings", warnings},
	{"payload", payload},
	{"tracing", tracing},
}

func main() {
	session := openSession()
	defer session.Close()
	for _, step := range steps {
		report(session, step)
	}
}

func report(session *Session, step step) {
	defer func() {
		if failure := recover(); failure != nil {
			fmt.Printf("failed %s: %s\n", step.name, strings.ReplaceAll(fmt.Sprint(failure), "\n", " "))
		}
	}()
	if skipped := step.run(session); skipped != "" {
		fmt.Printf("skipped %s: %s\n", step.name, skipped)
	} else {
		fmt.Printf("ok %s\n", step.name)
	}
}

func openSession() *Session {
	cluster := newCluster(host)
	cluster.Port, _ = strconv.Atoi(port)
	cluster.Timeout = time.Minute
	if version != "default" {
		cluster.ProtoVersion, _ = strconv.Atoi(version)
	}
	setCompression(cluster, compression)
	session, err := cluster.CreateSession()
	check(err)
	return session
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func expect(what string, actual, expected any) {
	if !reflect.DeepEqual(actual, expected) {
		panic(fmt.Sprintf("%s: expected %v, got %v", what, expected, actual))
	}
}

// in replaces `KS` by the keyspace, because the driver refuses USE.
func in(statement string) string {
	return strings.ReplaceAll(statement, "KS", keyspace)
}

func query(session *Session, statement string, values ...any) *Query {
	return session.Query(in(statement), values...)
}

func execute(session *Session, statement string, values ...any) {
	check(query(session, statement, values...).Exec())
}

func waitUntil(what string, condition func() bool) {
	for deadline := time.Now().Add(30 * time.Second); !condition(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			panic(what + " did not arrive within 30 seconds")
		}
	}
}
