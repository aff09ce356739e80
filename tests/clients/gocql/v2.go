//go:build !gocql1

// gocql 2.1.

package main

import (
	gocql "github.com/apache/cassandra-gocql-driver/v2"
	"github.com/apache/cassandra-gocql-driver/v2/lz4"
	"github.com/apache/cassandra-gocql-driver/v2/snappy"
)

type (
	Cluster  = gocql.ClusterConfig
	Duration = gocql.Duration
	Query    = gocql.Query
	Session  = gocql.Session
	UUID     = gocql.UUID
)

const (
	hasVectors  = true
	hasVersion5 = true
)

var (
	loggedBatch    = gocql.LoggedBatch
	unloggedBatch  = gocql.UnloggedBatch
	counterBatch   = gocql.CounterBatch
	newCluster     = gocql.NewCluster
	newTraceWriter = gocql.NewTraceWriter
	notFound       = gocql.ErrNotFound
	parseUUID      = gocql.ParseUUID
)

type requestError = gocql.RequestError

func setCompression(cluster *Cluster, name string) {
	switch name {
	case "lz4":
		cluster.Compressor = lz4.LZ4Compressor{}
	case "snappy":
		cluster.Compressor = snappy.SnappyCompressor{}
	}
}
