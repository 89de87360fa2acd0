package trust

import (
	"errors"
	"fmt"
	"slices"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/ledger/fabric/anchored"
	"github.com/mmaudit/mmaudit/ledger/tlog"
)

// ErrNetwork is evidence of an anchor that does not stand for the ledger.
var ErrNetwork = errors.New("the evidence of the anchor does not stand for this ledger")

// Names reports whether the trust file names a network, by its verifier key. No
// trust file, nil, names none.
func (a *Anchor) Names(network string) bool { return a != nil && slices.Contains(a.Anchors, network) }

// CheckEvidence verifies the evidence that a network, the one that the evidence
// names, has taken a checkpoint of the ledger, and that the log has signed it with
// a key that was its own at that size. Whether that network is one to trust, and
// whether the ledger as it is now continues the checkpoint, is for the caller to
// see. Its errors are ErrNetwork.
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

// A NetworkAnchor is an anchor of the ledger on a network, as reports say it.
type NetworkAnchor struct {
	Network       string   `json:"network"`
	Size          int64    `json:"size"` // of the tree that was anchored
	Tx            string   `json:"transaction"`
	Block         uint64   `json:"block"`
	Time          string   `json:"time"` // as the client of the transaction says
	Organisations []string `json:"organisations"`
	Orderers      []string `json:"orderers"`
	Trusted       bool     `json:"trusted"` // whoever verifies has named the network
}

// ReportOf makes a NetworkAnchor of what evidence proves.
func ReportOf(a *anchored.Anchor, trusted bool) NetworkAnchor {
	return NetworkAnchor{
		a.Network, a.Size, a.Tx, a.Block, audit.FormatTime(a.Time),
		append([]string{}, a.Organisations...), append([]string{}, a.Orderers...), trusted,
	}
}
