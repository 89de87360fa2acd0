package validate

import (
	"io"
	"io/fs"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/mmaudit/mmaudit/validate/rule"
)

// TestLocate looks for every byte of a file, given in no order and read one
// byte at a time.
func TestLocate(t *testing.T) {
	const text = "[\n{\"a\": 1},\n\n  {\"a\": 2}\n]"
	var all []rule.Finding
	for i := range len(text) {
		at := (i*7 + 3) % len(text)
		all = append(all, rule.Finding{Dataset: "d", Place: rule.Place{Path: "t/a.json", Table: "a", ByteOffset: int64(at)}})
	}
	gone := rule.Finding{Dataset: "d", Place: rule.Place{Path: "t/gone.json", Table: "gone", ByteOffset: 3}}
	known := rule.Finding{Dataset: "d", Place: rule.Place{Path: "t/a.json", Table: "a", ByteOffset: 3, Line: 7}}
	all = append(all, gone, known)
	locate(all, func(root, path string) (io.ReadCloser, error) {
		if root != "d" || path != "t/a.json" {
			return nil, fs.ErrNotExist
		}
		return io.NopCloser(iotest.OneByteReader(strings.NewReader(text))), nil
	})
	for _, f := range all[:len(text)] {
		before := text[:f.ByteOffset]
		line, column := strings.Count(before, "\n")+1, len(before)-strings.LastIndexByte(before, '\n')
		if f.Line != line || f.Column != column {
			t.Errorf("byte %d: %d:%d, want %d:%d", f.ByteOffset, f.Line, f.Column, line, column)
		}
	}
	if f := all[len(text)]; f.Line != 0 {
		t.Errorf("a file that has gone: line %d", f.Line)
	}
	if f := all[len(text)+1]; f.Line != 7 || f.Column != 0 {
		t.Errorf("a line that was known: %d:%d", f.Line, f.Column)
	}
}
