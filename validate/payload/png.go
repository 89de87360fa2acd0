package payload

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
)

// A HeaderError says what is wrong with a header. It is about the content;
// errors of the reader underneath are returned as they are.
type HeaderError struct {
	Message          string
	Expected, Actual string
	Line             int   // of a text header, 1-based; 0 if unknown
	Offset           int64 // byte where the fault lies, if it is not on a line
}

func (e *HeaderError) Error() string { return e.Message }

// PNG is the header of a PNG file (ISO/IEC 15948, IHDR).
type PNG struct {
	Width, Height int // px, at least 1
	BitDepth      int // 1, 2, 4, 8, 16
	Color         ColorType
	Interlaced    bool
}

// ColorType is the colour type of a PNG.
type ColorType uint8

const (
	Gray      ColorType = 0
	RGB       ColorType = 2
	Palette   ColorType = 3
	GrayAlpha ColorType = 4
	RGBA      ColorType = 6
)

func (c ColorType) String() string {
	switch c {
	case Gray:
		return "grey"
	case RGB:
		return "RGB"
	case Palette:
		return "palette"
	case GrayAlpha:
		return "grey with alpha"
	case RGBA:
		return "RGB with alpha"
	}
	return fmt.Sprintf("colour type %d", uint8(c))
}

var pngEnd = []byte("\x00\x00\x00\x00IEND\xaeB`\x82")

// PNGHeader reads the signature and IHDR of a PNG of size bytes, and looks for
// IEND at its end. The error is a *HeaderError where the content is wrong.
func PNGHeader(r io.ReaderAt, size int64) (*PNG, error) {
	var b [33]byte // signature 8, length 4, type 4, IHDR 13, CRC 4
	if n, err := readAt(r, b[:], 0); err != nil {
		return nil, err
	} else if n < len(b) {
		return nil, &HeaderError{Message: "the PNG ends inside its header", Expected: "at least 57 bytes", Actual: fmt.Sprintf("%d bytes", size)}
	}
	if !bytes.HasPrefix(b[:], pngMagic) {
		return nil, &HeaderError{Message: "no PNG signature"}
	}
	if binary.BigEndian.Uint32(b[8:]) != 13 || string(b[12:16]) != "IHDR" {
		return nil, &HeaderError{Message: "the first chunk of the PNG is not IHDR", Expected: "IHDR of 13 bytes", Actual: fmt.Sprintf("%q of %d bytes", b[12:16], binary.BigEndian.Uint32(b[8:])), Offset: 8}
	}
	want, got := crc32.ChecksumIEEE(b[12:29]), binary.BigEndian.Uint32(b[29:])
	if want != got {
		return nil, &HeaderError{Message: "the CRC of the PNG header is wrong: its bytes were changed", Expected: fmt.Sprintf("%08x", want), Actual: fmt.Sprintf("%08x", got), Offset: 29}
	}
	w, h := binary.BigEndian.Uint32(b[16:]), binary.BigEndian.Uint32(b[20:])
	p := &PNG{BitDepth: int(b[24]), Color: ColorType(b[25]), Interlaced: b[28] == 1}
	if w == 0 || h == 0 || w > 1<<31-1 || h > 1<<31-1 {
		return nil, &HeaderError{Message: "the PNG header gives an impossible size", Actual: fmt.Sprintf("%d x %d", w, h), Offset: 16}
	}
	p.Width, p.Height = int(w), int(h)
	if !legalDepth(p.Color, p.BitDepth) {
		return nil, &HeaderError{Message: fmt.Sprintf("the PNG header combines %s with a depth of %d bit, which PNG does not know", p.Color, p.BitDepth), Offset: 24}
	}
	var end [12]byte
	if n, err := readAt(r, end[:], max(size-12, 33)); err != nil {
		return nil, err
	} else if n < len(end) || !bytes.Equal(end[:], pngEnd) {
		return nil, &HeaderError{Message: "the PNG is truncated: it does not end with IEND", Expected: "IEND", Actual: fmt.Sprintf("% x", end[:n]), Offset: max(size-12, 33)}
	}
	return p, nil
}

// legalDepth is table 11.1 of ISO/IEC 15948.
func legalDepth(c ColorType, depth int) bool {
	switch c {
	case Gray:
		return depth == 1 || depth == 2 || depth == 4 || depth == 8 || depth == 16
	case Palette:
		return depth == 1 || depth == 2 || depth == 4 || depth == 8
	case RGB, GrayAlpha, RGBA:
		return depth == 8 || depth == 16
	}
	return false
}

// readAt is ReadAt without the distinction between a short read and the end of
// the file: n < len(p) says that the file ends there.
func readAt(r io.ReaderAt, p []byte, off int64) (n int, err error) {
	n, err = r.ReadAt(p, off)
	if err == io.EOF {
		err = nil
	}
	return n, err
}
