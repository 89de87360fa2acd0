package kitti

import (
	"bufio"
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/mmaudit/mmaudit/internal/human"
)

// children calls f for each element inside the current one; f reads the
// element to its end.
func (t *trackletReader) children(f func(xml.StartElement) error) error {
	for {
		tok, err := t.token()
		if err != nil {
			return err
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			if err := f(tok); err != nil {
				return err
			}
		case xml.EndElement:
			return nil
		case xml.CharData:
			if text := bytes.TrimSpace(tok); len(text) > 0 {
				return t.bad("text %q between elements", human.Clip(text, 40))
			}
		}
	}
}

// skip reads the current element to its end.
func (t *trackletReader) skip() error {
	for depth := 1; depth > 0; {
		tok, err := t.token()
		if err != nil {
			return err
		}
		switch tok.(type) {
		case xml.StartElement:
			if depth++; depth > maxXMLDepth {
				return t.bad("elements nest deeper than %d", maxXMLDepth)
			}
		case xml.EndElement:
			depth--
		}
	}
	return nil
}

// fields reads the simple elements of one compound element, each of which
// must occur once.
type fields struct {
	t    *trackletReader
	in   string // for messages
	seen []string
}

func (f *fields) has(name string) bool { return slices.Contains(f.seen, name) }

func (f *fields) need(names ...string) error {
	for _, n := range names {
		if !f.has(n) {
			return f.t.bad("%s has no <%s>", f.in, n)
		}
	}
	return nil
}

func (f *fields) text(name string) (string, error) {
	if f.has(name) {
		return "", f.t.bad("%s has a second <%s>", f.in, name)
	}
	f.seen = append(f.seen, name)
	var b strings.Builder
	for {
		tok, err := f.t.token()
		if err != nil {
			return "", err
		}
		switch tok := tok.(type) {
		case xml.CharData:
			b.Write(tok)
			if b.Len() > maxXMLToken {
				return "", f.t.bad("<%s> of %s holds more than 1 MiB", name, f.in)
			}
		case xml.StartElement:
			return "", f.t.bad("<%s> of %s holds an element <%s>", name, f.in, tok.Name.Local)
		case xml.EndElement:
			return strings.TrimSpace(b.String()), nil
		}
	}
}

func (f *fields) float(name string) (float64, error) {
	s, err := f.text(name)
	if err != nil {
		return 0, err
	}
	v, ok := parseFloat([]byte(s))
	if !ok {
		return 0, f.t.bad("<%s> of %s is %q, not a finite number", name, f.in, human.Clip(s, 40))
	}
	return v, nil
}

func (f *fields) int(name string) (int, error) {
	s, err := f.text(name)
	if err != nil {
		return 0, err
	}
	v, err := strconv.ParseInt(s, 10, 32)
	if err != nil {
		return 0, f.t.bad("<%s> of %s is %q, not an integer", name, f.in, human.Clip(s, 40))
	}
	return int(v), nil
}

func attr(el xml.StartElement, name string) string {
	for _, a := range el.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

var errLongToken = errors.New("token too long")

// tokenReader bounds what the decoder gathers before it gives a token, which
// it would otherwise hold in memory whole.
type tokenReader struct {
	r    *bufio.Reader
	left int
	err  error
}

func (t *tokenReader) ReadByte() (byte, error) {
	if t.left == 0 {
		t.err = errLongToken
		return 0, t.err
	}
	t.left--
	b, err := t.r.ReadByte()
	if err != nil && !errors.Is(err, io.EOF) {
		t.err = err
	}
	return b, err
}

func (t *tokenReader) Read(p []byte) (int, error) {
	b, err := t.ReadByte()
	if err != nil || len(p) == 0 {
		return 0, err
	}
	p[0] = b
	return 1, nil
}
