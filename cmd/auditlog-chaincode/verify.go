package main

import (
	"errors"
	"fmt"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/keys"
	"github.com/mmaudit/mmaudit/ledger/fabric/chaincode"
)

// created is where the chain keeps the digest of the record that began the
// ledger. No key has this id, nor chaincode.Origin.
const created = "ledger"

// verify is the chaincode.Verifier of records: their form, and that who is said
// to have signed did. Keys are those that records brought in, from the first one
// on. Whether a key was allowed to sign is for readers to judge (audit/trust): a
// refusal would hide that somebody tried.
func verify(record []byte, signer func(name string) ([]byte, error)) (map[string][]byte, error) {
	r, err := audit.Open(record)
	if err != nil {
		return nil, err
	}
	p := r.Predicate()
	began, err := signer(created)
	if err != nil {
		return nil, err
	}
	brought := map[string][]byte{}
	bring := func(k *audit.SignerKey) error {
		public, err := keys.ParsePublic(k.Public)
		if err == nil && (public.ID() != k.ID || string(public.Algorithm()) != k.Algorithm) {
			err = errors.New("it is not the key that its id names")
		}
		if err != nil {
			return fmt.Errorf("%w: key %.16s: %w", audit.ErrInvalid, k.ID, err)
		}
		brought[k.ID] = public.DER()
		return nil
	}
	switch begins := p.Event == audit.LedgerCreated; {
	case begins && began != nil:
		return nil, fmt.Errorf("%w: the ledger was created before, by record %.16s…", audit.ErrInvalid, began)
	case !begins && began == nil:
		return nil, fmt.Errorf("%w: the first record of a ledger is %s", audit.ErrInvalid, audit.LedgerCreated)
	case begins:
		brought[created] = []byte(r.Digest())
		brought[chaincode.Origin] = []byte(p.Ledger.Origin)
		for i := range p.Ledger.Keys {
			if err := bring(&p.Ledger.Keys[i]); err != nil {
				return nil, err
			}
		}
	case p.Key != nil && p.Key.New != nil:
		if err := bring(p.Key.New); err != nil {
			return nil, err
		}
	}

	// Of the keys that are known, all must have signed what they are said to
	// have. A first record is signed by keys that it brings itself.
	var known []keys.Public
	for _, s := range r.Envelope.Signatures {
		der, err := signer(s.KeyID)
		if err != nil {
			return nil, err
		}
		if der == nil && p.Event == audit.LedgerCreated {
			der = brought[s.KeyID]
		}
		if der == nil {
			continue
		}
		public, err := keys.ParsePublic(der)
		if err != nil {
			return nil, fmt.Errorf("key %.16s on the chain: %w", s.KeyID, err)
		}
		known = append(known, public)
	}
	if len(known) == 0 {
		return nil, fmt.Errorf("%w: none of its signatures is of a key that the ledger knows", audit.ErrInvalid)
	}
	if _, err := r.Envelope.Verify(len(known), known...); err != nil {
		return nil, fmt.Errorf("%w: %w", audit.ErrInvalid, err)
	}
	return brought, nil
}
