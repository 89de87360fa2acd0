package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/internal/durable"
	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/fabric"
	"github.com/mmaudit/mmaudit/ledger/tlog"
)

// A chain is a ledger on Fabric under the name that its first record gives it,
// held against what this user has seen of it.
type chain struct {
	*fabric.Ledger
	profile *fabric.Profile
	origin  string
	newest  func(ctx context.Context, least int64) (ledger.Head, error)
	mark    mark
	marked  int64 // size of the mark when it was opened

	mu   sync.Mutex  // guards seen
	seen ledger.Head // the newest that was held against the mark
}

// openFabric opens the ledger of a profile.
func openFabric(ctx context.Context, file string, o Options) (*Store, error) {
	p, l, err := connect(file, o)
	if err != nil {
		return nil, err
	}
	s, err := openChain(ctx, p, l, o)
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return s, nil
}

// connect reads a profile. It waits for no network. Who is to append and may not
// is refused now: hashing may take hours before the chaincode says so.
func connect(file string, o Options) (*fabric.Profile, *fabric.Ledger, error) {
	p, err := fabric.LoadProfile(file)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrProfile, err)
	}
	if o.Write {
		switch may, err := p.MayAppend(); {
		case err != nil:
			return nil, nil, fmt.Errorf("%w: %w", ErrProfile, err)
		case !may:
			return nil, nil, fmt.Errorf("%w: %s: appending needs a certificate with the attribute auditlog.role=writer", ledger.ErrReadOnly, file)
		}
	}
	l, err := fabric.Open(p, audit.KeysOf)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrProfile, err)
	}
	l.Tell = o.Tell
	return p, l, nil
}

func openChain(ctx context.Context, p *fabric.Profile, l *fabric.Ledger, o Options) (*Store, error) {
	newest := func(ctx context.Context, least int64) (ledger.Head, error) {
		if o.Eventual {
			if head, err := l.Seen(ctx); err != nil || head.Size >= least {
				return head, err
			}
		}
		return l.Head(ctx)
	}
	head, err := newest(ctx, 1)
	if err != nil {
		return nil, err
	}
	origin := o.Empty
	if head.Size > 0 {
		if origin, err = originOf(ctx, p, l); err != nil {
			return nil, err
		}
	} else if origin == "" {
		return nil, fmt.Errorf("%w: channel %q, chaincode %q has no records yet", ledger.ErrNoLedger, p.Channel, p.Chaincode)
	}
	if p.Origin != "" && p.Origin != origin {
		return nil, fmt.Errorf("%w: channel %q, chaincode %q has %q, %s wants %q", ErrOrigin, p.Channel, p.Chaincode, origin, p.File(), p.Origin)
	}
	c := &chain{Ledger: l, profile: p, origin: origin, newest: newest}
	if c.mark, err = markOf(p, origin, o.Pins); err != nil {
		return nil, err
	}
	s := &Store{Config: Config{V: 1, Origin: origin}, Log: c, chain: c, dir: p.Dir(), o: o, Blobs: NewBlobs(filepath.Join(p.Dir(), blobDir))}
	seen, err := c.mark.read()
	if err != nil {
		return nil, err
	}
	c.marked = seen.Size
	if _, err := c.Head(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// originOf gives the name that the first record gives the ledger.
func originOf(ctx context.Context, p *fabric.Profile, l *fabric.Ledger) (string, error) {
	first, err := l.Get(ctx, 0)
	if err != nil {
		return "", err
	}
	r, err := audit.Open(first.Record)
	if err == nil && r.Predicate().Ledger == nil {
		err = fmt.Errorf("it is %s", r.Predicate().Event)
	}
	if err != nil {
		return "", fmt.Errorf("%w: channel %q, chaincode %q: %w: %w", ledger.ErrCorrupt, p.Channel, p.Chaincode, ErrFirst, err)
	}
	origin := r.Predicate().Ledger.Origin
	if err := CheckOrigin(origin); err != nil {
		return "", fmt.Errorf("%w: %w: %w", ledger.ErrCorrupt, ErrFirst, err)
	}
	return origin, nil
}

func markOf(p *fabric.Profile, origin, pins string) (mark, error) {
	if pins == "" {
		var err error
		if pins, err = tlog.DefaultPins(); err != nil {
			return mark{}, err
		}
	}
	// By the names that the network has for it: a profile may be moved, or
	// replaced by another one for the same ledger.
	return newMark(pins, FabricPrefix+p.Channel+"/"+p.Chaincode, origin), nil
}

// Append implements ledger.Ledger. What was acknowledged is marked, so that it
// cannot vanish unseen.
func (c *chain) Append(ctx context.Context, record []byte) (ledger.Receipt, error) {
	r, err := c.Ledger.Append(ctx, record)
	if err == nil {
		c.acknowledged(ctx)
	}
	return r, err
}

// AppendAll implements ledger.Batcher.
func (c *chain) AppendAll(ctx context.Context, records [][]byte) ([]ledger.Receipt, error) {
	r, err := c.Ledger.AppendAll(ctx, records)
	if err == nil {
		c.acknowledged(ctx)
	}
	return r, err
}

// acknowledged marks the newest head that was read. The record is there whether
// that succeeds or not; what is in the way, Head says.
func (c *chain) acknowledged(ctx context.Context) {
	if h, err := c.Seen(ctx); err == nil {
		h.Origin = c.origin
		_ = c.mark.raise(h)
	}
}

// Head implements ledger.Ledger. It is ErrRollback if the ledger does not go on
// from what this user has seen of it.
func (c *chain) Head(ctx context.Context) (ledger.Head, error) {
	c.mu.Lock()
	mine := c.seen
	c.mu.Unlock()
	marked, err := c.mark.read() // before the head that is held against it
	if err != nil {
		return ledger.Head{}, err
	}
	now, err := c.newest(ctx, max(mine.Size, marked.Size))
	if err != nil {
		return ledger.Head{}, err
	}
	now.Origin = c.origin
	now.Note = now.Text()
	if err := continues(ctx, c.Ledger, now, mine, "seen by this process"); err != nil {
		return ledger.Head{}, err
	}
	if err := continues(ctx, c.Ledger, now, marked, c.mark.name); err != nil {
		return ledger.Head{}, err
	}
	if marked.Size < now.Size {
		if err := c.mark.raise(now); err != nil {
			return ledger.Head{}, err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.seen.Size <= now.Size {
		c.seen = now
	}
	return now, nil
}

// appendOpen appends a record while anybody else may.
func (s *Store) appendOpen(ctx context.Context, record []byte, ok Ok) (ledger.Receipt, error) {
	head, err := s.Log.Head(ctx)
	if err != nil {
		return ledger.Receipt{}, err
	}
	if err := ok(ctx, s.Log, head.Size); err != nil {
		return ledger.Receipt{}, err
	}
	receipt, err := s.appendOnce(ctx, record)
	if err != nil || receipt.Known || receipt.Index == head.Size {
		return receipt, err
	}
	if err := ok(ctx, s.Log, receipt.Index); err != nil {
		return receipt, &Overtaken{receipt, err}
	}
	return receipt, nil
}

// ForRecords makes ready the folder of who makes records, and gives the key of
// commitments, see SiteKey. On Fabric both are made if they are not there; in
// the folder of a ledger Init has made them.
func (s *Store) ForRecords() ([]byte, error) {
	key, err := s.SiteKey()
	if s.chain == nil || !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	if err := durable.MkdirAll(s.dir, 0o755); err != nil {
		return nil, err
	}
	unlock, err := s.lock(unix.LOCK_EX)
	if err != nil {
		return nil, err
	}
	defer unlock()
	return s.ownSiteKey()
}

// ownSiteKey gives the key of commitments, and makes it if there is none. The
// folder must be locked.
func (s *Store) ownSiteKey() ([]byte, error) {
	key, err := s.SiteKey()
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	key = make([]byte, siteSize)
	rand.Read(key)
	return key, durable.WriteFile(filepath.Join(s.dir, siteName), key, 0o600)
}
