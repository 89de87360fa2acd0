package metadata

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/mmaudit/mmaudit/internal/ctxio"
	"github.com/mmaudit/mmaudit/internal/jsonrow"
	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/moment"
	"github.com/mmaudit/mmaudit/validate/rule"
)

// reader joins the sidecars of one data set with its moments.
type reader struct {
	ctx   context.Context
	src   moment.Source
	ds    *dataset.Dataset
	e     rule.Emitter
	name  string
	desc  *Descriptor
	names interner

	singles map[string]bool   // *.mm.json, true once joined
	files   map[string]bool   // sidecars, true once joined
	owner   map[string]string // group -> sidecar, for two that claim one group
}

func newReader(ctx context.Context, src moment.Source, e rule.Emitter) *reader {
	r := &reader{
		ctx: ctx, src: src, ds: src.Dataset(), e: e,
		singles: map[string]bool{}, files: map[string]bool{}, owner: map[string]string{},
	}
	r.name = Name(r.ds)
	dir := path.Join(Dir, r.name)
	for _, n := range r.ds.Tree.Names(dir, ".jsonl") {
		r.files[path.Join(dir, n)] = false
	}
	r.ds.Tree.Walk(func(name string, e dataset.Entry) {
		if strings.HasSuffix(name, singleSuffix) && !strings.HasPrefix(name, Dir+"/") {
			r.singles[name] = false
		}
	})
	r.desc = readDescriptor(r.ds, r.name, e)
	return r
}

// annotated reports whether there is any sidecar.
func (r *reader) annotated() bool { return len(r.files)+len(r.singles) > 0 }

// groups reads the moments, joins each group with its records and yields it.
func (r *reader) groups(yield func(*Group) bool) error {
	var g *Group
	stopped := false
	flush := func() bool {
		if g == nil {
			return true
		}
		r.join(g)
		stopped = stopped || r.ctx.Err() != nil || !yield(g)
		g = nil
		return !stopped
	}
	err := r.src.Moments(func(m *moment.Moment) bool {
		if g != nil && g.Name != m.Group && !flush() {
			return false
		}
		if g == nil {
			g = &Group{Dataset: r.name, Schema: r.ds.Schema, Name: m.Group, Path: SidecarPath(r.name, m.Group), Desc: r.desc}
		}
		s := &Sample{Moment: m, Demanded: Demanded(r.ds.Schema, m), Records: make([]*Record, len(m.Channels))}
		g.Samples = append(g.Samples, s)
		return true
	})
	if err == nil && !stopped {
		flush()
	}
	return cmp.Or(err, r.ctx.Err())
}

// join reads the records of a group and finds what each describes.
func (r *reader) join(g *Group) {
	bySample := make(map[string]*Sample, len(g.Samples))
	for _, s := range g.Samples {
		bySample[s.Sample] = s
	}
	if _, ok := r.files[g.Path]; ok {
		r.files[g.Path] = true
		r.sidecar(g, bySample)
	}
	if len(r.singles) > 0 {
		for _, s := range g.Samples {
			for i := range s.Channels {
				r.single(g, s, &s.Channels[i])
			}
		}
	}
	g.Placeholder = placeholder(g)
}

// sidecar reads a group's JSONL file.
func (r *reader) sidecar(g *Group, bySample map[string]*Sample) {
	place := rule.Place{Path: g.Path}
	f, err := r.ds.Open(g.Path)
	if err != nil {
		r.unread(g, rule.Unreadable(r.e, r.ds, place, err))
		return
	}
	defer f.Close()
	l := newLines(r.e, g.Path, ctxio.Reader(r.ctx, f))
	obj := l.object()
	if r.ctx.Err() != nil { // nothing is known of what was not read
		return
	}
	if obj == nil || obj.Field("standard") == nil {
		if l.bad > 0 {
			r.unread(g, "json-syntax")
			return
		}
		r.e.Emit(&Parent{Place: rule.Place{Path: g.Path, Line: 1, Column: 1}, What: "header line"})
		r.unread(g, "sidecar-version")
		return
	}
	h := parseHeader(obj, rule.Place{Path: g.Path, Line: l.n, Column: 1})
	if p := r.desc.Parent; p != nil && p.Known() {
		if p.Schema.Kind != 0 && h.Schema.Kind != 0 {
			h.Overrides = append(h.Overrides, "modality_schema")
		}
		if p.Reference != "" && h.Reference != "" {
			h.Overrides = append(h.Overrides, "reference")
		}
	}
	r.e.Emit(h)
	if !h.Known() {
		r.unread(g, "sidecar-version")
		return
	}
	g.Header = h
	r.owner[g.Name] = g.Path
	if h.Dataset != r.name || h.Group != g.Name {
		g.Orphans = append(g.Orphans, &Record{
			Place: h.Place, Dataset: h.Dataset, Size: -1, Group: g,
			Orphan: fmt.Sprintf("the header says that the sidecar describes %q of %q, its name says %q of %q", h.Group, h.Dataset, g.Name, r.name),
		})
	}
	var last *Record
	for obj := l.object(); obj != nil; obj = l.object() {
		rec := parse(obj, l.start, &r.names)
		rec.Place = rule.Place{Path: g.Path, Line: l.n, Column: 1, ByteOffset: l.start}
		r.attach(g, rec, bySample[rec.Sample])
		if last != nil && g.Unsorted == nil && before(rec, last) {
			g.Unsorted = rec
		}
		last = rec
	}
	if l.bad > 0 {
		r.unread(g, "json-syntax")
	}
	if l.err != nil && l.bad == 0 && !isEOF(l.err) && r.ctx.Err() == nil {
		r.unread(g, rule.Unreadable(r.e, r.ds, place, l.err))
	}
}

// unread notes that records of a group could not be read.
func (r *reader) unread(g *Group, slug string) {
	g.Unread = slug
	r.e.Skip((*Record)(nil), slug, g.Path)
}

// before is the order of records: by data set, sample and channel, as bytes.
func before(a, b *Record) bool {
	return cmp.Or(strings.Compare(a.Dataset, b.Dataset), strings.Compare(a.Sample, b.Sample), strings.Compare(a.Channel, b.Channel)) < 0
}

// attach joins a record with the sample that it names, nil if the group has none.
func (r *reader) attach(g *Group, rec *Record, s *Sample) {
	rec.Group = g
	rec.Place.Channel = rec.Channel
	r.inherit(g, rec)
	switch {
	case rec.Dataset == "" || rec.Sample == "" || rec.Channel == "":
		rec.Orphan = "the record does not say which data set, sample and channel it describes"
	case rec.Dataset != r.name:
		rec.Orphan = fmt.Sprintf("the record describes data set %q, the sidecar %q", rec.Dataset, r.name)
	case s == nil:
		rec.Orphan = fmt.Sprintf("%s has no sample %q", g.Name, rec.Sample)
	}
	if rec.Orphan == "" {
		for i := range s.Channels {
			o := &s.Channels[i]
			if o.Channel != rec.Channel {
				continue
			}
			rec.Place.Frame, rec.Place.Token, rec.Place.Table = o.Place.Frame, o.Place.Token, o.Place.Table
			if rec.File != "" && o.File != "" && rec.File != o.File {
				rec.Orphan = fmt.Sprintf("the record describes %q, but channel %s of sample %s is %q", rec.File, rec.Channel, rec.Sample, o.File)
				break
			}
			rec.Moment, rec.Native = s, o
			if s.Records[i] != nil {
				rec.Twin = s.Records[i]
				s.Duplicates = append(s.Duplicates, rec)
			} else {
				s.Records[i] = rec
			}
			return
		}
		rec.Orphan = cmp.Or(rec.Orphan, fmt.Sprintf("sample %s has no channel %q", rec.Sample, rec.Channel))
	}
	g.Orphans = append(g.Orphans, rec)
}

// inherit fills what a record takes from its parents, and notes what it
// states although a parent does.
func (r *reader) inherit(g *Group, rec *Record) {
	for _, p := range []*Parent{g.Header, r.desc.Parent} {
		if p == nil || !p.Known() {
			continue
		}
		if p.Schema.Kind != 0 {
			if rec.Schema.Kind != 0 && p.Schema.Kind == jsonrow.String {
				rec.Overrides = append(rec.Overrides, "modality_schema")
			} else if rec.Schema.Kind == 0 {
				rec.Schema = p.Schema
				rec.Schema.Column = 0
			}
			break
		}
	}
	for _, p := range []*Parent{g.Header, r.desc.Parent} {
		if p != nil && p.Known() && p.Reference != "" && rec.Own != "" {
			rec.Overrides = append(rec.Overrides, "reference")
			break
		}
	}
}
