package jsonrow

import (
	"errors"
	"fmt"
)

// A Parser reads objects that stand alone: lines of JSONL, small documents.
// Its zero value is ready for use.
type Parser struct {
	scan scanner
	rec  Record
}

// Object reads the object that fills b but for white space; base is the offset
// of b in its file. The record is valid until the next call and shares b's
// memory. An error is an *Error.
func (p *Parser) Object(b []byte, base int64) (*Record, error) {
	start := 0
	for start < len(b) && isSpace(b[start]) {
		start++
	}
	fail := func(at int, format string, args ...any) error {
		return &Error{Offset: base + int64(at), Msg: fmt.Sprintf(format, args...), Stop: true}
	}
	if start == len(b) {
		return nil, fail(len(b), "no JSON value")
	}
	if c := b[start]; c != '{' {
		if !beginsValue(c) {
			return nil, fail(start, "expected {, found %s", quoteByte(c))
		}
		return nil, &Error{Shape: true, Offset: base + int64(start), Stop: true, Msg: fmt.Sprintf("is %s, not an object", KindOf(c))}
	}
	p.scan.reset(b[start:], base+int64(start), &p.rec)
	p.scan.element()
	switch {
	case p.scan.short:
		return nil, fail(len(b), "the object is not closed")
	case p.scan.msg != "":
		return nil, fail(start+p.scan.i, "%s", p.scan.msg)
	}
	for i := start + p.scan.i; i < len(b); i++ {
		if !isSpace(b[i]) {
			return nil, fail(i, "%s behind the object", quoteByte(b[i]))
		}
	}
	return &p.rec, nil
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// Position gives the offset that an error of this package names.
func Position(err error) (int64, bool) {
	var e *Error
	if errors.As(err, &e) {
		return e.Offset, true
	}
	return 0, false
}
