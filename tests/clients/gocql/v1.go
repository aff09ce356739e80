//go:build gocql1

// gocql 1.7.

package main

import (
	"encoding/binary"

	"github.com/gocql/gocql"
	"github.com/pierrec/lz4/v4"
)

type (
	Cluster  = gocql.ClusterConfig
	Duration = gocql.Duration
	Query    = gocql.Query
	Session  = gocql.Session
	UUID     = gocql.UUID
)

// The driver cannot write or read vectors.
const hasVectors = false

// The driver supports v3 and v4.
const hasVersion5 = false

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
		cluster.Compressor = lz4Compressor{}
	case "snappy":
		cluster.Compressor = gocql.SnappyCompressor{}
	}
}

// The driver's own compressor for LZ4 is in a module that has no release.
type lz4Compressor struct{}

func (lz4Compressor) Name() string { return "lz4" }

func (lz4Compressor) Encode(data []byte) ([]byte, error) {
	out := make([]byte, 4+lz4.CompressBlockBound(len(data)))
	binary.BigEndian.PutUint32(out, uint32(len(data)))
	length, err := new(lz4.Compressor).CompressBlock(data, out[4:])
	return out[:4+length], err
}

func (lz4Compressor) Decode(data []byte) ([]byte, error) {
	out := make([]byte, binary.BigEndian.Uint32(data))
	if len(out) == 0 {
		return out, nil
	}
	length, err := lz4.UncompressBlock(data[4:], out)
	return out[:length], err
}
