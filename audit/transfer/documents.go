package transfer

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/store"
)

// documents copies those that the first records name and that are not there
// yet. What is read and written is held against its digest. It keeps 64 bytes in
// memory for each.
func documents(ctx context.Context, from *store.Store, size int64, to store.Blobs, o Options) (*Documents, error) {
	n := &Documents{}
	seen := map[[64]byte]bool{}
	for e, err := range from.Log.Scan(ctx, size, 0) {
		if err != nil {
			return n, err
		}
		if e.Index%1024 == 0 {
			o.progress("documents", e.Index, size)
		}
		r, err := audit.Open(e.Record)
		if err != nil {
			continue // it is copied as it is, and names nothing that could be found
		}
		for _, d := range r.Predicate().Documents() {
			var sum [64]byte
			digest := d.Digest["sha3_512"]
			if n, err := hex.Decode(sum[:], []byte(digest[:min(len(digest), 128)])); err != nil || n != len(sum) || seen[sum] {
				continue
			}
			seen[sum] = true
			if err := n.copy(ctx, from.Blobs, to, digest, d, o); err != nil {
				return n, fmt.Errorf("%w: %s of record %d: %w", ErrDocument, d.Member, e.Index, err)
			}
		}
	}
	return n, nil
}

func (n *Documents) copy(ctx context.Context, from, to store.Blobs, digest string, d audit.Document, o Options) error {
	if to.Has(digest) {
		n.Had++
		return nil
	}
	r, err := from.Open(digest)
	if errors.Is(err, fs.ErrNotExist) {
		n.Absent++
		return nil
	}
	if err != nil {
		return err
	}
	defer r.Close()
	n.Copied++
	if o.DryRun {
		return nil
	}
	a, err := to.Put(ctx, d.Name, d.MediaType, &atMost{r, d.Size})
	if err == nil && a.Digest["sha3_512"] != digest {
		err = fmt.Errorf("it was written as %s", a.Digest["sha3_512"])
	}
	return err
}

// atMost fails when a document goes on behind the size that its record says:
// whoever has the source could let it go on until the disk is full.
type atMost struct {
	io.Reader
	left int64
}

func (a *atMost) Read(p []byte) (int, error) {
	n, err := a.Reader.Read(p)
	if a.left -= int64(n); a.left < 0 {
		return 0, fmt.Errorf("%w: it is larger than its record says", store.ErrDamaged)
	}
	return n, err
}
