package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/mod/sumdb/note"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/keys"
	"github.com/mmaudit/mmaudit/internal/durable"
	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/fabric/endorsed"
	"github.com/mmaudit/mmaudit/ledger/tlog"
)

// What lies in the folder.
const (
	logDir     = "log"
	blobDir    = "blobs"
	configName = "ledger.json"
	logKeyName = "log.key"
	siteName   = "site.key"
)

// Find gives the folder of the ledger of dir: the nearest DirName in it or in a
// folder above. It is ledger.ErrNoLedger if there is none.
func Find(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	for at := dir; ; at = filepath.Dir(at) {
		candidate := filepath.Join(at, DirName)
		if info, err := os.Stat(candidate); err == nil && info.IsDir() {
			return candidate, nil
		}
		if at == filepath.Dir(at) {
			return "", fmt.Errorf("%w: no folder %s in %s or above it", ledger.ErrNoLedger, DirName, dir)
		}
	}
}

// openFolder opens a ledger in a folder, and finishes what a writer has begun.
func openFolder(ctx context.Context, dir string, o Options) (*Store, error) {
	s, err := open(ctx, dir, o)
	if err != nil || !o.Write || s.Next == nil {
		return s, err
	}
	// A rotation was cut short, or waits for its record.
	if done, err := s.finishRotation(ctx); err != nil || !done {
		return s, err
	}
	if err := s.Close(); err != nil {
		return nil, err
	}
	return open(ctx, dir, o)
}

func open(ctx context.Context, dir string, o Options) (*Store, error) {
	s := &Store{dir: dir, o: o, Blobs: NewBlobs(filepath.Join(dir, blobDir))}
	text, err := durable.ReadFile(filepath.Join(dir, configName))
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(filepath.Join(dir, logDir)); err == nil {
			return nil, fmt.Errorf("%s: %w", dir, ErrUnfinished)
		}
		return nil, fmt.Errorf("%w: %w", ledger.ErrNoLedger, err)
	} else if err != nil {
		return nil, err
	}
	if s.Config, err = ParseConfig(text); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, configName), err)
	}
	if s.Mirror != nil && s.Mirror.Unfinished {
		return nil, fmt.Errorf("%s: %w", dir, ErrPartial)
	}
	s.text = text
	options, err := s.options(ctx, o)
	if err != nil {
		return nil, err
	}
	if s.tiles, err = tlog.Open(ctx, filepath.Join(dir, logDir), options); err != nil {
		return nil, err
	}
	s.Log = s.tiles
	return s, nil
}

// options gives what the log is opened with.
func (s *Store) options(ctx context.Context, o Options) (tlog.Options, error) {
	verifiers, err := s.Verifiers()
	if err != nil {
		return tlog.Options{}, err
	}
	out := tlog.Options{Verifiers: verifiers, KeysOf: audit.KeysOf, KeysVersion: audit.KeysVersion, Pins: o.Pins, Quorum: s.Quorum}
	for _, w := range s.Witnesses {
		out.Witnesses = append(out.Witnesses, tlog.Witness{URL: w.URL, Key: w.Key})
	}
	if out.Pins == "" {
		if out.Pins, err = tlog.DefaultPins(); err != nil {
			return out, err
		}
	}
	signing, signs := s.LogKey, verifiers[0]
	if s.Mirror != nil && s.Next != nil {
		// It signs from the record on that says so. A kill may come between
		// that and ledger.json.
		if signs, err = endorsed.NewVerifier(s.Next.Log); err != nil {
			return out, err
		}
		signing, out.Verifiers = s.Next.LogKey, append(verifiers, signs)
	}
	if !o.Write {
		return out, nil
	}
	if signing.File == "" {
		return out, fmt.Errorf("%s: %w", s.dir, ErrMirror)
	}
	file := s.path(signing.File)
	k, err := keys.Load(file, func() ([]byte, error) { return signing.passphrase(ctx, file, o) })
	if err != nil {
		return out, fmt.Errorf("key of the log: %w", err)
	}
	var v note.Verifier
	if out.Signer, v, err = logSigner(s.Origin, k); err != nil {
		return out, fmt.Errorf("%s: %w", file, err)
	}
	if v.KeyHash() != signs.KeyHash() {
		return out, fmt.Errorf("%w: %s is not the key that ledger.json says signs the log", ErrConfig, file)
	}
	return out, nil
}

func (k LogKey) passphrase(ctx context.Context, file string, o Options) ([]byte, error) {
	if k.Passphrase == "" {
		return nil, keys.ErrPassphraseNeeded
	}
	source, err := keys.ParsePassphraseSource(k.Passphrase)
	if err != nil {
		return nil, err
	}
	if o.Passphrase != nil {
		return o.Passphrase(ctx, file, source)
	}
	return source.Read(ctx, file)
}

func logSigner(origin string, k *keys.Private) (note.Signer, note.Verifier, error) {
	key, ok := k.Ed25519()
	if !ok {
		return nil, nil, fmt.Errorf("the key of a log is Ed25519, this is %s", k.Public().Algorithm())
	}
	return tlog.NewKey(origin, key)
}

// path gives the place of a file that is named relative to the folder.
func (s *Store) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(s.dir, name)
}
