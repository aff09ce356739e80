// Tests with gocql: go test
package orders

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/gocql/gocql"
)

// A running `cqlwire serve`. It ends when its standard input closes, so that none is left over.
type server struct {
	input   io.WriteCloser
	output  *bufio.Scanner
	session *gocql.Session
}

func start(t *testing.T) *server {
	command := exec.Command(
		"cqlwire", "serve", "--listen", "127.0.0.1:0", "--schema", "../shop.cql", "--exit-with-stdin")
	command.Stderr = os.Stderr
	input, _ := command.StdinPipe()
	output, _ := command.StdoutPipe()
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	s := &server{input: input, output: bufio.NewScanner(output)}
	s.output.Scan()
	cluster := gocql.NewCluster(strings.Fields(s.output.Text())[1])
	cluster.Keyspace = "shop"
	session, err := cluster.CreateSession()
	if err != nil {
		t.Fatal(err)
	}
	s.session = session
	t.Cleanup(func() {
		session.Close()
		input.Close()
		command.Wait()
	})
	return s
}

// Sends a command to the server, and returns its answer.
func (s *server) control(t *testing.T, command string) json.RawMessage {
	fmt.Fprintln(s.input, command)
	s.output.Scan()
	var answer struct {
		Ok    json.RawMessage
		Error string
	}
	if err := json.Unmarshal(s.output.Bytes(), &answer); err != nil || answer.Error != "" {
		t.Fatal(err, answer.Error)
	}
	return answer.Ok
}

const insert = "INSERT INTO orders (id, item) VALUES (?, ?)"

func TestFindsAnOrder(t *testing.T) {
	session := start(t).session
	if err := session.Query(insert, 1, "tea").Exec(); err != nil {
		t.Fatal(err)
	}
	var item string
	err := session.Query("SELECT item FROM orders WHERE id = ?", 1).Scan(&item)
	if err != nil || item != "tea" {
		t.Fatal(err, item)
	}
}

func TestReportsATimeout(t *testing.T) {
	server := start(t)
	server.control(t, `{"on": "INSERT INTO %orders %", "error": "write_timeout", "times": 1}`)
	var timeout *gocql.RequestErrWriteTimeout
	if err := server.session.Query(insert, 2, "salt").Exec(); !errors.As(err, &timeout) {
		t.Fatal(err)
	}
	if err := server.session.Query(insert, 2, "salt").Exec(); err != nil {
		t.Fatal(err)
	}
	var inserts []struct{ Values map[string]any }
	received := server.control(t, `{"received": "INSERT INTO %orders %"}`)
	if err := json.Unmarshal(received, &inserts); err != nil || inserts[1].Values["item"] != "salt" {
		t.Fatal(err, string(received))
	}
}
