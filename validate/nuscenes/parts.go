package nuscenes

import (
	"cmp"
	"io"
	"maps"
	"slices"

	"github.com/mmaudit/mmaudit/internal/jsonrow"
	"github.com/mmaudit/mmaudit/validate/rule"
)

// A large table is read in parts, by several workers. Where a part begins is
// guessed: at what looks like the boundary of two records. The part before,
// which ends in front of the first record behind its limit, proves the guess,
// or refutes it; then the part is read again from there. So the outcome is that
// of one reader, whatever the number of workers.
//
// Parts go no further than records: the first that meets an error of the file
// is forgotten, and one reader goes on from its beginning.

// bytesPerText is about how many bytes of a table there are for each text that
// no table has had before. A guess that is wrong costs memory or time.
const bytesPerText = 512

// A part is what was read of one. Its begin is -1 where no record is to be seen.
type part[T any] struct {
	*run[T]
	end int64 // the first record behind it
	err error // what ended it: jsonrow.ErrLimit, io.EOF, or an error
	e   heldBack
}

// heldBack keeps what a part has to say until it is proven.
type heldBack struct {
	rule.Emitter
	said []any
}

func (h *heldBack) Emit(x any)  { h.said = append(h.said, x) }
func (h *heldBack) Advance(int) {}

// readParts reads a large table into that of u, part by part. It gives the
// offset of the first record that it has not read, or that the table has ended.
func readParts[T any](u *run[T], f io.ReaderAt) (begin int64, ended bool) {
	l := u.l
	if l.size < 2*l.partSize {
		return 0, false
	}
	l.texts.likely.Add(min(l.size/bytesPerText, most))
	var free []*part[T]
	var ahead []chan *part[T]
	defer func() { // none reads on when the file is closed
		for _, c := range ahead {
			<-c
		}
	}()
	for next, limit := int64(0), l.partSize; ; limit += l.partSize {
		for ; next < l.size && len(ahead) <= cap(l.slots)+1; next += l.partSize {
			var p *part[T]
			if n := len(free); n > 0 {
				p, free = free[n-1], free[:n-1]
			} else {
				p = newPart(u)
			}
			c, from := make(chan *part[T], 1), next
			ahead = append(ahead, c)
			go l.work(func() {
				if p.begin = guess(f, from); p.begin >= 0 {
					p.readFrom(f, from+l.partSize)
				}
				c <- p
			})
		}
		if len(ahead) == 0 {
			return begin, false
		}
		p := <-ahead[0]
		ahead = ahead[1:]
		if begin < limit {
			if p.begin != begin {
				p.begin = begin
				l.work(func() { p.readFrom(f, limit) })
			}
			if p.err != jsonrow.ErrLimit && p.err != io.EOF {
				return begin, false
			}
			u.add(p)
			begin = p.end
			if l.progress(begin); p.err == io.EOF {
				return begin, true
			}
		}
		free = append(free, p)
	}
}

func newPart[T any](u *run[T]) *part[T] {
	p := &part[T]{e: heldBack{Emitter: u.l.e}}
	l := u.l.table(u.l.name)
	l.e, l.part, l.size = &p.e, true, u.l.size
	p.run = newRun(l, &Table[T]{row: u.t.row}, newLayoutLike(u.layout))
	return p
}

// guess gives the offset of what looks like the first record at from or behind.
func guess(f io.ReaderAt, from int64) int64 {
	if from == 0 {
		return 0
	}
	const before = 64 // bytes between two records, more than any writer puts there
	b := make([]byte, 16<<10)
	at := max(0, from-before)
	n, _ := f.ReadAt(b, at) // an error is that of the reader
	k := jsonrow.Boundary(b[:n], int(from-at))
	if k < 0 {
		return -1
	}
	return at + int64(k)
}

// readFrom reads the records from p.begin on that begin in front of limit.
func (p *part[T]) readFrom(f io.ReaderAt, limit int64) {
	p.e.said = nil
	clear(p.strange)
	p.layout.forget()
	p.t.Geometry = p.t.Geometry[:0]
	p.t.Rows, p.t.Refused, p.t.refusedBy = p.t.Rows[:0], nil, ""
	p.settled = 0
	p.r.Limit, p.size = limit, limit-p.begin
	p.r.Reset(section(p.l.ctx, f, p.begin), p.begin, 0)
	p.err = p.read()
	p.settle()
	p.end = p.r.Offset()
}

// add adds what a proven part has read.
func (u *run[T]) add(p *part[T]) {
	t := u.t
	first := int32(len(t.Rows))
	if first == 0 {
		t.reserve(u.l.size * int64(len(p.t.Rows)) / p.end)
	}
	t.Rows = append(t.Rows, p.t.Rows...)
	if p.t.Geometry != nil {
		if t.Geometry == nil {
			t.Geometry = make([]Geometry, 0, cap(t.Rows))
		}
		t.Geometry = append(t.Geometry, p.t.Geometry...)
	}
	for i := range p.t.Refused {
		t.refuse(first+i, p.t.refusedBy)
	}
	for _, name := range slices.SortedFunc(maps.Keys(p.strange), func(a, b string) int {
		return cmp.Compare(p.strange[a].offset, p.strange[b].offset)
	}) {
		u.note(name, p.strange[name].offset, p.strange[name].rows)
	}
	for _, x := range p.e.said {
		u.l.e.Emit(x)
	}
	u.l.encoded(p.r.BOM, p.r.CR)
}
