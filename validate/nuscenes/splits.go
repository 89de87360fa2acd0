package nuscenes

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/mmaudit/mmaudit/internal/jsonrow"
	"github.com/mmaudit/mmaudit/validate/rule"
	txt "github.com/mmaudit/mmaudit/validate/text"
)

// maxSplits bounds the size of splits.json, which holds names alone.
const maxSplits = 16 << 20

// splits reads splits.json: the scenes of each split, by its name. Without the
// file there are none.
func (l *loader) splits() map[string][]string {
	l = l.table("splits")
	if !l.ds.Tree.Has(l.path) {
		return nil
	}
	b, err := l.ds.ReadFile(l.path, maxSplits)
	if err != nil {
		l.unusable(rule.Unreadable(l.e, l.ds, l.file(), err))
		return nil
	}
	if len(b) == 0 {
		l.fault("file-empty", rule.EmptyFault(l.file()))
		return nil
	}
	b, lead := encoded(l.e, b, l.at)
	var p jsonrow.Parser
	rec, err := p.Object(b, lead)
	var je *jsonrow.Error
	switch {
	case errors.As(err, &je) && je.Shape:
		l.fault("splits-json", rule.Fault{Message: je.Msg, Place: l.file()})
		return nil
	case err != nil:
		l.fault("json-syntax", rule.Fault{Message: je.Msg, Place: l.at(je.Offset)})
		return nil
	}
	for _, f := range rec.Flaws {
		l.report([]problem{flaw(f)}, "")
	}
	splits := map[string][]string{}
	for i := range rec.Fields {
		f := &rec.Fields[i]
		scenes, msg := sceneNames(f)
		if msg != "" {
			l.fault("splits-json", rule.Fault{
				Message: fmt.Sprintf("the split %q %s", f.Name, msg), Place: l.at(f.Offset),
				Expected: "a list of scene names", Actual: clip(f.Raw), Key: f.Name,
			})
			continue
		}
		splits[f.Name] = scenes
	}
	return splits
}

// encoded speaks about a byte order mark and carriage returns in a small JSON
// file. It gives what follows the mark, and the offset of that.
func encoded(e rule.Emitter, b []byte, at func(offset int64) rule.Place) (rest []byte, lead int64) {
	rest, ok := bytes.CutPrefix(b, []byte("\xef\xbb\xbf"))
	if ok {
		txt.BOM(e, at(0))
		lead = 3
	}
	if n := bytes.Count(rest, []byte{'\r'}); n > 0 {
		txt.CR(e, at(lead+int64(bytes.IndexByte(rest, '\r'))), n)
	}
	return rest, lead
}

// sceneNames reads a list of names, or says what else it is.
func sceneNames(f *jsonrow.Field) (names []string, fault string) {
	if f.Kind != jsonrow.Array {
		return nil, fmt.Sprintf("is %s, not a list of scene names", f.Kind)
	}
	names = []string{}
	jsonrow.Elements(f.Raw, func(k jsonrow.Kind, raw []byte) bool {
		name := ""
		if k == jsonrow.String {
			name = string(jsonrow.Text(raw))
		}
		if name == "" {
			fault = fmt.Sprintf("holds %s, not a scene name", clip(raw))
		}
		names = append(names, name)
		return fault == ""
	})
	return names, fault
}
