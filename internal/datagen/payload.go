package datagen

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"slices"
	"strings"
)

// withComment gives a JPEG bytes of its own: note stands in a comment segment.
func withComment(jpeg []byte, note string) []byte {
	segment := binary.BigEndian.AppendUint16([]byte{0xff, 0xfe}, uint16(2+len(note)))
	return slices.Concat(jpeg[:2], segment, []byte(note), jpeg[2:])
}

// gradient is a grey JPEG image.
func gradient(width, height int) []byte {
	img := image.NewGray(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			img.SetGray(x, y, color.Gray{Y: uint8(40 + 150*y/height + 40*x/width)})
		}
	}
	var buf bytes.Buffer
	if err := jpeg.Encode(&buf, img, &jpeg.Options{Quality: 50}); err != nil {
		panic(err) // a buffer takes everything
	}
	return buf.Bytes()
}

// lidarBin is a point cloud of five float32 a point: x, y, z, intensity, ring.
// The rings return equally many points.
func lidarBin(points []point, rings int) []byte {
	var b []byte
	for i, p := range points {
		for _, v := range []float64{p.x, p.y, p.z, float64(10 + i%90), float64(i % rings)} {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(v)))
		}
	}
	return b
}

const radarHeader = `# .PCD v0.7 - Point Cloud Data file format
VERSION 0.7
FIELDS x y z dyn_prop id rcs vx vy vx_comp vy_comp is_quality_valid ambig_state x_rms y_rms invalid_state pdh0 vx_rms vy_rms
SIZE 4 4 4 1 2 4 4 4 4 4 1 1 1 1 1 1 1 1
TYPE F F F I I F F F F F I I I I I I I I
COUNT 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1
WIDTH %d
HEIGHT 1
VIEWPOINT 0 0 0 1 0 0 0
POINTS %[1]d
DATA binary
`

// radarPCD is a radar scan as nuScenes ships it: 43 bytes a point, and zeros
// up to 4096 bytes beyond the points.
func radarPCD(points []point) []byte {
	b := fmt.Appendf(nil, radarHeader, len(points))
	header := len(b)
	f32 := func(v float64) { b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(v))) }
	for i, p := range points {
		f32(p.x)
		f32(p.y)
		f32(0)                                             // a radar sees no height
		b = append(b, 1)                                   // dyn_prop: stationary
		b = binary.LittleEndian.AppendUint16(b, uint16(i)) // id
		f32(5)                                             // rcs, dBsm
		f32(-3)                                            // vx
		f32(0.25)                                          // vy
		f32(0.5)                                           // vx_comp
		f32(0.25)                                          // vy_comp
		b = append(b, 1, 3, 19, 19, 0, 1, 16, 3)
	}
	return append(b, make([]byte, 4096-header)...)
}

// blackPNG is an 8-bit grey image of zeros of any size. Maps are images of
// hundreds of megapixels, so the compressed data is not computed but written
// down: after one literal zero, "repeat the last byte 258 times" in two bits.
func blackPNG(width, height int) []byte {
	var w bitWriter
	w.bytes = []byte{0x78, 0x01} // zlib: deflate, window of 32 KiB
	w.bits(1, 1)                 // last block
	w.bits(2, 2)                 // its Huffman codes follow
	w.bits(29, 5)                // 286 codes of literals and lengths
	w.bits(0, 5)                 // 1 code of distances
	w.bits(14, 4)                // 18 lengths of the codes for code lengths: 18 in 1 bit, 1 and 2 in 2
	for _, n := range []uint32{0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 2} {
		w.bits(n, 3)
	}
	zeros := func(n uint32) { w.code("0"); w.bits(n-11, 7) }
	w.code("11") // literal 0 has 2 bits: 10
	zeros(138)
	zeros(117)
	w.code("11") // end of block has 2 bits: 11
	zeros(28)
	w.code("10") // length 258 has 1 bit: 0
	w.code("10") // distance 1 has 1 bit: 0

	size := height * (1 + width)
	w.code("10")
	for range (size - 1) / 258 {
		w.code("00")
	}
	for range (size - 1) % 258 {
		w.code("10")
	}
	w.code("11")
	w.flush()
	// Adler-32 of zeros: a stays 1 and b counts the bytes.
	w.bytes = binary.BigEndian.AppendUint32(w.bytes, uint32(size%65521)<<16|1)

	png := []byte("\x89PNG\r\n\x1a\n")
	chunk := func(kind string, body []byte) {
		png = binary.BigEndian.AppendUint32(png, uint32(len(body)))
		from := len(png)
		png = append(append(png, kind...), body...)
		png = binary.BigEndian.AppendUint32(png, crc32.ChecksumIEEE(png[from:]))
	}
	header := binary.BigEndian.AppendUint32(nil, uint32(width))
	header = binary.BigEndian.AppendUint32(header, uint32(height))
	chunk("IHDR", append(header, 8, 0, 0, 0, 0))
	chunk("IDAT", w.bytes)
	chunk("IEND", nil)
	return png
}

// A bitWriter packs bits as deflate does, from the lowest bit of each byte.
type bitWriter struct {
	bytes []byte
	acc   uint32
	n     uint
}

func (w *bitWriter) bits(v uint32, n uint) {
	w.acc |= v << w.n
	for w.n += n; w.n >= 8; w.n -= 8 {
		w.bytes = append(w.bytes, byte(w.acc))
		w.acc >>= 8
	}
}

// code writes a Huffman code, which goes from its highest bit.
func (w *bitWriter) code(s string) {
	for _, c := range s {
		w.bits(uint32(c-'0'), 1)
	}
}

func (w *bitWriter) flush() {
	if w.n > 0 {
		w.bits(0, 8-w.n)
	}
}

// npz is a NumPy archive of one array of uint16 named data.
func npz(values []uint16) ([]byte, error) {
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	f, err := z.Create("data.npy")
	if err != nil {
		return nil, err
	}
	header := fmt.Sprintf("{'descr': '<u2', 'fortran_order': False, 'shape': (%d,), }", len(values))
	header += strings.Repeat(" ", 63-(10+len(header))%64) + "\n"
	b := append([]byte("\x93NUMPY\x01\x00"), byte(len(header)), byte(len(header)>>8))
	b = append(b, header...)
	for _, v := range values {
		b = binary.LittleEndian.AppendUint16(b, v)
	}
	if _, err := f.Write(b); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}
