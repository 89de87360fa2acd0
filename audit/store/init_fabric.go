package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/fabric"
)

// initFabric begins a ledger on the channel of a profile with its first record.
func initFabric(ctx context.Context, file string, o InitOptions) (*Store, error) {
	if len(o.Witnesses) > 0 {
		return nil, fmt.Errorf("%w: witnesses cosign checkpoints of a log in a folder; those of a ledger on Fabric are signed by organisations", ledger.ErrInvalid)
	}
	if o.LogPassphrase != nil {
		return nil, fmt.Errorf("%w: a ledger on Fabric has no key of checkpoints that could be encrypted", ledger.ErrInvalid)
	}
	p, l, err := connect(file, Options{Write: true, Tell: o.Tell})
	if err != nil {
		return nil, err
	}
	s, err := initChain(ctx, p, l, o)
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return s, nil
}

func initChain(ctx context.Context, p *fabric.Profile, l *fabric.Ledger, o InitOptions) (*Store, error) {
	if o.Origin != "" && p.Origin != "" && o.Origin != p.Origin {
		return nil, fmt.Errorf("%w: it is to be called %q, and %s calls it %q", ErrOrigin, o.Origin, p.File(), p.Origin)
	}
	origin := cmp.Or(o.Origin, p.Origin, randomOrigin())
	if err := CheckOrigin(origin); err != nil {
		return nil, err
	}
	key, err := p.Key(origin)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrProfile, err)
	}
	head, err := l.Head(ctx)
	if err != nil {
		return nil, err
	}
	if head.Size > 0 {
		return nil, fmt.Errorf("%w: channel %q, chaincode %q", ledger.ErrExists, p.Channel, p.Chaincode)
	}
	seen, err := markOf(p, origin, o.Pins)
	if err != nil {
		return nil, err
	}
	if h, err := seen.read(); err != nil {
		return nil, err
	} else if h.Size > 0 {
		return nil, fmt.Errorf("%w: a ledger with %d records was here; remove %s if it was given up", ledger.ErrRollback, h.Size, seen.name)
	}
	genesis, err := o.Genesis(origin, key.String())
	if err != nil {
		return nil, err
	}
	// Of two that begin at the same time, the chaincode refuses the second.
	if _, err := l.Append(ctx, genesis); err != nil {
		return nil, err
	}
	s, err := openChain(ctx, p, l, Options{Write: true, Pins: o.Pins})
	if err != nil {
		return nil, err
	}
	_, err = s.ForRecords()
	return s, err
}

// NetworkKey is the verifier key of the organisations that the profile of a
// ledger on Fabric names: what signs its heads once a record says so.
func (s *Store) NetworkKey() (string, error) {
	if s.chain == nil {
		return "", fmt.Errorf("%w: %s is a folder", ledger.ErrInvalid, s.dir)
	}
	key, err := s.chain.profile.Key(s.Origin)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrProfile, err)
	}
	return key.String(), nil
}
