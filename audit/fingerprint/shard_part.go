//go:build unix

package fingerprint

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"

	"github.com/mmaudit/mmaudit/internal/shard"
)

// PartFormat is the format that the first line of a part names.
const PartFormat = "auditlog/part/v1"

// A partHead is the first line of a part: whose share it is, and what it was
// made with. Parts of one fingerprint differ in the shard alone.
type partHead struct {
	Format          string `json:"format"`
	Shard           string `json:"shard"`
	AllowUnreadable bool   `json:"allowUnreadable"`
	CrossMounts     bool   `json:"crossMounts"`
	SHA256          bool   `json:"sha256"`
}

func headOf(s Shard, o *Options) partHead {
	return partHead{PartFormat, s.String(), o.AllowUnreadable, o.CrossMounts, o.SHA256}
}

func (h *partHead) append(b []byte) []byte {
	b = fmt.Appendf(b, `{"format":"%s","shard":"%s"`, h.Format, h.Shard)
	return fmt.Appendf(b, `,"allowUnreadable":%t,"crossMounts":%t,"sha256":%t}`, h.AllowUnreadable, h.CrossMounts, h.SHA256)
}

func (h *partHead) options() string {
	return fmt.Sprintf("unreadable files allowed %t, mounts crossed %t", h.AllowUnreadable, h.CrossMounts)
}

// parseHead reads the first line of a part.
func parseHead(line []byte) (h partHead, s Shard, err error) {
	var format struct {
		Format string `json:"format"`
	}
	if json.Unmarshal(line, &format) != nil || format.Format != PartFormat {
		return h, s, fmt.Errorf("%w: its first line does not name the format %s", ErrPart, PartFormat)
	}
	if err = decodeCanonical(line, &h, func(b []byte, h *partHead) (_ []byte, err error) {
		s, err = ParseShard(h.Shard)
		return h.append(b), err
	}); err != nil {
		err = fmt.Errorf("%w: its first line: %w", ErrPart, err)
	}
	return h, s, err
}

// appendPart appends a row as a record of a part: as one of a cache, whose frame
// is that of parts, without it.
func appendPart(b []byte, r *row) []byte {
	start := len(b)
	b = appendCached(b, r)
	n := copy(b[start:], b[start+4:len(b)-4])
	return b[:start+n]
}

// readPart calls check with the head of a part, and then each with its rows in
// order of path. Every row is a file of the shard, read or, where the head
// allows it, unreadable. What RunShard would not have written is ErrPart.
func readPart(in io.Reader, check func(partHead) error, each func(*row) error) error {
	var head partHead
	var own Shard
	last := ""
	return shard.Read(in, func(line []byte) (err error) {
		if head, own, err = parseHead(line); err != nil {
			return err
		}
		return check(head)
	}, func(_ int64, record []byte) error {
		f, err := parsePart(record)
		if err != nil {
			return err
		}
		switch {
		case checkPathText(f.path) != nil || f.path <= last:
			return fmt.Errorf("%w: %q is no path, or out of order", ErrPart, f.path)
		case !own.Has(f.path):
			return fmt.Errorf("%w: %q belongs to another shard", ErrPart, f.path)
		case f.kind != 'f' || f.trouble != none && (f.trouble != unreadable || !head.AllowUnreadable),
			f.trouble == none && f.hasSHA256 != head.SHA256:
			return fmt.Errorf("%w: %q is not what the part may hold", ErrPart, f.path)
		}
		last = f.path
		return each(&f)
	})
}

// parsePart reads what appendPart wrote. It is strict: a row has one encoding.
func parsePart(b []byte) (row, error) {
	k, used := binary.Uvarint(b)
	if used <= 0 || used > uvarintLen(k) || k > uint64(len(b)-used) {
		return row{}, fmt.Errorf("%w: a record that cannot be read", ErrPart)
	}
	f, err := parseRow(b[used:used+int(k)], b[used+int(k):])
	if err != nil || f.cached || f.empty || f.stat.size > math.MaxInt64 || f.note != "" && f.trouble == none {
		return row{}, fmt.Errorf("%w: a record that cannot be read", ErrPart)
	}
	return f, nil
}

// uvarintLen is the length of v as it is written.
func uvarintLen(v uint64) int {
	var b [binary.MaxVarintLen64]byte
	return binary.PutUvarint(b[:], v)
}
