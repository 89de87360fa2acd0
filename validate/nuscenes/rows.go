package nuscenes

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/mmaudit/mmaudit/internal/ctxio"
	"github.com/mmaudit/mmaudit/internal/hugepage"
	"github.com/mmaudit/mmaudit/internal/jsonrow"
	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/rule"
	txt "github.com/mmaudit/mmaudit/validate/text"
)

// readTable fills t from the records of the file.
func readTable[T any](l *loader, t *Table[T], cols []column[T], f io.ReaderAt) error {
	schema, err := loadSchema(l.ds.Schema, l.name)
	if err != nil {
		return err
	}
	run := newRun(l, t, newLayout(schema, cols))
	begin, ended := readParts(run, f)
	l.work(func() {
		if !ended {
			if err = run.rest(f, begin); err != nil {
				return
			}
		}
		l.finish(schema, run.strange, len(t.Rows))
		run.index()
	})
	return err
}

// A run reads records that follow one another into a table: all of a file, or
// a part.
type run[T any] struct {
	l       *loader
	t       *Table[T]
	layout  *layout[T]
	strange map[string]*unknown
	r       *jsonrow.Reader
	settled int // rows whose tokens are no longer provisional

	begin, size int64 // where it begins, and about how many bytes it reads
}

func newRun[T any](l *loader, t *Table[T], y *layout[T]) *run[T] {
	u := &run[T]{l: l, t: t, layout: y, strange: map[string]*unknown{}, r: jsonrow.NewReader(nil)}
	u.r.Take = u.take
	return u
}

// settle ends what is provisional in the rows read.
func (u *run[T]) settle() {
	of := u.l.tokens.settle()
	for _, at := range u.layout.tokens {
		for i := u.settled; i < len(u.t.Rows); i++ {
			k := at(&u.t.Rows[i])
			*k = of[*k]
		}
	}
	u.settled = len(u.t.Rows)
}

// read reads records until the reader gives an error.
func (u *run[T]) read() error {
	for {
		rec, err := u.r.Next()
		if err != nil {
			return err
		}
		u.t.Rows = append(u.t.Rows, *new(T))
		u.row(rec)
		u.shape()
		if u.l.progress(rec.Offset); len(u.l.tokens.pending) >= enough {
			u.settle()
		}
	}
}

// rest reads the file from a record on, and reports what is wrong with it.
func (u *run[T]) rest(f io.ReaderAt, begin int64) error {
	l := u.l
	u.begin, u.size = begin, l.size-begin
	u.r.Reset(section(l.ctx, f, begin), begin, len(u.t.Rows))
	u.settled = len(u.t.Rows)
	defer u.settle()
	for {
		err := u.read()
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
	l.encoded(u.r.BOM, u.r.CR)
	return nil
}

// section reads a file from an offset on, until ctx ends.
func section(ctx context.Context, f io.ReaderAt, begin int64) io.Reader {
	return ctxio.Reader(ctx, io.NewSectionReader(f, begin, math.MaxInt64-begin))
}

// finish reports what is known of a table when all of it is read.
func (l *loader) finish(s *recordSchema, strange map[string]*unknown, rows int) {
	l.progress(l.size)
	if l.bom {
		txt.BOM(l.e, l.at(0))
	}
	if l.cr >= 0 {
		txt.CR(l.e, l.at(l.cr), 0)
	}
	l.reportUnknown(s, strange, rows)
	if rows == 0 && l.slug == "" && l.needsRows() {
		l.fault("table-empty", rule.Fault{Message: fmt.Sprintf("%s has no rows", l.name), Place: l.file()})
	}
}

// encoded notes a byte order mark, and the first carriage return.
func (l *loader) encoded(bom bool, cr int64) {
	l.bom = l.bom || bom
	if l.cr < 0 {
		l.cr = cr
	}
}

// index indexes the rows by primary key.
func (u *run[T]) index() {
	l, t := u.l, u.t
	t.buildIndex(l.texts.span(), func(i, first int32) {
		at := l.at(t.Row(i).Offset)
		at.Token = l.textOf(t.Row(i).Token)
		l.e.Emit(rule.Fault{
			Slug: "token-duplicate", Place: at,
			Message: fmt.Sprintf("an earlier row of %s has the same token, at byte %d", l.name, t.Row(first).Offset),
		})
		t.refuse(i, "token-duplicate")
	})
}

// take reads the record at the front of b into a new row, if the layout takes
// it.
func (u *run[T]) take(b []byte, offset int64) int {
	t := u.t
	if len(t.Rows) == probe && cap(t.Rows) < 2*probe {
		t.reserve(u.size * probe / max(offset-u.begin, 1))
	}
	t.Rows = append(t.Rows, *new(T))
	n := u.takeRow(b, offset)
	if n == 0 {
		t.Rows = t.Rows[:len(t.Rows)-1]
		return 0
	}
	for _, s := range u.layout.strange {
		s.rows++
	}
	u.shape()
	if u.l.progress(offset); len(u.l.tokens.pending) >= enough {
		u.settle()
	}
	return n
}

// shape keeps the geometry of the last row, where there is any.
func (u *run[T]) shape() {
	if u.l.geometries && (u.l.name == "ego_pose" || u.l.name == "sample_annotation") {
		u.t.Geometry = append(u.t.Geometry, u.l.geometry)
	}
}

// takeRow is take into the last row.
func (u *run[T]) takeRow(b []byte, offset int64) int {
	return u.layout.take(u.l, u.fresh(offset), b)
}

// fresh makes the last row, which is empty, that of a record at offset.
func (u *run[T]) fresh(offset int64) *T {
	row := &u.t.Rows[len(u.t.Rows)-1]
	if sd, ok := any(row).(*SampleData); ok {
		sd.Valid = true
	}
	u.t.row(row).Offset = offset
	u.l.geometry = Geometry{}
	return row
}

// row reads a record that was not taken into the last row and reports what is
// wrong with it. A row is refused if a field that is kept could not be read.
func (u *run[T]) row(rec *jsonrow.Record) {
	l, t, y := u.l, u.t, u.layout
	for i := range rec.Fields {
		if f := &rec.Fields[i]; y.schema.props[f.Name] == nil {
			u.note(f.Name, f.Offset, 1)
		}
	}
	if y.learn(rec, u.strange) && u.takeRow(rec.Raw, rec.Offset) > 0 {
		return
	}
	t.Rows[len(t.Rows)-1] = *new(T) // the layout may have taken something before it declined
	row := u.fresh(rec.Offset)
	refused := ""
	for i := range rec.Fields {
		f := &rec.Fields[i]
		if col := y.cols[f.Name]; col != nil && y.schema.props[f.Name] != nil && !col.set(l, row, f) {
			refused = "field-type"
		}
	}
	problems := y.schema.judge(rec, l.ds.Schema != dataset.Lyft)
	l.report(problems, l.tokens.text(t.row(row).Token))
	for _, pr := range problems {
		if !pr.harmless && y.cols[pr.field] != nil {
			refused = pr.slug
		}
	}
	if refused != "" {
		t.refuse(int32(len(t.Rows)-1), refused)
	}
}

// note counts an unknown field; names beyond the first hundred of a table are
// counted as one, "".
func (u *run[T]) note(name string, offset int64, rows int) {
	if u.strange[name] == nil && len(u.strange) >= 100 && !u.l.part {
		name = ""
	}
	if u.strange[name] == nil {
		u.strange[name] = &unknown{offset: offset}
	}
	u.strange[name].rows += rows
}

// probe is how many rows tell how large the others are.
const probe = 512

// most is how many rows, and how many texts, room is made for at once, however
// large a file says it is: more than any published data set has in a table.
const most = 1 << 22

// reserve makes room for about n rows at once.
func (t *Table[T]) reserve(n int64) {
	n = min(n, most)
	rows := hugepage.Make[T](len(t.Rows), max(int(n+n/32), cap(t.Rows)))
	copy(rows, t.Rows)
	t.Rows = rows
	if t.Geometry != nil {
		t.Geometry = append(make([]Geometry, 0, cap(rows)), t.Geometry...)
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
