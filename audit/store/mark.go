package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/mmaudit/mmaudit/internal/durable"
	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/tlog"
)

// A mark is the newest head of a ledger that this user has seen, in a file of
// its own (docs/formats.md, "Ledger on Fabric"): the protection of a log in a folder
// against going back, for a ledger of any engine.
type mark struct {
	name string
}

// newMark names the mark of a ledger by its place, because a copy elsewhere may
// well lag behind, and by its origin, because another one may come to this place.
func newMark(dir, place, origin string) mark {
	return mark{filepath.Join(dir, fmt.Sprintf("%x.checkpoint", sha256.Sum256([]byte(origin+"\n"+place))))}
}

// read gives the marked head; one of no size if there is none.
func (m mark) read() (ledger.Head, error) {
	text, err := durable.ReadFile(m.name)
	if errors.Is(err, fs.ErrNotExist) {
		return ledger.Head{}, nil
	}
	if err != nil {
		return ledger.Head{}, err
	}
	h, err := tlog.ReadCheckpoint(text)
	if err != nil {
		return ledger.Head{}, fmt.Errorf("%w: high-water mark %s: %w", ledger.ErrCorrupt, m.name, err)
	}
	return h, nil
}

// raise marks a head, unless a newer one is marked: a process beside may raise
// it too, hence a lock.
func (m mark) raise(h ledger.Head) error {
	if err := durable.MkdirAll(filepath.Dir(m.name), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(m.name+".lock", os.O_RDWR|os.O_CREATE, 0o600) // and never unlinked
	if err != nil {
		return err
	}
	unlock, err := lock(f, unix.LOCK_EX)
	if err != nil {
		return err
	}
	defer unlock()
	seen, err := m.read()
	if err != nil || seen.Size >= h.Size {
		return err
	}
	return durable.WriteFile(m.name, append(h.Text(), '\n'), 0o600)
}

// continues holds a head of a ledger against one that was seen before it was
// asked for: a ledger may grow meanwhile, never shrink.
func continues(ctx context.Context, l ledger.Ledger, now, seen ledger.Head, where string) error {
	if seen.Size == 0 || seen.Size == now.Size && seen.Root == now.Root {
		return nil
	}
	if now.Size < seen.Size {
		return fmt.Errorf("%w: it has %d records, and had %d (%s)", ledger.ErrRollback, now.Size, seen.Size, where)
	}
	proof, err := l.ProveConsistency(ctx, now.Size, seen.Size)
	if err != nil {
		return err
	}
	if err := ledger.CheckConsistency(proof, now.Size, now.Root, seen.Size, seen.Root); err != nil {
		return fmt.Errorf("%w: it has another history than the one with %d records (%s)", ledger.ErrRollback, seen.Size, where)
	}
	return nil
}
