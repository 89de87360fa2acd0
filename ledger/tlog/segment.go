package tlog

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/bits"
	"os"
	"path/filepath"
	"slices"
	"sort"

	sumdb "golang.org/x/mod/sumdb/tlog"

	"github.com/mmaudit/mmaudit/internal/durable"
	"github.com/mmaudit/mmaudit/ledger"
)

// posting says that the record of an index has a key of a hash.
type posting struct {
	hash  uint64
	index int64
}

func comparePostings(a, b posting) int {
	return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.index, b.index))
}

// segmentID names the postings of entries [n*span, (n+1)*span).
type segmentID struct {
	level int
	n     int64
}

const (
	fanShift  = 2 // a segment of level k+1 is merged from four of level k
	fan       = 1 << fanShift
	perBucket = 128 // postings in a bucket, about
)

// height is that of the subtree whose leaves a segment covers.
func (id segmentID) height() int { return tileHeight + fanShift*id.level }
func (id segmentID) from() int64 { return id.n << id.height() }
func (id segmentID) to() int64   { return (id.n + 1) << id.height() }
func (id segmentID) node() int64 { return sumdb.StoredHashIndex(id.height(), id.n) }
func (id segmentID) path() string {
	// The scheme of tiles keeps folders below 1000 names.
	return "index" + sumdb.Tile{H: tileHeight, L: id.level, N: id.n, W: tileWidth}.Path()[len("tile/8"):]
}

// segmentsOf lists the segments that a log with so many full bundles has: its
// digits to the base of fan, the largest first.
func segmentsOf(bundles int64) []segmentID {
	var ids []segmentID
	start := int64(0)
	for level := (bits.Len64(uint64(bundles)) + fanShift - 1) / fanShift; level >= 0; level-- {
		span := int64(1) << (fanShift * level)
		for ; start+span <= bundles; start += span {
			ids = append(ids, segmentID{level, start / span})
		}
	}
	return ids
}

// A segment holds sorted postings, in a file or in memory. It is bound to the
// log by the hash of the subtree that it indexes.
type segment struct {
	id      segmentID
	subtree ledger.Hash
	count   int64

	file     *os.File  // nil if it was derived and is not on disk
	crc      uint32    // of the header
	bits     int       // there are 1<<bits buckets, by the first bits of the hash
	postings []posting // all of them, or nil if they are to be read

	finds int    // how often it was read
	table []byte // the rows, once it was read often
	data  []byte // room for a bucket
}

// Whoever appends much looks into each segment for every record. So he keeps
// what is small in memory, and of what is large the table.
const (
	smallLevel = 2  // segments up to it are kept, up to 4096 records each
	manyFinds  = 16 // after so many the table is kept
)

// The file: a header, a table with a row for each bucket, the postings.
const (
	segmentMagic = "mmaudit index 1\n"
	headerSize   = 80
	rowSize      = 12
	postingSize  = 16
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var errSegment = errors.New("is damaged")

func bucketBits(count int64) int { return bits.Len64(uint64(count / perBucket)) }

func (s *segment) header(version uint32) []byte {
	h := append(make([]byte, 0, headerSize), segmentMagic...)
	h = binary.BigEndian.AppendUint32(h, version)
	h = binary.BigEndian.AppendUint32(h, uint32(s.id.level))
	h = binary.BigEndian.AppendUint64(h, uint64(s.id.n))
	h = append(h, s.subtree[:]...)
	h = binary.BigEndian.AppendUint64(h, uint64(s.count))
	h = binary.BigEndian.AppendUint32(h, uint32(s.bits))
	return binary.BigEndian.AppendUint32(h, crc32.Checksum(h, castagnoli))
}

// openSegment opens a file that was made for this subtree and by this version of KeysOf.
func openSegment(name string, id segmentID, subtree ledger.Hash, version uint32) (*segment, error) {
	f, err := durable.Open(name)
	if err != nil {
		return nil, err
	}
	s := &segment{id: id, subtree: subtree, file: f}
	h := make([]byte, headerSize)
	info, err := f.Stat()
	if err == nil {
		_, err = io.ReadFull(f, h)
	}
	if err == nil {
		s.count, s.bits = int64(binary.BigEndian.Uint64(h[64:])), int(binary.BigEndian.Uint32(h[72:]))
		s.crc = binary.BigEndian.Uint32(h[76:])
		if s.count < 0 || s.count > info.Size()/postingSize || s.bits != bucketBits(s.count) ||
			info.Size() != headerSize+rowSize<<s.bits+postingSize*s.count || !bytes.Equal(h, s.header(version)) {
			err = fmt.Errorf("%w: its header is not that of this part of the log and version %d of the keys", errSegment, version)
		}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return s, nil
}

func (s *segment) close() {
	if s.file != nil {
		s.file.Close()
	}
}

// seal is the checksum of a bucket, which binds its place as well.
func (s *segment) seal(bucket int, start, end int64, data []byte) uint32 {
	var b [24]byte
	binary.BigEndian.PutUint32(b[:], s.crc)
	binary.BigEndian.PutUint32(b[4:], uint32(bucket))
	binary.BigEndian.PutUint64(b[8:], uint64(start))
	binary.BigEndian.PutUint64(b[16:], uint64(end))
	return crc32.Update(crc32.Checksum(b[:], castagnoli), castagnoli, data)
}

// rows reads the row of the bucket before, for its end, and that of a bucket.
func (s *segment) rows(i int) (rows [2 * rowSize]byte, err error) {
	from, part := rowSize*(i-1), rows[:]
	if i == 0 {
		from, part = 0, rows[rowSize:]
	}
	if s.finds++; s.table == nil && s.finds > manyFinds {
		table := make([]byte, rowSize<<s.bits)
		if _, err := s.file.ReadAt(table, headerSize); err != nil {
			return rows, fmt.Errorf("%w: %w", errSegment, err)
		}
		s.table = table
	}
	if s.table != nil {
		copy(part, s.table[from:])
	} else if _, err := s.file.ReadAt(part, headerSize+int64(from)); err != nil {
		return rows, fmt.Errorf("%w: %w", errSegment, err)
	}
	return rows, nil
}

// bucket reads the postings of a bucket, in bytes that are good until the next
// one is read.
func (s *segment) bucket(i int) (bucket, error) {
	rows, err := s.rows(i)
	if err != nil {
		return nil, err
	}
	start, end := int64(binary.BigEndian.Uint64(rows[:])), int64(binary.BigEndian.Uint64(rows[rowSize:]))
	if start < 0 || start > end || end > s.count || i == 1<<s.bits-1 && end != s.count {
		return nil, fmt.Errorf("%w: bounds of bucket %d", errSegment, i)
	}
	s.data = slices.Grow(s.data[:0], int(end-start)*postingSize)
	data := s.data[:(end-start)*postingSize]
	if _, err := s.file.ReadAt(data, headerSize+rowSize<<s.bits+start*postingSize); err != nil {
		return nil, fmt.Errorf("%w: %w", errSegment, err)
	}
	if s.seal(i, start, end, data) != binary.BigEndian.Uint32(rows[rowSize+8:]) {
		return nil, fmt.Errorf("%w: checksum of bucket %d", errSegment, i)
	}
	return data, nil
}

// bucket is postings as they are in a file.
type bucket []byte

func (b bucket) len() int { return len(b) / postingSize }

func (b bucket) at(i int) posting {
	b = b[i*postingSize:]
	return posting{binary.BigEndian.Uint64(b), int64(binary.BigEndian.Uint64(b[8:]))}
}

// keep reads all postings into memory.
func (s *segment) keep() error {
	postings := make([]posting, 0, s.count)
	for i := range 1 << s.bits {
		b, err := s.bucket(i)
		if err != nil {
			return err
		}
		for j := range b.len() {
			postings = append(postings, b.at(j))
		}
	}
	s.postings, s.table, s.data = postings, nil, nil
	return nil
}

// find returns the indexes with a hash, in order.
func (s *segment) find(hash uint64) (indexes []int64, err error) {
	n, at := len(s.postings), func(i int) posting { return s.postings[i] }
	if !s.kept() {
		b, err := s.bucket(int(hash >> (64 - s.bits))) // a shift by 64 gives 0
		if err != nil {
			return nil, err
		}
		n, at = b.len(), b.at
	}
	for i := sort.Search(n, func(i int) bool { return at(i).hash >= hash }); i < n && at(i).hash == hash; i++ {
		indexes = append(indexes, at(i).index)
	}
	return indexes, nil
}

// kept reports whether the postings are in memory.
func (s *segment) kept() bool { return s.file == nil || s.postings != nil }

// cursor goes through the postings of a segment in order.
type cursor struct {
	s    *segment
	next int // bucket
	ps   []posting
}

func (s *segment) cursor() *cursor {
	if s.kept() {
		return &cursor{s: s, ps: s.postings}
	}
	return &cursor{s: s}
}

// peek returns the next posting, or nil at the end.
func (c *cursor) peek() (*posting, error) {
	for len(c.ps) == 0 {
		if c.s.kept() || c.next == 1<<c.s.bits {
			return nil, nil
		}
		b, err := c.s.bucket(c.next)
		if err != nil {
			return nil, err
		}
		c.ps = make([]posting, b.len())
		for i := range c.ps {
			c.ps[i] = b.at(i)
		}
		c.next++
	}
	return &c.ps[0], nil
}

// writeSegment merges parts, each sorted, to a file. What it writes depends on
// the log alone, so that Verify can compare.
func writeSegment(name string, id segmentID, subtree ledger.Hash, version uint32, parts []*segment) (err error) {
	s := &segment{id: id, subtree: subtree}
	cursors := make([]*cursor, len(parts))
	for i, p := range parts {
		s.count += p.count
		cursors[i] = p.cursor()
	}
	s.bits = bucketBits(s.count)
	header := s.header(version)
	s.crc = binary.BigEndian.Uint32(header[76:])

	dir := filepath.Dir(name)
	f, err := os.CreateTemp(dir, ".*.tmp")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	err = errors.Join(s.writeTo(f, header, cursors), f.Chmod(0o644))
	if id.level > smallLevel { // others are soon derived again, if a power failure takes them
		err = errors.Join(err, f.Sync())
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), name); err != nil {
		return err
	}
	if id.level > smallLevel {
		return durable.SyncDir(dir)
	}
	return nil
}

func (s *segment) writeTo(f *os.File, header []byte, cursors []*cursor) error {
	rows := make([]byte, 0, rowSize<<s.bits)
	if _, err := f.Seek(headerSize+rowSize<<s.bits, io.SeekStart); err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<18)
	var start, end int64
	var data []byte
	closeBucket := func() error {
		rows = binary.BigEndian.AppendUint64(rows, uint64(end))
		rows = binary.BigEndian.AppendUint32(rows, s.seal(len(rows)/rowSize, start, end, data))
		start = end
		_, err := w.Write(data)
		data = data[:0]
		return err
	}
	for {
		var least *cursor
		var p *posting
		for _, c := range cursors {
			q, err := c.peek()
			if err != nil {
				return err
			}
			if q != nil && (p == nil || comparePostings(*q, *p) < 0) {
				least, p = c, q
			}
		}
		if p == nil {
			break
		}
		for len(rows)/rowSize < int(p.hash>>(64-s.bits)) {
			if err := closeBucket(); err != nil {
				return err
			}
		}
		data = binary.BigEndian.AppendUint64(data, p.hash)
		data = binary.BigEndian.AppendUint64(data, uint64(p.index))
		end++
		least.ps = least.ps[1:]
	}
	for len(rows)/rowSize < 1<<s.bits {
		if err := closeBucket(); err != nil {
			return err
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := f.WriteAt(append(slices.Clip(header), rows...), 0)
	return err
}
