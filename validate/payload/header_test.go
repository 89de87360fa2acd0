package payload_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/mmaudit/mmaudit/validate/payload"
)

func reader(b []byte) (io.ReaderAt, int64) { return bytes.NewReader(b), int64(len(b)) }

// refuted fails unless err is about the content and says what.
func refuted(t *testing.T, err error, what string) {
	t.Helper()
	var he *payload.HeaderError
	if !errors.As(err, &he) {
		t.Fatalf("error is %v, want a HeaderError", err)
	}
	if !strings.Contains(he.Error(), what) {
		t.Errorf("error is %q, want %q in it", he, what)
	}
}

func encoded(t testing.TB, encode func(w io.Writer, m image.Image) error, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func toJPEG(w io.Writer, m image.Image) error { return jpeg.Encode(w, m, nil) }

func TestPNGHeader(t *testing.T) {
	for _, c := range []struct {
		m     image.Image
		color payload.ColorType
		depth int
	}{
		{image.NewGray(image.Rect(0, 0, 7, 5)), payload.Gray, 8},
		{image.NewGray16(image.Rect(0, 0, 7, 5)), payload.Gray, 16},
		{image.NewNRGBA(image.Rect(0, 0, 7, 5)), payload.RGBA, 8},
	} {
		p, err := payload.PNGHeader(reader(encoded(t, png.Encode, c.m)))
		if err != nil {
			t.Fatal(err)
		}
		if want := (payload.PNG{Width: 7, Height: 5, BitDepth: c.depth, Color: c.color}); *p != want {
			t.Errorf("header is %+v, want %+v", *p, want)
		}
	}
}

func TestPNGHeaderRefuses(t *testing.T) {
	good := tinyPNG(1242, 375)
	sealed := func(change func(b []byte)) []byte { // with a CRC that fits
		b := bytes.Clone(good)
		change(b)
		binary.BigEndian.PutUint32(b[29:], crc32.ChecksumIEEE(b[12:29]))
		return b
	}
	for what, b := range map[string][]byte{
		"ends inside its header": good[:20],
		"signature":              append([]byte("GIF89a"), good[6:]...),
		"not IHDR":               bytes.Replace(good, []byte("IHDR"), []byte("JUNK"), 1),
		"CRC":                    bytes.Replace(good, []byte{0x04, 0xda}, []byte{0x04, 0xdb}, 1),
		"impossible size":        sealed(func(b []byte) { clear(b[16:20]) }),
		"PNG does not know":      sealed(func(b []byte) { b[24] = 3 }),
		"truncated":              good[:len(good)-1],
	} {
		_, err := payload.PNGHeader(reader(b))
		refuted(t, err, what)
	}
	// The shortest file that keeps the header whole but not the end.
	for n := range good {
		if _, err := payload.PNGHeader(reader(good[:n])); err == nil {
			t.Errorf("%d of %d bytes pass", n, len(good))
		}
	}
}

func TestJPEGHeader(t *testing.T) {
	b := encoded(t, toJPEG, image.NewRGBA(image.Rect(0, 0, 160, 90)))
	want := payload.JPEG{Width: 160, Height: 90, Precision: 8, Components: 3}
	exif := append([]byte{0xff, 0xe1, 0xff, 0xff}, make([]byte, 0xfffd)...) // the longest segment there is
	for name, b := range map[string][]byte{
		"plain":       b,
		"zero padded": append(bytes.Clone(b), make([]byte, 300)...),
		"fill bytes":  append(append(bytes.Clone(b[:2]), 0xff, 0xff, 0xff), b[2:]...),
		"long exif":   append(append(bytes.Clone(b[:2]), exif...), b[2:]...),
	} {
		got, err := payload.JPEGHeader(reader(b))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if *got != want {
			t.Errorf("%s: header is %+v, want %+v", name, *got, want)
		}
	}
	for n := range b {
		if _, err := payload.JPEGHeader(reader(b[:n])); err == nil {
			t.Errorf("%d of %d bytes pass", n, len(b))
		}
	}
}

func TestJPEGHeaderRefuses(t *testing.T) {
	for what, b := range map[string]string{
		"signature":              "\xff\xd9\xff\xd8",
		"not begin with a mark":  "\xff\xd8\x00\xe0\x00\x04\x00\x00",
		"holds no image":         "\xff\xd8\xff\xe0\x00\x04\x00\x00\xff\xd9\x00\x00",
		"its own length":         "\xff\xd8\xff\xe0\x00\x01\x00\x00",
		"without a frame header": "\xff\xd8\xff\xda\x00\x04\x00\x00\xff\xd9",
		"impossible size":        "\xff\xd8\xff\xc0\x00\x08\x08\x00\x00\x00\x10\x03",
		"inside its frame":       "\xff\xd8\xff\xc0\x00\x08\x08",
		"before its image data":  "\xff\xd8\xff\xe0\x00\x04\x00\x00\xff",
		"segments":               "\xff\xd8" + strings.Repeat("\xff\xe0\x00\x02", 5000),
	} {
		_, err := payload.JPEGHeader(reader([]byte(b)))
		refuted(t, err, what)
	}
}

const radar = `# .PCD v0.7 - Point Cloud Data file format
VERSION 0.7
FIELDS x y z dyn_prop id rcs
SIZE 4 4 4 1 2 4
TYPE F F F I I F
COUNT 1 1 1 1 1 1
WIDTH 3
HEIGHT 1
VIEWPOINT 0 0 0 1 0 0 0
POINTS 3
DATA binary
`

func TestPCDHeader(t *testing.T) {
	p, err := payload.PCDHeader(strings.NewReader(radar + strings.Repeat("\x00", 57)))
	if err != nil {
		t.Fatal(err)
	}
	if p.Points != 3 || p.Step != 19 || p.Body != int64(len(radar)) || p.Data != "binary" || len(p.Keys) != 11 || p.Keys[10] != "DATA" {
		t.Errorf("header is %+v", p)
	}
	if f, at, ok := p.Field("rcs"); !ok || at != 15 || f.Size != 4 || f.Type != 'F' {
		t.Errorf("rcs is %+v at %d", f, at)
	}
	// COUNT may be left out; carriage returns and comments are let pass.
	loose := strings.ReplaceAll(strings.Replace(radar, "COUNT 1 1 1 1 1 1\n", "# none\n\n", 1), "\n", "\r\n")
	if p, err := payload.PCDHeader(strings.NewReader(loose)); err != nil || p.Step != 19 {
		t.Errorf("loose header: %+v, %v", p, err)
	}
}

func TestPCDHeaderRefuses(t *testing.T) {
	for _, c := range []struct{ old, new, what string }{
		{"DATA binary\n", "", "no DATA line"},
		{"VERSION 0.7\n", "", "no VERSION"},
		{"HEIGHT 1\n", "HEIGHT 1\nHEIGHT 1\n", "HEIGHT twice"},
		{"SIZE 4 4 4 1 2 4", "SIZE 4 4 4 1 2", "SIZE"},
		{"SIZE 4 ", "SIZE 3 ", "not 1, 2, 4 or 8"},
		{"TYPE F ", "TYPE f ", "not I, U or F"},
		{"COUNT 1 ", "COUNT 0 ", "COUNT of field x"},
		{"WIDTH 3", "WIDTH -3", "WIDTH"},
		{"WIDTH 3", "WIDTH 3000000000000000000000", "WIDTH"},
		{"POINTS 3", "POINTS 4", "not WIDTH x HEIGHT"},
		{"WIDTH 3\nHEIGHT 1", "WIDTH 1000000000000\nHEIGHT 1000000000000", "not WIDTH x HEIGHT"},
		{"DATA binary", "DATA lzma", "no known encoding"},
		{"FIELDS x y z dyn_prop id rcs", "FIELDS", "list of fields"},
	} {
		_, err := payload.PCDHeader(strings.NewReader(strings.Replace(radar, c.old, c.new, 1)))
		refuted(t, err, c.what)
	}
	_, err := payload.PCDHeader(strings.NewReader(strings.Repeat("# nothing but comments\n", 1<<16)))
	refuted(t, err, "no DATA line")
}

func TestMCAP(t *testing.T) {
	b := sampleMCAP()
	m, err := payload.ReadMCAP(reader(b))
	if err != nil {
		t.Fatal(err)
	}
	if want := (payload.MCAP{Profile: "ros2", Library: "test", Summary: true, Chunks: 1, Messages: 7}); *m != want {
		t.Errorf("recording is %+v, want %+v", *m, want)
	}
	for n := range b {
		if _, err := payload.ReadMCAP(reader(b[:n])); err == nil {
			t.Errorf("%d of %d bytes pass", n, len(b))
		}
	}
	// Every byte of the summary is under its CRC.
	for i := bytes.IndexByte(b, 0x0F) + 13; i < len(b); i++ {
		c := bytes.Clone(b)
		c[i] ^= 1
		if _, err := payload.ReadMCAP(reader(c)); err == nil {
			t.Errorf("a changed byte %d of %d passes", i, len(b))
		}
	}
	if _, err := payload.ReadMCAP(reader(withoutSummary())); err != nil {
		t.Errorf("a recording without a summary is legal: %v", err)
	}
}

func mcapRecord(op byte, body []byte) []byte {
	return append(binary.LittleEndian.AppendUint64([]byte{op}, uint64(len(body))), body...)
}

const mcapMagic = "\x89MCAP0\r\n"

func mcapHead() []byte {
	return append([]byte(mcapMagic), mcapRecord(0x01, []byte("\x04\x00\x00\x00ros2\x04\x00\x00\x00test"))...)
}

func withoutSummary() []byte {
	b := append(mcapHead(), mcapRecord(0x0F, make([]byte, 4))...)
	return append(append(b, mcapRecord(0x02, make([]byte, 20))...), mcapMagic...)
}

// sampleMCAP is a recording of one empty chunk, written from the specification.
func sampleMCAP() []byte {
	le := binary.LittleEndian
	b := mcapHead()
	chunkAt := len(b)
	b = append(b, mcapRecord(0x06, make([]byte, 8+8+8+4+4+8))...)
	chunkLen := len(b) - chunkAt
	b = append(b, mcapRecord(0x0F, make([]byte, 4))...)
	start := len(b)

	index := make([]byte, 8+8+8+8+4+8+4+8+8)
	le.PutUint64(index[16:], uint64(chunkAt))
	le.PutUint64(index[24:], uint64(chunkLen))
	b = append(b, mcapRecord(0x08, index)...)
	statistics := make([]byte, 8+2+4+4+4+4+8+8+4)
	le.PutUint64(statistics, 7)
	le.PutUint32(statistics[22:], 1)
	b = append(b, mcapRecord(0x0B, statistics)...)

	footer := make([]byte, 20)
	le.PutUint64(footer, uint64(start))
	crc := crc32.ChecksumIEEE(append(bytes.Clone(b[start:]), mcapRecord(0x02, footer)[:9+16]...))
	le.PutUint32(footer[16:], crc)
	return append(append(b, mcapRecord(0x02, footer)...), mcapMagic...)
}

func TestSniff(t *testing.T) {
	for head, want := range map[string]payload.Format{
		"\x89PNG\r\n\x1a\n\x00": payload.FormatPNG,
		"\xff\xd8\xff\xe0":      payload.FormatJPEG,
		"\xff\xd8\xff\xc1":      payload.FormatRaw, // -8.1 m as float32
		"# .PCD v0.7\n":         payload.FormatPCD,
		"PK\x03\x04":            payload.FormatZip,
		mcapMagic:               payload.FormatMCAP,
		"1.5 2.5 3.5 0.1\n":     payload.FormatText,
		"\x00\x00\x80\x3f":      payload.FormatRaw,
		"":                      payload.FormatRaw,
	} {
		if got := payload.Sniff([]byte(head)); got != want {
			t.Errorf("%q is %s, want %s", head, got, want)
		}
	}
}

// A failing disk is not a broken header.
func TestHeadersPassOnErrors(t *testing.T) {
	broken := failing{}
	for name, read := range map[string]func() error{
		"png":  func() error { _, err := payload.PNGHeader(broken, 100); return err },
		"jpeg": func() error { _, err := payload.JPEGHeader(broken, 100); return err },
		"pcd":  func() error { _, err := payload.PCDHeader(broken); return err },
		"mcap": func() error { _, err := payload.ReadMCAP(broken, 100); return err },
	} {
		if err := read(); !errors.Is(err, iotest.ErrTimeout) {
			t.Errorf("%s: error is %v, want the reader's own", name, err)
		}
	}
}

type failing struct{}

func (failing) ReadAt([]byte, int64) (int, error) { return 0, iotest.ErrTimeout }

func FuzzPNGHeader(f *testing.F) {
	good := tinyPNG(12, 7)
	f.Add(good)
	f.Add(good[:40])
	f.Add([]byte("\x89PNG\r\n\x1a\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := payload.PNGHeader(reader(b))
		if err != nil {
			return
		}
		if c, err := png.DecodeConfig(bytes.NewReader(b)); err == nil && (c.Width != p.Width || c.Height != p.Height) {
			t.Errorf("%d x %d, the standard library says %d x %d", p.Width, p.Height, c.Width, c.Height)
		}
	})
}

func FuzzJPEGHeader(f *testing.F) {
	f.Add(encoded(f, toJPEG, image.NewGray(image.Rect(0, 0, 8, 8))))
	f.Add([]byte("\xff\xd8\xff\xc0\x00\x08\x08\x00\x01\x00\x10\x03\xff\xda\x00\x02\xff\xd9"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := payload.JPEGHeader(reader(b))
		if err != nil {
			return
		}
		if c, err := jpeg.DecodeConfig(bytes.NewReader(b)); err == nil && (c.Width != p.Width || c.Height != p.Height) {
			t.Errorf("%d x %d, the standard library says %d x %d", p.Width, p.Height, c.Width, c.Height)
		}
	})
}

func FuzzPCDHeader(f *testing.F) {
	f.Add([]byte(radar))
	f.Add([]byte(strings.Replace(radar, "binary", "ascii", 1)))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := payload.PCDHeader(bytes.NewReader(b))
		if err != nil {
			return
		}
		if p.Points != p.Width*p.Height || p.Step <= 0 || len(p.Fields) == 0 || p.Body > int64(len(b)) {
			t.Errorf("accepted %+v", p)
		}
	})
}

func FuzzMCAP(f *testing.F) {
	f.Add(sampleMCAP())
	f.Add(withoutSummary())
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, err := payload.ReadMCAP(reader(b)); err == nil && !(bytes.HasPrefix(b, []byte(mcapMagic)) && bytes.HasSuffix(b, []byte(mcapMagic))) {
			t.Errorf("accepted %+v", m)
		}
	})
}

func ExamplePNGHeader() {
	b := tinyPNG(1242, 375)
	p, err := payload.PNGHeader(bytes.NewReader(b), int64(len(b)))
	fmt.Println(p.Width, p.Height, p.Color, err)
	// Output: 1242 375 RGB <nil>
}
