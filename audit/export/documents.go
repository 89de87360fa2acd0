package export

import (
	"crypto/sha3"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/canonical"
)

// open opens a document that a record names. It is nil if the document is not
// there. The reader fails at the end with ErrDocument if it was another one: who
// did not read to the end knows nothing.
func (s *Source) open(a *audit.Attachment) (io.ReadCloser, error) {
	digest := a.Digest["sha3_512"]
	if s.Open == nil || digest == "" {
		return nil, nil
	}
	r, err := s.Open(digest)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("document %q: %w", a.Name, err)
	}
	return &checked{ReadCloser: r, of: a, hash: sha3.New512(), left: a.Size}, nil
}

// checked reads a document and holds it against its size and digest.
type checked struct {
	io.ReadCloser
	of   *audit.Attachment
	hash hash.Hash
	left int64
}

func (c *checked) Read(b []byte) (int, error) {
	n, err := c.ReadCloser.Read(b)
	c.hash.Write(b[:n])
	if c.left -= int64(n); c.left < 0 {
		return n, fmt.Errorf("%w: %q has more than %d bytes", ErrDocument, c.of.Name, c.of.Size)
	}
	if err == io.EOF && (c.left > 0 || hex.EncodeToString(c.hash.Sum(nil)) != c.of.Digest["sha3_512"]) {
		return n, fmt.Errorf("%w: %q has another SHA3-512 or size", ErrDocument, c.of.Name)
	}
	return n, err
}

// read reads a whole document of at most canonical.MaxSize bytes; nil if it is
// not there.
func (s *Source) read(a *audit.Attachment) ([]byte, error) {
	r, err := s.open(a)
	if r == nil {
		return nil, err
	}
	defer r.Close()
	if a.Size > canonical.MaxSize {
		return nil, fmt.Errorf("document %q: %w", a.Name, canonical.ErrSize)
	}
	return io.ReadAll(r)
}
