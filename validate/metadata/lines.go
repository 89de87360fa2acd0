package metadata

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/mmaudit/mmaudit/internal/jsonrow"
	"github.com/mmaudit/mmaudit/validate/rule"
	"github.com/mmaudit/mmaudit/validate/text"
)

// maxLine bounds one line of a JSONL file.
const maxLine = 1 << 20

// lines reads the objects of a JSONL file, one by one, and emits what is wrong
// with their text.
type lines struct {
	e      rule.Emitter
	path   string
	br     *bufio.Reader
	parser jsonrow.Parser
	buf    []byte

	n     int   // number of the current line
	start int64 // its offset
	next  int64
	bad   int        // lines that could not be read
	first rule.Place // of the first of them
	cr    int
	crAt  rule.Place
	utf8  bool // invalid UTF-8 was reported
	err   error
}

func newLines(e rule.Emitter, path string, r io.Reader) *lines {
	l := &lines{e: e, path: path, br: bufio.NewReaderSize(r, 64<<10)}
	if b, err := l.br.Peek(3); err == nil && string(b) == "\xef\xbb\xbf" {
		text.BOM(e, rule.Place{Path: path, Line: 1, Column: 1})
		l.br.Discard(3)
		l.next = 3
	}
	return l
}

// object gives the next object; nil at the end of the file. Lines that hold
// none are reported and left out. Blank lines are left out too.
func (l *lines) object() *jsonrow.Record {
	for {
		b, ok := l.line()
		if !ok {
			if l.cr > 0 {
				text.CR(l.e, l.crAt, l.cr)
				l.cr = 0
			}
			return nil
		}
		if b == nil || len(bytes.TrimSpace(b)) == 0 {
			continue
		}
		obj, err := l.parser.Object(b, l.start)
		if err != nil {
			l.fail(err)
			continue
		}
		flaws(l.e, l.path, obj, l.n, l.start, &l.utf8)
		return obj
	}
}

// line gives the next line without its end; nil where it is too long.
func (l *lines) line() ([]byte, bool) {
	if l.err != nil {
		return nil, false
	}
	l.n++
	l.start = l.next
	l.buf = l.buf[:0]
	long := false
	for {
		part, err := l.br.ReadSlice('\n')
		l.next += int64(len(part))
		if !long {
			l.buf = append(l.buf, part...)
			long = len(l.buf) > maxLine
		}
		if err == bufio.ErrBufferFull {
			continue
		}
		l.err = err
		break
	}
	b := l.buf
	switch {
	case l.err == io.EOF && len(b) == 0:
		return nil, false
	case l.err == io.EOF:
		if !long {
			l.e.Emit(rule.Fault{
				Slug: text.Slug, Message: "the last line has no line feed", Place: rule.Place{Path: l.path, Line: l.n},
				Hint: "end the file with a line feed", Key: "final",
			})
		}
	case l.err != nil:
		return nil, false
	default:
		b = b[:len(b)-1]
	}
	if long {
		l.fail(fmt.Errorf("the line is longer than %d bytes", maxLine))
		l.buf = nil
		return nil, true
	}
	if k := bytes.Count(b, []byte{'\r'}); k > 0 {
		if l.cr == 0 {
			l.crAt = rule.Place{Path: l.path, Line: l.n, Column: bytes.IndexByte(b, '\r') + 1}
		}
		l.cr += k
	}
	return b, true
}

func (l *lines) fail(err error) {
	place := rule.Place{Path: l.path, Line: l.n, Column: 1, ByteOffset: l.start}
	if at, ok := jsonrow.Position(err); ok {
		place.Column, place.ByteOffset = int(at-l.start)+1, at
	}
	l.e.Emit(syntax(place, err, fmt.Sprintf("line %d", l.n)))
	if l.bad++; l.bad == 1 {
		l.first = place
	}
}

// syntax is the fault of text that is not a JSON object.
func syntax(p rule.Place, err error, key string) rule.Fault {
	msg := err.Error()
	var je *jsonrow.Error
	if errors.As(err, &je) {
		msg = je.Msg
	}
	return rule.Fault{Slug: "json-syntax", Message: msg, Place: p, Key: key}
}

// flaws emits what is wrong with an object that is readable nonetheless. start
// is the offset of its line.
func flaws(e rule.Emitter, path string, obj *jsonrow.Record, line int, start int64, invalid *bool) {
	for _, f := range obj.Flaws {
		p := rule.Place{Path: path, Line: line, Column: int(f.Offset-start) + 1, ByteOffset: f.Offset}
		switch f.Kind {
		case jsonrow.DuplicateKey:
			e.Emit(rule.Fault{Slug: "json-duplicate-key", Message: fmt.Sprintf("the name %q occurs twice in one object; the last value counts", f.Text), Place: p, Key: fmt.Sprint(line, f.Text)})
		case jsonrow.NotFinite:
			e.Emit(rule.Fault{Slug: "json-nonfinite", Message: fmt.Sprintf("%s is not JSON", f.Text), Place: p, Actual: f.Text, Key: fmt.Sprint(line, f.Field)})
		case jsonrow.InvalidUTF8:
			if *invalid {
				continue
			}
			*invalid = true
			at := int(f.Offset - obj.Offset)
			for at >= 0 && at < len(obj.Raw) {
				r, n := utf8.DecodeRune(obj.Raw[at:])
				if r == utf8.RuneError && n == 1 {
					p.Column += at - int(f.Offset-obj.Offset)
					text.Invalid(e, p, obj.Raw[at])
					break
				}
				at += n
			}
		}
	}
}

// A document is a small file that holds one object.
type document struct {
	e      rule.Emitter
	path   string
	b      []byte
	parser jsonrow.Parser
}

func newDocument(e rule.Emitter, path string, b []byte) *document {
	return &document{e: e, path: path, b: b}
}

// object gives the object, or nil where there is none, which it reports.
func (d *document) object() *jsonrow.Record {
	text.Check(d.e, d.path, d.b)
	b, base := d.b, int64(0)
	if bytes.HasPrefix(b, []byte("\xef\xbb\xbf")) {
		b, base = b[3:], 3
	}
	obj, err := d.parser.Object(b, base)
	if err != nil {
		p := rule.Place{Path: d.path, Line: 1, Column: 1}
		if at, ok := jsonrow.Position(err); ok {
			p = d.place(at)
		}
		d.e.Emit(syntax(p, err, ""))
		return nil
	}
	said := true // text.Check has said what is not UTF-8
	for _, f := range obj.Flaws {
		p := d.place(f.Offset)
		one := jsonrow.Record{Offset: obj.Offset, Raw: obj.Raw, Flaws: []jsonrow.Flaw{f}}
		flaws(d.e, d.path, &one, p.Line, f.Offset-int64(p.Column-1), &said)
	}
	return obj
}

func (d *document) place(at int64) rule.Place {
	before := d.b[:min(int(at), len(d.b))]
	return rule.Place{
		Path: d.path, ByteOffset: at,
		Line: bytes.Count(before, []byte{'\n'}) + 1, Column: len(before) - bytes.LastIndexByte(before, '\n'),
	}
}

func isEOF(err error) bool { return err == io.EOF }
