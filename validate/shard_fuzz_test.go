package validate

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/internal/shard"
	"github.com/mmaudit/mmaudit/validate/dataset"
)

// TestHead: the first line of a part has one form.
func TestHead(t *testing.T) {
	const good = `{"format":"mmvalidate/part/v1","shard":"1/2","version":"1","folders":["/data"]}`
	if _, s, err := parseHead([]byte(good)); err != nil || s != (shard.Shard{Index: 1, Count: 2}) {
		t.Error(s, err)
	}
	for _, bad := range []string{
		" " + good,
		strings.Replace(good, `"1/2"`, `"3/2"`, 1),
		strings.Replace(good, "v1", "v2", 1),
		strings.Replace(good, `,"folders"`, `,"x":1,"folders"`, 1),
	} {
		if _, _, err := parseHead([]byte(bad)); !errors.Is(err, shard.ErrPart) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// FuzzParts opens anything as the only part of a validation, and asks it for a
// file: what it gives is what was kept of that file.
func FuzzParts(f *testing.F) {
	name := filepath.Join(f.TempDir(), "a.png")
	if err := os.WriteFile(name, []byte("x"), 0o644); err != nil {
		f.Fatal(err)
	}
	info, err := os.Stat(name)
	if err != nil {
		f.Fatal(err)
	}
	ds := &dataset.Dataset{Root: "/data"}
	key := appendKey(nil, ds, "a.png")
	record := append(appendState(bytes.Clone(key), info), "found"...)
	part := func(records ...[]byte) []byte {
		var b bytes.Buffer
		head := partHead{PartFormat, "1/1", "1", []string{"/data"}}
		line, _ := head.line()
		w, _ := shard.NewWriter(&b, line)
		for _, r := range records {
			w.Add(r)
		}
		w.End()
		return b.Bytes()
	}
	f.Add(part(record))
	f.Add(part(record[:len(key)+3]))
	f.Add(part([]byte("\xff\xff\xff\xff\xff\xff\xff\xff\x7f\x00")))
	f.Add([]byte(`{"format":"mmvalidate/part/v1","shard":"1/1"}` + "\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "1-of-1.part"), data, 0o644); err != nil {
			t.Fatal(err)
		}
		p, err := OpenParts(dir, []string{"/data"}, "1")
		if err != nil {
			return
		}
		defer p.Close()
		if found := p.Recall(ds, "a.png", info); found != nil && !bytes.Contains(data, append(appendState(bytes.Clone(key), info), found...)) {
			t.Errorf("%q was found in %q", found, data)
		}
	})
}
