package verify

import (
	"cmp"
	"crypto/sha3"
	"encoding/hex"
	"errors"
	"maps"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/fingerprint"
	"github.com/mmaudit/mmaudit/audit/trust"
	"github.com/mmaudit/mmaudit/ledger"
)

// block is how many records are read at once: those of a bundle.
const block = 256

// digest is the front of a SHA3-512: enough to tell records apart that somebody
// made alike on purpose.
type digest [16]byte

// A prev is what a record says of the one before it.
type prev struct {
	from, index int64
	digest      digest
}

// A claim is what a record says of a document.
type claim struct {
	index  int64 // the first record that says so
	member string
	name   string
	size   int64
	sha256 string
	// Of the document of hyper-parameters or of a data set.
	params *audit.Params
	tree   *fingerprint.Head
}

// same reports whether two claims are met by the same documents.
func (c *claim) same(d *claim) bool {
	alike := c.size == d.size && c.sha256 == d.sha256 && (c.tree == nil) == (d.tree == nil) && (c.params == nil) == (d.params == nil)
	return alike && (c.tree == nil || *c.tree == *d.tree) && (c.params == nil || c.params.Hash == d.params.Hash && c.params.Tree == d.params.Tree)
}

// recordsOutcome is what the pass over the records found out.
type recordsOutcome struct {
	digests []digest // of each record; zero if it was not read

	mu       sync.Mutex // guards what follows
	unread   int64      // records that are not as signed
	prevs    []prev
	claims   map[[64]byte][]*claim // by SHA3-512
	versions map[[2]string]bool    // if lives are asked for
	done     int64
}

func (a *recordsOutcome) sortedVersions() [][2]string {
	return slices.SortedFunc(maps.Keys(a.versions), func(x, y [2]string) int { return cmp.Or(cmp.Compare(x[0], y[0]), cmp.Compare(x[1], y[1])) })
}

// records reads every record, judges it, and gathers what it says of others.
func (v *verifier) records() error {
	v.all = &recordsOutcome{digests: make([]digest, v.head.Size), claims: map[[64]byte][]*claim{}, versions: map[[2]string]bool{}}
	g, ctx := errgroup.WithContext(v.ctx)
	g.SetLimit(v.o.Workers)
	for from := int64(0); from < v.head.Size && ctx.Err() == nil; from += block {
		g.Go(func() error { return v.block(from, min(from+block, v.head.Size)) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	if v.ctx.Err() != nil {
		return v.ctx.Err()
	}
	if n := v.all.unread; n > 0 {
		v.unreadRecords("%d of %d records were not read, because they are not as signed", n, v.head.Size)
	}
	if v.k == nil {
		v.skip(checkSignatures, "needs all keys of the ledger")
	}
	v.ok(checkRecords, "%s with what their events must say", count(v.head.Size, "record"))
	v.ok(checkSignatures, "%s signed by keys that were trusted there", count(v.head.Size, "record"))
	v.history()
	return nil
}

// unreadRecords says that nothing which hangs on the records is known to be good.
// What is wrong with those that were read is told all the same.
func (v *verifier) unreadRecords(format string, args ...any) {
	for _, check := range []string{checkRecords, checkSignatures, checkHistory, checkDocuments, checkListings, checkParams} {
		v.skip(check, format, args...)
	}
}

// block reads the records of one bundle.
func (v *verifier) block(from, to int64) error {
	var prevs []prev
	var claims []found
	versions := map[[2]string]bool{}
	next := from
	for e, err := range v.s.Log.Scan(v.ctx, to, from) {
		if err != nil {
			if v.ctx.Err() != nil {
				return v.ctx.Err()
			}
			if !errors.Is(err, ledger.ErrCorrupt) {
				v.unknown(checkRecords, "", next, err)
			}
			break
		}
		next = e.Index + 1
		v.all.digests[e.Index] = digestOf(e.Record)
		r, err := audit.Open(e.Record)
		if err != nil {
			v.wrong(checkRecords, "", e.Index, "it was written by something else than auditlog, or made up", "%v", err)
			continue
		}
		v.judge(e.Index, r)
		p := r.Predicate()
		if p.Prev != nil {
			d, _ := hex.DecodeString(p.Prev.Digest) // Open has looked at it
			prevs = append(prevs, prev{e.Index, p.Prev.Index, digest(d)})
		}
		if !v.o.NoDocuments {
			claims = append(claims, v.claimsOf(e.Index, p)...)
		}
		if v.o.Lives && p.Model != "" {
			versions[[2]string{p.Model, p.Version}] = true
		}
	}
	a := v.all
	a.mu.Lock()
	defer a.mu.Unlock()
	a.unread += to - next
	a.prevs = append(a.prevs, prevs...)
	maps.Copy(a.versions, versions)
	for _, c := range claims {
		a.add(c)
	}
	a.done += to - from
	v.o.Progress(Progress{"records", a.done, v.head.Size})
	return nil
}

func digestOf(record []byte) digest {
	sum := sha3.Sum512(record)
	return digest(sum[:16])
}

// judge holds a record against the keys that were trusted at its index.
func (v *verifier) judge(index int64, r *audit.Record) {
	if v.k == nil {
		return
	}
	for _, p := range v.k.Judge(index, r).Problems {
		v.wrong(checkSignatures, "", index, hintFor(p.Code), "%s: %s", r.Predicate().Event, p)
	}
}

// hintFor says what to do about a record that is not accepted.
func hintFor(c trust.Code) string {
	switch c {
	case trust.BadSignature:
		return "it is forged, or was changed before it was recorded: do not believe it, and ask who wrote it"
	case trust.UnknownKey:
		return "if the key is one of yours, an admin adds it (key.added) and the event is recorded anew"
	case trust.RevokedKey:
		return "do not believe it; if the event is true, it is recorded anew with a key that is trusted"
	case trust.WrongRole, trust.BelowThreshold, trust.ActorNotSigner:
		return "the event is recorded anew, signed by those whom the policy asks for"
	}
	return "it changed nothing; ask who wrote it"
}

// history compares what records say of the ones before them with what these are.
func (v *verifier) history() {
	none := digest{}
	unread := 0
	for _, p := range v.all.prevs {
		switch {
		case p.index >= p.from:
			v.wrong(checkHistory, "", p.from, "its writer saw another ledger", "says that the record before it is %d", p.index)
		case v.all.digests[p.index] == none:
			unread++
		case v.all.digests[p.index] != p.digest:
			v.wrong(checkHistory, "", p.from, "its writer saw another history: a fork, or records that were swapped",
				"says that record %d has the SHA3-512 %x…; it has %x…", p.index, p.digest, v.all.digests[p.index])
		}
	}
	if unread > 0 {
		v.skip(checkHistory, "%d of %d records that others point at are not as signed", unread, len(v.all.prevs))
	}
	v.ok(checkHistory, "%s to the record before, each the right one", count(len(v.all.prevs), "pointer"))
}

// found is a claim about the document with a SHA3-512.
type found struct {
	sha3 [64]byte
	claim
}

// add keeps a claim, unless an equal one is known.
func (a *recordsOutcome) add(f found) {
	for _, known := range a.claims[f.sha3] {
		if known.same(&f.claim) {
			if f.index < known.index {
				*known = f.claim
			}
			return
		}
	}
	a.claims[f.sha3] = append(a.claims[f.sha3], &f.claim)
}

// claimsOf lists what a record says of documents.
func (v *verifier) claimsOf(index int64, p *audit.Predicate) []found {
	var all []found
	listings := 0
	for _, d := range p.Documents() {
		f := found{claim: claim{index: index, member: d.Member, name: d.Name, size: d.Size, sha256: d.Digest["sha256"]}}
		sha3, err := hex.DecodeString(d.Digest["sha3_512"])
		switch {
		case d.Listing:
			for p.Data[listings].Listing != d.Attachment {
				listings++
			}
			tree := p.Data[listings].Fingerprint.Tree
			f.tree = &tree
		case p.Params != nil && d.Attachment == p.Params.Form:
			f.params = &audit.Params{Hash: p.Params.Hash, Tree: p.Params.Tree}
		}
		if err != nil || len(sha3) != 64 {
			v.note(checkDocuments, "", index, "%s, %q, is named without SHA3-512: such a document is not kept, and was not looked at", d.Member, d.Name)
			continue
		}
		f.sha3 = [64]byte(sha3)
		all = append(all, f)
	}
	return all
}
