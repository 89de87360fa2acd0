package shard

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// ErrPart says that a file is no part, or not all of one.
var ErrPart = errors.New("not a part as a shard leaves it")

var (
	errDamaged = fmt.Errorf("%w: damaged", ErrPart)
	errCut     = fmt.Errorf("%w: cut short", ErrPart)
)

// MaxRecord is the largest record, in bytes.
const MaxRecord = 1 << 20

// MaxHead is the largest first line, in bytes, its line feed counted.
const MaxHead = 1 << 20

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// A Writer writes a part: a first line, records, and an end that says how many
// there are.
type Writer struct {
	w     *bufio.Writer
	sum   uint32 // of all that was written
	count uint64
	buf   []byte
}

// NewWriter begins a part with a line, which has no line feed and, with one, at
// most MaxHead bytes.
func NewWriter(w io.Writer, line []byte) (*Writer, error) {
	if len(line) >= MaxHead || bytes.IndexByte(line, '\n') >= 0 {
		return nil, fmt.Errorf("a first line of %d bytes, or of two lines: it may have %d", len(line), MaxHead-1)
	}
	p := &Writer{w: bufio.NewWriterSize(w, 256<<10)}
	p.buf = append(append(p.buf, line...), '\n')
	return p, p.put()
}

func (p *Writer) put() error {
	p.sum = crc32.Update(p.sum, castagnoli, p.buf)
	_, err := p.w.Write(p.buf)
	return err
}

// Add writes a record of 1 byte to MaxRecord: its length in four bytes,
// big-endian, itself, and its CRC-32C.
func (p *Writer) Add(record []byte) error {
	if len(record) == 0 || len(record) > MaxRecord {
		return fmt.Errorf("a record of %d bytes", len(record))
	}
	p.count++
	p.buf = binary.BigEndian.AppendUint32(p.buf[:0], uint32(len(record)))
	p.buf = append(p.buf, record...)
	p.buf = binary.BigEndian.AppendUint32(p.buf, crc32.Checksum(record, castagnoli))
	return p.put()
}

// End writes the end: a length of 0, the number of records in eight bytes, and
// the CRC-32C of all before.
func (p *Writer) End() error {
	p.buf = binary.BigEndian.AppendUint64(append(p.buf[:0], 0, 0, 0, 0), p.count)
	if err := p.put(); err != nil {
		return err
	}
	if _, err := p.w.Write(binary.BigEndian.AppendUint32(nil, p.sum)); err != nil {
		return err
	}
	return p.w.Flush()
}

// Read calls head with the first line of a part, and then each with its
// records, valid until each returns, and where they begin in the file. An error
// of theirs ends it. What a Writer would not have written is ErrPart; where it
// stands late in the file, each was called before.
func Read(in io.Reader, head func(line []byte) error, each func(at int64, record []byte) error) error {
	p := &reader{r: bufio.NewReaderSize(in, MaxHead)}
	line, err := p.r.ReadSlice('\n')
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, bufio.ErrBufferFull):
		return fmt.Errorf("%w: it has no first line", ErrPart)
	case err != nil:
		return err
	}
	p.took(line)
	if err := head(line[:len(line)-1]); err != nil {
		return err
	}
	for count := uint64(0); ; count++ {
		b, err := p.take(4)
		if err != nil {
			return err
		}
		n := int(binary.BigEndian.Uint32(b))
		if n == 0 {
			return p.end(count)
		}
		if n > MaxRecord {
			return errDamaged
		}
		at := p.at
		if b, err = p.take(n + 4); err != nil {
			return err
		}
		if crc32.Checksum(b[:n], castagnoli) != binary.BigEndian.Uint32(b[n:]) {
			return errDamaged
		}
		if err := each(at, b[:n]); err != nil {
			return err
		}
	}
}

type reader struct {
	r   *bufio.Reader
	at  int64  // bytes taken
	sum uint32 // of them
	buf []byte
}

func (p *reader) took(b []byte) {
	p.at += int64(len(b))
	p.sum = crc32.Update(p.sum, castagnoli, b)
}

// take reads n bytes, valid until the next call.
func (p *reader) take(n int) ([]byte, error) {
	if cap(p.buf) < n {
		p.buf = make([]byte, n)
	}
	p.buf = p.buf[:n]
	if _, err := io.ReadFull(p.r, p.buf); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = errCut
		}
		return nil, err
	}
	p.took(p.buf)
	return p.buf, nil
}

// end reads what follows the last record.
func (p *reader) end(records uint64) error {
	b, err := p.take(8)
	if err != nil {
		return err
	}
	want, sum := binary.BigEndian.Uint64(b), p.sum
	if b, err = p.take(4); err != nil {
		return err
	}
	if want != records || binary.BigEndian.Uint32(b) != sum {
		return errDamaged
	}
	if _, err := p.r.ReadByte(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: something follows its end", ErrPart)
	}
	return nil
}
