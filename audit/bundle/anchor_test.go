package bundle

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/audittest"
	"github.com/mmaudit/mmaudit/audit/trust"
	. "github.com/mmaudit/mmaudit/audit/trust/trusttest"
	"github.com/mmaudit/mmaudit/ledger/fabric/anchored"
	"github.com/mmaudit/mmaudit/ledger/tlog"
)

// runs are so many records, whose runs have names that begin so.
type runs struct {
	what string
	n    int
}

// anchoredStory is the log of which a real network has anchored 66 records, as
// cmd/auditlog-chaincode made it for ledger/fabric/anchored/testdata: a first
// record, 5 runs r and 60 runs s.
func anchoredStory(t *testing.T, all ...runs) (*story, *anchored.Evidence) {
	t.Helper()
	signer, verifier := LogKey(Origin, "log")
	l, err := tlog.Init(t.Context(), filepath.Join(t.TempDir(), "log"), tlog.Options{Signer: signer, Verifiers: []note.Verifier{verifier}, KeysOf: audit.KeysOf})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	s := &story{t: t, log: l, prev: map[string]*audit.Prev{}}
	s.append(Seal(Genesis(Origin, Signer("alice", audit.Admin, audit.Engineer)), "alice"))
	for _, of := range all {
		for i := range of.n {
			s.append(Seal(audittest.Event(audit.TrainStarted, "model", "1", fmt.Sprint(of.what, i), 1), "alice"))
		}
	}
	file, err := os.ReadFile("../../ledger/fabric/anchored/testdata/evidence.json")
	if err != nil {
		t.Fatal(err)
	}
	e, err := anchored.Parse(file)
	if err != nil {
		t.Fatal(err)
	}
	return s, e
}

// TestAnchors: a bundle carries an anchor and proves that it continues it, or it
// is not to be believed.
func TestAnchors(t *testing.T) {
	s, e := anchoredStory(t, runs{"r", 5}, runs{"s", 60}, runs{"more", 4})
	a := s.anchor()
	a.Anchors = []string{e.Network}
	unknown := *a
	unknown.Anchors = nil
	o := Options{Indices: []int64{3}, Anchors: []*anchored.Evidence{e}}
	file := s.write(o)
	evidence, proof, err := anchorFiles(e)
	if err != nil {
		t.Fatal(err)
	}

	r := check(t, file, a)
	if r.Outcome != Verified || status(r, checkNetwork) != OK || len(r.Anchors) != 1 || !r.Anchors[0].Trusted || r.Anchors[0].Size != 66 || r.Anchors[0].Block == 0 || len(r.Anchors[0].Organisations) != 2 {
		t.Errorf("%s\n%+v", lines(r), r.Anchors)
	}
	for name, trusts := range map[string]*trust.Anchor{"no trust file": nil, "a trust file that does not name it": &unknown} {
		if r := check(t, file, trusts); r.Outcome == Failed || status(r, checkNetwork) != Skipped || r.Anchors[0].Trusted {
			t.Errorf("%s: %s", name, lines(r))
		}
	}
	without := s.write(Options{Indices: []int64{3}})
	if r := check(t, without, a); r.Outcome != Verified || status(r, checkNetwork) != Skipped {
		t.Errorf("without: %s", lines(r))
	}
	if r := check(t, without, &unknown); slices.ContainsFunc(r.Checks, func(c Check) bool { return c.ID == checkNetwork }) {
		t.Errorf("without, and nobody asks: %s", lines(r))
	}

	for _, attack := range []struct {
		name string
		edit func(k kit)
		says string
	}{
		{"no proof", func(k kit) { delete(k, proof) }, "has no proof"},
		{"no evidence", func(k kit) { delete(k, evidence) }, "is a proof for an anchor that is not there"},
		{"another proof", func(k kit) { k[proof] = k[proofFile(3)] }, "the ledger does not continue what is anchored in block"},
		{"a proof that is none", func(k kit) { k[proof] = []byte("x\n") }, "is not a proof"},
		{"evidence under another name", func(k kit) {
			k[anchorFolder+"00000000.json"], k[anchorFolder+"00000000.txt"] = k[evidence], k[proof]
		}, "is the evidence of another network"},
		{"edited evidence", func(k kit) {
			k[evidence] = []byte(strings.Replace(string(k[evidence]), `"answer": "C`, `"answer": "D`, 1))
		}, "not the evidence of an anchor"},
		{"evidence that is none", func(k kit) { k[evidence] = []byte("{}") }, "not the evidence of an anchor"},
	} {
		k := unpack(t, file)
		attack.edit(k)
		if r := check(t, k.forge(t), a); r.Outcome != Failed || status(r, checkNetwork) != Wrong || !strings.Contains(lines(r), attack.says) {
			t.Errorf("%s: %s", attack.name, lines(r))
		}
	}

	// Who has log.key makes a fork, or takes records off the end, and puts the
	// evidence to it: with the proof of the true log, or with none that there is.
	for name, all := range map[string][]runs{
		"a fork":     {{"r", 5}, {"x", 64}},
		"a rollback": {{"r", 5}, {"s", 50}},
	} {
		says := map[string]string{"a fork": "the ledger does not continue what is anchored in block", "a rollback": "66 records are anchored in block"}[name]
		made, _ := anchoredStory(t, all...)
		if _, err := Write(t.Context(), io.Discard, made.log, o); err == nil {
			t.Errorf("%s was written", name)
		}
		k := unpack(t, made.write(Options{Indices: []int64{3}}))
		k[evidence], k[proof] = unpack(t, file)[evidence], unpack(t, file)[proof]
		for range 2 {
			if r := check(t, k.forge(t), a); r.Outcome != Failed || !strings.Contains(lines(r), says) {
				t.Errorf("%s: %s", name, lines(r))
			}
			k[proof] = nil
		}
	}

	// A ledger that somebody began with the same names is another one.
	made := tell(t, Origin, "log").live()
	k := unpack(t, made.write(Options{Indices: []int64{3}}))
	k[evidence], k[proof] = unpack(t, file)[evidence], unpack(t, file)[proof]
	other := made.anchor()
	other.Anchors = a.Anchors
	if r := check(t, k.forge(t), other); r.Outcome != Failed || !strings.Contains(lines(r), "it is of a log with the first record") {
		t.Errorf("another ledger: %s", lines(r))
	}
	for name, bad := range map[string]Options{
		"twice":         {Indices: []int64{3}, Anchors: []*anchored.Evidence{e, e}},
		"other members": {Indices: []int64{3}, Extra: map[string][]byte{evidence: nil}},
	} {
		if _, err := Write(t.Context(), io.Discard, s.log, bad); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
