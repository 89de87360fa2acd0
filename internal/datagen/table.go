package datagen

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// formatTable writes a table as the owner of nuScenes does:
// json.dump(rows, indent=0).
func formatTable(rows []*Record) []byte {
	if len(rows) == 0 {
		return []byte("[]\n")
	}
	b := []byte("[\n")
	for i, r := range rows {
		if i > 0 {
			b = append(b, ",\n"...)
		}
		b = r.append(b)
	}
	return append(b, "\n]\n"...)
}

// onOneLine gives a table as Lyft writes it: json.dump(rows).
func onOneLine(table []byte) []byte {
	table = bytes.ReplaceAll(table, []byte(",\n"), []byte(", "))
	return bytes.ReplaceAll(table, []byte("\n"), nil)
}

func parseTable(b []byte) ([]*Record, error) {
	dec := json.NewDecoder(bytes.NewReader(b))
	if _, err := dec.Token(); err != nil {
		return nil, err
	}
	var rows []*Record
	for dec.More() {
		if _, err := dec.Token(); err != nil {
			return nil, err
		}
		r := &Record{}
		if n := len(rows); n > 0 {
			r.above = rows[n-1]
		}
		for dec.More() {
			key, err := dec.Token()
			if err != nil {
				return nil, err
			}
			var v json.RawMessage
			if err := dec.Decode(&v); err != nil {
				return nil, err
			}
			r.fields = append(r.fields, field{key.(string), string(v)})
		}
		if _, err := dec.Token(); err != nil {
			return nil, err
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// Table gives the path of a table of the nuScenes family, which lies in the
// only folder that has one: "sample" is "v1.0-mini/sample.json".
func (d *Dir) Table(table string) (string, error) {
	found, err := filepath.Glob(filepath.Join(d.Root, "*", table+".json"))
	if err != nil {
		return "", err
	}
	if len(found) != 1 {
		return "", fmt.Errorf("%d tables %s below %s", len(found), table, d.Root)
	}
	rel, err := filepath.Rel(d.Root, found[0])
	return filepath.ToSlash(rel), err
}

// Rows reads a table.
func (d *Dir) Rows(table string) ([]*Record, error) {
	name, err := d.Table(table)
	if err != nil {
		return nil, err
	}
	b, err := os.ReadFile(d.path(name))
	if err != nil {
		return nil, err
	}
	return parseTable(b)
}

// EditTable replaces the rows of a table by what f makes of them. Rows that f
// leaves alone keep every byte.
func (d *Dir) EditTable(table string, f func(rows []*Record) []*Record) error {
	name, err := d.Table(table)
	if err != nil {
		return err
	}
	return d.Edit(name, func(b []byte) []byte {
		var rows []*Record
		if rows, err = parseTable(b); err != nil {
			return b
		}
		out := formatTable(f(rows))
		if !bytes.HasPrefix(b, []byte("[\n")) {
			out = onOneLine(out)
		}
		return out
	})
}

// EditRow edits the first row of a table that pick accepts (nil: the first row).
func (d *Dir) EditRow(table string, pick func(*Record) bool, edit func(*Record)) error {
	read, found := false, false
	err := d.EditTable(table, func(rows []*Record) []*Record {
		read = true
		for _, r := range rows {
			if pick == nil || pick(r) {
				found = true
				edit(r)
				break
			}
		}
		return rows
	})
	if read && !found {
		return fmt.Errorf("no such row in table %s", table)
	}
	return err
}

// where picks rows by the text of a field: where("is_key_frame", true).
func where(key string, value any) func(*Record) bool {
	want := literalOf(value)
	return func(r *Record) bool { return r.Literal(key) == want }
}

// both picks rows that every condition accepts.
func both(conditions ...func(*Record) bool) func(*Record) bool {
	return func(r *Record) bool {
		for _, c := range conditions {
			if !c(r) {
				return false
			}
		}
		return true
	}
}

// has picks rows whose string field contains part: has("filename", "sweeps/LIDAR_TOP/").
func has(key, part string) func(*Record) bool {
	return func(r *Record) bool { return strings.Contains(r.Str(key), part) }
}

// nth picks the row at position n among those that pick accepts (nil: all).
func nth(n int, pick func(*Record) bool) func(*Record) bool {
	if pick == nil {
		pick = func(*Record) bool { return true }
	}
	// It keeps no count: a mutation may be applied more than once.
	return func(r *Record) bool {
		above := 0
		for a := r.above; a != nil; a = a.above {
			if pick(a) {
				above++
			}
		}
		return above == n && pick(r)
	}
}

// Retime gives the capture with that token of nuScenes another stamp, dt ns
// later, everywhere: in sample_data, in its ego pose, and in its file's name.
func (d *Dir) Retime(token string, dt int64) error {
	var from, to, pose, stamp string
	err := d.EditRow("sample_data", where("token", token), func(r *Record) {
		from, pose = r.Str("filename"), r.Str("ego_pose_token")
		old := r.Literal("timestamp")
		stamp = strconv.FormatInt(r.Int("timestamp")+dt/1000, 10)
		to = strings.Replace(from, old, stamp, 1)
		r.SetLiteral("timestamp", stamp)
		r.Set("filename", to)
	})
	if err != nil {
		return err
	}
	if err := d.EditRow("ego_pose", where("token", pose), func(r *Record) { r.SetLiteral("timestamp", stamp) }); err != nil {
		return err
	}
	return d.Rename(from, to)
}

// Find gives the token of the first row of a table that pick accepts.
func (d *Dir) Find(table string, pick func(*Record) bool) (string, error) {
	rows, err := d.Rows(table)
	if err != nil {
		return "", err
	}
	for _, r := range rows {
		if pick(r) {
			return r.Str("token"), nil
		}
	}
	return "", fmt.Errorf("no such row in table %s", table)
}

// Empty removes everything in the data set's folder, so that another one can
// be written there.
func (d *Dir) Empty() error {
	entries, err := os.ReadDir(d.Root)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := os.RemoveAll(filepath.Join(d.Root, e.Name())); err != nil {
			return err
		}
	}
	return nil
}
