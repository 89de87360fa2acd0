package payload

import (
	"encoding/binary"
	"fmt"
	"io"
)

// Markers of ITU-T T.81, table B.1.
const (
	soi  = 0xD8
	eoi  = 0xD9
	sos  = 0xDA
	tem  = 0x01
	rst0 = 0xD0
	rst7 = 0xD7
)

// JPEG is the frame header of a JPEG file (ITU-T T.81, B.2.2).
type JPEG struct {
	Width, Height int // px
	Precision     int // bits per sample
	Components    int // 1 grey, 3 colour, 4 CMYK
	Progressive   bool
}

// maxSegments bounds the walk to the frame header. Real files have below 50.
const maxSegments = 4096

// JPEGHeader walks the segments of a JPEG of size bytes to its frame header,
// and looks for EOI at its end; zero bytes behind EOI, which some recorders
// pad with, are let pass. The error is a *HeaderError where the content is
// wrong.
func JPEGHeader(r io.ReaderAt, size int64) (*JPEG, error) {
	var b [20]byte
	if n, err := readAt(r, b[:2], 0); err != nil {
		return nil, err
	} else if n < 2 || b[0] != 0xFF || b[1] != soi {
		return nil, &HeaderError{Message: "no JPEG signature (SOI)"}
	}
	var frame *JPEG
	at := int64(2)
	for range maxSegments {
		n, err := readAt(r, b[:], at)
		if err != nil {
			return nil, err
		}
		if n < 4 {
			return nil, &HeaderError{Message: "the JPEG is truncated: it ends before its image data", Offset: at}
		}
		if b[0] != 0xFF {
			return nil, &HeaderError{Message: "the JPEG is corrupt: a segment does not begin with a marker", Expected: "ff", Actual: fmt.Sprintf("%02x", b[0]), Offset: at}
		}
		m := b[1]
		if m == 0xFF { // fill byte
			at++
			continue
		}
		if m == tem || m >= rst0 && m <= rst7 { // no length
			at += 2
			continue
		}
		if m == eoi || m == soi || m == 0 {
			return nil, &HeaderError{Message: "the JPEG holds no image", Actual: fmt.Sprintf("marker ff%02x before any image data", m), Offset: at}
		}
		length := int64(binary.BigEndian.Uint16(b[2:]))
		if length < 2 {
			return nil, &HeaderError{Message: "the JPEG is corrupt: a segment is shorter than its own length field", Offset: at}
		}
		if isSOF(m) && frame == nil {
			if n < 10 || length < 8 {
				return nil, &HeaderError{Message: "the JPEG is truncated inside its frame header", Offset: at}
			}
			frame = &JPEG{
				Precision: int(b[4]), Height: int(binary.BigEndian.Uint16(b[5:])), Width: int(binary.BigEndian.Uint16(b[7:])),
				Components: int(b[9]), Progressive: m == 0xC2 || m == 0xC6 || m == 0xCA || m == 0xCE,
			}
			if frame.Width == 0 || frame.Height == 0 {
				return nil, &HeaderError{Message: "the JPEG frame header gives an impossible size", Actual: fmt.Sprintf("%d x %d", frame.Width, frame.Height), Offset: at}
			}
		}
		if m == sos {
			if frame == nil {
				return nil, &HeaderError{Message: "the JPEG has image data without a frame header (SOF)", Offset: at}
			}
			return frame, jpegEnd(r, at+2, size)
		}
		at += 2 + length
	}
	return nil, &HeaderError{Message: fmt.Sprintf("no frame header within %d segments of the JPEG", maxSegments), Offset: at}
}

// isSOF reports whether m starts a frame: C0 to CF without DHT, JPG and DAC.
func isSOF(m byte) bool { return m >= 0xC0 && m <= 0xCF && m != 0xC4 && m != 0xC8 && m != 0xCC }

// jpegEnd looks for EOI in the last bytes, which lie behind from.
func jpegEnd(r io.ReaderAt, from, size int64) error {
	buf := make([]byte, 512)
	off := max(from, size-int64(len(buf)))
	n, err := readAt(r, buf[:max(0, min(int64(len(buf)), size-off))], off)
	if err != nil {
		return err
	}
	end := n
	for end > 0 && buf[end-1] == 0 {
		end--
	}
	if end >= 2 && buf[end-2] == 0xFF && buf[end-1] == eoi {
		return nil
	}
	return &HeaderError{
		Message: "the JPEG is truncated: it does not end with EOI", Expected: "ff d9",
		Actual: fmt.Sprintf("% x", buf[max(0, end-2):end]), Offset: max(0, size-2),
	}
}
