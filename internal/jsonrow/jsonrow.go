// Package jsonrow streams the records of a JSON array of objects, the form of
// every table of the nuScenes family, from files of any size.
//
// It accepts RFC 8259 and, so that one fault does not hide the others, goes on
// over what real writers get wrong while reporting it: NaN and Infinity,
// duplicate keys, invalid UTF-8, a byte order mark, carriage returns. Numbers
// stay literals: nothing passes through float64 unless the caller asks.
//
// Memory is bounded by the largest record, which may have MaxRecord bytes.
// After a syntax error inside a record the reader goes on behind the record if
// its brackets and quotes are balanced, and stops otherwise.
package jsonrow

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// Limits of one record.
const (
	MaxRecord  = 64 << 20 // bytes
	MaxDepth   = 128      // nested arrays and objects, the record included
	MaxMembers = 1 << 16  // of one object
	MaxFlaws   = 100      // kept; further ones of the same record are not
)

// A Kind is the JSON type of a value.
type Kind uint8

const (
	Null Kind = iota + 1
	Bool
	Number
	NonFinite // NaN, Infinity, -Infinity, or a number beyond float64
	String
	Array
	Object
)

var kindNames = [...]string{"", "null", "a boolean", "a number", "not finite", "a string", "an array", "an object"}

func (k Kind) String() string { return kindNames[k] }

// A Field is one member of a record.
type Field struct {
	Name   string
	Kind   Kind
	Raw    []byte // the literal, with quotes; valid until the next call of Next
	Offset int64  // of Raw in the file
}

// A Record is one object of the array. It is valid until the next call of Next.
type Record struct {
	Offset int64   // of its '{' in the file
	Raw    []byte  // from '{' to '}'
	Fields []Field // in file order, names unique: of a repeated key the last value counts
	Flaws  []Flaw
}

// Field finds a field by name, or nil.
func (r *Record) Field(name string) *Field {
	for i := range r.Fields {
		if r.Fields[i].Name == name {
			return &r.Fields[i]
		}
	}
	return nil
}

// A Flaw is something that RFC 8259 forbids or discourages but that leaves the
// record readable.
type Flaw struct {
	Kind   FlawKind
	Offset int64
	Field  string // member of the record in which it lies; "" in a name
	Text   string // the repeated key, or the literal
}

// FlawKind tells flaws apart.
type FlawKind uint8

const (
	DuplicateKey FlawKind = iota + 1
	NotFinite
	InvalidUTF8
)

// An Error is a fault of the file. Unless Stop is set, Next goes on behind it.
type Error struct {
	Shape  bool  // well-formed JSON, but not an array of objects
	Offset int64 // where
	Rows   int   // records read before it
	Msg    string
	Stop   bool // nothing can be read behind it
}

func (e *Error) Error() string { return fmt.Sprintf("byte %d: %s", e.Offset, e.Msg) }

// A Reader reads one table. Its fields are set while it reads.
type Reader struct {
	BOM bool  // the file begins with a UTF-8 byte order mark
	CR  int64 // offset of the first carriage return between tokens; -1 if there is none

	// Take, if set, is shown each object of the array before it is parsed: the
	// bytes from its '{' on, as far as they are read, and its offset. It gives
	// the length of an object that it has taken: Next passes over that one. With
	// 0 it declines, and must have kept nothing.
	Take func(b []byte, offset int64) int
	// Limit, if set, ends the reading in front of the first element that begins
	// at or behind that offset: Next gives ErrLimit, and Offset is its own.
	Limit int64

	src   io.Reader
	buf   []byte
	r, w  int   // buf[r:w] is unread
	base  int64 // offset of buf[0] in the file
	end   error // from src; nil while there is more
	state state
	rows  int
	elems int
	final error
	scan  scanner
	rec   Record
}

type state uint8

const (
	atStart state = iota
	atFirst       // behind '[': a value or ']'
	atNext        // behind a value: ',' or ']'
	atValue       // behind ',': a value
)

const chunk = 256 << 10

// NewReader reads from r, which should not be buffered.
func NewReader(r io.Reader) *Reader {
	return &Reader{src: r, buf: make([]byte, chunk), CR: -1}
}

// ErrLimit says that the next element begins behind the limit.
var ErrLimit = errors.New("behind the limit")

// Reset starts anew with src, whose first byte has that offset in the file. If
// offset is not 0, src begins with the element that follows rows records. Take
// and Limit stay.
func (d *Reader) Reset(src io.Reader, offset int64, rows int) {
	*d = Reader{
		CR: -1, Take: d.Take, Limit: d.Limit,
		src: src, buf: d.buf, base: offset, rows: rows, elems: rows, scan: d.scan, rec: d.rec,
	}
	if offset > 0 {
		d.state = atValue
	}
}

// Boundary gives the index of the first byte of b, at from or behind, that
// looks like the '{' of a record with another before it. It may lie in a string
// or inside a record: only a reader that comes there knows. It is -1 if there
// is none.
func Boundary(b []byte, from int) int {
	for i := from; i < len(b); i++ {
		k := bytes.IndexByte(b[i:], '{')
		if k < 0 {
			break
		}
		i += k
		before := bytes.TrimRight(b[:i], " \t\r\n")
		if before, ok := bytes.CutSuffix(before, []byte{','}); ok && bytes.HasSuffix(bytes.TrimRight(before, " \t\r\n"), []byte{'}'}) {
			return i
		}
	}
	return -1
}

// Rows gives the number of records read.
func (d *Reader) Rows() int { return d.rows }

// Offset gives the number of bytes read.
func (d *Reader) Offset() int64 { return d.base + int64(d.r) }

// Next gives the next record. At the end of the array it returns io.EOF; a
// fault of the file is an *Error; any other error comes from the file's reader.
func (d *Reader) Next() (*Record, error) {
	if d.final != nil {
		return nil, d.final
	}
	rec, err := d.next()
	if e, ok := err.(*Error); err != nil && err != ErrLimit && (!ok || e.Stop) {
		d.final = err
		if ok {
			d.final = io.EOF
		}
	}
	return rec, err
}

func (d *Reader) next() (*Record, error) {
	if d.state == atStart {
		if err := d.open(); err != nil {
			return nil, err
		}
	}
	for {
		if err := d.behind(); err != nil {
			return nil, err
		}
		if d.Limit > 0 && d.Offset() >= d.Limit {
			return nil, ErrLimit
		}
		if !d.take() {
			return d.element()
		}
	}
}

// take has the object at d.r taken.
func (d *Reader) take() bool {
	if d.Take == nil || d.buf[d.r] != '{' {
		return false
	}
	n := d.Take(d.buf[d.r:d.w], d.Offset())
	if n == 0 {
		return false
	}
	d.r += n
	d.state = atNext
	d.elems++
	d.rows++
	return true
}

// behind goes to the next element.
func (d *Reader) behind() error {
	c, ok := d.peek()
	if !ok {
		return d.truncated("the closing ] is missing")
	}
	if d.state == atNext {
		switch c {
		case ',':
			d.r++
			d.state = atValue
			if c, ok = d.peek(); !ok {
				return d.truncated("the file ends behind a comma")
			}
		case ']':
			return d.close()
		default:
			return d.fatal("expected , or ] behind row %d, found %s", d.elems, quoteByte(c))
		}
	} else if c == ']' && d.state == atFirst {
		return d.close()
	}
	if c == ']' {
		return d.fatal("a comma before the closing ]")
	}
	return nil
}

// open reads up to the '[' of the array.
func (d *Reader) open() error {
	for d.w-d.r < 3 && d.fill(d.r) {
	}
	if bytes.HasPrefix(d.buf[d.r:d.w], []byte("\xef\xbb\xbf")) {
		d.BOM = true
		d.r += 3
	}
	c, ok := d.peek()
	if !ok {
		return d.truncated("no JSON value")
	}
	if c != '[' {
		if !beginsValue(c) {
			return d.fatal("expected [, found %s", quoteByte(c))
		}
		return &Error{Shape: true, Offset: d.Offset(), Stop: true, Msg: fmt.Sprintf("the top level is %s, not an array of objects", KindOf(c))}
	}
	d.r++
	d.state = atFirst
	return nil
}

// close reads from the ']' of the array to the end of the file.
func (d *Reader) close() error {
	d.r++
	if c, ok := d.peek(); ok {
		return d.fatal("%s behind the closing ]", quoteByte(c))
	}
	if d.end != io.EOF {
		return d.end
	}
	return io.EOF
}

// element reads one value of the array.
func (d *Reader) element() (*Record, error) {
	start := d.r
	for {
		d.scan.reset(d.buf[start:d.w], d.base+int64(start), &d.rec)
		kind := d.scan.element()
		if !d.scan.short {
			if d.scan.cr >= 0 && d.CR < 0 {
				d.CR = d.scan.cr
			}
			d.r = start
			if d.scan.msg != "" {
				return nil, d.recover()
			}
			d.r += d.scan.i
			d.state = atNext
			d.elems++
			if kind != Object {
				return nil, &Error{Shape: true, Offset: d.base + int64(start), Rows: d.rows, Msg: fmt.Sprintf("element %d is %s, not an object", d.elems, kind)}
			}
			d.rows++
			return &d.rec, nil
		}
		if d.w-start > MaxRecord {
			d.r = start
			d.scan.msg = fmt.Sprintf("row %d is larger than %d MiB", d.elems+1, MaxRecord>>20)
			d.scan.i = 0
			return nil, d.recover()
		}
		ok := d.fill(start)
		start = d.r
		if !ok {
			return nil, d.truncated(fmt.Sprintf("the file ends inside row %d", d.elems+1))
		}
	}
}

// recover reports the scanner's error in the element at d.r and goes behind
// the element, if its end can be told.
func (d *Reader) recover() error {
	e := &Error{Offset: d.base + int64(d.r+d.scan.i), Rows: d.rows, Msg: d.scan.msg}
	d.elems++
	d.state = atNext
	if !d.skip() {
		e.Stop = true
		return e
	}
	if c, ok := d.peek(); !ok || c != ',' && c != ']' {
		e.Stop = true
	}
	return e
}

// skip goes behind the object or array at d.r by matching brackets outside
// strings, whatever else is wrong in it.
func (d *Reader) skip() bool {
	if c := d.buf[d.r]; c != '{' && c != '[' {
		return false
	}
	var stack []byte
	quoted, escaped := false, false
	for {
		for ; d.r < d.w; d.r++ {
			c := d.buf[d.r]
			switch {
			case escaped:
				escaped = false
			case quoted:
				switch c {
				case '\\':
					escaped = true
				case '"':
					quoted = false
				case '\n': // no string spans lines: a quote is missing
					return false
				}
			case c == '"':
				quoted = true
			case c == '{' || c == '[':
				if len(stack) == 1<<20 {
					return false
				}
				stack = append(stack, c+2) // its closing bracket
			case c == '}' || c == ']':
				if stack[len(stack)-1] != c {
					return false
				}
				if stack = stack[:len(stack)-1]; len(stack) == 0 {
					d.r++
					return true
				}
			}
		}
		if !d.fill(d.w) {
			return false
		}
	}
}

// peek gives the next byte that is not white space, without reading it.
func (d *Reader) peek() (byte, bool) {
	for {
		for d.r < d.w {
			switch c := d.buf[d.r]; c {
			case '\r':
				if d.CR < 0 {
					d.CR = d.Offset()
				}
				d.r++
			case ' ', '\t', '\n':
				d.r++
			default:
				return c, true
			}
		}
		if !d.fill(d.r) {
			return 0, false
		}
	}
}

// fill reads more, keeping buf[keep:w], which moves to the front; keep is at
// d.r afterwards.
func (d *Reader) fill(keep int) bool {
	if d.end != nil {
		d.r = keep
		return false
	}
	n := copy(d.buf, d.buf[keep:d.w])
	d.base += int64(keep)
	d.r, d.w = 0, n
	if n > len(d.buf)/2 {
		d.buf = append(d.buf, make([]byte, len(d.buf))...)
	}
	for range 100 {
		n, err := d.src.Read(d.buf[d.w:])
		d.w += n
		d.end = err
		if n > 0 {
			return true
		}
		if err != nil {
			return false
		}
	}
	d.end = io.ErrNoProgress
	return false
}

func (d *Reader) fatal(format string, args ...any) error {
	return &Error{Offset: d.Offset(), Rows: d.rows, Msg: fmt.Sprintf(format, args...), Stop: true}
}

// truncated reports the end of the file where more was due; an error of the
// file's reader takes precedence.
func (d *Reader) truncated(msg string) error {
	if d.end != io.EOF {
		return d.end
	}
	return &Error{Offset: d.base + int64(d.w), Rows: d.rows, Stop: true, Msg: fmt.Sprintf("%s; %d rows were read", msg, d.rows)}
}

func beginsValue(c byte) bool {
	return bytes.IndexByte([]byte(`{["-0123456789tfnNI`), c) >= 0
}

// KindOf gives the kind of a value that begins with c.
func KindOf(c byte) Kind {
	switch c {
	case '{':
		return Object
	case '[':
		return Array
	case '"':
		return String
	case 't', 'f':
		return Bool
	case 'n':
		return Null
	case 'N', 'I':
		return NonFinite
	}
	return Number
}

func quoteByte(c byte) string {
	if c < 0x20 || c >= 0x7f {
		return fmt.Sprintf("byte 0x%02x", c)
	}
	return fmt.Sprintf("%q", string(c))
}
