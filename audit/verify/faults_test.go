package verify_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/audittest"
	"github.com/mmaudit/mmaudit/audit/dsse"
	"github.com/mmaudit/mmaudit/audit/fingerprint"
	"github.com/mmaudit/mmaudit/audit/trust"
	"github.com/mmaudit/mmaudit/audit/trust/trusttest"
	"github.com/mmaudit/mmaudit/audit/verify"
	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/fabric/anchored"
)

// evidence puts a file among the evidence of anchors.
func (w *world) evidence(name string, file []byte) {
	w.check(os.MkdirAll(filepath.Join(w.dir, "anchors"), 0o755))
	w.check(os.WriteFile(filepath.Join(w.dir, "anchors", name), file, 0o644))
}

// blob is the file of a document.
func (w *world) blob(a *audit.Attachment) string {
	d := a.Digest["sha3_512"]
	return filepath.Join(w.dir, "blobs", d[:2], d)
}

// A fault is one thing that is wrong, and the checks that fail for it: these, and
// no others.
type fault struct {
	name string
	do   func(w *world, o *verify.Options)
	bad  []string
	says string
}

var faults = []fault{
	{"not a statement", func(w *world, _ *verify.Options) {
		payload, err := event(audit.Incident, 9).Encode()
		w.check(err)
		payload = bytes.Replace(payload, []byte(`"severity":"high"`), []byte(`"severity":"vile"`), 1)
		record, err := dsse.Sign(payload, trusttest.Key("admin"))
		w.check(err)
		w.append(record)
	}, []string{"records"}, "record 4: not a valid record: "},

	{"key unknown", func(w *world, _ *verify.Options) {
		w.append(trusttest.Seal(event(audit.Incident, 9), "stranger"))
	}, []string{"signatures"}, "record 4: incident: unknown-key"},

	{"role not held", func(w *world, _ *verify.Options) {
		w.append(trusttest.Seal(event(audit.Approved, 9), "eng"))
	}, []string{"signatures"}, "record 4: approved: wrong-role"},

	{"prev of another history", func(w *world, _ *verify.Options) {
		p := event(audit.Incident, 9)
		p.Prev = &audit.Prev{Index: 2, Digest: audittest.Digests("another")["sha3_512"]}
		w.append(trusttest.Seal(p, "admin"))
	}, []string{"history"}, "record 4: says that record 2 has the SHA3-512 "},

	{"prev in the future", func(w *world, _ *verify.Options) {
		p := event(audit.Incident, 9)
		p.Prev = &audit.Prev{Index: 77, Digest: audittest.Digests("another")["sha3_512"]}
		w.append(trusttest.Seal(p, "admin"))
	}, []string{"history"}, "record 4: says that the record before it is 77"},

	{"document of another size", func(w *world, _ *verify.Options) {
		p := event(audit.Incident, 9)
		a := *w.put("note.txt", "a note")
		a.Size++
		p.Attachments = []audit.Attachment{a}
		w.append(trusttest.Seal(p, "admin"))
	}, []string{"documents"}, `record 4: attachments[0], "note.txt", has the SHA3-512 that the record says, but 6 bytes`},

	{"document of another SHA-256, which an older record names right", func(w *world, _ *verify.Options) {
		p := event(audit.Incident, 9)
		p.Attachments = []audit.Attachment{*w.put("note.txt", "a note")}
		w.append(trusttest.Seal(p, "admin"))
		a := *w.put("note.txt", "a note")
		a.Digest = audit.DigestSet{"sha3_512": a.Digest["sha3_512"], "sha256": audittest.Digests("x")["sha256"]}
		p = event(audit.Incident, 10)
		p.Attachments = []audit.Attachment{a}
		w.append(trusttest.Seal(p, "admin"))
	}, []string{"documents"}, "record 5: attachments[0]"},

	{"document missing", func(w *world, _ *verify.Options) {
		a := w.put("log.txt", "loss 0.1")
		w.check(os.Remove(w.blob(a)))
	}, []string{"documents"}, `record 3: attachments[0], "log.txt" of 8 bytes, is missing`},

	{"list of other files", func(w *world, _ *verify.Options) {
		p := event(audit.DataRegistered, 9)
		a, b := w.dataset("a", "frame"), w.dataset("b", "another frame")
		a.Listing = b.Listing
		p.Data = []audit.Dataset{a}
		w.append(trusttest.Seal(p, "eng"))
	}, []string{"listings"}, "data[0].listing, \"listing.jsonl\": "},

	{"other hyper-parameters", func(w *world, _ *verify.Options) {
		p := event(audit.TrainStarted, 9)
		p.Data = []audit.Dataset{w.dataset("frames", "a frame")}
		p.Params = w.params("lr=0.1")
		p.Params.Form = w.params("lr=0.2").Form
		w.append(trusttest.Seal(p, "eng"))
	}, []string{"parameters"}, "record 4: are not the hyper-parameters of the record"},

	{"a tree of hyper-parameters under another key", func(w *world, _ *verify.Options) {
		p := event(audit.TrainStarted, 9)
		p.Data = []audit.Dataset{w.dataset("frames", "a frame")}
		p.Params = w.params("lr=0.7")
		p.Params.Tree.Hash[0]++
		w.append(trusttest.Seal(p, "eng"))
	}, []string{"parameters"}, "record 4: params.tree is not that of the hyper-parameters under site.key"},

	{"site.key of another ledger", func(w *world, _ *verify.Options) {
		w.check(os.WriteFile(filepath.Join(w.dir, "site.key"), make([]byte, 32), 0o600))
	}, []string{"site-key"}, "is not the key of this ledger"},

	{"site.key cut", func(w *world, _ *verify.Options) {
		w.check(os.Truncate(filepath.Join(w.dir, "site.key"), 31))
	}, []string{"site-key"}, "has 31 bytes, want 32"},

	{"log.key open to others", func(w *world, _ *verify.Options) {
		w.check(os.Chmod(filepath.Join(w.dir, "log.key"), 0o644))
	}, []string{"log-key"}, "has mode 0644"},

	{"a key of checkpoints that no record names", func(w *world, _ *verify.Options) {
		name := filepath.Join(w.dir, "ledger.json")
		text, err := os.ReadFile(name)
		w.check(err)
		first := []byte(`"log": [` + "\n")
		text = bytes.Replace(text, []byte("\"\n  ],\n  \"logKey\""), []byte("\",\n    \""+trusttest.VKey(trusttest.Origin, "mallory")+"\"\n  ],\n  \"logKey\""), 1)
		if !bytes.Contains(text, first) || !bytes.Contains(text, []byte(trusttest.VKey(trusttest.Origin, "mallory"))) {
			w.t.Fatalf("%s", text)
		}
		w.check(os.WriteFile(name, text, 0o644))
	}, []string{"folder"}, "by its records it never did"},

	{"checkpoint signed with a key that ledger.json names and no record", func(w *world, _ *verify.Options) {
		w.close()
		signer, _ := trusttest.LogKey(trusttest.Origin, "mallory")
		name := filepath.Join(w.dir, "ledger.json")
		text, err := os.ReadFile(name)
		w.check(err)
		text = bytes.Replace(text, []byte("\"\n  ],\n  \"logKey\""), []byte("\",\n    \""+trusttest.VKey(trusttest.Origin, "mallory")+"\"\n  ],\n  \"logKey\""), 1)
		w.check(os.WriteFile(name, text, 0o644))
		body, _, _ := strings.Cut(string(w.checkpoint()), "\n—")
		signed, err := note.Sign(&note.Note{Text: body}, signer)
		w.check(err)
		w.check(os.WriteFile(filepath.Join(w.dir, "log", "checkpoint"), signed, 0o644))
	}, []string{"checkpoint", "folder"}, "by its records, the key of the log at that size is "},

	{"trust file of another ledger", func(w *world, o *verify.Options) {
		a := *w.anchor()
		a.Genesis, a.Admins = audittest.Digests("x")["sha3_512"], nil
		o.Anchor = &a
	}, []string{"anchor"}, "its first record has the SHA3-512 "},

	{"no witness", func(w *world, o *verify.Options) {
		a := *w.anchor()
		a.Witnesses = &trust.Witnesses{Keys: []string{"witness.example/w1+a88b15f5+BLmI5Rw8y7Whn7N/rkKw3fnjn/xUXa6N3b7vjk6NmWFr"}, Quorum: 1}
		o.Anchor = &a
	}, []string{"witnesses"}, ""},

	{"checkpoint that is none", func(_ *world, o *verify.Options) {
		o.Against = []verify.Older{{Name: "older", Checkpoint: []byte("nothing")}}
	}, []string{"against"}, "older: is not a checkpoint"},

	{"checkpoint of another ledger", func(_ *world, o *verify.Options) {
		o.Against = []verify.Older{{Name: "older", Checkpoint: []byte("else.example\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n— else.example AAAAAAAA\n")}}
	}, []string{"against"}, `older: is of ledger "else.example"`},

	{"checkpoint that nobody signed", func(w *world, o *verify.Options) {
		text, _, _ := strings.Cut(string(w.checkpoint()), "—")
		o.Against = []verify.Older{{Name: "older", Checkpoint: []byte(text + "— " + trusttest.Origin + " AAAAAAAA\n")}}
	}, []string{"against"}, "older: is not signed by a key of log"},

	{"evidence of an anchor that is none", func(w *world, _ *verify.Options) {
		w.evidence("01234567-000000000003.json", []byte("nothing"))
	}, []string{"network"}, "01234567-000000000003.json: not the evidence of an anchor"},

	{"evidence of another ledger's anchor", func(w *world, _ *verify.Options) {
		file, err := os.ReadFile("../../ledger/fabric/anchored/testdata/evidence.json")
		w.check(err)
		e, err := anchored.Parse(file)
		w.check(err)
		key, err := e.Key()
		w.check(err)
		w.evidence(fmt.Sprintf("%08x-000000000066.json", key.Verifier().KeyHash()), file)
	}, []string{"network"}, "it is of a log with the first record"},

	{"evidence under another name", func(w *world, _ *verify.Options) {
		file, err := os.ReadFile("../../ledger/fabric/anchored/testdata/evidence.json")
		w.check(err)
		w.evidence("01234567-000000000066.json", file)
	}, []string{"network"}, "its name is not that of its network"},

	{"a network that has no anchor", func(_ *world, o *verify.Options) {
		o.Network = func(context.Context, string) (*anchored.Evidence, *anchored.Anchor, error) {
			return nil, nil, ledger.ErrNotFound
		}
	}, []string{"network"}, "the network has no anchor of a ledger with this first record"},

	{"a network that has more records", func(_ *world, o *verify.Options) {
		o.Network = func(context.Context, string) (*anchored.Evidence, *anchored.Anchor, error) {
			return nil, &anchored.Anchor{Network: "n", Size: 9, Block: 7, Tx: "t"}, nil
		}
	}, []string{"network"}, "9 records anchored in block 7 of n, transaction t, and the ledger has only 4"},

	{"a network that has other records", func(_ *world, o *verify.Options) {
		o.Network = func(context.Context, string) (*anchored.Evidence, *anchored.Anchor, error) {
			return nil, &anchored.Anchor{Network: "n", Size: 3, Block: 7, Tx: "t"}, nil
		}
	}, []string{"network"}, "the ledger does not continue the 3 records anchored in block 7 of n"},

	{"another record in another place", func(w *world, o *verify.Options) {
		other := w.copied()
		other.incident(20)
		other.close()
		w.incident(10)
		o.Both = other.dir
	}, []string{"both"}, "record 4: has SHA3-512"},

	{"life with errors", func(w *world, o *verify.Options) {
		w.append(trusttest.Seal(event(audit.Approved, 9), "admin"))
		o.Lives = true
	}, []string{"lives"}, `"bev" "1": `},
}

// TestFaults does one thing wrong at a time.
func TestFaults(t *testing.T) {
	tried := map[string]bool{"checkpoint": true, "rollback": true, "tree": true, "index": true, "keys": true} // below, and in cmd/auditlog
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			w := newWorld(t)
			w.grow()
			var o verify.Options
			f.do(w, &o)
			r := w.verify(o)
			matchesSchema(t, r)
			var bad []string
			for id, s := range statuses(r) {
				if s == verify.Wrong || s == verify.Unknown {
					bad = append(bad, id)
				}
			}
			if slices.Sort(bad); !slices.Equal(bad, f.bad) || r.Outcome != verify.Failed || !strings.Contains(said(r), f.says) {
				t.Errorf("%s fail, want %s and %q: %s", bad, f.bad, f.says, said(r))
			}
		})
		for _, id := range f.bad {
			tried[id] = true
		}
	}
	for _, k := range verify.Catalogue() {
		if k.Of != verify.OfOne && k.Of != verify.OfData && k.Of != verify.OfNetwork && !tried[k.ID] {
			t.Errorf("nothing fails %s", k.ID)
		}
	}
}

// TestUnreadable: what cannot be looked at is neither good nor wrong.
func TestUnreadable(t *testing.T) {
	w := newWorld(t)
	w.grow()
	a := w.put("log.txt", "loss 0.1")
	w.check(os.Remove(w.blob(a)))
	w.check(os.Mkdir(w.blob(a), 0o755))
	r := w.verify(verify.Options{})
	if r.Outcome != verify.Incomplete || statuses(r)["documents"] != verify.Unknown || !strings.Contains(said(r), "is no regular file") {
		t.Errorf("%s", said(r))
	}
}

// TestWrongLog: of a log whose records are not as signed, nothing is called good
// that hangs on them.
func TestWrongLog(t *testing.T) {
	w := newWorld(t)
	w.grow()
	w.close()
	bundle, err := filepath.Glob(filepath.Join(w.dir, "log", "tile", "entries", "*", "*"))
	w.check(err)
	data, err := os.ReadFile(bundle[0])
	w.check(err)
	data[len(data)-1] ^= 1
	w.check(os.WriteFile(bundle[0], data, 0o644))
	r := w.verify(verify.Options{Lives: true, Anchor: &trust.Anchor{}})
	got := statuses(r)
	for _, id := range []string{"index", "records", "keys", "signatures", "history", "documents", "listings", "parameters", "site-key", "checkpoint", "anchor", "lives"} {
		if got[id] == verify.OK {
			t.Errorf("%s is called good: %s", id, said(r))
		}
	}
	if got["tree"] != verify.Wrong || !strings.Contains(said(r), "record 3 is not the one that was signed") {
		t.Errorf("%s", said(r))
	}
	// One of them alone is no better off.
	one, err := verify.Record(t.Context(), w.dir, 3, "", verify.Options{Pins: w.pins})
	w.check(err)
	for id, s := range statuses(one) {
		if s == verify.OK && !slices.Contains([]string{"folder", "rollback", "found", "keys", "checkpoint"}, id) { // of other records
			t.Errorf("%s is called good: %s", id, said(one))
		}
	}
}

// TestNoGenesis: a ledger that began otherwise trusts no key.
func TestNoGenesis(t *testing.T) {
	w := newWorld(t)
	w.close()
	w.check(os.RemoveAll(w.dir))
	w.pins = t.TempDir()
	w.begin(func(origin, logKey string) ([]byte, error) {
		p := trusttest.Genesis(origin, trusttest.Signer("admin", audit.Admin))
		p.Ledger.Log = logKey
		return trusttest.Seal(p, "stranger"), nil // who is not among them
	})
	r := w.verify(verify.Options{})
	got := statuses(r)
	if got["keys"] != verify.Wrong || got["signatures"] != verify.Wrong || got["checkpoint"] == verify.OK {
		t.Errorf("%s", said(r))
	}
}

// TestData: the files that differ are named, with a list of files and without.
func TestData(t *testing.T) {
	w := newWorld(t)
	dir := t.TempDir()
	write := func(name, text string) { w.check(os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644)) }
	write("a", "1")
	write("b", "2")
	var listing bytes.Buffer
	f, err := fingerprint.Run(t.Context(), dir, fingerprint.Options{Listing: &listing})
	w.check(err)
	p := event(audit.DataRegistered, 1)
	p.Data = []audit.Dataset{
		{Name: "listed", Fingerprint: *f, Listing: w.put("l", listing.String())},
		{Name: "not", Fingerprint: *f},
		{Name: "lying", Fingerprint: w.dataset("other", "x").Fingerprint, Listing: w.put("l", listing.String())},
	}
	w.append(trusttest.Seal(p, "eng"))
	data := func(of string) *verify.Report {
		t.Helper()
		w.close()
		r, err := verify.Data(t.Context(), w.dir, dir, of, verify.Options{Pins: w.pins})
		w.check(err)
		return r
	}
	for _, of := range []string{"", "listed", "not", "1/not", "1/listed"} {
		if r := data(of); statuses(r)["data"] != verify.OK || len(r.Records) != 1 {
			t.Errorf("%q: %s", of, said(r))
		}
	}
	if r := data("lying"); statuses(r)["data"] != verify.Wrong || !strings.Contains(said(r), "the list of files has another tree than the record") {
		t.Errorf("%s", said(r))
	}
	if r := data("1"); statuses(r)["found"] != verify.Wrong || !strings.Contains(said(r), `it names 3 data sets so: "listed", "lying", "not"`) {
		t.Errorf("%s", said(r))
	}
	write("a", "one")
	write("c", "3")
	w.check(os.Remove(filepath.Join(dir, "b")))
	for of, words := range map[string][]string{
		"listed": {"/a: is changed", "/b: is missing", "/c: is not in the record"},
		"not":    {"has the tree "},
		"":       {"no record names data with the tree "},
	} {
		r := data(of)
		for _, word := range words {
			if r.Outcome != verify.Failed || !strings.Contains(said(r), word) {
				t.Errorf("%q does not say %q: %s", of, word, said(r))
			}
		}
	}
}

// TestRecord verifies each record alone; with a fault, it is that record's.
func TestRecord(t *testing.T) {
	w := newWorld(t)
	w.grow()
	bad := w.append(trusttest.Seal(event(audit.Approved, 9), "eng"))
	anchor := w.anchor()
	w.close()
	for i := range bad + 1 {
		r, err := verify.Record(t.Context(), w.dir, i, "", verify.Options{Pins: w.pins, Anchor: anchor})
		w.check(err)
		want := verify.Verified
		if i == bad {
			want = verify.Failed
		}
		if r.Outcome != want || len(r.Records) != 1 || r.Records[0].Index != i {
			t.Errorf("record %d: %s", i, said(r))
		}
		matchesSchema(t, r)
		if again, err := verify.Record(t.Context(), w.dir, -1, r.Records[0].Digest, verify.Options{Pins: w.pins, Anchor: anchor}); err != nil || again.Outcome != want || again.Records[0].Index != i {
			t.Errorf("record %d by its digest: %v %s", i, err, said(again))
		}
	}
}
