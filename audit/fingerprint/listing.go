package fingerprint

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
)

// ListingFormat is the format that the first line of a listing names.
const ListingFormat = "auditlog/listing/v1"

// An Entry is one line of a listing: a leaf of the path tree and what else is
// known of it.
type Entry struct {
	Leaf
	Target string // of a symbolic link
	Mode   uint32 // permissions and the set-user, set-group and sticky bits
	MTime  int64  // ns since 1970
	SHA256 []byte // 32 bytes, or nil if it was not asked for
	Cached bool   // the digests were taken from the cache, not read
	Err    string // why it could not be read
}

func (r *row) entry() Entry {
	e := Entry{Leaf: r.leaf()}
	if e.Type == TypeUnreadable {
		e.Err = r.note
		return e
	}
	e.Mode, e.MTime, e.Cached = r.stat.mode&0o7777, r.stat.mtime, r.cached
	if r.kind == 'l' {
		e.Target = r.note
	} else if r.hasSHA256 {
		e.SHA256 = r.sha256[:]
	}
	return e
}

func (e *Entry) append(b []byte) []byte {
	b = appendName(append(b, '{'), "path", e.Path)
	b = fmt.Appendf(b, `,"type":"%s"`, e.Type)
	if e.Type == TypeUnreadable {
		b = appendString(append(b, `,"error":`...), e.Err)
		return append(b, '}')
	}
	if e.Type == TypeSymlink {
		b = appendName(append(b, ','), "target", e.Target)
	}
	b = appendUint(b, "size", e.Size)
	b = fmt.Appendf(b, `,"mode":"%04o","mtimeNs":"%d"`, e.Mode, e.MTime)
	b = appendDigest(b, "sha3_512", e.Digest[:])
	if e.SHA256 != nil {
		b = appendDigest(b, "sha256", e.SHA256)
	}
	if e.Cached {
		return append(b, `,"method":"cached"}`...)
	}
	return append(b, `,"method":"observed"}`...)
}

type wireEntry struct {
	wireLeaf
	Target    *string `json:"target"`
	TargetB64 *string `json:"targetB64"`
	Mode      string  `json:"mode"`
	MTime     int64   `json:"mtimeNs,string"`
	SHA256    *string `json:"sha256"`
	Method    string  `json:"method"`
	Err       string  `json:"error"`
}

// parseEntry reads one line without its line feed.
func parseEntry(line []byte) (Entry, error) {
	var e Entry
	err := decodeCanonical(line, new(wireEntry), func(b []byte, w *wireEntry) (_ []byte, err error) {
		if e.Leaf, err = w.leaf(pathTree); err != nil {
			return nil, err
		}
		e.MTime, e.Cached, e.Err = w.MTime, w.Method == "cached", w.Err
		switch e.Type {
		case TypeUnreadable:
			return e.append(b), nil
		case TypeSymlink:
			if e.Target, err = (wireName{w.Target, w.TargetB64}).name(); err != nil {
				return nil, err
			}
			if e.Digest != sum([]byte(e.Target)) || e.Size != uint64(len(e.Target)) {
				return nil, errors.New("digest and target of a symbolic link disagree")
			}
		}
		mode, err := strconv.ParseUint(w.Mode, 8, 12)
		if err != nil {
			return nil, err
		}
		e.Mode = uint32(mode)
		if w.SHA256 != nil {
			e.SHA256 = make([]byte, 32)
			if err := parseHex(e.SHA256, []byte(*w.SHA256)); err != nil {
				return nil, err
			}
		}
		return e.append(b), nil
	})
	return e, err
}

// Entries reads a listing line by line. It ends at the first error: a line
// that Run would not have written, or one out of order.
func Entries(r io.Reader) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		lines := newLines(r)
		head, err := lines.next()
		if err == nil && string(head) != listingHeader {
			err = fmt.Errorf("not a listing: its first line is not %s", listingHeader)
		}
		if errors.Is(err, io.EOF) {
			err = errors.New("not a listing: it is empty")
		}
		if err != nil {
			yield(Entry{}, err)
			return
		}
		prev := ""
		for {
			line, err := lines.next()
			if errors.Is(err, io.EOF) {
				return
			}
			var e Entry
			if err == nil {
				e, err = parseEntry(line)
			}
			if err == nil && e.Path <= prev { // no path is empty
				err = errors.New("out of order")
			}
			if err != nil {
				yield(Entry{}, fmt.Errorf("listing, line %d: %w", lines.number, err))
				return
			}
			if !yield(e, nil) {
				return
			}
			prev = e.Path
		}
	}
}

const listingHeader = `{"format":"` + ListingFormat + `"}`

// maxPath bounds paths and maxLine lines, in bytes: a line of a listing can
// hold a path and a target, each byte escaped.
const (
	maxPath = 64 << 10
	maxLine = 1 << 20
)

// checkPathText refuses what is no path below a root: absolute, empty, or with
// empty, "." or ".." elements.
func checkPathText(p string) error {
	if len(p) > maxPath {
		return fmt.Errorf("path of %d bytes is too long", len(p))
	}
	if strings.ContainsRune(p, 0) {
		return errors.New("path with a NUL byte")
	}
	for elem := range strings.SplitSeq(p, "/") {
		if elem == "" || elem == "." || elem == ".." {
			return fmt.Errorf("%q is not a relative path in its shortest form", p)
		}
	}
	return nil
}

// lines splits text into lines, each of which must end in a line feed.
type lines struct {
	r      *bufio.Reader
	number int
	long   []byte
}

func newLines(r io.Reader) *lines { return &lines{r: bufio.NewReaderSize(r, 64<<10)} }

// next returns the next line without its line feed, valid until the next call;
// io.EOF at the end.
func (l *lines) next() ([]byte, error) {
	l.number++
	l.long = l.long[:0]
	for {
		part, err := l.r.ReadSlice('\n')
		if len(l.long)+len(part) > maxLine {
			return nil, fmt.Errorf("longer than %d bytes", maxLine)
		}
		switch {
		case err == nil && len(l.long) == 0:
			return part[:len(part)-1], nil
		case err == nil:
			l.long = append(l.long, part...)
			return bytes.TrimSuffix(l.long, []byte("\n")), nil
		case errors.Is(err, bufio.ErrBufferFull):
			l.long = append(l.long, part...)
		case errors.Is(err, io.EOF) && len(part) == 0 && len(l.long) == 0:
			return nil, io.EOF
		case errors.Is(err, io.EOF):
			return nil, errors.New("the last line does not end in a line feed")
		default:
			return nil, err
		}
	}
}
