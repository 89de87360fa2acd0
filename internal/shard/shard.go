// Package shard lets many workers share a piece of work over files, without a
// coordinator: each does the share that a hash of the paths gives it and leaves
// a part, a file in a folder; whoever has all parts makes the whole of them.
// docs/formats.md ("Parts") describes the bytes.
//
// What it guarantees: a set of parts is whole, each shard of one number once; a
// part is read as it was written or not at all.
package shard

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// A Shard is the share of one worker among several: the Index-th of Count,
// counted from 1. The zero Shard is all of the work.
type Shard struct{ Index, Count int }

// Max is the largest number of shards.
const Max = 1 << 16

// Err says that a text or a pair of numbers is no shard.
var Err = errors.New("want I/N, the I-th of N shards, such as 3/16")

// Parse reads what String writes.
func Parse(s string) (Shard, error) {
	index, count, _ := strings.Cut(s, "/")
	i, err1 := strconv.Atoi(index)
	n, err2 := strconv.Atoi(count)
	sh := Shard{i, n}
	if err1 != nil || err2 != nil || sh.String() != s || sh.Check() != nil {
		return Shard{}, fmt.Errorf("%q: %w", s, Err)
	}
	return sh, nil
}

// Check demands that s is one of some shards, at most Max.
func (s Shard) Check() error {
	if s.Index < 1 || s.Index > s.Count || s.Count > Max {
		return fmt.Errorf("%q: %w", s, Err)
	}
	return nil
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

// partEnd ends the name of a part.
const partEnd = ".part"

// PartName is the name of the shard's part: 3-of-16.part.
func (s Shard) PartName() string { return fmt.Sprintf("%d-of-%d%s", s.Index, s.Count, partEnd) }

// parsePartName reads what PartName gives.
func parsePartName(name string) (Shard, error) {
	s, err := Parse(strings.Replace(strings.TrimSuffix(name, partEnd), "-of-", "/", 1))
	if err != nil || s.PartName() != name {
		return Shard{}, fmt.Errorf("%q is not the name of a part, such as %s", name, Shard{3, 16}.PartName())
	}
	return s, nil
}

// ErrParts says that parts do not make up a whole.
var ErrParts = errors.New("the parts do not make a whole")

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

// List finds the parts in a folder: each shard of one number of them, once, in
// order. Files that are not named *.part are none, and hidden ones neither.
func List(dir *os.Root) ([]Shard, error) {
	list, err := fs.ReadDir(dir.FS(), ".")
	if err != nil {
		return nil, err
	}
	there := map[Shard]bool{}
	var first Shard
	for _, e := range list {
		if !strings.HasSuffix(e.Name(), partEnd) || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		s, err := parsePartName(e.Name())
		if err != nil {
			return nil, err
		}
		if first.Count != 0 && s.Count != first.Count {
			return nil, fmt.Errorf("%w: %s and %s lie side by side", ErrParts, first.PartName(), s.PartName())
		}
		first, there[s] = s, true
	}
	if first.Count == 0 {
		return nil, fmt.Errorf("%w: there is none", ErrParts)
	}
	var all []Shard
	missing := &MissingError{}
	for i := range first.Count {
		s := Shard{i + 1, first.Count}
		if all = append(all, s); there[s] {
			continue
		}
		if missing.Count++; missing.Count <= maxMissing {
			missing.Missing = append(missing.Missing, s)
		}
	}
	if missing.Count > 0 {
		return nil, missing
	}
	return all, nil
}
