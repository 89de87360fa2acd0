// Package fabric is the engine of ledger.Ledger on a channel of Hyperledger
// Fabric 2.5, whose peers run the contract of ledger/fabric/chaincode. It speaks
// to the Gateway service of peers or, on networks older than 2.4, through the
// program auditlog-fabric-sdk; all that follows is above either.
//
// # Order
//
// The order of records is that of their transactions on the chain, which the
// ordering service fixes and every peer repeats. An index is a record's place in
// it. The chain seals each 256 of them: their hashes in tiles of C2SP tlog-tiles,
// and which of them have an index key. A client begins with the right edge of that
// tree and the log after it (names and leaf hashes, in order), follows the blocks
// of one peer from there on, and keeps the RFC 6962 tree. Older hashes are read
// from tiles when they are needed, and checked against the tree; records are read
// when they are asked for, and checked against their leaf.
//
// # Guarantees
//
// Append returns when the transaction is valid on a peer, and not before: what
// the ordering service has merely accepted can be lost. It waits for the other
// peers of the profile too, if they can be reached and keep up, so that no single
// peer that dies takes an acknowledged record out of sight. It asks for
// endorsement until the network has taken the record or refused it, or time is up.
//
// Each block must name the one before it by its hash, also when another peer
// goes on with the stream: when the first one's ends, or hangs while others have
// more. Head asks every peer of the profile for its newest block, waits until the
// chain has been read that far, and until no peer has less: so it covers what was
// acknowledged through any of them that can be reached now. Peers that do not have
// the same chain are ErrRollback.
//
// Nothing proves what the index does not list. Find asks all peers that keep up
// for what is sealed, and they must list the same, or it is ErrCorrupt; so they
// must say the same of the log when a client begins. Of one peer alone, only what
// contradicts itself is found out. What stands behind a head is the word of the
// peers that were asked, over TLS; Endorse has organisations sign it.
//
// Decision 0027 says which levels of consistency there are, and what is left.
//
// # Parts
//
// Files are named by the part that they belong to. profile says who one is, which
// peers there are, and whose word counts. transport speaks to a peer, in two ways.
// chain reads blocks and keeps the tree. append, read, head and anchor are what
// one asks of a ledger. doctor finds what keeps a network from answering.
package fabric

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mmaudit/mmaudit/ledger"
)

// A Ledger is a connection to a channel. It implements ledger.Ledger.
type Ledger struct {
	// Tell, if not nil, is told why a record is not stored, or a head not signed,
	// for so long already, each time before that is tried again. It may be called
	// concurrently, and must be set before other methods are called.
	Tell func(waited time.Duration, why error)

	profile *Profile
	keysOf  ledger.KeysOf
	peers   []*endpoint
	queue   chan *pending

	ctx    context.Context // ends with Close
	cancel context.CancelFunc

	mu      sync.Mutex // guards closed, and wg from growing once it is waited for
	closed  bool
	wg      sync.WaitGroup
	closing sync.Once
	result  error // of closing

	preferred atomic.Int32 // the peer that answered last
	source    source
	chain     chain
	tiles     tileCache
	found     int64        // mostFound, less in tests
	sealed    atomic.Int64 // tiles that this client found sealed; the chain may be read less far
	sealing   atomic.Bool
	signed    signed
}

var (
	_ ledger.Eventual = (*Ledger)(nil)
	_ ledger.Batcher  = (*Ledger)(nil)
)

// Open connects to the network of a profile. It waits for nothing: what cannot
// be reached is told by the first method that needs it.
func Open(p *Profile, keysOf ledger.KeysOf) (*Ledger, error) {
	who, err := p.identity()
	if err != nil {
		return nil, err
	}
	prepare := dialGateways
	if p.Client == "sdk" {
		prepare = prepareSDK
	}
	peers, err := prepare(p, who)
	if err != nil {
		return nil, err
	}
	return newLedger(p, keysOf, peers, kept), nil
}

// newLedger makes a ledger of connections to peers. It keeps so many sealed tiles
// of those that it sees being sealed.
func newLedger(p *Profile, keysOf ledger.KeysOf, peers []*endpoint, kept int64) *Ledger {
	l := &Ledger{profile: p, keysOf: keysOf, peers: peers, queue: make(chan *pending), found: mostFound, chain: chain{kept: kept}}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	l.start(l.dispatch)
	l.start(l.follow)
	l.start(l.watch)
	return l
}

// Close implements ledger.Ledger. Appends that are under way end with
// ErrClosed, and may have happened.
func (l *Ledger) Close() error {
	l.closing.Do(func() {
		l.mu.Lock()
		l.closed = true
		l.mu.Unlock()
		l.cancel()
		l.wg.Wait()
		var errs []error
		for _, e := range l.peers {
			errs = append(errs, e.close())
		}
		l.result = errors.Join(errs...)
	})
	return l.result
}

// start runs f beside; Close waits for it. It reports whether it did: not when
// the ledger is closed.
func (l *Ledger) start(f func()) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.wg.Go(f)
	}
	return !l.closed
}

// tell tells why what began then is tried again.
func (l *Ledger) tell(began time.Time, why error) {
	if l.Tell != nil {
		l.Tell(time.Since(began), why)
	}
}

// alive tells why nothing can be done any more.
func (l *Ledger) alive(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if l.ctx.Err() != nil {
		return ledger.ErrClosed
	}
	return nil
}

// within gives a context that ends with ctx, or with the ledger.
func (l *Ledger) within(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(l.ctx, cancel)
	return ctx, func() { stop(); cancel() }
}

// because says of an error what the caller must know: that its ctx has ended,
// or the ledger is closed.
func (l *Ledger) because(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if stop := l.alive(ctx); stop != nil {
		return stop
	}
	return err
}
