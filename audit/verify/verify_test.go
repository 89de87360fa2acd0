package verify_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/audittest"
	"github.com/mmaudit/mmaudit/audit/fingerprint"
	"github.com/mmaudit/mmaudit/audit/hparams"
	"github.com/mmaudit/mmaudit/audit/store"
	"github.com/mmaudit/mmaudit/audit/trust"
	"github.com/mmaudit/mmaudit/audit/trust/trusttest"
	"github.com/mmaudit/mmaudit/audit/verify"
	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/schemas/draft2020"
)

// A world is a ledger in a folder, with the marks of who has seen it.
type world struct {
	t         testing.TB
	dir, pins string
	s         *store.Store
}

// newWorld makes a ledger whose keys are "admin" for all roles, and "eng" for
// those of engineers.
func newWorld(t testing.TB) *world {
	w := &world{t: t, dir: filepath.Join(t.TempDir(), ".auditlog"), pins: t.TempDir()}
	w.begin(func(origin, logKey string) ([]byte, error) {
		p := trusttest.Genesis(origin, trusttest.Signer("admin", audit.Roles()...), trusttest.Signer("eng", audit.Engineer))
		p.Ledger.Log = logKey
		return trusttest.Seal(p, "admin"), nil
	})
	t.Cleanup(w.close)
	return w
}

func (w *world) begin(genesis func(origin, logKey string) ([]byte, error)) {
	w.t.Helper()
	var err error
	w.s, err = store.Init(w.t.Context(), w.dir, store.InitOptions{Origin: trusttest.Origin, Pins: w.pins, Genesis: genesis})
	w.check(err)
}

// store is the ledger, open for appending.
func (w *world) store() *store.Store {
	w.t.Helper()
	if w.s == nil {
		var err error
		w.s, err = store.Open(w.t.Context(), w.dir, store.Options{Write: true, Pins: w.pins})
		w.check(err)
	}
	return w.s
}

// close waits until the writer has written all, the index too.
func (w *world) close() {
	if w.s != nil {
		w.s.Close()
		w.s = nil
	}
}

func (w *world) check(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// append appends a record, whoever would believe it.
func (w *world) append(record []byte) int64 {
	w.t.Helper()
	r, err := w.store().Log.Append(w.t.Context(), record)
	w.check(err)
	return r.Index
}

func (w *world) put(name, text string) *audit.Attachment {
	w.t.Helper()
	a, err := w.store().Blobs.Put(w.t.Context(), name, "text/plain", strings.NewReader(text))
	w.check(err)
	return a
}

// dataset fingerprints a folder of one file, and keeps its listing.
func (w *world) dataset(name, text string) audit.Dataset {
	w.t.Helper()
	dir := w.t.TempDir()
	w.check(os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	var listing bytes.Buffer
	r, err := fingerprint.Run(w.t.Context(), dir, fingerprint.Options{Listing: &listing, SHA256: true})
	w.check(err)
	return audit.Dataset{Name: name, Role: "train", Fingerprint: *r, Listing: w.put("listing.jsonl", listing.String())}
}

// params keeps hyper-parameters.
func (w *world) params(args ...string) *audit.Params {
	w.t.Helper()
	p := audittest.Params(args...)
	doc, err := hparams.ParseArgs(args)
	w.check(err)
	key, err := w.store().SiteKey()
	w.check(err)
	tree, err := doc.Set.Tree(store.ParamsSecret(key, p.Hash))
	w.check(err)
	p.Tree = tree.Root()
	form, err := doc.Set.Canonical()
	w.check(err)
	p.Form = w.put("params.json", string(form))
	return p
}

// event makes an event of version 1 of the model bev.
func event(e audit.Event, minute int) *audit.Predicate {
	p := audittest.Event(e, "bev", "1", "r1", minute)
	kind, _ := audit.KindOf(e)
	if !contains(kind.Must, "runId") {
		p.Run = ""
	}
	return p
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// grow records a small life, with a document of each kind.
func (w *world) grow() {
	w.t.Helper()
	data := w.dataset("frames", "a frame")
	p := event(audit.DataRegistered, 1)
	p.Data = []audit.Dataset{data}
	w.append(trusttest.Seal(p, "eng"))
	p = event(audit.TrainStarted, 2)
	p.Data, p.Params = []audit.Dataset{data}, w.params("lr=0.1", "epochs=3")
	start := trusttest.Seal(p, "eng")
	at := w.append(start)
	p = event(audit.TrainFinished, 3)
	p.Prev = &audit.Prev{Index: at, Digest: audit.DigestOf(start)}
	p.Attachments = []audit.Attachment{*w.put("log.txt", "loss 0.1")}
	w.append(trusttest.Seal(p, "eng"))
}

func (w *world) verify(o verify.Options) *verify.Report {
	w.t.Helper()
	w.close()
	o.Pins = w.pins
	r, err := verify.Ledger(w.t.Context(), w.dir, o)
	w.check(err)
	return r
}

func (w *world) anchor() *trust.Anchor {
	w.t.Helper()
	head, err := w.store().Log.Head(w.t.Context())
	w.check(err)
	k, err := trust.Load(w.t.Context(), w.store().Log, head.Size)
	w.check(err)
	a, err := k.Anchor(nil)
	w.check(err)
	return a
}

func (w *world) checkpoint() []byte {
	w.t.Helper()
	data, err := os.ReadFile(filepath.Join(w.dir, "log", "checkpoint"))
	w.check(err)
	return data
}

// statuses are those of all checks, by id.
func statuses(r *verify.Report) map[string]verify.Status {
	all := map[string]verify.Status{}
	for _, c := range r.Checks {
		all[c.ID] = c.Status
	}
	return all
}

// matchesSchema holds a report to schemas/verify.schema.json.
func matchesSchema(t testing.TB, r *verify.Report) {
	t.Helper()
	schema, err := draft2020.Compile("verify.schema.json", "")
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(value); err != nil {
		t.Errorf("%s: %v", text, err)
	}
}

// said is everything that a report tells.
func said(r *verify.Report) string {
	var b strings.Builder
	for _, c := range r.Checks {
		b.WriteString(c.ID + " " + string(c.Status) + ": " + c.Message + "\n")
	}
	for _, f := range r.Findings {
		b.WriteString(f.Check + ": " + f.String() + "\n")
	}
	b.WriteString(string(r.Outcome) + ": " + r.Meaning + "\n")
	return b.String()
}

func TestWhole(t *testing.T) {
	w := newWorld(t)
	w.grow()
	older := w.checkpoint()
	w.append(trusttest.Seal(event(audit.EvalFinished, 4), "admin"))

	r := w.verify(verify.Options{})
	if r.Outcome != verify.Consistent || len(r.Findings) != 0 || r.Ledger.Size != 5 {
		t.Errorf("%s", said(r))
	}
	for id, s := range statuses(r) {
		want := verify.OK
		if id == "anchor" || id == "witnesses" || id == "network" || id == "against" || id == "both" || id == "lives" {
			want = verify.Skipped
		}
		if s != want {
			t.Errorf("%s is %s, want %s", id, s, want)
		}
	}

	r = w.verify(verify.Options{Anchor: w.anchor(), Against: []verify.Older{{Name: "older", Checkpoint: older}}, Lives: true})
	got := statuses(r)
	if got["anchor"] != verify.OK || got["against"] != verify.OK || len(r.Lives) != 1 {
		t.Errorf("%s", said(r))
	}
	if r.Lives[0].Counts.Errors > 0 != (r.Outcome == verify.Failed) { // whatever the life lacks
		t.Errorf("%+v: %s", r.Lives, said(r))
	}

	matchesSchema(t, r)

	// What was not asked for is not reported as good.
	r = w.verify(verify.Options{NoListings: true})
	if got := statuses(r); got["listings"] != verify.Skipped || got["documents"] != verify.OK {
		t.Errorf("%s", said(r))
	}
	r = w.verify(verify.Options{NoDocuments: true})
	for _, id := range []string{"listings", "documents", "parameters", "site-key"} {
		if got := statuses(r); got[id] != verify.Skipped {
			t.Errorf("%s: %s", id, said(r))
		}
	}
}

// TestSame holds the report to be the same with any number of workers.
func TestSame(t *testing.T) {
	w := newWorld(t)
	w.grow()
	var all sync.WaitGroup
	log := w.store().Log
	for i := range 600 {
		all.Go(func() {
			p := event(audit.TrainHeartbeat, i)
			p.Note = strings.Repeat("x", i+1)
			p.Attachments = []audit.Attachment{*audittest.Attachment("lost.txt", "lost")}
			if _, err := log.Append(t.Context(), trusttest.Seal(p, "stranger")); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	one := w.verify(verify.Options{Workers: 1})
	for range 3 {
		if many := w.verify(verify.Options{Workers: 8}); said(many) != said(one) {
			t.Fatalf("one worker:\n%s\neight:\n%s", said(one), said(many))
		}
	}
	if !strings.Contains(said(one), `record 4: attachments[0], "lost.txt" of 4 bytes, is missing`) {
		t.Errorf("%s", said(one))
	}
	if one.Outcome != verify.Failed || !strings.Contains(said(one), "record 4: train.heartbeat: unknown-key") {
		t.Errorf("%s", said(one))
	}
	for _, c := range one.Checks {
		if c.ID == "signatures" && c.Findings < 600 {
			t.Errorf("%d findings, want each of 600 counted", c.Findings)
		}
	}
}

func TestInterrupted(t *testing.T) {
	w := newWorld(t)
	w.grow()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := verify.Ledger(ctx, w.dir, verify.Options{Pins: w.pins}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	stop := func(p verify.Progress) {
		if p.Stage == "documents" {
			cancel()
		}
	}
	if _, err := verify.Ledger(ctx, w.dir, verify.Options{Pins: w.pins, Progress: stop}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestNoLedger(t *testing.T) {
	if _, err := verify.Ledger(t.Context(), t.TempDir(), verify.Options{Pins: t.TempDir()}); !errors.Is(err, ledger.ErrNoLedger) {
		t.Errorf("%v", err)
	}
}

// files lists the files of a folder.
func files(t testing.TB, dir string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			all = append(all, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestEveryFile flips a bit in every byte of every file of a ledger's folder; in some
// bytes of the log, of which the tests of ledger/tlog flip every one.
func TestEveryFile(t *testing.T) {
	w := newWorld(t)
	w.grow()
	w.close()
	seen := 0
	for _, name := range files(t, w.dir) {
		good, err := os.ReadFile(name)
		w.check(err)
		info, err := os.Stat(name)
		w.check(err)
		rel, err := filepath.Rel(w.dir, name)
		w.check(err)
		w.check(os.Chmod(name, 0o600))
		step := 1
		if strings.HasPrefix(rel, "log"+string(filepath.Separator)) || len(good) > 1000 {
			step = max(1, len(good)/40)
		}
		if testing.Short() {
			step *= 13
		}
		missed := 0
		for i := 0; i < len(good); i += step {
			bad := bytes.Clone(good)
			bad[i] ^= 1 << (i % 8)
			w.check(os.WriteFile(name, bad, 0o600))
			if r := w.verify(verify.Options{}); r.Outcome != verify.Failed || !strings.Contains(said(r), filepath.Base(name)) && !strings.Contains(said(r), filepath.Dir(rel)) {
				if missed++; missed < 4 {
					t.Errorf("%s: bit %d of byte %d, %q to %q: %s", rel, i%8, i, good[i], bad[i], said(r))
				}
			}
			seen++
		}
		w.check(os.WriteFile(name, good, 0o600))
		w.check(os.Chmod(name, info.Mode()))
	}
	if r := w.verify(verify.Options{}); r.Outcome != verify.Consistent || !testing.Short() && seen < 1000 {
		t.Errorf("%d flips, and then %s", seen, said(r))
	}
}
