package main

import (
	"math/big"
	"net"
	"strings"
	"time"

	"gopkg.in/inf.v0"
)

// A CQL type, a value of it, and the literal of the same value.
type sample struct {
	cqlType string
	value   any
	literal string
}

type address struct {
	Street string `cql:"street"`
	Number int    `cql:"number"`
}

func samples() []sample {
	decimal, _ := new(inf.Dec).SetString("-123.4500")
	varint := new(big.Int).Neg(new(big.Int).Lsh(big.NewInt(1), 80))
	timeUUID, _ := parseUUID("8e14e760-7fa8-11eb-bc66-000000000001")
	uuid, _ := parseUUID("f79326be-2d7b-11e4-8e1a-2a8bd4a1b4a1")
	date := time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC)
	all := []sample{
		{"ascii", "ascii", "'ascii'"},
		{"bigint", int64(-1 << 63), "-9223372036854775808"},
		{"blob", []byte{0, 255}, "0x00ff"},
		{"boolean", true, "true"},
		{"date", date, "'2024-02-29'"},
		{"decimal", decimal, "-123.4500"},
		{"double", 1e300, "1e300"},
		{"duration", Duration{Months: 1, Days: 2, Nanoseconds: 3}, "1mo2d3ns"},
		{"float", float32(0.5), "0.5"},
		{"inet", net.ParseIP("2001:db8::1"), "'2001:db8::1'"},
		{"int", -1 << 31, "-2147483648"},
		{"smallint", int16(-1 << 15), "-32768"},
		{"text", "grüße, 世界", "'grüße, 世界'"},
		{"time", 24*time.Hour - 1, "'23:59:59.999999999'"},
		{"timestamp", date.Add(12*time.Hour + 789*time.Millisecond), "'2024-02-29T12:00:00.789Z'"},
		{"timeuuid", timeUUID, "8e14e760-7fa8-11eb-bc66-000000000001"},
		{"tinyint", int8(-128), "-128"},
		{"uuid", uuid, "f79326be-2d7b-11e4-8e1a-2a8bd4a1b4a1"},
		{"varchar", "varchar", "'varchar'"},
		{"varint", varint, "-1208925819614629174706176"},
		{"list<int>", []int{3, 1, 2}, "[3, 1, 2]"},
		{"set<text>", []string{"a", "b"}, "{'a', 'b'}"},
		{"map<text, int>", map[string]int{"a": 1, "b": 2}, "{'a': 1, 'b': 2}"},
		{"frozen<list<frozen<map<text, int>>>>", []map[string]int{{"a": 1}, {}}, "[{'a': 1}, {}]"},
		{"frozen<address>", address{"Main Street", 7}, "{street: 'Main Street', number: 7}"},
	}
	if hasVectors {
		all = append(all, sample{"vector<float, 3>", []float32{1, 2.5, -3}, "[1.0, 2.5, -3.0]"})
	}
	if version != "3" {
		return all
	}
	// In v3, which does not have these types, servers describe them as custom types. The driver cannot
	// write those.
	kept := all[:0]
	for _, of := range all {
		if !strings.Contains("date smallint time tinyint duration vector<float, 3>", of.cqlType) {
			kept = append(kept, of)
		}
	}
	return kept
}
