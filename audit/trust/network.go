package trust

import (
	"errors"
	"fmt"
	"slices"

	"github.com/mmaudit/mmaudit/ledger/fabric/anchored"
	"github.com/mmaudit/mmaudit/ledger/tlog"
)

// ErrNetwork is evidence of an anchor that does not stand for the ledger.
var ErrNetwork = errors.New("the evidence of the anchor does not stand for this ledger")

// CheckNetwork verifies the evidence that a network of the trust file has taken a
// checkpoint of the ledger, and that the log has signed it with a key that was
// its own at that size. Whether the ledger as it is now continues it is for the
// caller to see. It is ErrAnchor for a network that the trust file does not
// name, and ErrNetwork for everything else.
func (a *Anchor) CheckNetwork(k *Keyring, e *anchored.Evidence) (*anchored.Anchor, error) {
	if !slices.Contains(a.Anchors, e.Network) {
		return nil, fmt.Errorf("%w: the trust file does not name the network %.40q", ErrAnchor, e.Network)
	}
	return k.CheckEvidence(e)
}

// CheckEvidence is CheckNetwork for whatever network the evidence says it is of.
// It says nothing of whether that is one to trust.
func (k *Keyring) CheckEvidence(e *anchored.Evidence) (*anchored.Anchor, error) {
	key, err := e.Key()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNetwork, err)
	}
	got, err := e.Verify(key, k.genesis)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNetwork, err)
	}
	known := k.LogVerifiersAt(got.Size)
	head, err := tlog.OpenCheckpoint(got.Note, k.origin, known...)
	if err != nil {
		return nil, fmt.Errorf("%w: checkpoint: %w; by its records, the key of the log at that size is %s", ErrNetwork, err, KeyNames(known))
	}
	if head.Size != got.Size || head.Root != got.Root {
		return nil, fmt.Errorf("%w: the checkpoint says something else than the anchor", ErrNetwork)
	}
	return got, nil
}
