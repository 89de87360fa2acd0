package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/sha3"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/internal/ctxio"
	"github.com/mmaudit/mmaudit/internal/durable"
)

// ErrDamaged is a document that is not what its name says.
var ErrDamaged = errors.New("document is damaged")

// Blobs are the documents that records name by digest: reports, lists of
// files, parameters. Each is a file BLOBS/HH/HEX, where HEX is its SHA3-512 and
// HH the first two digits of it. Methods may be called concurrently, from
// several processes too.
//
// The zero value computes digests and keeps nothing: for a dry run.
type Blobs struct{ dir string }

// NewBlobs keeps documents in a folder, which the first makes if the folder
// above is there.
func NewBlobs(dir string) Blobs { return Blobs{dir} }

// A Document is a document on its way into Blobs. Its methods are not safe for
// concurrent use.
type Document struct {
	blobs  Blobs
	root   *os.Root        // nil if nothing is kept
	stream *durable.Stream // the same
	sha3   *sha3.SHA3
	sha256 hash.Hash
	size   int64
}

// New begins a document. Either Commit or Abort must follow.
func (b Blobs) New() (*Document, error) {
	d := &Document{blobs: b, sha3: sha3.New512(), sha256: sha256.New()}
	if b.dir == "" {
		return d, nil
	}
	// Not the folder above: a ledger that is gone is not begun anew.
	err := os.Mkdir(b.dir, 0o755)
	if err == nil {
		err = durable.SyncDir(filepath.Dir(b.dir))
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	if d.root, err = os.OpenRoot(b.dir); err != nil {
		return nil, err
	}
	if d.stream, err = durable.NewStream(d.root, ".", 0o444); err != nil {
		d.root.Close()
		return nil, durable.Failed(b.dir, err)
	}
	return d, nil
}

// Write implements io.Writer.
func (d *Document) Write(p []byte) (int, error) {
	n := len(p)
	if d.stream != nil {
		var err error
		if n, err = d.stream.Write(p); err != nil {
			return n, durable.Failed(d.blobs.dir, err)
		}
	}
	d.sha3.Write(p[:n])
	d.sha256.Write(p[:n])
	d.size += int64(n)
	return n, nil
}

// Commit keeps the document, durably, and gives the attachment that names it.
func (d *Document) Commit(name, mediaType string) (*audit.Attachment, error) {
	a := &audit.Attachment{Name: name, MediaType: mediaType, Size: d.size, Digest: audit.DigestSet{
		"sha3_512": hex.EncodeToString(d.sha3.Sum(nil)), "sha256": hex.EncodeToString(d.sha256.Sum(nil)),
	}}
	if d.root == nil {
		return a, nil
	}
	defer d.root.Close()
	file := place(a.Digest["sha3_512"])
	if err := durable.MkdirIn(d.root, filepath.Dir(file), 0o755); err != nil {
		d.stream.Abort()
		return nil, durable.Failed(filepath.Join(d.blobs.dir, file), err)
	}
	if err := d.stream.Commit(file); err != nil {
		return nil, durable.Failed(filepath.Join(d.blobs.dir, file), err)
	}
	return a, nil
}

// Abort gives the document up. After Commit it does nothing.
func (d *Document) Abort() {
	if d.root != nil {
		d.stream.Abort()
		d.root.Close()
	}
}

// Put keeps a document.
func (b Blobs) Put(ctx context.Context, name, mediaType string, r io.Reader) (*audit.Attachment, error) {
	d, err := b.New()
	if err != nil {
		return nil, err
	}
	if _, err := io.Copy(d, ctxio.Reader(ctx, r)); err != nil {
		d.Abort()
		return nil, err
	}
	return d.Commit(name, mediaType)
}

// Open opens the document with a SHA3-512. Its reader compares what was read
// with the digest: the end is ErrDamaged in place of io.EOF if they differ. A
// document that is not kept here is fs.ErrNotExist.
func (b Blobs) Open(digest string) (io.ReadCloser, error) {
	if raw, err := hex.DecodeString(digest); err != nil || len(raw) != 64 || b.dir == "" {
		return nil, fmt.Errorf("document %.20q: %w", digest, fs.ErrNotExist)
	}
	f, err := durable.Open(filepath.Join(b.dir, place(digest)))
	if err != nil {
		return nil, err
	}
	return &verified{f, sha3.New512(), digest}, nil
}

// Has reports whether a document of this SHA3-512 is kept here. What is in it
// is not looked at.
func (b Blobs) Has(digest string) bool {
	if raw, err := hex.DecodeString(digest); err != nil || len(raw) != 64 || b.dir == "" {
		return false
	}
	info, err := os.Stat(filepath.Join(b.dir, place(digest)))
	return err == nil && info.Mode().IsRegular()
}

// Read gives a whole document, verified. It refuses one of more than limit bytes.
func (b Blobs) Read(digest string, limit int64) ([]byte, error) {
	r, err := b.Open(digest)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var out bytes.Buffer
	n, err := io.Copy(&out, io.LimitReader(r, limit+1))
	if err == nil && n > limit {
		err = fmt.Errorf("document %.20s… has more than %d bytes", digest, limit)
	}
	return out.Bytes(), err
}

func place(digest string) string { return filepath.Join(digest[:2], digest) }

// verified has no more methods than these: io.Copy would go around Read.
type verified struct {
	file   *os.File
	hash   *sha3.SHA3
	digest string
}

func (v *verified) Read(p []byte) (int, error) {
	n, err := v.file.Read(p)
	v.hash.Write(p[:n])
	if err == io.EOF && hex.EncodeToString(v.hash.Sum(nil)) != v.digest {
		err = fmt.Errorf("%s: %w", v.file.Name(), ErrDamaged)
	}
	return n, err
}

func (v *verified) Close() error { return v.file.Close() }
