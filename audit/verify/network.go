package verify

import (
	"errors"
	"hash/maphash"
	"maps"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/trust"
	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/fabric"
	"github.com/mmaudit/mmaudit/ledger/fabric/endorsed"
)

// network verifies the records of a ledger on Fabric with its head: one pass over
// all of them makes their tree and the keyring anew.
func (v *verifier) network() error {
	if err := v.findHead(); err != nil {
		return err
	}
	v.peers()
	var t edge
	k := trust.New(v.head.Origin)
	ids := map[string]int64{}
	asked := map[ledger.Key][]int64{}
	others, sealed := sample{seed: maphash.MakeSeed()}, false
	for e, err := range v.s.Log.Scan(v.ctx, v.head.Size, 0) {
		switch {
		case v.ctx.Err() != nil:
			return v.ctx.Err()
		case errors.Is(err, ledger.ErrCorrupt):
			v.wrong(checkTree, "", t.size(), "a peer gives something else than it stored: ask its operator, and compare with another organisation's", "%v", err)
		case err != nil:
			v.unknown(checkTree, "", t.size(), err)
		}
		if err != nil {
			v.k = nil
			v.skip(checkKeys, "not all records can be read, and any of them may be about keys")
			return nil
		}
		t.add(ledger.RecordHash(e.Record))
		keys, keysErr := audit.KeysOf(e.Record)
		if keysErr != nil {
			v.wrong(checkRecords, "", e.Index, "the chaincode of this channel takes what is no record: it is not that of auditlog", "%v", keysErr)
		} else if first, twice := ids[keys.ID]; twice {
			v.wrong(checkTree, "", e.Index, "the chaincode of this channel takes a record twice: it is not that of auditlog", "is record %d once more", first)
		} else {
			ids[keys.ID] = e.Index
		}
		for _, key := range keys.Index {
			if slices.Contains(askedBy, key.Name) {
				asked[key] = appendNew(asked[key], e.Index)
			} else {
				others.add(key, e.Index)
			}
		}
		if keysErr == nil {
			listed, err := v.s.Fabric().Listed(e)
			if err != nil {
				v.wrong(checkIndex, "", e.Index, lies, "%v", err)
			}
			sealed = sealed || !listed
		}
		r, openErr := audit.Open(e.Record)
		if e.Index == 0 || openErr == nil && r.Predicate().Event.Scope() == audit.OfLedger {
			k.Add(e.Index, e.Record)
		}
		v.o.Progress(Progress{"tree", e.Index + 1, v.head.Size})
	}
	if root := t.root(); root != v.head.Root {
		v.wrong(checkTree, "", -1, "the peers that signed the head, or the one that was read from, do not tell the truth", "the records have the root %s, the head %s", root, v.head.Root)
	}
	v.ok(checkTree, "%s under the root %s", count(v.head.Size, "record"), v.head.Root)
	v.k = k
	v.genesis()
	if !sealed {
		return v.index(asked, nil) // each list of keys was read
	}
	return v.index(asked, others.chosen())
}

// findHead takes the newest head, and has it signed if that can be.
func (v *verifier) findHead() error {
	var err error
	if v.head, err = v.s.Log.Head(v.ctx); err != nil {
		return err
	}
	v.Ledger.Size, v.Ledger.Root = v.head.Size, v.head.Root.String()
	f := v.s.Fabric()
	if f == nil {
		return nil
	}
	signed, err := f.Endorse(v.ctx, v.head)
	switch {
	case err == nil:
		v.head = signed
	case v.ctx.Err() != nil:
		return v.ctx.Err()
	case errors.Is(err, fabric.ErrNoKey):
		v.unsigned = "the profile names no organisations, whose peers would sign the head"
	case errors.Is(err, ledger.ErrRollback):
		v.wrong(checkCheckpoint, "", -1, "peers do not have the same records: ask their operators, and keep what each says", "%v", err)
	default:
		v.unsigned = "the head could not be had signed"
		v.unknown(checkCheckpoint, "", -1, err)
	}
	return nil
}

// peers holds the peers of the profile against each other.
func (v *verifier) peers() {
	all := v.s.Fabric().Agree(v.ctx, v.head)
	for _, p := range all {
		switch {
		case errors.Is(p.Err, ledger.ErrRollback):
			v.wrong(checkPeers, p.Peer, -1, "ask its operator, and keep what each peer says: one of them does not tell the truth", "%v", p.Err)
		case p.Err != nil:
			v.unknown(checkPeers, p.Peer, -1, p.Err)
		}
	}
	if len(all) == 1 {
		v.skip(checkPeers, "the profile names one peer, and nobody to hold it against")
	}
	v.ok(checkPeers, "%s asked, and told the same of %s", count(len(all), "peer"), count(v.head.Size, "record"))
}

// askedBy are the names of keys by all of which the ledger is asked: those of which
// there are few values. Of the others, some are.
var askedBy = []string{audit.KeyEvent, audit.KeyScope, audit.KeyModel, audit.KeyOfVer}

const lies = "a peer does not tell the truth: do not rely on `auditlog query` with its profile, and compare with another organisation's"

// index holds what the ledger finds against what records say.
func (v *verifier) index(asked, others map[ledger.Key][]int64) error {
	for _, want := range []map[ledger.Key][]int64{asked, others} {
		for key, indices := range want {
			if err := v.finds(key, indices); err != nil {
				return err
			}
		}
	}
	more := "all other keys are as listed"
	if others != nil {
		more = "and by " + count(len(others), "other key") + ", drawn by lot"
	}
	v.ok(checkIndex, "asked by %s, it finds each record; %s", strings.Join(askedBy, ", "), more)
	return nil
}

// finds asks the ledger for the records with a key.
func (v *verifier) finds(key ledger.Key, indices []int64) error {
	var got []int64
	for e, err := range v.s.Log.Find(v.ctx, v.head.Size, 0, key) {
		if v.ctx.Err() != nil {
			return v.ctx.Err()
		}
		if errors.Is(err, ledger.ErrCorrupt) {
			v.wrong(checkIndex, "", -1, lies, "by %s %q: %v", key.Name, key.Value, err)
		} else if err != nil {
			v.unknown(checkIndex, "", -1, err)
		}
		if err != nil {
			return nil
		}
		got = append(got, e.Index)
	}
	if !slices.Equal(got, indices) {
		v.wrong(checkIndex, "", -1, lies, "by %s %q it finds %s, and there are %d", key.Name, key.Value, count(len(got), "record"), len(indices))
	}
	return nil
}

// appendNew adds the index of a record to those that have a key, once.
func appendNew(all []int64, index int64) []int64 {
	if len(all) > 0 && all[len(all)-1] == index {
		return all
	}
	return append(all, index)
}

// mostChosen is how many keys a sample draws.
const mostChosen = 64

// A sample draws keys by lot, of however many there are, so that no peer can
// know which: those with the least hashes under a seed of its own. It has all
// records of those that it draws.
type sample struct {
	seed  maphash.Seed
	keys  map[uint64]drawn
	limit uint64 // hashes from here on are too large; 0 is no limit
}

type drawn struct {
	key     ledger.Key
	indices []int64
}

func (s *sample) add(key ledger.Key, index int64) {
	h := maphash.Comparable(s.seed, key)
	if s.limit > 0 && h >= s.limit {
		return
	}
	if s.keys == nil {
		s.keys = map[uint64]drawn{}
	}
	d, ok := s.keys[h]
	if ok && d.key != key {
		return // one of the two is enough
	}
	s.keys[h] = drawn{key, appendNew(d.indices, index)}
	if len(s.keys) > 2*mostChosen {
		s.cut()
	}
}

// cut leaves the keys that are drawn so far.
func (s *sample) cut() {
	hashes := slices.Sorted(maps.Keys(s.keys))
	if len(hashes) <= mostChosen {
		return
	}
	s.limit = hashes[mostChosen]
	for _, h := range hashes[mostChosen:] {
		delete(s.keys, h)
	}
}

func (s *sample) chosen() map[ledger.Key][]int64 {
	s.cut()
	all := map[ledger.Key][]int64{}
	for _, d := range s.keys {
		all[d.key] = d.indices
	}
	return all
}

// signedByNetwork says whether the keys of the log, at the size of the head, are
// such that peers sign for it. A ledger that was copied from a folder has others.
func (v *verifier) signedByNetwork() bool {
	for _, vkey := range v.k.LogKeys() {
		if !endorsed.IsKey(vkey) {
			continue
		}
		key, err := endorsed.NewVerifier(vkey)
		for _, now := range v.k.LogVerifiersAt(v.head.Size) {
			if err == nil && now.KeyHash() == key.KeyHash() && now.Name() == key.Name() {
				return true
			}
		}
	}
	return false
}

// An edge is the right edge of a tree of RFC 6962: the roots of its full
// subtrees, the largest first. Its zero value is the empty tree.
type edge struct {
	n     int64
	roots []ledger.Hash
}

func (t *edge) size() int64 { return t.n }

func (t *edge) add(leaf ledger.Hash) {
	for n := t.n; n&1 == 1; n >>= 1 {
		last := len(t.roots) - 1
		leaf = tlog.NodeHash(t.roots[last], leaf)
		t.roots = t.roots[:last]
	}
	t.roots = append(t.roots, leaf)
	t.n++
}

func (t *edge) root() ledger.Hash {
	if t.n == 0 {
		return ledger.EmptyRoot()
	}
	all := slices.Clone(t.roots)
	h := all[len(all)-1]
	for _, left := range slices.Backward(all[:len(all)-1]) {
		h = tlog.NodeHash(left, h)
	}
	return h
}
