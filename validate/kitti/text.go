package kitti

import (
	"bytes"
	"iter"

	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/rule"
	"github.com/mmaudit/mmaudit/validate/text"
)

// lines yields the lines of a text file with their numbers from 1, without
// line ends. A byte order mark and carriage returns are dropped silently: a
// rule of its own speaks about them. A final line end begins no new line.
func lines(b []byte) iter.Seq2[int, []byte] {
	return func(yield func(int, []byte) bool) {
		b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
		for n := 1; len(b) > 0; n++ {
			line, rest, _ := bytes.Cut(b, []byte{'\n'})
			if !yield(n, bytes.TrimSuffix(line, []byte{'\r'})) {
				return
			}
			b = rest
		}
	}
}

// words yields the words of a line between blanks and tabs, each with its
// column from 1.
func words(line []byte) iter.Seq2[int, []byte] {
	return func(yield func(int, []byte) bool) {
		for at := 0; at < len(line); {
			if line[at] == ' ' || line[at] == '\t' {
				at++
				continue
			}
			n := bytes.IndexAny(line[at:], " \t")
			if n < 0 {
				n = len(line) - at
			}
			if !yield(at+1, line[at:at+n]) {
				return
			}
			at += n
		}
	}
}

// readText reads a small text file whole and checks its encoding. What
// prevents that is emitted as a Fault, and each item that would have come from
// the file (zeros: typed nil pointers) is skipped; ok is false then.
func readText(ds *dataset.Dataset, name string, limit int64, e rule.Emitter, zeros ...any) (b []byte, ok bool) {
	b, err := ds.ReadFile(name, limit)
	if err == nil {
		text.Check(e, name, b)
		return b, true
	}
	slug := rule.Unreadable(e, ds, rule.Place{Path: name}, err)
	for _, z := range zeros {
		e.Skip(z, slug, name)
	}
	return nil, false
}

// readFilled is readText for files that must not be empty.
func readFilled(ds *dataset.Dataset, name string, limit int64, e rule.Emitter, zeros ...any) (b []byte, ok bool) {
	b, ok = readText(ds, name, limit, e, zeros...)
	if !ok || len(b) > 0 {
		return b, ok
	}
	empty := rule.EmptyFault(rule.Place{Path: name})
	e.Emit(empty)
	for _, z := range zeros {
		e.Skip(z, empty.Slug, name)
	}
	return nil, false
}
