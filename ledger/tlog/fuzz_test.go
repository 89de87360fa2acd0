package tlog

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/mmaudit/mmaudit/ledger"
)

// FuzzCheckpoint wants of each checkpoint that is read a size within bounds.
func FuzzCheckpoint(f *testing.F) {
	f.Add([]byte(origin + "\n1\n" + noRoot + "\n— a AAAAAAAA\n"))
	f.Add([]byte(origin + "\n01\n" + noRoot + "\n"))
	f.Add([]byte("\n\n\n\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := ReadCheckpoint(data)
		if err == nil && (h.Size < 0 || h.Size > maxSize || !bytes.Equal(h.Note, data)) {
			t.Errorf("%q gave %+v", data, h)
		}
		if _, err := Cosignatures(data, nil); err != nil {
			t.Error(err)
		}
	})
}

// FuzzBundle wants a bundle that is split to be the records put together.
func FuzzBundle(f *testing.F) {
	f.Add(appendEntry(appendEntry(nil, []byte("a")), nil), 2)
	f.Add([]byte{0, 2, 'a'}, 1)
	f.Fuzz(func(t *testing.T, data []byte, n int) {
		records, err := splitBundle(nil, data, min(max(n, 0), tileWidth))
		if err != nil {
			return
		}
		var again []byte
		for _, r := range records {
			again = appendEntry(again, r)
		}
		if !bytes.Equal(again, data) {
			t.Errorf("%x became %x", data, again)
		}
	})
}

// FuzzTail wants the frames that are accepted to be those that would be written.
func FuzzTail(f *testing.F) {
	leaves := []ledger.Hash{ledger.RecordHash([]byte("a")), ledger.RecordHash([]byte("b"))}
	good := appendFrame(appendFrame(nil, 1, 256, leaves[0], []uint64{1, 2}), 1, 257, leaves[1], nil)
	f.Add(good)
	f.Add(good[:len(good)-1])
	f.Fuzz(func(t *testing.T, data []byte) {
		hashes, size := splitTail(data, 1, 256, leaves)
		var again []byte
		for i, hs := range hashes {
			again = appendFrame(again, 1, 256+int64(i), leaves[i], hs)
		}
		if !bytes.Equal(again, data[:size]) {
			t.Errorf("%x became %x", data[:size], again)
		}
	})
}

// FuzzTilePath wants a path that is accepted to be that of the tile.
func FuzzTilePath(f *testing.F) {
	for _, path := range []string{"tile/0/000", "tile/entries/x001/234.p/5", "tile/6/x999/x999/999", "tile/data/000", "tile/-1/000"} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		if tile, ok := parseTilePath(path); ok && tilePath(tile) != path {
			t.Errorf("%q became %q", path, tilePath(tile))
		}
	})
}

// FuzzSegment opens any bytes as an index segment, with the checksum of the
// header made right, and reads all that can be read.
func FuzzSegment(f *testing.F) {
	id, subtree := segmentID{0, 3}, ledger.RecordHash([]byte("a"))
	name := filepath.Join(f.TempDir(), "segment")
	s := &segment{id: id}
	for i := range int64(300) {
		s.postings = append(s.postings, posting{uint64(i) << 56, 768 + i%256})
	}
	s.count = 300
	slices.SortFunc(s.postings, comparePostings)
	if err := writeSegment(name, id, subtree, 0, []*segment{s}); err != nil {
		f.Fatal(err)
	}
	good, err := os.ReadFile(name)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:headerSize])
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) >= headerSize {
			data = bytes.Clone(data)
			binary.BigEndian.PutUint32(data[headerSize-4:], crc32.Checksum(data[:headerSize-4], castagnoli))
		}
		if err := os.WriteFile(name, data, 0o644); err != nil {
			t.Fatal(err)
		}
		s, err := openSegment(name, id, subtree, 0)
		if err != nil {
			return
		}
		defer s.close()
		for i := range uint64(32) {
			s.find(i << 59)
		}
		if s.keep() == nil && int64(len(s.postings)) != s.count {
			t.Errorf("%d postings, want %d", len(s.postings), s.count)
		}
	})
}
