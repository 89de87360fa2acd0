package fabric

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/fabric/endorsed"
	"github.com/mmaudit/mmaudit/ledger/fabric/internal/wire"
)

// signed is the head that was signed last. The zero value is none.
type signed struct {
	mu   sync.Mutex // guards head
	head ledger.Head
}

// attempts is how many times at least organisations can be asked for a head.
const attempts = 8

// Endorse has peers sign a head of this ledger, under the name that it bears:
// the result is the same head, and its note is signed for the key of the
// profile. Any size that the ledger has had will do. Nothing is written on the
// chain, so that readers may ask.
//
// Peers that are behind, or do not agree yet, are asked again as long as
// Timeouts.Endorse says. It is ErrNoKey if the profile does not say whose word
// counts, and ErrRollback if peers sign another tree of this size.
func (l *Ledger) Endorse(ctx context.Context, head ledger.Head) (ledger.Head, error) {
	if err := l.alive(ctx); err != nil {
		return ledger.Head{}, err
	}
	text := head.Text()
	l.signed.mu.Lock()
	last := l.signed.head
	l.signed.mu.Unlock()
	if last.Note != nil && bytes.Equal(last.Text(), text) {
		return last, nil
	}
	within, cancel := l.within(ctx)
	defer cancel()
	note, err := l.sign(within, head, text)
	if err != nil {
		return ledger.Head{}, l.because(ctx, err)
	}
	head.Note = note
	l.signed.mu.Lock()
	defer l.signed.mu.Unlock()
	l.signed.head = head
	return head, nil
}

func (l *Ledger) sign(ctx context.Context, head ledger.Head, text []byte) ([]byte, error) {
	k, cas, err := l.profile.key(head.Origin)
	if err != nil {
		return nil, err
	}
	limit := time.Duration(l.profile.Timeouts.Endorse)
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	sets := endorsers(k)
	began, wait := time.Now(), 10*time.Millisecond
	var unfit error // what was endorsed last and is no signature: it says more than that the time ran out
	for attempt := 0; ; attempt++ {
		var tx *transaction
		err := l.anyPeer(ctx, func(e *endpoint) (err error) {
			// A peer that hangs costs a part of the time only.
			within, cancel := context.WithTimeout(ctx, limit/attempts)
			defer cancel()
			tx, err = e.endorse(within, call{
				chaincode: l.profile.Chaincode, function: wire.Checkpoint,
				args:          [][]byte{[]byte(head.Origin), strconv.AppendInt(nil, head.Size, 10)},
				organisations: sets[attempt%len(sets)],
			})
			return err
		})
		var note []byte
		if err == nil {
			if !bytes.Equal(tx.result, text) {
				return nil, fmt.Errorf("%w: peers sign another tree of %d records", ledger.ErrRollback, head.Size)
			}
			if note, err = k.Sign(tx.envelope, cas); err == nil {
				return note, nil
			}
			unfit = err
		}
		// That it does not have so many records yet is what a peer says that is behind.
		// That one peer will never answer leaves others, for other organisations.
		if r := (*refusal)(nil); errors.As(err, &r) && r.status != wire.NotFound {
			return nil, err
		}
		if final(err) && (attempt+1 >= len(sets) || !errors.Is(err, errUnavailable)) {
			return nil, err
		}
		if ctx.Err() == nil {
			l.tell(began, err)
		}
		if pause(ctx, wait) != nil {
			if unfit != nil {
				err = unfit
			}
			return nil, fmt.Errorf("head not signed within %v: %w", limit, err)
		}
		wait = min(2*wait, time.Second)
	}
}

// endorsers are the organisations that may be asked, in turn: as the policy of
// the chaincode has it, and in case that these are too few for the key, or not
// of it, as many of the key's as it needs.
func endorsers(k *endorsed.Key) [][]string {
	sets := [][]string{nil}
	for first := range k.Organisations {
		var set []string
		for i := range k.Need {
			set = append(set, k.Organisations[(first+i)%len(k.Organisations)].MSP)
		}
		sets = append(sets, set)
	}
	return sets
}
