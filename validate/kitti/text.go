package kitti

import (
	"bytes"
	"fmt"
	"iter"

	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/rule"
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

var lfsPointer = []byte("version https://git-lfs.github.com/spec/")

// readText reads a small text file whole. What prevents that is emitted as a
// Fault, and each item that would have come from the file (zeros: typed nil
// pointers) is skipped; ok is false then.
func readText(ds *dataset.Dataset, name string, limit int64, e rule.Emitter, zeros ...any) (b []byte, ok bool) {
	b, err := ds.ReadFile(name, limit)
	slug := ""
	switch {
	case err != nil:
		slug = "file-unreadable"
		e.Emit(rule.Fault{Slug: slug, Message: fmt.Sprintf("cannot be read: %v", err), Place: rule.Place{Path: name}})
	case bytes.HasPrefix(b, lfsPointer):
		slug = "lfs-pointer"
		e.Emit(rule.Fault{Slug: slug, Message: "is a Git-LFS pointer, not the file itself", Place: rule.Place{Path: name, Line: 1}})
	default:
		return b, true
	}
	for _, z := range zeros {
		e.Skip(z, slug, name)
	}
	return nil, false
}
