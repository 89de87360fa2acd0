package validate

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/mmaudit/mmaudit/internal/shard"
	"github.com/mmaudit/mmaudit/validate/dataset"
)

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
		w := shard.NewWriter(&b, line)
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
