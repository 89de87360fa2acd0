package store

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/mmaudit/mmaudit/internal/durable"
	"github.com/mmaudit/mmaudit/internal/lazyre"
	"github.com/mmaudit/mmaudit/ledger/fabric/anchored"
)

// anchorDir holds the evidence of anchors: HASH-SIZE.json, of the key hash of the
// network and the size of the tree.
const anchorDir = "anchors"

// mostAnchors is how many files of evidence are kept of each network. All anchors
// are on its chain; the newest vouches for those before it.
const mostAnchors = 8

var anchorName = lazyre.New(`^([0-9a-f]{8})-([0-9]{12})\.json$`)

// An AnchorFile is a file that should be evidence of an anchor. Nothing of it is
// verified.
type AnchorFile struct {
	Path    string
	Network string // key hash, in hexadecimal
	Size    int64  // of the tree that was anchored
}

// Read reads the evidence, and verifies nothing of it but that it is of the
// network and the size that its name says.
func (f AnchorFile) Read() (*anchored.Evidence, error) {
	text, err := durable.ReadFile(f.Path)
	if err != nil {
		return nil, err
	}
	e, err := anchored.Parse(text)
	if err != nil {
		return nil, err
	}
	if key, err := e.Key(); err != nil || networkHash(key.Verifier().KeyHash()) != f.Network {
		return nil, fmt.Errorf("%w: its name is not that of its network", anchored.ErrEvidence)
	}
	return e, nil
}

func networkHash(h uint32) string { return fmt.Sprintf("%08x", h) }

// KeepAnchor keeps the evidence of an anchor of the ledger, durably, and gives
// its file. Of each network the newest are kept.
func (s *Store) KeepAnchor(e *anchored.Evidence, a *anchored.Anchor) (string, error) {
	key, err := e.Key()
	if err != nil {
		return "", err
	}
	text, err := e.Marshal()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(s.dir, anchorDir)
	if err := durable.MkdirBelow(s.dir, dir, 0o755); err != nil {
		return "", err
	}
	network := networkHash(key.Verifier().KeyHash())
	file := filepath.Join(dir, fmt.Sprintf("%s-%012d.json", network, a.Size))
	if err := durable.WriteFile(file, text, 0o644); err != nil {
		return "", err
	}
	all, err := s.Anchors()
	if err != nil {
		return file, err
	}
	kept := 0
	for _, f := range all { // the newest first
		if f.Network != network {
			continue
		}
		if kept++; kept > mostAnchors {
			if err := os.Remove(f.Path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return file, err
			}
		}
	}
	return file, nil
}

// Anchors lists the evidence that is kept, the largest tree first.
func (s *Store) Anchors() ([]AnchorFile, error) {
	entries, err := os.ReadDir(filepath.Join(s.dir, anchorDir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var all []AnchorFile
	for _, entry := range entries {
		if m := anchorName().FindStringSubmatch(entry.Name()); m != nil {
			size, _ := strconv.ParseInt(m[2], 10, 64) // 12 digits
			all = append(all, AnchorFile{filepath.Join(s.dir, anchorDir, entry.Name()), m[1], size})
		}
	}
	slices.SortFunc(all, func(a, b AnchorFile) int {
		return cmp.Or(cmp.Compare(b.Size, a.Size), cmp.Compare(a.Network, b.Network))
	})
	return all, err
}

// NewestAnchors lists the newest evidence of each network.
func (s *Store) NewestAnchors() ([]AnchorFile, error) {
	all, err := s.Anchors()
	seen := map[string]bool{}
	return slices.DeleteFunc(all, func(f AnchorFile) bool {
		had := seen[f.Network]
		seen[f.Network] = true
		return had
	}), err
}
