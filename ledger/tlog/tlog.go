// Package tlog is a ledger on local disk: a transparency log in the tiled
// layout of C2SP tlog-tiles (https://c2sp.org/tlog-tiles), so that software not
// written by us verifies its folder.
//
//	checkpoint                    the signed head (C2SP tlog-checkpoint)
//	tile/L/NNN[.p/W]              hashes, 256 to a tile; W of them if not full
//	tile/entries/NNN[.p/W]        records, 256 to a bundle, each with a u16 length
//	index/L/NNN  index/tail.N     where keys are; derived, never trusted
//	cosigned/ID                   the newest checkpoint that a witness cosigned
//	lock                          flocked by a writer; never unlinked
//
// docs/formats.md describes every byte.
//
// Guarantees:
//
//   - An append that returned is on disk: bundle and tiles are written first,
//     each durably, and then the checkpoint, whose rename is the commit. A crash
//     leaves the old log or the new.
//   - Nothing broken is signed: before each append, under the lock, the writer
//     checks the checkpoint's signature, all tiles of the right edge against its
//     root, and the bundle that it will extend against its leaf hashes.
//   - Nothing unchecked is returned: reads are checked against the checkpoint.
//   - Only [Init] makes a log. A lost checkpoint is an error, not a new log.
//   - A log that got shorter or changed its past is noticed by a high-water mark
//     ("pin") kept outside of the folder.
package tlog

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/mod/sumdb/note"

	"github.com/mmaudit/mmaudit/ledger"
)

// Options say how a log is opened.
type Options struct {
	// Verifiers are the keys whose signature makes a checkpoint valid; one of
	// them suffices, so that the older keys of a log stay readable. All bear
	// the name of the log, its origin. Required.
	Verifiers []note.Verifier

	// Signer signs new checkpoints; its key is one of Verifiers. Without it the
	// log can only be read.
	Signer note.Signer

	// KeysOf derives the keys of a record. Required.
	KeysOf ledger.KeysOf
	// KeysVersion changes when KeysOf answers otherwise than before: the index
	// is then made anew.
	KeysVersion uint32

	// Pins is a folder, outside of the log, for the high-water marks of all
	// logs that this user has seen; see DefaultPins. Empty: no protection
	// against a restored backup.
	Pins string

	// Witnesses are asked to cosign by Witness. No append waits for them.
	Witnesses []Witness
	// Quorum is how many of Witnesses must have cosigned the newest checkpoint
	// for Verify to be content.
	Quorum int
	// OnWitness, if not nil, has Witness called after appends, by a goroutine
	// that Close ends, and is told what it returned.
	OnWitness func([]Cosignature, error)
}

// NewKey returns signer and verifier of a log from an Ed25519 key.
func NewKey(origin string, key ed25519.PrivateKey) (note.Signer, note.Verifier, error) {
	v, err := NewVerifier(origin, key.Public().(ed25519.PublicKey))
	if err != nil {
		return nil, nil, err
	}
	return signer{v, key}, v, nil
}

// NewVerifier returns the verifier of a log from an Ed25519 public key.
func NewVerifier(origin string, key ed25519.PublicKey) (note.Verifier, error) {
	vkey, err := note.NewEd25519VerifierKey(origin, key)
	if err == nil {
		var v note.Verifier
		if v, err = note.NewVerifier(vkey); err == nil {
			return v, nil
		}
	}
	return nil, fmt.Errorf("%w: key of log %q: %w", ledger.ErrInvalid, origin, err)
}

type signer struct {
	note.Verifier
	key ed25519.PrivateKey
}

func (s signer) Sign(msg []byte) ([]byte, error) { return ed25519.Sign(s.key, msg), nil }

// DefaultPins returns the folder for pins in the state folder of the user:
// $XDG_STATE_HOME/auditlog/pins, or that below ~/.local/state.
func DefaultPins() (string, error) {
	state := os.Getenv("XDG_STATE_HOME")
	if !filepath.IsAbs(state) { // as the specification demands
		home, err := os.UserHomeDir()
		if err != nil {
			return "", err
		}
		state = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(state, "auditlog", "pins"), nil
}

// Log is a log in a folder.
type Log struct {
	dir       string // absolute, without symbolic links
	origin    string
	verifiers note.Verifiers
	o         Options
	disk      disk
	pin       *pin // nil without Options.Pins
	witnesses *witnesses

	requests chan []*request
	closing  chan struct{} // closed by Close
	stopped  chan struct{} // closed when the committer has ended
	close    sync.Once

	watch watcher

	mu      sync.Mutex             // guards what follows
	opened  ledger.Head            // the newest checkpoint that was verified
	marked  int64                  // size of the high-water mark that the first was held against
	derived map[segmentID]*segment // index segments that are not on disk

	committer committer // used by the committing goroutine alone
}

var (
	_ ledger.Ledger  = (*Log)(nil)
	_ ledger.Batcher = (*Log)(nil)
)

// Init makes an empty log in a folder, which it creates if need be, and opens
// it. Where a log is, or what is left of one, it is ErrExists; where one was
// seen before, ErrRollback.
func Init(ctx context.Context, dir string, o Options) (*Log, error) {
	return initialise(ctx, dir, o, durably)
}

func initialise(ctx context.Context, dir string, o Options, d disk) (*Log, error) {
	if err := d.Mkdir("", dir); err != nil {
		return nil, err
	}
	l, err := newLog(dir, o, d)
	if err != nil {
		return nil, err
	}
	if l.o.Signer == nil {
		return nil, ledger.ErrReadOnly
	}
	unlock, err := l.lock(ctx.Done())
	if err != nil {
		return nil, errors.Join(ctx.Err(), err)
	}
	defer unlock()
	for _, name := range []string{"checkpoint", "tile"} {
		if _, err := os.Lstat(filepath.Join(dir, name)); !errors.Is(err, fs.ErrNotExist) {
			return nil, errors.Join(fmt.Errorf("%w: %s", ledger.ErrExists, filepath.Join(dir, name)), err)
		}
	}
	seen, err := l.pin.read(l, ledger.Head{})
	if err != nil {
		return nil, err
	}
	if seen.Size > 0 {
		return nil, fmt.Errorf("%w: a log with %d records was here; remove %s if it was given up", ledger.ErrRollback, seen.Size, l.pin.name)
	}
	cp, err := l.sign(0, ledger.EmptyRoot())
	if err != nil {
		return nil, err
	}
	if err := d.WriteFile(l.dir, l.path("checkpoint"), cp); err != nil {
		return nil, err
	}
	return l.start(), nil
}

// Open opens the log in a folder. A folder without one is ErrNoLedger.
func Open(ctx context.Context, dir string, o Options) (*Log, error) {
	return open(ctx, dir, o, durably)
}

func open(ctx context.Context, dir string, o Options, d disk) (*Log, error) {
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %w", ledger.ErrNoLedger, err)
	}
	l, err := newLog(dir, o, d)
	if err != nil {
		return nil, err
	}
	// Refuse at once what every method would refuse.
	if _, err := l.Head(ctx); err != nil {
		return nil, err
	}
	return l.start(), nil
}

func newLog(dir string, o Options, d disk) (*Log, error) {
	if len(o.Verifiers) == 0 || o.KeysOf == nil {
		return nil, fmt.Errorf("%w: a log needs verifiers and KeysOf", ledger.ErrInvalid)
	}
	// The pin goes by the folder's own name, whichever way leads to it.
	dir, err := filepath.Abs(dir)
	if err == nil {
		dir, err = filepath.EvalSymlinks(dir)
	}
	if err != nil {
		return nil, err
	}
	origin := o.Verifiers[0].Name()
	signs := false
	for _, v := range o.Verifiers {
		if v.Name() != origin {
			return nil, fmt.Errorf("%w: verifiers of two logs, %q and %q", ledger.ErrInvalid, origin, v.Name())
		}
		signs = signs || o.Signer != nil && v.KeyHash() == o.Signer.KeyHash() && v.Name() == o.Signer.Name()
	}
	if o.Signer != nil && !signs {
		return nil, fmt.Errorf("%w: the signer's key is not among the verifiers of log %q", ledger.ErrInvalid, origin)
	}
	l := &Log{
		dir: dir, origin: origin, verifiers: note.VerifierList(o.Verifiers...), o: o, disk: d,
		derived:  map[segmentID]*segment{},
		requests: make(chan []*request, maxBatch),
		closing:  make(chan struct{}),
		stopped:  make(chan struct{}),
	}
	l.pin = newPin(o.Pins, dir, origin)
	l.witnesses, err = newWitnesses(o)
	return l, err
}

func (l *Log) start() *Log {
	if l.o.Signer == nil {
		close(l.stopped)
	} else {
		go l.commitAll()
	}
	if l.o.Signer != nil && l.o.OnWitness != nil {
		go l.witnessAll()
	} else {
		close(l.witnesses.ended)
	}
	return l
}

// Marked is the size at which this user had seen the log before it was opened; 0
// if there was no mark, so that it was held against nothing.
func (l *Log) Marked() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.marked
}

// Close ends feeds and waits for the commit in progress. Appends that it does
// not include are ErrClosed.
func (l *Log) Close() error {
	l.close.Do(func() { close(l.closing) })
	<-l.stopped
	<-l.witnesses.ended
	l.witnesses.client.CloseIdleConnections()
	return l.watch.close()
}

// Origin is the name of the log, as in its checkpoint.
func (l *Log) Origin() string { return l.origin }

// Dir is the folder of the log, absolute and without symbolic links.
func (l *Log) Dir() string { return l.dir }

func (l *Log) path(name string) string { return filepath.Join(l.dir, filepath.FromSlash(name)) }

func (l *Log) isClosed() bool {
	select {
	case <-l.closing:
		return true
	default:
		return false
	}
}
