package datagen

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// A Record is one object of a JSON table: its fields in the order of the file,
// each value as the text that stands there, so that editing one field leaves
// every other byte alone.
type Record struct{ fields []field }

type field struct{ key, literal string }

// record makes a Record from alternating keys and values. Values are strings,
// bools, integers, floats (written as Python writes them), slices of those,
// and literal JSON.
func record(pairs ...any) *Record {
	r := &Record{fields: make([]field, 0, len(pairs)/2)}
	for i := 0; i < len(pairs); i += 2 {
		r.fields = append(r.fields, field{pairs[i].(string), literalOf(pairs[i+1])})
	}
	return r
}

// literal is JSON that goes into a record as it stands.
type literal string

// Literal gives the text of a field's value, "" where there is no such field.
func (r *Record) Literal(key string) string {
	for _, f := range r.fields {
		if f.key == key {
			return f.literal
		}
	}
	return ""
}

// Str gives a string field's value, "" where it is missing or not a string.
func (r *Record) Str(key string) string {
	var s string
	if json.Unmarshal([]byte(r.Literal(key)), &s) != nil {
		return ""
	}
	return s
}

// Int gives an integer field's value, 0 where it is missing or not an integer.
func (r *Record) Int(key string) int64 {
	n, _ := strconv.ParseInt(r.Literal(key), 10, 64)
	return n
}

// Floats gives the numbers of an array field.
func (r *Record) Floats(key string) []float64 {
	var v []float64
	if json.Unmarshal([]byte(r.Literal(key)), &v) != nil {
		return nil
	}
	return v
}

// Set replaces a field's value, or appends the field. See record for values.
func (r *Record) Set(key string, value any) { r.SetLiteral(key, literalOf(value)) }

// SetLiteral replaces a field's value by JSON text, or appends the field. The
// text may be anything, legal or not.
func (r *Record) SetLiteral(key, text string) {
	for i := range r.fields {
		if r.fields[i].key == key {
			r.fields[i].literal = text
			return
		}
	}
	r.fields = append(r.fields, field{key, text})
}

// Append adds a field at the end, even one that is there already.
func (r *Record) Append(key, text string) { r.fields = append(r.fields, field{key, text}) }

// Delete removes a field.
func (r *Record) Delete(key string) {
	kept := r.fields[:0]
	for _, f := range r.fields {
		if f.key != key {
			kept = append(kept, f)
		}
	}
	r.fields = kept
}

// Clone gives a copy to be edited by itself.
func (r *Record) Clone() *Record { return &Record{append([]field(nil), r.fields...)} }

func (r *Record) append(b []byte) []byte {
	b = append(b, "{\n"...)
	for i, f := range r.fields {
		if i > 0 {
			b = append(b, ",\n"...)
		}
		b = appendString(b, f.key)
		b = append(b, ": "...)
		b = append(b, f.literal...)
	}
	return append(b, "\n}"...)
}

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
	return func(r *Record) bool {
		if pick != nil && !pick(r) {
			return false
		}
		n--
		return n == -1
	}
}

func literalOf(v any) string {
	switch v := v.(type) {
	case literal:
		return string(v)
	case string:
		return string(appendString(nil, v))
	case bool:
		return strconv.FormatBool(v)
	case int:
		return strconv.Itoa(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return pythonFloat(v)
	case []float64:
		return array(v)
	case [3]float64:
		return array(v[:])
	case [4]float64:
		return array(v[:])
	case [][]float64:
		return array(v)
	case []literal:
		return array(v)
	case []string:
		return array(v)
	case []int:
		return array(v)
	case []*Record:
		return array(v)
	case *Record:
		return string(v.append(nil))
	}
	panic(fmt.Sprintf("datagen: no literal for %T", v))
}

func array[T any](v []T) string {
	if len(v) == 0 {
		return "[]"
	}
	b := []byte("[\n")
	for i, e := range v {
		if i > 0 {
			b = append(b, ",\n"...)
		}
		b = append(b, literalOf(e)...)
	}
	return string(append(b, "\n]"...))
}

func appendString(b []byte, s string) []byte {
	q, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return append(b, q...)
}

// pythonFloat writes a float as Python's repr does: the fewest digits that
// read back, and always a point or an exponent.
func pythonFloat(v float64) string {
	if a := math.Abs(v); a != 0 && (a < 1e-4 || a >= 1e16) {
		return strconv.FormatFloat(v, 'e', -1, 64)
	}
	s := strconv.FormatFloat(v, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
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
