package fabric

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/fabric/internal/wire"
)

// A transport speaks to one peer. Those above it know nothing of the client that
// it is, and it knows nothing of ledgers. Its methods may be called concurrently.
type transport interface {
	// evaluate has the peer alone answer, and changes nothing.
	evaluate(context.Context, call) ([]byte, error)

	// endorse has peers of as many organisations as the chaincode's policy asks
	// for, or of those that the call names, answer alike and sign it.
	endorse(context.Context, call) (*transaction, error)

	// blocks yields the blocks from a number on, each the bytes of a
	// common.Block, and waits for more. It ends when the peer gives no more, or
	// with an error as its last pair.
	blocks(ctx context.Context, from uint64) iter.Seq2[[]byte, error]

	close() error
}

// A call is one of a function of a chaincode.
type call struct {
	chaincode     string
	function      string
	args          [][]byte
	organisations []string // MSP ids of those that are to endorse, if not as the policy has it
}

// A transaction is one that was endorsed.
type transaction struct {
	id       string
	result   []byte // what the chaincode answered
	envelope []byte // a common.Envelope with the endorsements; it need not be signed

	// commit has it ordered and waits until the peer has found it valid. What is
	// not valid is an error.
	commit func(context.Context) error
}

// Kinds of errors of a transport, by errors.Is, besides a refusal. Of others
// nothing is known: what failed may succeed when it is tried again.
var (
	// errUnavailable: the peer cannot be reached, or does not answer in time.
	// Another may.
	errUnavailable = errors.New("unavailable")
	// errFinal: the network knows the client and does not let it in, or cannot
	// make sense of what it asks. It would come again.
	errFinal = errors.New("final")
)

// A failure is an error of one of these kinds, or of none, in words for people.
type failure struct {
	kind  error // may be nil
	says  string
	cause error
}

func (f *failure) Error() string { return f.says }

func (f *failure) Unwrap() []error {
	if f.kind == nil {
		return []error{f.cause}
	}
	return []error{f.kind, f.cause}
}

// fail makes an error of a kind, or of the one that its words betray.
func fail(kind error, says string, cause error) error {
	switch {
	case strings.Contains(says, "access denied"):
		kind = errFinal
	case strings.Contains(says, "authentication handshake failed: ") && strings.Contains(says, "tls: "):
		// Not one that broke off: so does that with a peer that dies.
		kind = errors.Join(errUnavailable, errFinal) // but another peer may do
	}
	return &failure{kind, plain(says), cause}
}

// A refusal is what the chaincode answered.
type refusal struct {
	status  int // of package wire
	message string
}

func (r *refusal) Error() string { return r.message }

// Is makes a refusal the condition of package ledger that it stands for.
func (r *refusal) Is(target error) bool {
	switch r.status {
	case wire.Conflict:
		return target == ledger.ErrConflict
	case wire.TooLarge:
		return target == ledger.ErrTooLarge
	case wire.Invalid:
		return target == ledger.ErrInvalid
	case wire.Forbidden:
		return target == ledger.ErrReadOnly
	}
	return false
}

// pause waits before something is tried again, about so long: those that got in
// each other's way must not do so again. Its error is that of ctx.
func pause(ctx context.Context, wait time.Duration) error {
	select {
	case <-time.After(wait/2 + rand.N(wait)):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// final reports whether an error would come again.
func final(err error) bool {
	return errors.Is(err, errFinal) || errors.Is(err, ledger.ErrCorrupt) || errors.Is(err, ledger.ErrRollback)
}

// ended reports whether an error would come again, however often one tries. What
// a peer does not have yet, it will.
func ended(err error) bool {
	var r *refusal
	return errors.Is(err, ledger.ErrClosed) || errors.As(err, &r) && r.status != wire.NotFound || final(err)
}

// An endpoint is a peer of the profile.
type endpoint struct {
	address string
	transport

	height atomic.Uint64 // blocks that it is known to have
	asked  atomic.Int32  // questions for its newest block that are not answered yet
	absent atomic.Bool   // it was waited for in vain the last time
}

// ordered gives the peers, the one that answered last first, and last those that
// hang.
func (l *Ledger) ordered() []*endpoint {
	n := int(l.preferred.Load())
	var here, absent []*endpoint
	for _, e := range slices.Concat(l.peers[n:], l.peers[:n]) {
		if e.absent.Load() {
			absent = append(absent, e)
		} else {
			here = append(here, e)
		}
	}
	return append(here, absent...)
}

// anyPeer calls f with one peer after the other while they cannot be reached, or
// do not answer in time.
func (l *Ledger) anyPeer(ctx context.Context, f func(*endpoint) error) error {
	var err error
	for _, e := range l.ordered() {
		if err = f(e); ctx.Err() != nil || !errors.Is(err, errUnavailable) && !errors.Is(err, context.DeadlineExceeded) {
			l.preferred.Store(int32(slices.Index(l.peers, e)))
			return err
		}
		err = fmt.Errorf("peer %s: %w", e.address, err)
	}
	return err
}

// evaluate asks one peer, and changes nothing.
func (l *Ledger) evaluate(ctx context.Context, e *endpoint, function string, args ...[]byte) ([]byte, error) {
	return l.evaluateOf(ctx, e, l.profile.Chaincode, function, args...)
}

func (l *Ledger) evaluateOf(ctx context.Context, e *endpoint, chaincode, function string, args ...[]byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(l.profile.Timeouts.Evaluate))
	defer cancel()
	return e.evaluate(ctx, call{chaincode: chaincode, function: function, args: args})
}

// ask asks one peer for what is JSON.
func (l *Ledger) ask(ctx context.Context, e *endpoint, answer any, function string, args ...[]byte) error {
	text, err := l.evaluate(ctx, e, function, args...)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, answer); err != nil {
		return fmt.Errorf("%w: the answer to %s: %w", ledger.ErrCorrupt, function, err)
	}
	return nil
}

// endorse has a call endorsed as the policy of the chaincode has it.
func (l *Ledger) endorse(ctx context.Context, e *endpoint, function string, args ...[]byte) (*transaction, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(l.profile.Timeouts.Endorse))
	defer cancel()
	return e.endorse(ctx, call{chaincode: l.profile.Chaincode, function: function, args: args})
}

// tip asks a peer for its newest block.
func (l *Ledger) tip(ctx context.Context, e *endpoint) (tip, error) {
	text, err := l.evaluateOf(ctx, e, "qscc", "GetChainInfo", []byte(l.profile.Channel))
	if err != nil {
		return tip{}, err
	}
	return parseTip(text)
}
