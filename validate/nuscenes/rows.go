package nuscenes

import (
	"errors"
	"fmt"
	"io"

	"github.com/mmaudit/mmaudit/internal/jsonrow"
	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/rule"
	txt "github.com/mmaudit/mmaudit/validate/text"
)

// A plan says what to do with each field of a record, in the order of the
// file: the next record likely has the same fields in the same order.
type plan[T any] struct {
	schema *recordSchema
	cols   map[string]*column[T]
	steps  []step[T]
}

type step[T any] struct {
	name string
	prop *property  // nil: the schema does not know the field
	col  *column[T] // nil: the field is not kept
}

func (p *plan[T]) step(i int, name string) *step[T] {
	if i >= 256 { // no documented record has as many
		return &step[T]{name, p.schema.props[name], p.cols[name]}
	}
	if i >= len(p.steps) {
		p.steps = append(p.steps, step[T]{})
	}
	s := &p.steps[i]
	if s.name != name || s.prop == nil {
		*s = step[T]{name, p.schema.props[name], p.cols[name]}
	}
	return s
}

// readTable fills t from the records of the file.
func readTable[T any](l *loader, t *Table[T], cols []column[T], f io.Reader) error {
	schema, err := loadSchema(l.ds.Schema, l.name)
	if err != nil {
		return err
	}
	p := plan[T]{schema: schema, cols: map[string]*column[T]{}}
	for i := range cols {
		p.cols[cols[i].name] = &cols[i]
	}
	strange := map[string]*unknown{}
	r := jsonrow.NewReader(f)
	for {
		rec, err := r.Next()
		if err != nil {
			var je *jsonrow.Error
			if errors.As(err, &je) {
				l.jsonError(je)
				if !je.Stop {
					continue
				}
			} else if ctxErr := l.ctx.Err(); ctxErr != nil {
				return ctxErr
			} else if err != io.EOF {
				l.unusable(rule.Unreadable(l.e, l.ds, l.file(), err))
			}
			break
		}
		if r.Rows()%1024 == 0 {
			if err := l.ctx.Err(); err != nil {
				return err
			}
			l.progress(r.Offset())
		}
		t.reserve(l.size, r)
		t.Rows = append(t.Rows, *new(T))
		readRow(l, t, &p, rec, strange)
	}
	l.progress(l.size)
	if r.BOM {
		txt.BOM(l.e, l.at(0))
	}
	if r.CR >= 0 {
		txt.CR(l.e, l.at(r.CR), 0)
	}
	l.reportUnknown(schema, strange, len(t.Rows))
	if len(t.Rows) == 0 && l.slug == "" && l.needsRows() {
		l.fault("table-empty", rule.Fault{Message: fmt.Sprintf("%s has no rows", l.name), Place: l.file()})
	}
	t.buildIndex(func(i, first int32) {
		at := l.at(t.Row(i).Offset)
		at.Token = l.textOf(t.Row(i).Token)
		l.e.Emit(rule.Fault{
			Slug: "token-duplicate", Place: at,
			Message: fmt.Sprintf("an earlier row of %s has the same token, at byte %d", l.name, t.Row(first).Offset),
		})
		t.refuse(i, "token-duplicate")
	})
	return nil
}

// readRow reads a record into the last row of t and reports what is wrong
// with it. A row is refused if a field that is kept could not be read.
func readRow[T any](l *loader, t *Table[T], p *plan[T], rec *jsonrow.Record, strange map[string]*unknown) {
	n := int32(len(t.Rows) - 1)
	row := &t.Rows[n]
	own := t.Row(n)
	own.Offset = rec.Offset
	if sd, ok := any(row).(*SampleData); ok {
		sd.Valid = true
	}
	sure, kept := p.read(l, row, rec, strange)
	if sure {
		return
	}
	refused := ""
	if !kept {
		refused = "field-type"
	}
	problems := p.schema.judge(rec, l.ds.Schema != dataset.Lyft)
	l.report(problems, l.textOf(own.Token))
	for _, pr := range problems {
		if !pr.harmless && p.cols[pr.field] != nil {
			refused = pr.slug
		}
	}
	if refused != "" {
		t.refuse(n, refused)
	}
}

// read moves the fields of a record into row. sure says that the record is
// valid, whatever the fields in it that the schema does not know, which strange
// counts; kept, that every field with a column could be read.
func (p *plan[T]) read(l *loader, row *T, rec *jsonrow.Record, strange map[string]*unknown) (sure, kept bool) {
	sure, kept = !p.schema.ask && len(rec.Flaws) == 0, true
	have := uint64(0)
	for i := range rec.Fields {
		f := &rec.Fields[i]
		s := p.step(i, f.Name)
		if s.prop == nil {
			note(strange, f)
			continue
		}
		have |= s.prop.bit
		sure = sure && s.prop.check.accepts(f.Kind, f.Raw)
		if s.col != nil && !s.col.set(l, row, f) {
			kept = false
		}
	}
	return sure && have == p.schema.all() && p.schema.passes(rec), kept
}

// note counts an unknown field; names beyond the first hundred are counted as
// one, "".
func note(strange map[string]*unknown, f *jsonrow.Field) {
	name := f.Name
	if strange[name] == nil && len(strange) >= 100 {
		name = ""
	}
	if strange[name] == nil {
		strange[name] = &unknown{offset: f.Offset}
	}
	strange[name].rows++
}

// reserve makes room for all rows at once, judging by the size of the first.
func (t *Table[T]) reserve(size int64, r *jsonrow.Reader) {
	const probe = 512
	if len(t.Rows) == probe {
		n := int(size / max(r.Offset()/probe, 1))
		rows := make([]T, probe, max(n+n/32, 2*probe))
		copy(rows, t.Rows)
		t.Rows = rows
	}
}

func (t *Table[T]) refuse(i int32, slug string) {
	if t.refusedBy == "" {
		t.refusedBy = slug
	}
	if t.Refused == nil {
		t.Refused = map[int32]struct{}{}
	}
	t.Refused[i] = struct{}{}
}
