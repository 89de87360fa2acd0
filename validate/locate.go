package validate

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mmaudit/mmaudit/validate/rule"
)

// locate turns the byte offsets of findings in text files into lines and
// columns. Readers of large tables give offsets alone; only the findings that
// the report keeps pay for a second look at the file.
func locate(fs []rule.Finding) {
	byFile := map[string][]*rule.Finding{}
	for i := range fs {
		f := &fs[i]
		if f.Line == 0 && (f.Table != "" || f.ByteOffset > 0) && strings.HasSuffix(f.Path, ".json") {
			name := filepath.Join(f.Dataset, filepath.FromSlash(f.Path))
			byFile[name] = append(byFile[name], f)
		}
	}
	for name, fs := range byFile {
		slices.SortFunc(fs, func(a, b *rule.Finding) int { return int(a.ByteOffset - b.ByteOffset) })
		locateIn(name, fs)
	}
}

// locateIn walks one file up to the last offset. A file that has gone leaves
// its findings without lines.
func locateIn(name string, fs []*rule.Finding) {
	f, err := os.Open(name)
	if err != nil {
		return
	}
	defer f.Close()
	buf := make([]byte, 256<<10)
	line, lineStart, at := 1, int64(0), int64(0)
	for len(fs) > 0 {
		n, err := f.Read(buf)
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
		if err == io.EOF || err != nil || n == 0 {
			return
		}
	}
}
