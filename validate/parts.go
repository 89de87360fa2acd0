package validate

import (
	"bytes"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/mmaudit/mmaudit/internal/shard"
	"github.com/mmaudit/mmaudit/validate/dataset"
)

// Parts are what the workers of all shards have seen, for Options.Parts. They
// hold some 40 bytes for each file in memory; the rest stays on disk.
type Parts struct {
	files []*os.File
	at    map[uint64]place // by hash of the key

	taken, missed atomic.Int64
}

// A place is where a record lies: its part and offset.
type place struct {
	part   uint32
	length uint32
	at     int64
}

// seed is for the hashes of keys: no part can be made so that they collide.
var seed = maphash.MakeSeed()

// OpenParts reads the parts of all shards in a folder, which were made of the
// same folders by the same version. Close them when the run is over.
func OpenParts(dir string, folders []string, version string) (_ *Parts, err error) {
	p := &Parts{at: map[uint64]place{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Close())
		}
	}()
	if err := shard.Each(dir, func(s shard.Shard, f io.Reader) error {
		part := uint32(len(p.files))
		own, err := os.Open(filepath.Join(dir, s.PartName()))
		if err != nil {
			return err
		}
		p.files = append(p.files, own)
		return shard.Read(f, func(line []byte) error {
			head, _, err := parseHead(line)
			if err != nil {
				return err
			}
			return head.check(s, folders, version)
		}, func(at int64, record []byte) error {
			key, _, ok := cutKey(record)
			if !ok {
				return fmt.Errorf("%w: a record that cannot be read", shard.ErrPart)
			}
			p.at[maphash.Bytes(seed, key)] = place{part, uint32(len(record)), at}
			return nil
		})
	}); err != nil {
		return nil, err
	}
	return p, nil
}

// Close closes the parts.
func (p *Parts) Close() error {
	var errs []error
	for _, f := range p.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

// Used gives how many times a run has taken what a shard saw of a file, and
// how many times it looked itself, because no shard saw the file as it is.
func (p *Parts) Used() (taken, missed int) { return int(p.taken.Load()), int(p.missed.Load()) }

// Recall implements dataset.Memo.
func (p *Parts) Recall(ds *dataset.Dataset, name string, info fs.FileInfo) []byte {
	found := p.find(appendKey(nil, ds, name), info)
	if found == nil {
		p.missed.Add(1)
	} else {
		p.taken.Add(1)
	}
	return found
}

func (p *Parts) find(key []byte, info fs.FileInfo) []byte {
	at, ok := p.at[maphash.Bytes(seed, key)]
	if !ok {
		return nil
	}
	b := make([]byte, at.length)
	if _, err := p.files[at.part].ReadAt(b, at.at); err != nil {
		return nil
	}
	have, rest, ok := cutKey(b)
	if !ok || !bytes.Equal(have, key) || !bytes.Equal(rest[:stateSize], appendState(nil, info)) {
		return nil
	}
	return rest[stateSize:]
}

// Keep implements dataset.Memo.
func (p *Parts) Keep(*dataset.Dataset, string, fs.FileInfo, []byte) {}
