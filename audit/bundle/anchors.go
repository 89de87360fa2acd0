package bundle

import (
	"fmt"
	"strings"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/trust"
	"github.com/mmaudit/mmaudit/internal/human"
	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/fabric/anchored"
)

// An anchor is two members: the evidence, and the proof that the tree of the
// bundle continues what was anchored. They are named by the key hash of the
// network.
const anchorFolder = "anchors/"

func anchorFiles(e *anchored.Evidence) (evidence, proof string, err error) {
	key, err := e.Key()
	if err != nil {
		return "", "", err
	}
	name := fmt.Sprintf("%s%08x", anchorFolder, key.Verifier().KeyHash())
	return name + ".json", name + ".txt", nil
}

// addAnchors adds the evidence of anchors, one of each network.
func (b *builder) addAnchors(k *trust.Keyring) error {
	had := map[string]bool{}
	for _, e := range b.o.Anchors {
		a, err := k.CheckEvidence(e)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrInvalid, err)
		}
		evidenceFile, proofFile, err := anchorFiles(e)
		if err != nil || had[evidenceFile] || a.Size > b.o.Head.Size {
			return fmt.Errorf("%w: anchor of %d records on %s: a second one, or of a larger tree", ErrInvalid, a.Size, a.Network)
		}
		had[evidenceFile] = true
		proof, err := b.l.ProveConsistency(b.ctx, b.o.Head.Size, a.Size)
		if err != nil {
			return err
		}
		if err := ledger.CheckConsistency(proof, b.o.Head.Size, b.o.Head.Root, a.Size, a.Root); err != nil {
			return fmt.Errorf("%w: anchor in block %d of %s: %w", ErrInvalid, a.Block, a.Network, err)
		}
		text, err := e.Marshal()
		if err != nil {
			return err
		}
		b.add(evidenceFile, text)
		b.add(proofFile, marshalProof(proof))
	}
	return nil
}

// anchors verifies the evidence of anchors. A bundle that has none says nothing
// of them, unless the verifier knows of networks.
func (v *verifier) anchors() {
	found := 0
	for _, f := range v.files {
		name, ok := strings.CutPrefix(f.Name, anchorFolder)
		if !ok {
			continue
		}
		if stem, ok := strings.CutSuffix(name, ".txt"); ok {
			if _, ok := v.small[anchorFolder+stem+".json"]; !ok {
				v.r.fail(checkNetwork, f.Name, "is a proof for an anchor that is not there")
			}
			continue
		}
		found++
		text, held := v.small[f.Name]
		if !held {
			continue // was said to be too large
		}
		a, trusted, err := v.anchored(f.Name, text)
		if err != nil {
			v.r.fail(checkNetwork, f.Name, "%v", err)
			continue
		}
		v.r.Anchors = append(v.r.Anchors, trust.ReportOf(a, trusted))
		by := "ordered by " + strings.Join(a.Orderers, ", ")
		if len(a.Orderers) == 0 {
			by = "by the word of the file, since no orderers are named"
		}
		said := fmt.Sprintf("the first %s are anchored in block %d of %s (%s), transaction %s, endorsed by %s, %s",
			human.Count(int(a.Size), "record"), a.Block, a.Network, by, a.Tx, strings.Join(a.Organisations, ", "), audit.FormatTime(a.Time))
		if trusted {
			v.r.note(checkNetwork, OK, f.Name, "%s", said)
		} else {
			v.r.note(checkNetwork, Skipped, f.Name, "no trust file names the network, so that its word does not count: %s", said)
		}
	}
	if found == 0 && v.anchor != nil && len(v.anchor.Anchors) > 0 {
		v.r.note(checkNetwork, Skipped, "", "the bundle carries no evidence that a network of the trust file has anchored the ledger")
	}
}

// anchored verifies one anchor.
func (v *verifier) anchored(name string, text []byte) (a *anchored.Anchor, trusted bool, err error) {
	e, err := anchored.Parse(text)
	if err != nil {
		return nil, false, err
	}
	evidenceFile, proofFile, err := anchorFiles(e)
	if err != nil {
		return nil, false, err
	}
	if evidenceFile != name {
		return nil, false, fmt.Errorf("is the evidence of another network, which would be %s", evidenceFile)
	}
	if a, err = v.k.CheckEvidence(e); err != nil {
		return nil, false, err
	}
	if a.Size > v.head.Size {
		return nil, false, fmt.Errorf("%d records are anchored in block %d of %s, transaction %s, and the ledger has only %d: records were taken off its end, or it was forked", a.Size, a.Block, a.Network, a.Tx, v.head.Size)
	}
	file, ok := v.small[proofFile]
	if !ok {
		return nil, false, fmt.Errorf("has no proof: %s is missing", proofFile)
	}
	proof, err := parseProof(file)
	if err != nil {
		return nil, false, fmt.Errorf("%s is not a proof: %w", proofFile, err)
	}
	if err := ledger.CheckConsistency(proof, v.head.Size, v.head.Root, a.Size, a.Root); err != nil {
		return nil, false, fmt.Errorf("the ledger does not continue what is anchored in block %d of %s, transaction %s: %w", a.Block, a.Network, a.Tx, err)
	}
	return a, v.anchor.Names(e.Network), nil
}
