package fingerprint

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// A Shard is the share of one worker among several that fingerprint one root:
// the Index-th of Count, counted from 1. Which files are its own depends on
// their paths alone, so that no worker needs to hear of the others.
type Shard struct{ Index, Count int }

// MaxShards is the largest number of shards.
const MaxShards = 1 << 16

// ErrShard says that a text names no shard.
var ErrShard = errors.New("want I/N, the I-th of N shards, such as 3/16")

// ParseShard reads what String writes.
func ParseShard(s string) (Shard, error) {
	index, count, _ := strings.Cut(s, "/")
	i, err1 := strconv.Atoi(index)
	n, err2 := strconv.Atoi(count)
	sh := Shard{i, n}
	if err1 != nil || err2 != nil || i < 1 || i > n || n > MaxShards || sh.String() != s {
		return Shard{}, fmt.Errorf("%q: %w", s, ErrShard)
	}
	return sh, nil
}

func (s Shard) String() string { return fmt.Sprintf("%d/%d", s.Index, s.Count) }

// Has reports whether the file at path belongs to the shard: the first eight
// bytes of SHA-256 of the path, big-endian, leave Index-1 when they are divided
// by Count. The zero Shard has every file.
func (s Shard) Has(path string) bool {
	if s.Count == 0 {
		return true
	}
	h := sha256.Sum256([]byte(path))
	return binary.BigEndian.Uint64(h[:])%uint64(s.Count) == uint64(s.Index-1)
}

// partEnd ends the name of a part: 3-of-16.part.
const partEnd = ".part"

func (s Shard) partName() string { return fmt.Sprintf("%d-of-%d%s", s.Index, s.Count, partEnd) }

// parsePartName reads what partName gives.
func parsePartName(name string) (Shard, error) {
	s, err := ParseShard(strings.Replace(strings.TrimSuffix(name, partEnd), "-of-", "/", 1))
	if err != nil || s.partName() != name {
		return Shard{}, fmt.Errorf("%q is not the name of a part, such as %s", name, Shard{3, 16}.partName())
	}
	return s, nil
}

// ErrParts says that parts do not make up one fingerprint.
var ErrParts = errors.New("the parts do not make a whole")

// ErrPart says that a file is no part, or not all of one.
var ErrPart = errors.New("not a part as a shard leaves it")

// A MissingError names shards that have left no part.
type MissingError struct {
	Missing []Shard // the first of them
	Count   int     // all
}

// maxMissing is how many missing shards are named.
const maxMissing = 10

func (e *MissingError) Error() string {
	var names []string
	for _, s := range e.Missing {
		names = append(names, s.String())
	}
	text := strings.Join(names, ", ")
	if n := e.Count - len(e.Missing); n > 0 {
		text += fmt.Sprintf(" and %d more", n)
	}
	return fmt.Sprintf("no part of %s", text)
}

// Unwrap gives ErrParts.
func (e *MissingError) Unwrap() error { return ErrParts }

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
