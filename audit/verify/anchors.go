package verify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mmaudit/mmaudit/audit/trust"
	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/fabric/anchored"
)

// A Network asks a network for the last anchor that it has taken of the ledger
// with a first record of this digest. It is ledger.ErrNotFound if there is none.
type Network func(ctx context.Context, genesis string) (*anchored.Evidence, *anchored.Anchor, error)

const (
	gone    = "records were removed or changed since, or the ledger was forked: keep both, and ask who had access"
	swapped = "remove it, and `auditlog anchor` gets the evidence again; ask who put it there"
)

// anchors holds the ledger against the evidence of anchors in its folder, and
// against what a network has now.
func (v *verifier) anchors() error {
	if v.s.Fabric() != nil {
		v.skip(checkNetwork, "the ledger is on a network itself")
		return nil
	}
	if v.k == nil || v.k.Genesis() == "" {
		v.skip(checkNetwork, "needs all keys of the ledger")
		return nil
	}
	files, err := v.s.Anchors()
	if err != nil {
		v.unknown(checkNetwork, v.path("anchors"), -1, err)
	}
	var newest []trust.NetworkAnchor // of each network
	for _, f := range files {
		if err := v.ctx.Err(); err != nil {
			return err
		}
		evidence, err := f.Read()
		var a *anchored.Anchor
		if err == nil {
			a, err = v.k.CheckEvidence(evidence)
		}
		if err == nil && a.Size != f.Size {
			err = fmt.Errorf("%w: its name says %d records, and it is of %d", trust.ErrNetwork, f.Size, a.Size)
		}
		switch {
		case errors.Is(err, anchored.ErrEvidence) || errors.Is(err, trust.ErrNetwork):
			v.wrong(checkNetwork, f.Path, -1, swapped, "%v", err)
		case err != nil:
			v.unknown(checkNetwork, f.Path, -1, err)
		default:
			trusted := v.o.Anchor.Names(evidence.Network)
			good, err := v.extends(f.Path, a)
			if err != nil {
				return err
			}
			if good && !slices.ContainsFunc(newest, func(b trust.NetworkAnchor) bool { return b.Network == a.Network && b.Trusted == trusted }) {
				newest = append(newest, trust.ReportOf(a, trusted))
			}
		}
	}
	if v.o.Network != nil {
		if newest, err = v.live(newest); err != nil {
			return err
		}
	}
	v.Anchors = newest
	v.sayAnchors(len(files))
	return nil
}

// sayAnchors sums up.
func (v *verifier) sayAnchors(files int) {
	var good []string
	for _, a := range v.Anchors {
		if a.Trusted {
			by := "endorsed by " + strings.Join(a.Organisations, ", ")
			good = append(good, fmt.Sprintf("it continues the %s in block %d of %s, transaction %s, %s, %s", count(a.Size, "record"), a.Block, a.Network, a.Tx, by, a.Time))
		}
	}
	switch {
	case len(good) > 0:
		v.ok(checkNetwork, "%s", strings.Join(good, "; "))
	case files == 0:
		v.skip(checkNetwork, "the folder holds no evidence of an anchor: `auditlog anchor` has a network vouch for the ledger; an old copy may have been put back without it")
	case v.o.Anchor == nil:
		v.skip(checkNetwork, "it continues the anchors in its folder, but no trust file was given, which would name the networks whose word counts")
	case len(v.o.Anchor.Anchors) == 0:
		v.skip(checkNetwork, "it continues the anchors in its folder, but the trust file names no networks")
	default:
		v.skip(checkNetwork, "the anchors in its folder are of no network that the trust file names")
	}
}

// extends reports whether the ledger continues an anchor.
func (v *verifier) extends(where string, a *anchored.Anchor) (bool, error) {
	said := fmt.Sprintf("block %d of %s, transaction %s", a.Block, a.Network, a.Tx)
	if a.Size > v.head.Size {
		v.wrong(checkNetwork, where, -1, gone, "%s anchored in %s, and the ledger has only %d", count(a.Size, "record"), said, v.head.Size)
		return false, nil
	}
	proof, err := v.s.Log.ProveConsistency(v.ctx, v.head.Size, a.Size)
	if err == nil {
		err = ledger.CheckConsistency(proof, v.head.Size, v.head.Root, a.Size, a.Root)
	} else if v.ctx.Err() != nil {
		return false, v.ctx.Err()
	} else if !errors.Is(err, ledger.ErrCorrupt) {
		v.unknown(checkNetwork, where, -1, err)
		return false, nil
	}
	if err != nil {
		v.wrong(checkNetwork, where, -1, gone, "the ledger does not continue the %s anchored in %s: %v", count(a.Size, "record"), said, err)
	}
	return err == nil, nil
}

// live asks the network.
func (v *verifier) live(newest []trust.NetworkAnchor) ([]trust.NetworkAnchor, error) {
	_, a, err := v.o.Network(v.ctx, v.k.Genesis())
	switch {
	case v.ctx.Err() != nil:
		return nil, v.ctx.Err()
	case errors.Is(err, ledger.ErrNotFound):
		v.wrong(checkNetwork, "", -1, "`auditlog anchor` has it anchored; if it was before, this is another ledger: keep it, and ask who had access", "the network has no anchor of a ledger with this first record")
		return newest, nil
	case errors.Is(err, ledger.ErrCorrupt) || errors.Is(err, anchored.ErrEvidence):
		v.wrong(checkNetwork, "", -1, "ask whoever runs the peers", "what the network gives is no evidence: %v", err)
		return newest, nil
	case err != nil:
		v.unknown(checkNetwork, "", -1, err)
		return newest, nil
	}
	good, err := v.extends("", a)
	if err != nil || !good {
		return newest, err
	}
	now := trust.ReportOf(a, true)
	return append([]trust.NetworkAnchor{now}, slices.DeleteFunc(newest, func(b trust.NetworkAnchor) bool { return b.Tx == now.Tx })...), nil
}
