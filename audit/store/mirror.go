package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/internal/durable"
	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/fabric/endorsed"
	"github.com/mmaudit/mmaudit/ledger/tlog"
)

var (
	// ErrMirror: the ledger is a mirror, to which nobody but its source appends.
	// It is ledger.ErrReadOnly too.
	ErrMirror = fmt.Errorf("%w: it is a mirror of another one", ledger.ErrReadOnly)
	// ErrNoSiteKey: site.key is missing, without which a ledger cannot go on.
	ErrNoSiteKey = errors.New("site.key is not here")
	// ErrPartial is a mirror of which the first copy was cut short.
	ErrPartial = errors.New("a copy into this folder was cut short")
)

// A Mirror, in ledger.json, says that the folder follows another ledger: it has
// the checkpoints of that one and no key to make any.
type Mirror struct {
	// Unfinished is there until all was copied for the first time.
	Unfinished bool `json:"unfinished,omitempty"`
}

// A Source is what a mirror is made of.
type Source struct {
	Ledger ledger.Ledger
	Head   ledger.Head // of it, signed by one of Log
	// Log are the verifier keys of its checkpoints, the newest first.
	Log       []string
	Witnesses []Witness // those of whom Quorum must have cosigned
	Quorum    int
}

// MirrorTo makes, in a folder that it creates if need be, a mirror of a ledger,
// or brings one that is there up to its head. Documents, if not nil, is called
// before there is a record that was not there: it brings the documents. Progress,
// if not nil, is told how many records are there.
//
// A folder with anything but a mirror of this ledger is ledger.ErrExists, a
// mirror that the ledger does not continue ledger.ErrRollback; nothing is
// changed then. A mirror that was cut short is, at every moment, what it was
// before, or ErrPartial, and goes on where it was.
func MirrorTo(ctx context.Context, dir string, from Source, o Options, documents func(Blobs) error, progress func(records int64)) error {
	old, err := mirrorAt(dir, from.Head.Origin)
	if err != nil {
		return err
	}
	s := &Store{dir: dir, Config: Config{V: 1, Origin: from.Head.Origin, Log: from.Log, Quorum: from.Quorum, Mirror: &Mirror{Unfinished: old == nil || old.Mirror.Unfinished}}}
	for _, w := range from.Witnesses {
		s.Witnesses = append(s.Witnesses, Witness{Key: w.Key}) // it is the log that asks them
	}
	if old != nil && !old.Mirror.Unfinished { // what it has may be signed by a key that the source has forgotten
		for _, vkey := range old.Log {
			if !slices.Contains(s.Config.Log, vkey) {
				s.Config.Log = append(s.Config.Log, vkey)
			}
		}
	}
	options, err := s.options(ctx, Options{Pins: o.Pins})
	if err != nil {
		return err
	}
	if err := durable.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	unlock, err := s.lock(unix.LOCK_EX | unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return fmt.Errorf("%s: another process copies into it", dir)
	}
	if err != nil {
		return err
	}
	defer unlock()
	// Another process may have been there.
	if again, err := mirrorAt(dir, from.Head.Origin); err != nil {
		return err
	} else if again != nil && !again.Mirror.Unfinished {
		s.Mirror.Unfinished = false
	}
	// New keys are there before a checkpoint that one of them has signed. Of an
	// old mirror the ones that it has must be kept until then.
	if old == nil || !slices.Equal(old.Log, s.Config.Log) {
		if err := s.save(); err != nil {
			return err
		}
	}
	if documents != nil {
		if err := documents(NewBlobs(filepath.Join(dir, blobDir))); err != nil {
			return err
		}
	}
	if err := tlog.Mirror(ctx, filepath.Join(dir, logDir), options, from.Ledger, from.Head, progress); err != nil {
		return err
	}
	if !s.Mirror.Unfinished && old != nil && slices.Equal(old.Witnesses, s.Witnesses) && old.Quorum == s.Quorum {
		return nil
	}
	s.Mirror.Unfinished = false
	return s.save()
}

// mirrorAt gives the description of the mirror in a folder; nil if the folder
// has nothing of a ledger.
func mirrorAt(dir, origin string) (*Config, error) {
	text, err := durable.ReadFile(filepath.Join(dir, configName))
	if errors.Is(err, fs.ErrNotExist) {
		for _, name := range []string{logDir, logKeyName, siteName, blobDir} {
			if _, err := os.Lstat(filepath.Join(dir, name)); !errors.Is(err, fs.ErrNotExist) {
				return nil, errors.Join(fmt.Errorf("%w: %s", ledger.ErrExists, filepath.Join(dir, name)), err)
			}
		}
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	c, err := ParseConfig(text)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, configName), err)
	case c.Mirror == nil:
		return nil, fmt.Errorf("%w: %s is a ledger of its own, %q", ledger.ErrExists, dir, c.Origin)
	case c.Origin != origin:
		return nil, fmt.Errorf("%w: %s is a mirror of %q, not of %q", ledger.ErrExists, dir, c.Origin, origin)
	case c.Next != nil:
		return nil, fmt.Errorf("%w: %s is about to go on by itself: a key of its own was made for it", ledger.ErrExists, dir)
	}
	return &c, nil
}

// SizeAt tells what MirrorTo would find in a folder: whether there is a mirror
// of the ledger with this name, and how many records it has.
func SizeAt(ctx context.Context, dir, origin string, o Options) (size int64, there bool, err error) {
	c, err := mirrorAt(dir, origin)
	if err != nil || c == nil {
		return 0, false, err
	}
	if c.Mirror.Unfinished {
		return 0, true, nil
	}
	s, err := open(ctx, dir, Options{Pins: o.Pins})
	if err != nil {
		return 0, true, err
	}
	defer s.Close()
	head, err := s.Log.Head(ctx)
	return head.Size, true, err
}

// TakeOver makes, for the mirror in a folder, a key of its own, unless one was
// made. Once a record has put it in the place of the key of the other ledger's
// log (see NextLogKey), the folder is a ledger of its own; nothing else can be
// appended before. It does nothing to what is no mirror.
//
// Without the site.key of the other ledger it is ErrNoSiteKey: under another one,
// hyper-parameters that are there could not be verified. On Fabric everybody who
// records has one, so that the mirror of such a ledger gets one too.
func TakeOver(dir string, passphrase []byte, source string) error {
	s := &Store{dir: dir}
	if _, err := os.Stat(filepath.Join(dir, configName)); err != nil {
		return nil // opening says so
	}
	unlock, err := s.lock(unix.LOCK_EX)
	if err != nil {
		return err
	}
	defer unlock()
	text, err := durable.ReadFile(filepath.Join(dir, configName))
	if err != nil {
		return err
	}
	if s.Config, err = ParseConfig(text); err != nil {
		return fmt.Errorf("%s: %w", filepath.Join(dir, configName), err)
	}
	if s.Mirror == nil || s.Mirror.Unfinished || s.Next != nil {
		return nil
	}
	_, err = s.SiteKey()
	if errors.Is(err, fs.ErrNotExist) {
		if !s.WasOnFabric() {
			return fmt.Errorf("%s: %w", dir, ErrNoSiteKey)
		}
		_, err = s.ownSiteKey()
	}
	if err != nil {
		return err
	}
	return s.makeNext(passphrase, source)
}

// WasOnFabric reports whether the organisations of a network signed the log of
// this folder at some time, so that it has records of many who each had their
// site.key.
func (c *Config) WasOnFabric() bool { return slices.ContainsFunc(c.Log, endorsed.IsKey) }

// mayAppend refuses to append to a mirror what does not end that it is one.
func (s *Store) mayAppend(record []byte) error {
	if s.Mirror == nil || s.rotatesLog(record) {
		return nil
	}
	r, err := audit.Open(record)
	if err == nil && r.Predicate().Key != nil {
		return fmt.Errorf("%w: and this record does not put the key that was made for it in the place of the other's", ErrMirror)
	}
	return ErrMirror
}
