package nuscenes

import (
	"slices"

	"github.com/mmaudit/mmaudit/internal/jsonrow"
)

// A taker accepts the value at the front of b if it is surely valid, moves it
// into row if a column wants it, and gives its length; else 0.
type taker[T any] func(l *loader, row *T, b []byte) int

// A layout is how the writer of a table lays out a record: the bytes before
// each value, and what to do with the value. The next record likely has the
// same, so names, their order and what is between are compared, not parsed.
// That the layout has what the schema requires, and nothing twice, is known
// when it is learnt: of the records that follow, values alone are judged.
type layout[T any] struct {
	schema  *recordSchema
	cols    map[string]*column[T]
	tokens  []func(*T) *Token   // columns of tokens
	takers  map[string]taker[T] // by member, as far as they were needed
	steps   []step[T]           // none: nothing is learnt
	tail    []byte              // behind the last value
	text    []byte              // holds tail and all leads
	strange []*unknown          // members that the schema does not know
}

type step[T any] struct {
	lead []byte
	take taker[T]
}

func newLayout[T any](s *recordSchema, cols []column[T]) *layout[T] {
	y := &layout[T]{schema: s, cols: map[string]*column[T]{}, takers: map[string]taker[T]{}}
	for i := range cols {
		y.cols[cols[i].name] = &cols[i]
		if cols[i].token != nil {
			y.tokens = append(y.tokens, cols[i].token)
		}
	}
	return y
}

// newLayoutLike makes a layout for another part of the same table.
func newLayoutLike[T any](y *layout[T]) *layout[T] {
	return &layout[T]{schema: y.schema, cols: y.cols, tokens: y.tokens, takers: map[string]taker[T]{}}
}

// forget forgets the layout.
func (y *layout[T]) forget() { y.steps = y.steps[:0] }

// maxMembers is more than any documented record has.
const maxMembers = 256

// learn takes the layout of a record, unless only the library can judge such
// records. strange has its unknown members.
func (y *layout[T]) learn(rec *jsonrow.Record, strange map[string]*unknown) bool {
	s := y.schema
	y.steps, y.text, y.strange = y.steps[:0], y.text[:0], y.strange[:0]
	if s.ask || len(rec.Flaws) > 0 || len(rec.Fields) > maxMembers || s.have(rec) != s.all() {
		return false
	}
	// One block of text, so that a record of another layout costs no memory.
	end := 0
	for i := range rec.Fields {
		f := &rec.Fields[i]
		at := int(f.Offset - rec.Offset)
		y.text = append(y.text, rec.Raw[end:at]...)
		end = at + len(f.Raw)
	}
	y.text = append(y.text, rec.Raw[end:]...)
	rest := y.text
	end = 0
	for i := range rec.Fields {
		f := &rec.Fields[i]
		at := int(f.Offset - rec.Offset)
		y.steps = append(y.steps, step[T]{rest[:at-end], y.taker(f.Name)})
		rest, end = rest[at-end:], at+len(f.Raw)
		if s.props[f.Name] == nil {
			if u := strange[f.Name]; u != nil {
				y.strange = append(y.strange, u)
			} else {
				y.strange = append(y.strange, strange[""])
			}
		}
	}
	y.tail = rest
	return len(y.steps) > 0
}

// taker makes what takes a member.
func (y *layout[T]) taker(name string) taker[T] {
	take := y.takers[name]
	if take == nil {
		check := anything
		if p := y.schema.props[name]; p != nil {
			check = p.check
		}
		switch col := y.cols[name]; {
		case slices.Contains(y.schema.conditional, name):
			take = func(_ *loader, _ *T, b []byte) int {
				n := check.accept(b)
				if !y.schema.holds(name, b[:n]) {
					return 0
				}
				return n
			}
		case col != nil:
			take = col.taker(check)
		default:
			take = func(_ *loader, _ *T, b []byte) int { return check.accept(b) }
		}
		if len(y.takers) < maxMembers {
			y.takers[name] = take
		}
	}
	return take
}

// take accepts the record at the front of b if it has the layout and its
// values are surely valid, moves them into row, and gives its length; else 0.
func (y *layout[T]) take(l *loader, row *T, b []byte) int {
	if len(y.steps) == 0 {
		return 0
	}
	i := 0
	for k := range y.steps {
		s := &y.steps[k]
		if len(b)-i < len(s.lead) || string(b[i:i+len(s.lead)]) != string(s.lead) {
			return 0
		}
		i += len(s.lead)
		n := s.take(l, row, b[i:])
		if n == 0 {
			return 0
		}
		i += n
	}
	if len(b)-i < len(y.tail) || string(b[i:i+len(y.tail)]) != string(y.tail) {
		return 0
	}
	return i + len(y.tail)
}
