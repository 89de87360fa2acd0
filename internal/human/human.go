// Package human writes numbers and quotations as people read them in messages, and
// makes foreign text harmless to print ([Visible]).
// It is for prose alone: what programs compare (expected and actual values,
// keys of findings) is written in full.
package human

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Count writes a number with its noun: "1 frame", "12 frames".
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

// Bytes writes a size in powers of a thousand: "131 bytes", "1.8 MB".
func Bytes(n int64) string {
	switch {
	case n == 1:
		return "1 byte"
	case n < 1000:
		return fmt.Sprintf("%d bytes", n)
	case n < 1e6:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	case n < 1e9:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.1f GB", float64(n)/1e9)
}

// Duration writes nanoseconds in the unit that suits them: "-6.135 ms".
func Duration(ns int64) string {
	abs := math.Abs(float64(ns))
	switch {
	case abs < 1e3:
		return fmt.Sprintf("%d ns", ns)
	case abs < 1e6:
		return fmt.Sprintf("%.3g µs", float64(ns)/1e3)
	case abs < 1e9:
		return fmt.Sprintf("%.4g ms", float64(ns)/1e6)
	}
	return fmt.Sprintf("%.6g s", float64(ns)/1e9)
}

// Digest is the beginning of a hexadecimal digest, enough to tell digests apart
// by eye: twelve digits.
func Digest(digest string) string { return digest[:min(len(digest), 12)] }

// Clip shortens what a message quotes of a file to at most limit bytes, and
// marks the cut. No character is cut in two.
func Clip[T ~string | ~[]byte](text T, limit int) string {
	s := string(text[:min(len(text), limit+1)])
	if len(s) <= limit {
		return s
	}
	for back := range min(limit, utf8.UTFMax) {
		if utf8.RuneStart(s[limit-back]) {
			limit -= back
			break
		}
	}
	return strings.Clone(s[:limit]) + "…"
}
