package hparams

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/mmaudit/mmaudit/audit/canonical"
)

// Format is how parameters are written down.
type Format string

// The formats.
const (
	YAML Format = "yaml" // YAML 1.2, core schema; one document
	JSON Format = "json" // RFC 8259
	TOML Format = "toml" // TOML 1.0
	Hook Format = "hook" // the dump of a training hook, see ParseHook
	KV   Format = "kv"   // k=v strings of a command line
)

// FormatOf tells the format by a file's name.
func FormatOf(name string) (Format, bool) {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".yaml", ".yml":
		return YAML, true
	case ".json":
		return JSON, true
	case ".toml":
		return TOML, true
	}
	return "", false
}

// Document is one source of parameters, read.
type Document struct {
	Name        string
	Format      Format
	Size        int  // of the source, in bytes
	Digest      Hash // SHA3-512 of the source as it was read; of KV see ParseArgs
	Set         *Set
	Ambiguities []Ambiguity // in order of the source
}

// Ambiguity is a scalar that common readers of the format disagree about. The
// record has Read; a trainer that loads the file with Reader had Other. Hash
// what the trainer used (a hook's dump) to be rid of the question.
type Ambiguity struct {
	Key    string `json:"key"`
	Line   int    `json:"line,omitempty"`   // from 1; 0 where the source has no lines
	Column int    `json:"column,omitempty"` // from 1
	In     string `json:"in"`               // "key" or "value"
	Text   string `json:"text"`             // as written
	Read   string `json:"read"`             // type and value as recorded
	Other  string `json:"other"`            // type and value that Reader sees
	Reader string `json:"reader"`
}

func (a Ambiguity) String() string {
	at := ""
	if a.Line > 0 {
		at = fmt.Sprintf("line %d: ", a.Line)
	}
	what := a.Key
	if a.In == "key" {
		what = "the key of " + what
	}
	return fmt.Sprintf("%s%s: %q is recorded as %s, but %s reads %s", at, what, a.Text, a.Read, a.Reader, a.Other)
}

// Error is a document that cannot be recorded, with the line that is to blame.
type Error struct {
	Name string
	Line int // from 1; 0 if unknown
	Err  error
}

func (e *Error) Error() string {
	if e.Line > 0 {
		return fmt.Sprintf("%s:%d: %v", e.Name, e.Line, e.Err)
	}
	return fmt.Sprintf("%s: %v", e.Name, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// Parse reads a document. The name is for messages only. Every error is an
// *[Error]; there is no panic, whatever the data.
func Parse(name string, format Format, data []byte) (*Document, error) {
	d := &Document{Name: name, Format: format, Size: len(data), Digest: digest(data)}
	if len(data) > MaxFile {
		return nil, &Error{Name: name, Err: fmt.Errorf("%d bytes: %w", len(data), ErrTooBig)}
	}
	r := &reader{doc: d, data: data}
	var root Value
	err := r.guard(func() (err error) {
		switch format {
		case YAML:
			root, err = r.yaml()
		case JSON:
			root, err = r.json(false)
		case Hook:
			root, err = r.json(true)
		case TOML:
			root, err = r.toml()
		default:
			err = fmt.Errorf("format %q is not known", format)
		}
		return err
	})
	if err == nil {
		err = r.finish(root)
	}
	if err != nil {
		var e *Error
		if errors.As(err, &e) {
			e.Name = name
			return nil, e
		}
		return nil, &Error{Name: name, Err: err}
	}
	return d, nil
}

// reader is the state that readers of all formats share.
type reader struct {
	doc    *Document
	data   []byte
	values int
}

// guard turns a panic of a library into an error: parsers of hostile files are
// not ours to trust.
func (r *reader) guard(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the %s library gave up: %v", r.doc.Format, p)
		}
	}()
	return f()
}

// count keeps a small file from growing into a large document.
func (r *reader) count(depth int) error {
	if r.values++; r.values > MaxValues {
		return fmt.Errorf("more than %d values: %w", MaxValues, ErrTooBig)
	}
	if depth > MaxDepth {
		return fmt.Errorf("more than %d levels: %w", MaxDepth, ErrTooBig)
	}
	return nil
}

func (r *reader) flag(a Ambiguity) {
	a.Text = abbreviate(a.Text)
	r.doc.Ambiguities = append(r.doc.Ambiguities, a)
}

// finish flattens the document into its set.
func (r *reader) finish(root Value) error {
	if root.Type != Map {
		return ErrNotMap
	}
	var params []Param
	r.flatten(&params, nil, root)
	slices.SortStableFunc(r.doc.Ambiguities, func(a, b Ambiguity) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	var err error
	r.doc.Set, err = NewSet(params)
	return err
}

// flatten makes parameters of nested maps. An empty map is a value, and so is
// a map within a list: its keys are names.
func (r *reader) flatten(params *[]Param, path []string, v Value) {
	if n := len(path); n > 0 {
		if name := path[n-1]; !norm.NFC.IsNormalString(name) {
			r.flag(Ambiguity{
				Key: JoinKey(path), In: "key", Text: name, Read: fmt.Sprintf("%+q", name),
				Other: fmt.Sprintf("%+q", norm.NFC.String(name)), Reader: "a reader that normalises Unicode",
			})
		}
	}
	if v.Type == Map && (len(v.Map) > 0 || len(path) == 0) {
		for _, p := range v.Map {
			r.flatten(params, append(path[:len(path):len(path)], p.Key), p.Value)
		}
		return
	}
	sortMaps(v)
	*params = append(*params, Param{Key: JoinKey(path), Value: v})
}

func sortMaps(v Value) {
	for _, item := range v.List {
		sortMaps(item)
	}
	slices.SortFunc(v.Map, func(a, b Param) int { return strings.Compare(a.Key, b.Key) })
	for _, p := range v.Map {
		sortMaps(p.Value)
	}
}

// lineAt gives the line of a byte offset.
func lineAt(data []byte, offset int) int {
	return 1 + bytes.Count(data[:min(offset, len(data))], []byte("\n"))
}

// ParseArgs reads k=v strings. A key is written as [JoinKey] gives it. A value
// that is JSON is read as JSON (0.1, true, null, [1,2], "text"); any other is a
// string as it stands. The document's digest is that of the canonical JSON
// array of the strings.
func ParseArgs(args []string) (*Document, error) {
	const name = "parameter"
	raw, err := canonical.Marshal(args)
	if err != nil {
		return nil, &Error{Name: name, Err: err}
	}
	d := &Document{Name: name, Format: KV, Size: len(raw), Digest: digest(raw)}
	r := &reader{doc: d}
	var params []Param
	for _, arg := range args {
		key, text, ok := strings.Cut(arg, "=")
		fail := func(err error) (*Document, error) {
			return nil, &Error{Name: name + " " + abbreviate(key), Err: err}
		}
		if !ok || key == "" {
			return fail(errors.New("is not of the form key=value"))
		}
		v, err := r.argument(key, text)
		if err != nil {
			return fail(err)
		}
		params = append(params, Param{Key: key, Value: v})
	}
	if d.Set, err = NewSet(params); err != nil {
		return nil, &Error{Name: name, Err: err}
	}
	return d, nil
}

func (r *reader) argument(key, text string) (Value, error) {
	v := OfString(text)
	switch parsed, err := canonical.Parse([]byte(text)); {
	case err == nil:
		if v, err = r.fromJSON(parsed, false, 0); err != nil {
			return v, err
		}
		sortMaps(v)
	case !errors.Is(err, canonical.ErrSyntax) && !errors.Is(err, canonical.ErrNonFinite):
		return v, err // JSON, but with a key twice, say
	}
	for _, other := range []struct {
		reader string
		read   func(string) (Value, error)
	}{{readerYAML12, readCore}, {readerPyYAML, readPyYAML}} {
		w, err := other.read(text)
		if isScalar(v) && err == nil && !w.Equal(v) && !strings.HasPrefix(text, `"`) {
			r.flag(Ambiguity{Key: key, In: "value", Text: text, Read: typed(v), Other: typed(w), Reader: other.reader})
			break
		}
	}
	return v, nil
}

func isScalar(v Value) bool { return v.Type != List && v.Type != Map }

// typed shows a value with its type.
func typed(v Value) string { return string(v.Type) + " " + abbreviate(v.String()) }

// Override is a value that a later document replaced.
type Override struct {
	Key      string
	Old, New Value
	From, By string // names of the documents
}

// Merge lays documents over one another: a parameter of a later one replaces
// the same parameter of an earlier one, and is listed. Setting a key below an
// empty map fills the map. A value where an earlier document has a group, or
// the reverse, is an error.
func Merge(docs ...*Document) (*Set, []Override, error) {
	type entry struct {
		Param
		from string
	}
	all := map[string]entry{}
	var overrides []Override
	for _, d := range docs {
		for _, p := range d.Set.Params() {
			path, err := SplitKey(p.Key)
			if err != nil {
				return nil, nil, err
			}
			for i := 1; i < len(path); i++ {
				if group, ok := all[JoinKey(path[:i])]; ok && group.Type == Map {
					delete(all, group.Key)
				}
			}
			if old, ok := all[p.Key]; ok && !old.Value.Equal(p.Value) {
				overrides = append(overrides, Override{Key: p.Key, Old: old.Value, New: p.Value, From: old.from, By: d.Name})
			}
			all[p.Key] = entry{p, d.Name}
		}
	}
	params := make([]Param, 0, len(all))
	for _, e := range all {
		params = append(params, e.Param)
	}
	s, err := NewSet(params)
	return s, overrides, err
}
