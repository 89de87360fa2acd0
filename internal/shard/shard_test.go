package shard

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func part(records ...string) []byte { return partOf("head", records...) }

func partOf(head string, records ...string) []byte {
	var b bytes.Buffer
	w, err := NewWriter(&b, []byte(head))
	if err != nil {
		panic(err)
	}
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
	w, err := NewWriter(io.Discard, nil)
	if err != nil {
		t.Fatal(err)
	}
	if w.Add(nil) == nil || w.Add(make([]byte, MaxRecord+1)) == nil {
		t.Error("a record of a size that cannot be read was written")
	}
	stop := errors.New("stop")
	if err := Read(bytes.NewReader(good), func([]byte) error { return stop }, nil); err != stop {
		t.Error(err)
	}
}

// TestLimits: what a Writer writes at its limits is read, and nothing beyond.
func TestLimits(t *testing.T) {
	long := strings.Repeat("x", MaxHead-1)
	if head, _, err := read(t, partOf(long)); head != long || err != nil {
		t.Errorf("a first line of %d bytes: %v", len(head), err)
	}
	for _, line := range []string{long + "x", "two\nlines"} {
		if _, err := NewWriter(io.Discard, []byte(line)); err == nil {
			t.Errorf("a first line of %d bytes was written", len(line))
		}
	}
	if _, _, err := read(t, []byte(long+"x\n")); !errors.Is(err, ErrPart) {
		t.Error(err)
	}
	record := strings.Repeat("x", MaxRecord)
	if _, records, err := read(t, part(record)); err != nil || len(records) != 1 || records[0] != record {
		t.Errorf("%d records, %v", len(records), err)
	}
	// One byte more, with sums that are right.
	w, _ := NewWriter(io.Discard, []byte("head"))
	var b bytes.Buffer
	w.w.Reset(&b)
	w.buf = binary.BigEndian.AppendUint32(w.buf[:0], MaxRecord+1)
	w.buf = append(w.buf, record+"x"...)
	w.buf = binary.BigEndian.AppendUint32(w.buf, crc32.Checksum([]byte(record+"x"), castagnoli))
	w.count++
	if err := errors.Join(w.put(), w.End()); err != nil {
		t.Fatal(err)
	}
	if _, records, err := read(t, append([]byte("head\n"), b.Bytes()...)); !errors.Is(err, ErrPart) || len(records) > 0 {
		t.Errorf("%d records of %d bytes: %v", len(records), MaxRecord+1, err)
	}
}

// TestList: files that are no parts are passed over, and the first of those that
// are missing are named.
func TestList(t *testing.T) {
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for _, name := range []string{".3-of-4.part", ".x.part", "notes.txt", "2-of-12.part"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var missing *MissingError
	if _, err := List(root); !errors.As(err, &missing) || missing.Count != 11 ||
		err.Error() != "no part of 1/12, 3/12, 4/12, 5/12, 6/12, 7/12, 8/12, 9/12, 10/12, 11/12 and 1 more" {
		t.Error(err)
	}
}

// TestNoFile refuses a part that is no file, and does not wait for what a pipe
// may bring.
func TestNoFile(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, Shard{1, 1}.PartName())
	each := func() error {
		return Each(dir, func(Shard, io.Reader) error { return errors.New("read") })
	}
	if err := os.Mkdir(name, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := each(); !errors.Is(err, ErrPart) {
		t.Errorf("a folder: %v", err)
	}
	if err := errors.Join(os.Remove(name), exec.Command("mkfifo", name).Run()); err != nil {
		t.Skip(err)
	}
	if err := each(); !errors.Is(err, ErrPart) {
		t.Errorf("a pipe: %v", err)
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
		if b := partOf(head, records...); !bytes.Equal(b, data) {
			t.Errorf("%q was read, %q is written", data, b)
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
