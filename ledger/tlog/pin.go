package tlog

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/mmaudit/mmaudit/internal/durable"
	"github.com/mmaudit/mmaudit/ledger"
)

// A pin is the newest checkpoint of a log that this user has seen, word for
// word, in a file outside of the log. Two signed checkpoints that contradict
// each other are the proof of a fork.
type pin struct {
	dir  string
	name string
}

func newPin(dir, log, origin string) *pin {
	if dir == "" {
		return nil
	}
	// By place, because a copy elsewhere may well lag behind; by origin,
	// because another log may come to this place.
	return &pin{dir, filepath.Join(dir, fmt.Sprintf("%x.checkpoint", sha256.Sum256([]byte(origin+"\n"+log))))}
}

// read returns the pinned head, or an empty one. It must be read before the
// checkpoint that is held against it: a log may grow meanwhile, never shrink.
// A head that is known is not checked again.
func (p *pin) read(l *Log, known ledger.Head) (ledger.Head, error) {
	empty := ledger.Head{Origin: l.origin, Root: ledger.EmptyRoot()}
	if p == nil {
		return empty, nil
	}
	data, err := durable.ReadFile(p.name)
	if err == nil && bytes.Equal(data, known.Note) {
		return known, nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		return empty, nil
	}
	if err != nil {
		return ledger.Head{}, err
	}
	h, err := l.parseCheckpoint(data)
	if err != nil {
		return ledger.Head{}, corrupt(p.name, "high-water mark: %v", err)
	}
	return h, nil
}

// continues reports whether the tree goes on from a head that was seen before.
func (t tree) continues(seen ledger.Head, where string) error {
	if seen.Size == 0 || seen.Size == t.head.Size && seen.Root == t.head.Root {
		return nil
	}
	if t.head.Size < seen.Size {
		return t.rollback("has %d records, but had %d (%s): an old copy was put back", t.head.Size, seen.Size, where)
	}
	proof, err := t.consistency(t.head.Size, seen.Size)
	if err != nil {
		return err
	}
	if err := ledger.CheckConsistency(proof, t.head.Size, t.head.Root, seen.Size, seen.Root); err != nil {
		return t.rollback("has another history than the one with %d records (%s): the log was forked", seen.Size, where)
	}
	return nil
}

func (t tree) rollback(format string, args ...any) error {
	return &damage{ledger.ErrRollback, t.l.path("checkpoint"), -1, fmt.Sprintf(format, args...)}
}

// raise makes a checked head the pinned one, from a staged file if there is one,
// unless a newer one is pinned. A process beside may raise it too: hence a lock
// of its own. The head of before is known.
func (p *pin) raise(l *Log, h ledger.Head, staged string, before ledger.Head) (raised bool, err error) {
	if err := l.disk.Mkdir("", p.dir); err != nil {
		return false, err
	}
	unlock, err := flock(p.name+".lock", l.closing)
	if err != nil {
		return false, err
	}
	defer unlock()
	seen, err := p.read(l, before)
	if err != nil || seen.Size >= h.Size {
		return false, err
	}
	if staged == "" {
		err = l.disk.WriteFile(p.dir, p.name, h.Note)
	} else {
		err = l.disk.Replace(staged, p.name)
	}
	return err == nil, err
}

// sweep deletes what killed writers of this log have staged.
func (p *pin) sweep() {
	if p == nil {
		return
	}
	files, _ := os.ReadDir(p.dir)
	for _, f := range files {
		if strings.HasPrefix(f.Name(), "."+filepath.Base(p.name)+".") && isTemporary(f.Name()) {
			os.Remove(filepath.Join(p.dir, f.Name()))
		}
	}
}
