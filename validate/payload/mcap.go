package payload

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/mmaudit/mmaudit/internal/human"
)

// MCAP is what header, footer and summary of an MCAP recording say
// (https://mcap.dev/spec). Chunks are not decompressed.
type MCAP struct {
	Profile  string
	Library  string
	Summary  bool // the recording has a summary section
	Chunks   int  // chunk indexes of the summary
	Messages uint64
}

// Opcodes of the records that a check without message bodies meets.
const (
	opHeader          = 0x01
	opFooter          = 0x02
	opChunk           = 0x06
	opChunkIndex      = 0x08
	opAttachment      = 0x09
	opAttachmentIndex = 0x0A
	opStatistics      = 0x0B
	opMetadata        = 0x0C
	opMetadataIndex   = 0x0D
	opDataEnd         = 0x0F
)

const (
	mcapRecord = 9               // opcode u8, length u64
	mcapFooter = mcapRecord + 20 // summary_start, summary_offset_start, summary_crc
)

// ReadMCAP checks an MCAP of size bytes: the magic at both ends, the header,
// the footer, the CRC of the summary, and that each index of the summary
// points at a record of its kind and length. It reads the summary as a stream
// and nine bytes for each index. The error is a *HeaderError where the content
// is wrong.
func ReadMCAP(r io.ReaderAt, size int64) (*MCAP, error) {
	magic := int64(len(mcapMagic))
	if size < 2*magic+mcapRecord+mcapFooter {
		return nil, &HeaderError{Message: "the recording ends before its footer: it was cut off (`mcap recover` saves what is there)", Actual: fmt.Sprintf("%d bytes", size)}
	}
	var end [mcapFooter + 8]byte
	if n, err := readAt(r, end[:], size-int64(len(end))); err != nil {
		return nil, err
	} else if n < len(end) || !bytes.HasSuffix(end[:], mcapMagic) {
		return nil, &HeaderError{Message: "the recording does not end with the MCAP magic: it was cut off (`mcap recover` saves what is there)", Expected: fmt.Sprintf("% x", mcapMagic), Actual: fmt.Sprintf("% x", end[mcapFooter:]), Offset: size - magic}
	}
	footer := size - int64(len(end))
	if end[0] != opFooter || binary.LittleEndian.Uint64(end[1:]) != mcapFooter-mcapRecord {
		return nil, &HeaderError{Message: "no footer record before the trailing MCAP magic", Offset: footer}
	}
	m := &MCAP{}
	if err := m.header(r, footer); err != nil {
		return nil, err
	}
	start := binary.LittleEndian.Uint64(end[mcapRecord:])
	offsets := binary.LittleEndian.Uint64(end[mcapRecord+8:])
	if start == 0 {
		return m, nil // legal: a recording without a summary
	}
	if start < uint64(magic+mcapRecord) || start > uint64(footer) || offsets != 0 && (offsets < start || offsets > uint64(footer)) {
		return nil, &HeaderError{Message: "the footer points outside the recording", Actual: fmt.Sprintf("summary at byte %d, its offsets at byte %d", start, offsets), Offset: footer}
	}
	m.Summary = true
	if err := m.checkSum(r, int64(start), footer, end[:mcapFooter]); err != nil {
		return nil, err
	}
	return m, m.summary(r, int64(start), footer)
}

// header reads the magic and the first record.
func (m *MCAP) header(r io.ReaderAt, footer int64) error {
	at := int64(len(mcapMagic))
	begin := make([]byte, at)
	if n, err := readAt(r, begin, 0); err != nil {
		return err
	} else if n < len(begin) || !bytes.Equal(begin, mcapMagic) {
		return &HeaderError{Message: "the recording does not begin with the MCAP magic", Expected: fmt.Sprintf("% x", mcapMagic), Actual: fmt.Sprintf("% x", begin[:n])}
	}
	op, length, err := record(r, at, footer)
	if err != nil {
		return err
	}
	if op != opHeader {
		return &HeaderError{Message: "the first record is not the MCAP header", Actual: fmt.Sprintf("opcode %#02x", op), Offset: at}
	}
	body := make([]byte, min(length, 4096))
	n, err := readAt(r, body, at+mcapRecord)
	if err != nil {
		return err
	}
	body = body[:n]
	m.Profile, body = mcapString(body)
	m.Library, _ = mcapString(body)
	return nil
}

// record reads the head of the record at off, which must end before limit.
func record(r io.ReaderAt, off, limit int64) (op byte, length int64, err error) {
	var b [mcapRecord]byte
	if n, err := readAt(r, b[:], off); err != nil {
		return 0, 0, err
	} else if n < len(b) || off > limit-mcapRecord {
		return 0, 0, &HeaderError{Message: "a record lies behind the end of its section", Offset: off}
	}
	l := binary.LittleEndian.Uint64(b[1:])
	if l > uint64(limit-off-mcapRecord) {
		return 0, 0, &HeaderError{Message: fmt.Sprintf("a record of kind %#02x is longer than what is left of its section", b[0]), Actual: fmt.Sprintf("%d bytes", l), Offset: off}
	}
	return b[0], int64(l), nil
}

// checkSum compares the CRC-32 of the summary with the footer's; it covers
// the footer up to the field itself. 0 means that the writer made none.
func (m *MCAP) checkSum(r io.ReaderAt, start, footer int64, record []byte) error {
	want := binary.LittleEndian.Uint32(record[mcapFooter-4:])
	if want == 0 {
		return nil
	}
	h := crc32.NewIEEE()
	if n, err := io.Copy(h, io.NewSectionReader(r, start, footer-start)); err != nil {
		return err
	} else if n < footer-start {
		return &HeaderError{Message: "the recording became shorter while it was read"}
	}
	h.Write(record[:mcapFooter-4])
	if got := h.Sum32(); got != want {
		return &HeaderError{Message: "the CRC of the summary is wrong: its bytes were changed", Expected: fmt.Sprintf("%08x", want), Actual: fmt.Sprintf("%08x", got), Offset: start}
	}
	return nil
}

// summary walks the records between start and the footer.
func (m *MCAP) summary(r io.ReaderAt, start, footer int64) error {
	in := bufio.NewReaderSize(io.NewSectionReader(r, start, footer-start), 64<<10)
	chunks, counted := -1, false
	for at := start; at < footer; {
		var b [mcapRecord + 46]byte
		if _, err := io.ReadFull(in, b[:mcapRecord]); err != nil {
			return short(err, at)
		}
		op, length := b[0], binary.LittleEndian.Uint64(b[1:])
		if length > uint64(footer-at-mcapRecord) {
			return &HeaderError{Message: fmt.Sprintf("a record of kind %#02x in the summary is longer than what is left of it", op), Actual: fmt.Sprintf("%d bytes", length), Offset: at}
		}
		body := b[mcapRecord : mcapRecord+int(min(length, 46))]
		if _, err := io.ReadFull(in, body); err != nil {
			return short(err, at)
		}
		if _, err := in.Discard(int(length) - len(body)); err != nil {
			return short(err, at)
		}
		var err error
		switch op {
		case opChunkIndex:
			m.Chunks++
			err = index(r, "chunk", opChunk, body, 16, start, at)
		case opAttachmentIndex:
			err = index(r, "attachment", opAttachment, body, 0, start, at)
		case opMetadataIndex:
			err = index(r, "metadata", opMetadata, body, 0, start, at)
		case opStatistics:
			if len(body) < 26 {
				return &HeaderError{Message: "the statistics of the summary are shorter than their fields", Offset: at}
			}
			m.Messages = binary.LittleEndian.Uint64(body)
			chunks, counted = int(binary.LittleEndian.Uint32(body[22:])), true
		}
		if err != nil {
			return err
		}
		at += mcapRecord + int64(length)
	}
	if counted && m.Chunks > 0 && chunks != m.Chunks {
		return &HeaderError{Message: "the statistics of the summary count other chunks than its index", Expected: fmt.Sprintf("%d chunks", chunks), Actual: fmt.Sprintf("%d chunk indexes", m.Chunks), Offset: start}
	}
	return nil
}

// index checks an entry of the summary: offset and length at field of body
// name a record of kind op before the summary.
func index(r io.ReaderAt, name string, op byte, body []byte, field int, summary, at int64) error {
	if len(body) < field+16 {
		return &HeaderError{Message: fmt.Sprintf("the index of a %s is shorter than its fields", name), Offset: at}
	}
	off, length := binary.LittleEndian.Uint64(body[field:]), binary.LittleEndian.Uint64(body[field+8:])
	if off > uint64(summary) || length > uint64(summary)-off || length < mcapRecord {
		return &HeaderError{Message: fmt.Sprintf("the index of a %s points outside the data", name), Actual: fmt.Sprintf("%d bytes at byte %d", length, off), Offset: at}
	}
	got, l, err := record(r, int64(off), summary)
	if err != nil {
		return err
	}
	if got != op || l+mcapRecord != int64(length) {
		return &HeaderError{
			Message:  fmt.Sprintf("the index of a %s points at something else", name),
			Expected: fmt.Sprintf("a record of kind %#02x and %d bytes at byte %d", op, length, off),
			Actual:   fmt.Sprintf("kind %#02x and %d bytes", got, l+mcapRecord), Offset: at,
		}
	}
	return nil
}

func short(err error, at int64) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return &HeaderError{Message: "the summary ends inside a record", Offset: at}
	}
	return err
}

// mcapString reads a string of u32 length and gives what is left.
func mcapString(b []byte) (string, []byte) {
	if len(b) < 4 {
		return "", nil
	}
	n := uint64(binary.LittleEndian.Uint32(b))
	b = b[4:]
	n = min(n, uint64(len(b)))
	return human.Clip(b[:n], 40), b[n:]
}
