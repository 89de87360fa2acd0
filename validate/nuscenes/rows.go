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

// readTable fills t from the records of the file.
func readTable[T any](l *loader, t *Table[T], cols []column[T], f io.Reader) error {
	schema, err := loadSchema(l.ds.Schema, l.name)
	if err != nil {
		return err
	}
	y := newLayout(schema, cols)
	strange := map[string]*unknown{}
	r := jsonrow.NewReader(f)
	r.Take = func(b []byte, offset int64) int {
		t.reserve(l.size, offset)
		t.Rows = append(t.Rows, *new(T))
		n := takeRow(l, t, y, b, offset)
		if n == 0 {
			t.Rows = t.Rows[:len(t.Rows)-1]
			return 0
		}
		for _, u := range y.strange {
			u.rows++
		}
		l.progress(offset)
		return n
	}
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
		t.reserve(l.size, rec.Offset)
		t.Rows = append(t.Rows, *new(T))
		readRow(l, t, y, rec, strange)
		l.progress(r.Offset())
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

// takeRow reads the record at the front of b into the last row of t, if the
// layout takes it.
func takeRow[T any](l *loader, t *Table[T], y *layout[T], b []byte, offset int64) int {
	row := &t.Rows[len(t.Rows)-1]
	if sd, ok := any(row).(*SampleData); ok {
		sd.Valid = true
	}
	t.row(row).Offset = offset
	return y.take(l, row, b)
}

// readRow reads a record that was not taken into the last row of t and reports
// what is wrong with it. A row is refused if a field that is kept could not be
// read.
func readRow[T any](l *loader, t *Table[T], y *layout[T], rec *jsonrow.Record, strange map[string]*unknown) {
	for i := range rec.Fields {
		if f := &rec.Fields[i]; y.schema.props[f.Name] == nil {
			note(strange, f)
		}
	}
	if y.learn(rec, strange) && takeRow(l, t, y, rec.Raw, rec.Offset) > 0 {
		return
	}
	n := int32(len(t.Rows) - 1)
	row := &t.Rows[n]
	own := t.row(row)
	own.Offset = rec.Offset
	refused := ""
	for i := range rec.Fields {
		f := &rec.Fields[i]
		if col := y.cols[f.Name]; col != nil && y.schema.props[f.Name] != nil && !col.set(l, row, f) {
			refused = "field-type"
		}
	}
	problems := y.schema.judge(rec, l.ds.Schema != dataset.Lyft)
	l.report(problems, l.textOf(own.Token))
	for _, pr := range problems {
		if !pr.harmless && y.cols[pr.field] != nil {
			refused = pr.slug
		}
	}
	if refused != "" {
		t.refuse(n, refused)
	}
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
func (t *Table[T]) reserve(size, offset int64) {
	const probe = 512
	if len(t.Rows) == probe {
		n := int(size / max(offset/probe, 1))
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
