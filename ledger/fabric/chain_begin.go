package fabric

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/fabric/internal/tree"
	"github.com/mmaudit/mmaudit/ledger/fabric/internal/wire"
)

// begin reads the log as one peer has it: the right edge of what is sealed, and
// the rest. Others that answer must have the same.
func (l *Ledger) begin(ctx context.Context, e *endpoint) error {
	type answer struct {
		tip  tip
		rest wire.Rest
		err  error
	}
	others := make(chan answer, len(l.peers))
	asked := 0
	patience := less
	for _, o := range l.peers {
		if o == e {
			continue
		}
		if !l.start(func() {
			var a answer
			if a.tip, a.err = l.tip(l.ctx, o); a.err == nil {
				a.err = l.ask(l.ctx, o, &a.rest, wire.Tail)
			}
			others <- a
		}) {
			return ledger.ErrClosed
		}
		asked++
		patience = max(patience, l.patience(o))
	}
	before, err := l.tip(ctx, e)
	if err != nil {
		return err
	}
	var rest wire.Rest
	if err := l.ask(ctx, e, &rest, wire.Tail); err != nil {
		return err
	}
	after, err := l.tip(ctx, e)
	if err != nil {
		return err
	}
	blocks, err := l.between(ctx, e, before.height, after.height)
	if err != nil {
		return err
	}
	lowest, near, far := before, false, false
	for late := time.After(patience); asked > 0; asked-- {
		select {
		case other := <-others:
			if other.err != nil {
				continue // one peer is enough
			}
			if err := sameLog(rest, other.rest); err != nil {
				return err
			}
			if other.tip.height+recent < before.height {
				far = true
				continue
			}
			if near = true; other.tip.height < lowest.height {
				lowest = other.tip
			}
			continue
		case <-late:
		case <-ctx.Done():
			return ctx.Err()
		}
		break
	}
	if far && !near {
		return fmt.Errorf("it says that it has %d blocks, and no other peer is near: another one is begun with", before.height)
	}
	// A number of blocks that nobody else has yet would keep those that come from
	// being read and compared. So what lies between must be there.
	skipped, err := l.between(ctx, e, lowest.height, before.height)
	if err != nil {
		return err
	}
	return l.chain.begin(lowest, skipped, before, rest, blocks, l.profile.Chaincode)
}

// between reads the blocks [from, to) of a peer that has them.
func (l *Ledger) between(ctx context.Context, e *endpoint, from, to uint64) ([]*block, error) {
	var all []*block
	if from >= to {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(l.profile.Timeouts.Evaluate)) // it may not have them, whatever it says
	defer cancel()
	for text, err := range e.blocks(ctx, from) {
		if err != nil {
			return nil, err
		}
		b, err := parseBlock(text)
		if err != nil {
			return nil, err
		}
		if b.number != from+uint64(len(all)) {
			return nil, fmt.Errorf("%w: block %d in place of block %d", ledger.ErrCorrupt, b.number, from+uint64(len(all)))
		}
		if all = append(all, &b); b.number+1 == to {
			return all, nil
		}
	}
	return nil, errors.New("the stream of blocks has ended")
}

// sealedTree gives the tree of what is sealed.
func sealedTree(rest wire.Rest) (*tree.Tree, error) {
	if rest.Tiles < 0 || rest.Tiles > math.MaxUint32 {
		return nil, fmt.Errorf("%w: %d tiles", ledger.ErrCorrupt, rest.Tiles)
	}
	size := rest.Tiles * wire.TileWidth
	below, err := rest.Edge.Reader(size)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ledger.ErrCorrupt, err)
	}
	return tree.New(size, below), nil
}

// sameLog holds what two peers say of the log against each other, as far as both
// have it.
func sameLog(a, b wire.Rest) error {
	type part struct {
		tree    *tree.Tree
		records []wire.Record
	}
	var parts []part
	for _, rest := range []wire.Rest{a, b} {
		sealed, err := sealedTree(rest)
		if err != nil {
			return err
		}
		p := part{tree: sealed}
		for _, t := range rest.Log {
			for _, r := range t.Records {
				leaf, err := parse(r)
				if err != nil {
					return fmt.Errorf("%w: transaction %s: %w", ledger.ErrCorrupt, t.ID, err)
				}
				if err := p.tree.Add(leaf.leaf); err != nil {
					return err
				}
				p.records = append(p.records, r)
			}
		}
		parts = append(parts, p)
	}
	base := max(parts[0].tree.Base(), parts[1].tree.Base())
	size := min(parts[0].tree.Size(), parts[1].tree.Size())
	if size < base {
		return nil // one is far behind
	}
	var roots [2]tlog.Hash
	var records [2][]wire.Record
	for i, p := range parts {
		var err error
		if roots[i], err = p.tree.Root(base); err != nil {
			return err
		}
		records[i] = p.records[base-p.tree.Base() : size-p.tree.Base()]
	}
	same := func(a, b wire.Record) bool { return a.ID == b.ID && a.Hash == b.Hash && slices.Equal(a.Keys, b.Keys) }
	if roots[0] != roots[1] || !slices.EqualFunc(records[0], records[1], same) {
		return fmt.Errorf("%w: peers do not have the same first %d records", ledger.ErrCorrupt, size)
	}
	return nil
}
