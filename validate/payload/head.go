package payload

import (
	"bytes"
	"io"
)

// A head reads a file by offset. Its first bytes are read once; an error other
// than the end of the file is kept, so that a failing disk is not mistaken for
// a broken header.
type head struct {
	r    io.ReaderAt
	size int64
	buf  [1024]byte
	n    int
	err  error
}

// reset makes h read another file.
func (h *head) reset(r io.ReaderAt, size int64) {
	h.r, h.size, h.err = r, size, nil
	n, err := r.ReadAt(h.buf[:min(int64(len(h.buf)), size)], 0)
	h.n = n
	if err == io.EOF { // the file shrank since
		h.size = int64(n)
	} else if err != nil {
		h.err = err
	}
}

// first gives the first bytes of the file, at most 1024.
func (h *head) first() []byte { return h.buf[:h.n] }

// ReadAt implements io.ReaderAt.
func (h *head) ReadAt(p []byte, off int64) (int, error) {
	if off >= 0 && off+int64(len(p)) <= int64(h.n) {
		return copy(p, h.buf[off:]), nil
	}
	n, err := h.r.ReadAt(p, off)
	if err != nil && err != io.EOF && h.err == nil {
		h.err = err
	}
	return n, err
}

// A Format is what the first bytes of a file say that it is.
type Format string

const (
	FormatRaw  Format = "" // no signature: numbers without a header
	FormatPNG  Format = "PNG"
	FormatJPEG Format = "JPEG"
	FormatPCD  Format = "PCD"
	FormatZip  Format = "zip"
	FormatMCAP Format = "MCAP"
	FormatText Format = "text"
)

func (f Format) String() string {
	if f == FormatRaw {
		return "binary data without a signature"
	}
	return string(f)
}

var (
	pngMagic  = []byte("\x89PNG\r\n\x1a\n")
	zipMagic  = []byte("PK\x03\x04")
	mcapMagic = []byte("\x89MCAP0\r\n")
)

// Sniff names the format that begins with head. A signature that could also be
// a plausible float32 coordinate does not count.
func Sniff(head []byte) Format {
	switch {
	case bytes.HasPrefix(head, pngMagic):
		return FormatPNG
	case bytes.HasPrefix(head, mcapMagic):
		return FormatMCAP
	case bytes.HasPrefix(head, zipMagic):
		return FormatZip
	case isJPEG(head):
		return FormatJPEG
	case isPCD(head):
		return FormatPCD
	case isText(head):
		return FormatText
	}
	return FormatRaw
}

// isJPEG looks for SOI and the marker of an application segment, a comment or
// a quantisation table. Read as float32 these are beyond 1e16 m.
func isJPEG(b []byte) bool {
	if len(b) < 4 || b[0] != 0xFF || b[1] != soi || b[2] != 0xFF {
		return false
	}
	m := b[3]
	return m >= 0xE0 && m <= 0xEF || m == 0xDB || m == 0xFE
}

// isPCD looks for the first line of a PCD header: the comment that every
// writer puts there, or the entry that must come first.
func isPCD(b []byte) bool {
	return bytes.HasPrefix(b, []byte("# .PCD")) || bytes.HasPrefix(b, []byte("VERSION ")) || bytes.HasPrefix(b, []byte("VERSION\t"))
}

// isText reports whether b is printable ASCII with line ends throughout, as
// only a text file is.
func isText(b []byte) bool {
	if len(b) < 4 {
		return false
	}
	for _, c := range b {
		if (c < ' ' || c > '~') && c != '\n' && c != '\r' && c != '\t' {
			return false
		}
	}
	return true
}

// IsTextLink reports whether b, a whole file, is what git leaves in place of a
// symbolic link where it cannot make one: one relative path, without a line end.
func IsTextLink(b []byte) bool {
	return len(b) < 1024 && isText(b) && !bytes.ContainsAny(b, " \r\n\t") &&
		(bytes.HasPrefix(b, []byte("../")) || bytes.HasPrefix(b, []byte("./")))
}
