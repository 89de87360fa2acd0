package fingerprint

import "github.com/mmaudit/mmaudit/internal/shard"

// A Shard is the share of one worker among several that fingerprint one root.
// Which files are its own depends on their paths alone, so that no worker needs
// to hear of the others.
type Shard = shard.Shard

// ParseShard reads I/N, the I-th of N shards.
func ParseShard(s string) (Shard, error) { return shard.Parse(s) }

// What is wrong with shards and parts.
var (
	ErrShard = shard.Err      // no shard
	ErrParts = shard.ErrParts // they do not make up one fingerprint
	ErrPart  = shard.ErrPart  // a file is no part, or not all of one
)

// A MissingError names shards that have left no part.
type MissingError = shard.MissingError

// A Part tells what the worker of one shard has done.
type Part struct {
	Shard      Shard
	Name       string // of the file, in the folder of parts
	Files      uint64 // its own
	Bytes      uint64
	Cached     uint64 // files that were not read in this run
	Unreadable uint64 // files that could not be read, which the caller allowed
	CacheOff   string // as in Result
}
