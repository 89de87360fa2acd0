// Package text says whether a text file is encoded as every reader expects:
// UTF-8 without a byte order mark, lines ended by a line feed alone, the last
// one too. What it finds are Faults of the rule text-encoding (SCH005), one of
// each sort for a file.
package text

import (
	"bytes"
	"fmt"
	"unicode/utf8"

	"github.com/mmaudit/mmaudit/validate/rule"
)

// Slug of the rule that the faults belong to.
const Slug = "text-encoding"

var bom = []byte("\xef\xbb\xbf")

// Check emits what is wrong with the encoding of a small text file. Parsers
// call it once for each file, and then read b leniently.
func Check(e rule.Emitter, path string, b []byte) {
	if len(b) == 0 {
		return
	}
	if bytes.HasPrefix(b, bom) {
		BOM(e, rule.Place{Path: path, Line: 1, Column: 1})
	}
	if n := bytes.Count(b, []byte{'\r'}); n > 0 {
		CR(e, place(path, b, bytes.IndexByte(b, '\r')), n)
	}
	if at := invalid(b); at >= 0 {
		Invalid(e, place(path, b, at), b[at])
	}
	if b[len(b)-1] != '\n' {
		e.Emit(rule.Fault{
			Slug: Slug, Message: "the last line has no line feed", Place: place(path, b, len(b)-1),
			Hint: "end the file with a line feed", Key: "final",
		})
	}
}

// BOM emits the fault of a byte order mark.
func BOM(e rule.Emitter, p rule.Place) {
	e.Emit(rule.Fault{
		Slug: Slug, Message: "begins with a byte order mark", Place: p,
		Actual: "EF BB BF", Hint: "save the file as UTF-8 without a byte order mark", Key: "bom",
	})
}

// CR emits the fault of carriage returns; p is the place of the first of n. An
// n of 0 leaves their number open.
func CR(e rule.Emitter, p rule.Place, n int) {
	msg := "has carriage returns"
	if n > 0 {
		msg = fmt.Sprintf("has %d carriage returns", n)
	}
	if n == 1 {
		msg = "has a carriage return"
	}
	e.Emit(rule.Fault{
		Slug: Slug, Message: msg, Place: p,
		Expected: "lines ended by a line feed alone", Hint: "convert the line ends (dos2unix)", Key: "cr",
	})
}

// Invalid emits the fault of bytes that are not UTF-8; p is the place of the
// first, c.
func Invalid(e rule.Emitter, p rule.Place, c byte) {
	e.Emit(rule.Fault{
		Slug: Slug, Message: fmt.Sprintf("byte 0x%02X is not UTF-8 here", c), Place: p,
		Hint: "convert the file to UTF-8 (iconv)", Key: "utf-8",
	})
}

// invalid gives the offset of the first byte that is not UTF-8, or -1.
func invalid(b []byte) int {
	if utf8.Valid(b) {
		return -1
	}
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return -1
}

func place(path string, b []byte, at int) rule.Place {
	line := bytes.Count(b[:at], []byte{'\n'}) + 1
	return rule.Place{Path: path, Line: line, Column: at - bytes.LastIndexByte(b[:at], '\n')}
}
