//go:build unix

package fingerprint

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
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

// parseHead reads the first line of a part, without its line feed.
func parseHead(line []byte) (h partHead, s Shard, err error) {
	var format struct {
		Format string `json:"format"`
	}
	if json.Unmarshal(line, &format) != nil || format.Format != PartFormat {
		return h, s, fmt.Errorf("%w: its first line does not name the format %s", ErrPart, PartFormat)
	}
	err = decodeCanonical(line, &h, func(b []byte, h *partHead) (_ []byte, err error) {
		s, err = ParseShard(h.Shard)
		return h.append(b), err
	})
	if err != nil {
		err = fmt.Errorf("%w: its first line: %w", ErrPart, err)
	}
	return h, s, err
}

// A partWriter writes a part: the head, records as a cache has them, in order
// of path, and in the end a length of 0, the number of records, and a checksum
// of all before.
type partWriter struct {
	w     *bufio.Writer
	sum   uint32
	count uint64
	buf   []byte
}

func newPartWriter(w io.Writer, head partHead) *partWriter {
	p := &partWriter{w: bufio.NewWriterSize(w, 256<<10)}
	p.buf = append(head.append(p.buf), '\n')
	_ = p.put() // the writer keeps the first error, for end
	return p
}

func (p *partWriter) put() error {
	p.sum = crc32.Update(p.sum, castagnoli, p.buf)
	_, err := p.w.Write(p.buf)
	return err
}

func (p *partWriter) add(r *row) error {
	p.count++
	p.buf = appendCached(p.buf[:0], r)
	return p.put()
}

func (p *partWriter) end() error {
	p.buf = binary.BigEndian.AppendUint64(append(p.buf[:0], 0, 0, 0, 0), p.count)
	if err := p.put(); err != nil {
		return err
	}
	if _, err := p.w.Write(binary.BigEndian.AppendUint32(nil, p.sum)); err != nil {
		return err
	}
	return p.w.Flush()
}

var (
	errPartDamaged = fmt.Errorf("%w: damaged", ErrPart)
	errPartCut     = fmt.Errorf("%w: cut short", ErrPart)
)

// readPart calls check with the head of a part, and then each with its rows in
// order of path. Every row is a file of the shard, read or, where the head
// allows it, unreadable. What a writer would not have written is an error.
func readPart(in io.Reader, check func(partHead, Shard) error, each func(*row) error) error {
	r := &partReader{r: bufio.NewReaderSize(in, 256<<10)}
	line, err := r.r.ReadSlice('\n')
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
		return err
	}
	r.sum = crc32.Update(0, castagnoli, line)
	head, shard, err := parseHead(line[:max(len(line)-1, 0)])
	if err != nil {
		return err
	}
	if err := check(head, shard); err != nil {
		return err
	}
	count, last := uint64(0), ""
	for {
		f, more, err := r.next()
		if err != nil {
			return err
		}
		if !more {
			return r.end(count)
		}
		count++
		switch {
		case checkPathText(f.path) != nil || f.path <= last:
			return fmt.Errorf("%w: %q is no path, or out of order", errPartDamaged, f.path)
		case !shard.Has(f.path):
			return fmt.Errorf("%w: %q belongs to another shard", errPartDamaged, f.path)
		case f.kind != 'f' || f.trouble != none && (f.trouble != unreadable || !head.AllowUnreadable),
			f.trouble == none && f.hasSHA256 != head.SHA256:
			return fmt.Errorf("%w: %q is not what the part may hold", errPartDamaged, f.path)
		}
		last = f.path
		if err := each(&f); err != nil {
			return err
		}
	}
}

type partReader struct {
	r   *bufio.Reader
	sum uint32 // of what was read
	buf []byte
}

// take reads n bytes, valid until the next call.
func (p *partReader) take(n int) ([]byte, error) {
	if cap(p.buf) < n {
		p.buf = make([]byte, n)
	}
	p.buf = p.buf[:n]
	if _, err := io.ReadFull(p.r, p.buf); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = errPartCut
		}
		return nil, err
	}
	return p.buf, nil
}

// next reads a record; more is false at the end of all.
func (p *partReader) next() (f row, more bool, err error) {
	size, err := p.take(4)
	if err != nil {
		return f, false, err
	}
	p.sum = crc32.Update(p.sum, castagnoli, size)
	length := binary.BigEndian.Uint32(size)
	if length == 0 {
		return f, false, nil
	}
	if length > maxRecord {
		return f, false, errPartDamaged
	}
	b, err := p.take(int(length) + 4)
	if err != nil {
		return f, false, err
	}
	p.sum = crc32.Update(p.sum, castagnoli, b)
	f, err = parseRecord(b)
	return f, true, err
}

// end reads what follows the last record.
func (p *partReader) end(records uint64) error {
	b, err := p.take(8)
	if err != nil {
		return err
	}
	want := binary.BigEndian.Uint64(b)
	p.sum = crc32.Update(p.sum, castagnoli, b)
	if b, err = p.take(4); err != nil {
		return err
	}
	if want != records || binary.BigEndian.Uint32(b) != p.sum {
		return errPartDamaged
	}
	if _, err := p.r.ReadByte(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: something follows its end", errPartDamaged)
	}
	return nil
}

// parseRecord reads the body of what appendCached wrote, and its checksum. It
// is strict: a row has one encoding.
func parseRecord(b []byte) (row, error) {
	n := len(b) - 4
	if crc32.Checksum(b[:n], castagnoli) != binary.BigEndian.Uint32(b[n:]) {
		return row{}, errPartDamaged
	}
	k, used := binary.Uvarint(b[:n])
	if used <= 0 || used > maxUvarint(k) || k > uint64(n-used) {
		return row{}, errPartDamaged
	}
	body := b[used:n]
	f, err := parseRow(body[:k], body[k:])
	if err != nil || f.cached || f.empty || f.stat.size > math.MaxInt64 || f.note != "" && f.trouble == none {
		return row{}, errPartDamaged
	}
	return f, nil
}

// maxUvarint is the length of v as it is written.
func maxUvarint(v uint64) int {
	var b [binary.MaxVarintLen64]byte
	return binary.PutUvarint(b[:], v)
}
