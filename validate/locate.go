package validate

import (
	"bytes"
	"cmp"
	"io"
	"slices"
	"strings"

	"github.com/mmaudit/mmaudit/validate/rule"
)

// An opener opens a file of a data set: never outside of its root.
type opener func(root, path string) (io.ReadCloser, error)

// locate turns the byte offsets of findings in text files into lines and
// columns. Readers of large tables give offsets alone; only the findings that
// the report keeps pay for a second look at the file.
func locate(fs []rule.Finding, open opener) {
	type file struct{ root, path string }
	byFile := map[file][]*rule.Finding{}
	for i := range fs {
		f := &fs[i]
		if f.Line == 0 && (f.Table != "" || f.ByteOffset > 0) && strings.HasSuffix(f.Path, ".json") {
			at := file{f.Dataset, f.Path}
			byFile[at] = append(byFile[at], f)
		}
	}
	for at, fs := range byFile {
		r, err := open(at.root, at.path)
		if err != nil {
			continue // it has gone since: its findings stay without lines
		}
		slices.SortFunc(fs, func(a, b *rule.Finding) int { return cmp.Compare(a.ByteOffset, b.ByteOffset) })
		locateIn(r, fs)
		r.Close()
	}
}

// locateIn walks one file up to the last offset. What lies behind the end of
// the file, since it ends too early, is at its end.
func locateIn(r io.Reader, fs []*rule.Finding) {
	buf := make([]byte, 256<<10)
	line, lineStart, at := 1, int64(0), int64(0)
	for len(fs) > 0 {
		n, err := r.Read(buf)
		b := buf[:n]
		for len(fs) > 0 && fs[0].ByteOffset < at+int64(n) {
			upto := b[:fs[0].ByteOffset-at]
			l, s := line, lineStart
			if k := bytes.Count(upto, []byte{'\n'}); k > 0 {
				l += k
				s = at + int64(bytes.LastIndexByte(upto, '\n')) + 1
			}
			fs[0].Line, fs[0].Column = l, int(fs[0].ByteOffset-s)+1
			fs = fs[1:]
		}
		if k := bytes.Count(b, []byte{'\n'}); k > 0 {
			line += k
			lineStart = at + int64(bytes.LastIndexByte(b, '\n')) + 1
		}
		at += int64(n)
		if err == io.EOF {
			for _, f := range fs {
				f.Line, f.Column = line, int(at-lineStart)+1
			}
		}
		if err != nil || n == 0 {
			return
		}
	}
}
