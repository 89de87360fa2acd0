package bundle

import (
	"archive/zip"
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/mmaudit/mmaudit/internal/human"
)

// A member is a file of the zip, before it is written.
type member struct {
	name string
	size int64
	crc  uint32
	open func() (io.ReadCloser, error)
}

func memberOf(name string, data []byte) member {
	return member{name, int64(len(data)), crc32.ChecksumIEEE(data), func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(data)), nil
	}}
}

// header is all that the zip says of a member: stored, of 1 January 1980, a
// regular file of mode 0644.
func header(name string, size int64, crc uint32) *zip.FileHeader {
	h := &zip.FileHeader{
		Name: name, Method: zip.Store, CRC32: crc,
		CompressedSize64: uint64(size), UncompressedSize64: uint64(size),
		CreatorVersion: 3<<8 | 20, ExternalAttrs: 0o100644 << 16,
	}
	h.ModifiedDate = 1<<5 | 1 //lint:ignore SA1019 Modified would add the time a second time, in a field of its own
	return h
}

// writeZip writes members, which are in the order of their names.
func writeZip(w io.Writer, members []member) error {
	z := zip.NewWriter(w)
	for _, m := range members {
		out, err := z.CreateRaw(header(m.name, m.size, m.crc))
		if err != nil {
			return err
		}
		if err := m.copy(out); err != nil {
			return err
		}
	}
	return z.Close()
}

func (m *member) copy(out io.Writer) error {
	in, err := m.open()
	if err != nil {
		return err
	}
	defer in.Close()
	sum := crc32.NewIEEE()
	n, err := io.Copy(io.MultiWriter(out, sum), io.LimitReader(in, m.size+1))
	if err == nil && (n != m.size || sum.Sum32() != m.crc) {
		err = fmt.Errorf("%s changed while it was read", m.name)
	}
	return err
}

// errForm is a file that is not as writeZip writes.
var errForm = errors.New("not a bundle as this program writes them")

// readZip reads the table of contents of a bundle, and holds every byte that is
// not of a member against the one form. So there are no compressed members, no
// name twice, no name out of order, nothing before, between or behind, and the
// sizes add up to that of the file. Errors are errForm, or come from reading.
func readZip(f io.ReaderAt, size int64) ([]*zip.File, error) {
	r, err := zip.NewReader(f, size)
	if errors.Is(err, zip.ErrFormat) || errors.Is(err, zip.ErrAlgorithm) || errors.Is(err, zip.ErrInsecurePath) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, fmt.Errorf("%w: not a whole zip file", errForm)
	}
	if err != nil {
		return nil, err
	}
	var total uint64
	for i, m := range r.File {
		if m.Method != zip.Store || m.CompressedSize64 != m.UncompressedSize64 {
			return nil, fmt.Errorf("%w: %q is compressed; members are stored, so that none is larger than it looks", errForm, m.Name)
		}
		if total += m.CompressedSize64; m.CompressedSize64 > uint64(size) || total > uint64(size) {
			return nil, fmt.Errorf("%w: the members have more bytes than the file: they overlap", errForm)
		}
		if !ourNames().MatchString(m.Name) && checkExtra(m.Name) != nil {
			return nil, fmt.Errorf("%w: %q cannot be the name of a member", errForm, m.Name)
		}
		if i > 0 && m.Name == r.File[i-1].Name {
			return nil, fmt.Errorf("%w: %q is there twice", errForm, m.Name)
		}
		if i > 0 && m.Name < r.File[i-1].Name {
			return nil, fmt.Errorf("%w: %q comes after %q: members are in the order of their names, each once", errForm, m.Name, r.File[i-1].Name)
		}
	}
	// Write it again, and compare.
	same := &comparer{file: bufio.NewReaderSize(io.NewSectionReader(f, 0, size), 64<<10)}
	z := zip.NewWriter(same)
	for _, m := range r.File {
		out, err := z.CreateRaw(header(m.Name, int64(m.CompressedSize64), m.CRC32))
		if err == nil {
			err = same.member(z, out, m)
		}
		if err != nil {
			return nil, fmt.Errorf("at member %q: %w", m.Name, err)
		}
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	if same.at != size {
		return nil, fmt.Errorf("%w: %s behind its end", errForm, human.Count(int(size-same.at), "byte"))
	}
	return r.File, nil
}

// A comparer is a writer that fails at the first byte that the file has not.
type comparer struct {
	file *bufio.Reader
	at   int64
	buf  []byte
}

func (c *comparer) Write(p []byte) (int, error) {
	if cap(c.buf) < len(p) {
		c.buf = make([]byte, len(p))
	}
	got := c.buf[:len(p)]
	n, err := io.ReadFull(c.file, got)
	for i := range got[:n] {
		if got[i] != p[i] {
			return i, fmt.Errorf("%w: byte %d of the file is 0x%02x, want 0x%02x; an archive that was packed again is not one", errForm, c.at+int64(i), got[i], p[i])
		}
	}
	c.at += int64(n)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return n, fmt.Errorf("%w: it ends after %d bytes", errForm, c.at)
	}
	return n, err
}

// member passes over the bytes of a member, which are compared with themselves
// anyway.
func (c *comparer) member(z *zip.Writer, out io.Writer, m *zip.File) error {
	if err := z.Flush(); err != nil {
		return err
	}
	if at, err := m.DataOffset(); err != nil || at != c.at {
		return fmt.Errorf("%w: its bytes are not where they belong", errForm)
	}
	raw, err := m.OpenRaw()
	if err != nil {
		return err
	}
	_, err = io.Copy(out, raw)
	return err
}
