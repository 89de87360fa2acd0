package metadata

import (
	"fmt"
	"path"
	"strings"

	"github.com/mmaudit/mmaudit/validate/moment"
	"github.com/mmaudit/mmaudit/validate/rule"
)

// maxSingle bounds the bytes of a single record.
const maxSingle = 1 << 20

// single reads the record beside a payload, if there is one.
func (r *reader) single(g *Group, s *Sample, o *moment.Observation) {
	if o.File == "" {
		return
	}
	dir, base := path.Split(o.File)
	stem, _, _ := strings.Cut(base, ".")
	for _, name := range []string{dir + base + singleSuffix, dir + stem + singleSuffix} {
		if joined, ok := r.singles[name]; !ok || joined {
			continue
		}
		r.singles[name] = true
		b, err := r.ds.ReadFile(name, maxSingle)
		if err != nil {
			r.unread(g, rule.Unreadable(r.e, r.ds, rule.Place{Path: name}, err))
			continue
		}
		rec, ok := r.parseSingle(name, b)
		if !ok {
			r.unread(g, "json-syntax")
			continue
		}
		if rec == nil {
			r.unread(g, "sidecar-version")
			continue
		}
		at := s
		if rec.Sample != s.Sample || rec.Channel != o.Channel {
			at = nil
		}
		r.attach(g, rec, at)
		if rec.Orphan != "" && at == nil && rec.Dataset == r.name {
			rec.Orphan = fmt.Sprintf("the record beside %s describes sample %q, channel %q", o.File, rec.Sample, rec.Channel)
		}
	}
}

// parseSingle reads a single record; nil where its version is unknown, not ok
// where it is not JSON. Both are reported.
func (r *reader) parseSingle(name string, b []byte) (rec *Record, ok bool) {
	doc := newDocument(r.e, name, b)
	obj := doc.object()
	if obj == nil {
		return nil, false
	}
	p := &Parent{Place: rule.Place{Path: name, Line: 1, Column: 1}, What: "single record"}
	if f := obj.Field("schema_version"); f != nil {
		p.Version = value(f, 0, nil)
	}
	if !p.Known() {
		r.e.Emit(p)
		return nil, true
	}
	rec = parse(obj, obj.Offset, &r.names)
	rec.Place = rule.Place{Path: name, Line: 1, Column: 1}
	return rec, true
}

// leftovers reports the sidecars and single records that belong to no moment.
func (r *reader) leftovers() {
	for name, joined := range r.files {
		if joined {
			continue
		}
		r.leftover(name)
	}
	for name, joined := range r.singles {
		if joined {
			continue
		}
		b, err := r.ds.ReadFile(name, maxSingle)
		if err != nil {
			rule.Unreadable(r.e, r.ds, rule.Place{Path: name}, err)
			continue
		}
		if rec, _ := r.parseSingle(name, b); rec != nil && rec.Dataset == r.name {
			g := &Group{Dataset: r.name, Schema: r.ds.Schema, Desc: r.desc, Path: name}
			r.attach(g, rec, nil)
			rec.Orphan = "the record lies beside no payload of the data set"
			r.e.Emit(rec)
		}
	}
}

// leftover reads the header of a sidecar that has the name of no group.
func (r *reader) leftover(name string) {
	f, err := r.ds.Open(name)
	if err != nil {
		rule.Unreadable(r.e, r.ds, rule.Place{Path: name}, err)
		return
	}
	defer f.Close()
	l := newLines(r.e, name, f)
	obj := l.object()
	if obj == nil || obj.Field("standard") == nil {
		if l.bad == 0 {
			r.e.Emit(&Parent{Place: rule.Place{Path: name, Line: 1, Column: 1}, What: "header line"})
		}
		return
	}
	h := parseHeader(obj, rule.Place{Path: name, Line: l.n, Column: 1})
	if other, ok := r.owner[h.Group]; ok {
		h.Twin = other
	}
	r.e.Emit(h)
	if h.Twin == "" && h.Known() {
		g := &Group{Dataset: r.name, Schema: r.ds.Schema, Name: h.Group, Path: name, Header: h, Desc: r.desc}
		r.e.Emit(&Record{
			Place: h.Place, Dataset: h.Dataset, Size: -1, Group: g,
			Orphan: fmt.Sprintf("the sidecar describes %q, which the data set does not have", h.Group),
		})
	}
}
