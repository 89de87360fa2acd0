package shard

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

func part(records ...string) []byte {
	var b bytes.Buffer
	w := NewWriter(&b, []byte("head"))
	for _, r := range records {
		if err := w.Add([]byte(r)); err != nil {
			panic(err)
		}
	}
	if err := w.End(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// read gives the records of a part, and checks where they are said to begin.
func read(t *testing.T, data []byte) (head string, records []string, err error) {
	t.Helper()
	err = Read(bytes.NewReader(data), func(line []byte) error {
		head = string(line)
		return nil
	}, func(at int64, r []byte) error {
		if !bytes.HasPrefix(data[at:], r) {
			t.Errorf("%q does not begin at %d", r, at)
		}
		records = append(records, string(r))
		return nil
	})
	return head, records, err
}

func TestPart(t *testing.T) {
	good := part("a", "bb", "a")
	if head, records, err := read(t, good); head != "head" || len(records) != 3 || records[1] != "bb" || err != nil {
		t.Fatal(head, records, err)
	}
	if _, records, err := read(t, part()); len(records) != 0 || err != nil {
		t.Fatal(records, err)
	}
	for i := range good {
		for _, bad := range [][]byte{good[:i], append(append(bytes.Clone(good[:i]), good[i]^1), good[i+1:]...)} {
			if _, _, err := read(t, bad); !errors.Is(err, ErrPart) {
				t.Errorf("byte %d: %v", i, err)
			}
		}
	}
	if _, _, err := read(t, append(bytes.Clone(good), 0)); !errors.Is(err, ErrPart) {
		t.Errorf("something behind the end: %v", err)
	}
	w := NewWriter(io.Discard, nil)
	if w.Add(nil) == nil || w.Add(make([]byte, MaxRecord+1)) == nil {
		t.Error("a record of a size that cannot be read was written")
	}
	stop := errors.New("stop")
	if err := Read(bytes.NewReader(good), func([]byte) error { return stop }, nil); err != stop {
		t.Error(err)
	}
}

// FuzzPart reads anything as a part: what it takes is what a Writer writes.
func FuzzPart(f *testing.F) {
	f.Add(part("a", "bb"))
	f.Add(part())
	f.Add([]byte("head\n\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		head, records, err := read(t, data)
		if err != nil {
			return
		}
		var b bytes.Buffer
		w := NewWriter(&b, []byte(head))
		for _, r := range records {
			if err := w.Add([]byte(r)); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.End(); err != nil || !bytes.Equal(b.Bytes(), data) {
			t.Errorf("%q was read, %q is written, %v", data, b.Bytes(), err)
		}
	})
}

func TestOutside(t *testing.T) {
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	for _, d := range []string{data + "/deep", dir + "/database"} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("data", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	for parts, inside := range map[string]bool{
		"data": true, "data/deep": true, "data/new": true, "data/new/er": true, "link": true, "link/new/er": true, "data/../data/x": true,
		"parts": false, "database": false, "database/new": false, "data-parts/x": false, ".": false, "data/..": false,
	} {
		for _, root := range []string{data, filepath.Join(dir, "link")} {
			err := Outside(filepath.Join(dir, parts), []string{dir + "/database/other", root})
			if inside != errors.Is(err, ErrInside) || !inside && err != nil {
				t.Errorf("%q in %q: %v", parts, root, err)
			}
		}
	}
}
