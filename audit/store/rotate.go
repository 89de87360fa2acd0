package store

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/sys/unix"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/keys"
	"github.com/mmaudit/mmaudit/internal/durable"
	"github.com/mmaudit/mmaudit/ledger"
)

// vkey gives the verifier key of a log in the form of C2SP signed-note.
func vkey(origin string, k *keys.Private) (string, error) {
	key, ok := k.Ed25519()
	if !ok {
		return "", fmt.Errorf("the key of a log is Ed25519, this is %s", k.Public().Algorithm())
	}
	v, err := note.NewEd25519VerifierKey(origin, key.Public().(ed25519.PublicKey))
	if err != nil {
		return "", fmt.Errorf("%w: name of the log %q: %w", ledger.ErrInvalid, origin, err)
	}
	return v, nil
}

// NextLogKey makes a key that will take the place of the one that signs the
// log, and gives the verifier keys of both. It does so when a record is appended
// that says it, which may need signatures of others first. Until then, a key
// that was made waits and is given again.
//
// At every kill the folder has the old key in use, or the record and the new
// one: ledger.json names the new key before there is a record, and the next
// writer finishes what was begun.
func (s *Store) NextLogKey(passphrase []byte, source string) (old, next string, err error) {
	if s.chain != nil {
		return "", "", fmt.Errorf("%w: the organisations of a ledger on Fabric sign its heads", ledger.ErrInvalid)
	}
	unlock, err := s.lock(unix.LOCK_EX)
	if err != nil {
		return "", "", err
	}
	defer unlock()
	if err := s.unchanged(); err != nil {
		return "", "", err
	}
	if s.Next == nil {
		if err := s.makeNext(passphrase, source); err != nil {
			return "", "", err
		}
	}
	return s.Config.Log[0], s.Next.Log, nil
}

// makeNext makes the key and names it in ledger.json.
func (s *Store) makeNext(passphrase []byte, source string) error {
	k, err := keys.Generate(keys.Ed25519)
	if err != nil {
		return err
	}
	name, err := vkey(s.Origin, k)
	if err != nil {
		return err
	}
	file := "log-" + k.Public().ID()[:16] + ".key"
	if err := keys.Create(s.path(file), k, passphrase); err != nil {
		return err
	}
	s.Next = &NextKey{Log: name, LogKey: LogKey{File: file, Passphrase: source}}
	if err := s.save(); err != nil {
		return err
	}
	s.text, err = s.marshal() // the log goes on with the same key
	return err
}

// finishRotation lets the next key sign if the ledger says that it does.
func (s *Store) finishRotation(ctx context.Context) (bool, error) {
	unlock, err := s.lock(unix.LOCK_EX)
	if err != nil {
		return false, err
	}
	defer unlock()
	if s.unchanged() != nil {
		return true, nil // somebody else has: it is read again
	}
	head, err := s.Log.Head(ctx)
	if err != nil {
		return false, err
	}
	for e, err := range s.Log.Find(ctx, head.Size, 0, ledger.Key{Name: audit.KeyEvent, Value: string(audit.KeyRotated)}) {
		if err != nil {
			return false, err
		}
		if s.rotatesLog(e.Record) {
			return true, s.promote()
		}
	}
	return false, nil
}

// rotatesLog reports whether a record puts the next key in the place of the one
// that signs.
func (s *Store) rotatesLog(record []byte) bool {
	if s.Next == nil {
		return false
	}
	r, err := audit.Open(record)
	return err == nil && r.Predicate().Key != nil &&
		r.Predicate().Key.Log == s.Next.Log && r.Predicate().Key.Old == s.Config.Log[0]
}

// promote lets the next key sign, from the next opening on.
func (s *Store) promote() error {
	s.Config.Log = append([]string{s.Next.Log}, s.Config.Log...)
	s.LogKey, s.Next, s.Mirror = s.Next.LogKey, nil, nil
	return s.save()
}

func (s *Store) save() error {
	text, err := s.marshal()
	if err != nil {
		return err
	}
	return durable.WriteFile(filepath.Join(s.dir, configName), text, 0o644)
}

// errChanged says that ledger.json is not what it was when the log was opened.
var errChanged = errors.New("ledger.json has changed meanwhile")

func (s *Store) unchanged() error {
	text, err := durable.ReadFile(filepath.Join(s.dir, configName))
	if err == nil && string(text) != string(s.text) {
		err = errChanged
	}
	return err
}

// lock locks the folder: shared for an append, so that no key signs on after
// the record that replaced or revoked it; exclusive for such a record, and for a
// change of ledger.json. It is released if the process dies.
func (s *Store) lock(how int) (unlock func(), err error) {
	dir, err := os.Open(s.dir)
	if err != nil {
		return nil, err
	}
	return lock(dir, how)
}

// lock locks an open file or folder; unlock closes it.
func lock(f *os.File, how int) (unlock func(), err error) {
	for {
		err = unix.Flock(int(f.Fd()), how)
		if err != unix.EINTR {
			break
		}
	}
	if err != nil {
		f.Close()
		return nil, &os.PathError{Op: "flock", Path: f.Name(), Err: err}
	}
	return func() { f.Close() }, nil
}
