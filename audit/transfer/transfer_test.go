package transfer_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/audittest"
	"github.com/mmaudit/mmaudit/audit/lifecycle/lifetest"
	"github.com/mmaudit/mmaudit/audit/store"
	"github.com/mmaudit/mmaudit/audit/transfer"
	"github.com/mmaudit/mmaudit/audit/trust/trusttest"
	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/tlog"
)

const origin = trusttest.Origin

// lives are the first records of a ledger with events of all kinds.
func lives(n int) [][]byte { return manyLives()[:n] }

var manyLives = sync.OnceValue(func() [][]byte { return slices.Collect(lifetest.Lives(1, 1600)) })

// newLedger makes a ledger in a folder with these records after its first one.
func newLedger(t testing.TB, records [][]byte) *store.Store {
	t.Helper()
	base := t.TempDir()
	s, err := store.Init(t.Context(), filepath.Join(base, "ledger"), store.InitOptions{
		Origin: origin, Pins: filepath.Join(base, "pins"), Genesis: genesis,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	extend(t, s, records)
	return s
}

func genesis(origin, logKey string) ([]byte, error) {
	var signers []*audit.SignerKey
	for _, r := range audit.Roles() {
		signers = append(signers, trusttest.Signer(string(r), r))
	}
	g := trusttest.Genesis(origin, signers...)
	g.Ledger.Log = logKey
	return audit.Seal(g, trusttest.Key(string(audit.Admin)))
}

func extend(t testing.TB, s *store.Store, records [][]byte) {
	t.Helper()
	if _, err := s.Log.(ledger.Batcher).AppendAll(t.Context(), records); err != nil {
		t.Fatal(err)
	}
}

// newTarget makes a log that has these records, as a ledger to append to.
func newTarget(t testing.TB, records ...[]byte) *store.Store {
	t.Helper()
	signer, verifier := trusttest.LogKey(origin, "target")
	l, err := tlog.Init(t.Context(), t.TempDir(), tlog.Options{Signer: signer, Verifiers: []note.Verifier{verifier}, KeysOf: audit.KeysOf})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	if _, err := l.AppendAll(t.Context(), records); err != nil {
		t.Fatal(err)
	}
	return &store.Store{Config: store.Config{V: 1, Origin: origin}, Log: l}
}

func all(t testing.TB, s *store.Store) (records [][]byte) {
	t.Helper()
	head, err := s.Log.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for e, err := range s.Log.Scan(t.Context(), head.Size, 0) {
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, e.Record)
	}
	return records
}

// same wants the records of two ledgers to be the same; Compare is not asked.
func same(t testing.TB, a, b *store.Store) {
	t.Helper()
	x, y := all(t, a), all(t, b)
	if len(x) != len(y) {
		t.Fatalf("%d and %d records", len(x), len(y))
	}
	for i := range x {
		if string(x[i]) != string(y[i]) {
			t.Fatalf("record %d differs", i)
		}
	}
}

var appendOnly = transfer.Options{NoDocuments: true}

// TestAppend copies into a ledger that is empty, and into its own beginnings.
func TestAppend(t *testing.T) {
	from := newLedger(t, lives(1300)[1:])
	records := all(t, from)
	for _, had := range []int{0, 1, 256, 1025, 1299, 1300} {
		to := newTarget(t, records[:had]...)
		dry := appendOnly
		dry.DryRun = true
		r, err := transfer.Append(t.Context(), from, to, dry)
		if err != nil || !r.DryRun || r.Had != int64(had) || r.Copied != int64(1300-had) || len(all(t, to)) != had {
			t.Errorf("dry run: %+v, %v", r, err)
		}
		var last transfer.Progress
		o := appendOnly
		o.Progress = func(p transfer.Progress) { last = p }
		r, err = transfer.Append(t.Context(), from, to, o)
		if err != nil || r.Had != int64(had) || r.Copied != int64(1300-had) || r.Compared != 1300 {
			t.Errorf("%+v, %v", r, err)
		}
		if last != (transfer.Progress{Stage: "comparing", Done: 1300, Total: 1300}) {
			t.Errorf("progress ended with %+v", last)
		}
		same(t, from, to)
		o.NoCompare = true
		if r, err = transfer.Append(t.Context(), from, to, o); err != nil || r.Copied != 0 || r.Compared != 0 {
			t.Errorf("again: %+v, %v", r, err)
		}
	}
}

// TestAppendRefuses: what is no beginning of the source is left alone, and the
// place where the two part is named.
func TestAppendRefuses(t *testing.T) {
	from := newLedger(t, lives(700)[1:])
	records := all(t, from)
	strange := func(n int) []byte {
		return trusttest.Seal(audittest.Event(audit.Incident, "m", "1", "", n), string(audit.Engineer))
	}
	other := func(at int) [][]byte {
		out := slices.Clone(records[:600])
		out[at] = strange(at)
		return out
	}
	cases := []struct {
		name string
		have [][]byte
		want error
		says string
	}{
		{"more", append(slices.Clone(records), strange(1)), transfer.ErrAhead, "it has 701, the source 700"},
		{"more, and another", append(other(3), slices.Concat(records[600:], [][]byte{strange(4)})...), transfer.ErrDiffers, "record 3 is another"},
	}
	for _, at := range []int{0, 1, 255, 256, 513, 599} {
		cases = append(cases, struct {
			name string
			have [][]byte
			want error
			says string
		}{fmt.Sprint("other record ", at), other(at), transfer.ErrDiffers, fmt.Sprintf("record %d is another one in the target, which has 600", at)})
	}
	for _, c := range cases {
		to := newTarget(t, c.have...)
		for _, dry := range []bool{true, false} {
			o := appendOnly
			o.DryRun = dry
			if r, err := transfer.Append(t.Context(), from, to, o); r != nil || !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: %+v, %v", c.name, r, err)
			}
		}
		if n := len(all(t, to)); n != len(c.have) {
			t.Errorf("%s: %d records, had %d", c.name, n, len(c.have))
		}
	}
}

// meddling appends a record of its own before the second batch.
type meddling struct {
	*tlog.Log
	own  []byte
	left int
}

func (m *meddling) AppendAll(ctx context.Context, records [][]byte) ([]ledger.Receipt, error) {
	if m.left--; m.left == 0 {
		if _, err := m.Log.Append(ctx, m.own); err != nil {
			return nil, err
		}
	}
	return m.Log.AppendAll(ctx, records)
}

// TestAppendBesideOthers: another writer is found out, at its place, and so is a
// record in the way.
func TestAppendBesideOthers(t *testing.T) {
	from := newLedger(t, lives(1024)[1:])
	incident := func(id, model string) []byte {
		p := audittest.Event(audit.Incident, model, "1", "", 1)
		p.ID = id
		return trusttest.Seal(p, string(audit.Engineer))
	}
	extend(t, from, [][]byte{incident("same", "m")}) // is record 1024
	extend(t, from, lives(1500)[1024:])
	for _, c := range []struct {
		name   string
		own    []byte
		want   error
		says   string
		copied int64
	}{
		{"another", incident("other", "m"), transfer.ErrDiffers, "record 1024 of the source is record 1025 of the target", 1024},
		{"in the way", incident("same", "n"), ledger.ErrConflict, "record 1024: another record has the same idempotency key", 1024},
	} {
		to := newTarget(t)
		to.Log = &meddling{Log: to.Log.(*tlog.Log), own: c.own, left: 2}
		r, err := transfer.Append(t.Context(), from, to, appendOnly)
		if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) || r.Copied != c.copied {
			t.Errorf("%s: %+v, %v", c.name, r, err)
		}
		if _, err := transfer.Append(t.Context(), from, to, appendOnly); !errors.Is(err, transfer.ErrDiffers) || !strings.Contains(err.Error(), "record 1024 is another") {
			t.Errorf("%s, again: %v", c.name, err)
		}
	}
}

// stopping ends a copy after some batches, as a network that is lost does.
type stopping struct {
	*tlog.Log
	left int
}

var errStopped = errors.New("the network is gone")

func (s *stopping) AppendAll(ctx context.Context, records [][]byte) ([]ledger.Receipt, error) {
	if s.left--; s.left < 0 {
		receipts, err := s.Log.AppendAll(ctx, records[:len(records)/2])
		return receipts[:len(receipts)/2], errors.Join(err, errStopped) // more is stored than is known
	}
	return s.Log.AppendAll(ctx, records)
}

// TestAppendResumes goes on after each batch that fails.
func TestAppendResumes(t *testing.T) {
	from := newLedger(t, lives(1600)[1:])
	target := newTarget(t)
	l := target.Log.(*tlog.Log)
	for i := range 20 {
		target.Log = &stopping{Log: l, left: i % 2}
		r, err := transfer.Append(t.Context(), from, target, appendOnly)
		if err == nil {
			target.Log = l
			same(t, from, target)
			return
		}
		if !errors.Is(err, errStopped) || r.Copied == 0 {
			t.Fatalf("%+v, %v", r, err)
		}
		extend(t, from, [][]byte{trusttest.Seal(audittest.Event(audit.Incident, "m", "1", "", i), string(audit.Engineer))}) // it grows meanwhile
	}
	t.Error("it never came to an end")
}

// TestCompare names every record that differs.
func TestCompare(t *testing.T) {
	records := lives(600)
	a := newTarget(t, records...)
	other := slices.Clone(records)
	for _, i := range []int{0, 255, 599} {
		other[i] = trusttest.Seal(audittest.Event(audit.Incident, "m", "1", "", i), string(audit.Engineer))
	}
	b := newTarget(t, other...)
	c, err := transfer.Compare(t.Context(), a.Log, b.Log, 600, nil)
	if err != nil || c.Compared != 600 || c.Count != 3 || len(c.Differences) != 3 || c.Differences[1].Index != 255 {
		t.Fatalf("%+v, %v", c, err)
	}
	keys, err := audit.KeysOf(other[255])
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("and %.16s… (%d bytes, key %q)", audit.DigestOf(other[255]), len(other[255]), keys.ID)
	if got := c.Differences[1].String(); !strings.Contains(strings.Replace(got, "in the one and", "and", 1), want) {
		t.Errorf("%s; want %s", got, want)
	}
	if c, err := transfer.Compare(t.Context(), a.Log, b.Log, 0, nil); err != nil || c.Compared != 0 {
		t.Errorf("%+v, %v", c, err)
	}
	if _, err := transfer.Compare(t.Context(), a.Log, b.Log, 601, nil); !errors.Is(err, ledger.ErrNotFound) {
		t.Error(err)
	}
	short := cut{a.Log, 599}
	if _, err := transfer.Compare(t.Context(), a.Log, short, 600, nil); !errors.Is(err, ledger.ErrCorrupt) {
		t.Errorf("records that are not given: %v", err)
	}
	if _, err := transfer.Compare(t.Context(), short, a.Log, 600, nil); !errors.Is(err, ledger.ErrCorrupt) {
		t.Errorf("records that are not given: %v", err)
	}
}

// cut ends its sequences early.
type cut struct {
	ledger.Ledger
	at int64
}

func (c cut) Scan(ctx context.Context, size, from int64) iter.Seq2[ledger.Entry, error] {
	return c.Ledger.Scan(ctx, min(size, c.at), from)
}

// TestMirror makes mirrors with documents, and brings them up to date.
func TestMirror(t *testing.T) {
	from := newLedger(t, lives(300)[1:])
	document := func(n int, text string) {
		a, err := from.Blobs.Put(t.Context(), "report.txt", "text/plain", strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		p := audittest.Event(audit.Incident, "m", "1", "", n)
		p.Attachments = []audit.Attachment{*a, *audittest.Attachment("lost", fmt.Sprint("lost ", n)), *a}
		extend(t, from, [][]byte{trusttest.Seal(p, string(audit.Engineer))})
	}
	document(1, "one")
	dir := filepath.Join(t.TempDir(), "mirror")
	o := transfer.Options{Pins: t.TempDir()}
	dry := o
	dry.DryRun = true
	r, err := transfer.Mirror(t.Context(), from, dir, dry)
	if err != nil || r.Copied != 301 || r.Documents.Copied != 1 || r.Documents.Absent == 0 {
		t.Fatalf("%+v, %v", r, err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("a dry run has written: %v", err)
	}
	left := o
	left.NoDocuments = true
	if r, err = transfer.Mirror(t.Context(), from, dir, left); err != nil || r.Documents != nil || r.Had != 0 || r.Copied != 301 || r.Compared != 301 {
		t.Fatalf("%+v, %v", r, err)
	}
	document(2, "two")
	if r, err = transfer.Mirror(t.Context(), from, dir, o); err != nil || r.Had != 301 || r.Copied != 1 || r.Documents.Copied != 2 {
		t.Fatalf("%+v %+v, %v", r, r.Documents, err)
	}
	if r, err = transfer.Mirror(t.Context(), from, dir, o); err != nil || r.Copied != 0 || r.Documents.Copied != 0 || r.Documents.Had != 2 {
		t.Fatalf("%+v %+v, %v", r, r.Documents, err)
	}
	to, err := store.Open(t.Context(), dir, store.Options{Pins: o.Pins})
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	same(t, from, to)
	for _, text := range []string{"one", "two"} {
		if got, err := to.Blobs.Read(audittest.Digests(text)["sha3_512"], 10); err != nil || string(got) != text {
			t.Errorf("document %q: %q, %v", text, got, err)
		}
	}

	// A mirror of the mirror.
	if _, err := transfer.Mirror(t.Context(), to, dir+"2", o); err != nil {
		t.Fatal(err)
	}

	// A damaged document stops it before there is a record that names it.
	document(3, "three")
	digest := audittest.Digests("three")["sha3_512"]
	damaged := filepath.Join(from.Dir(), "blobs", digest[:2], digest)
	if err := errors.Join(os.Chmod(damaged, 0o644), os.WriteFile(damaged, []byte("3"), 0o644)); err != nil {
		t.Fatal(err)
	}
	if _, err := transfer.Mirror(t.Context(), from, dir, o); !errors.Is(err, transfer.ErrDocument) || !errors.Is(err, store.ErrDamaged) || !strings.Contains(err.Error(), "attachments[0] of record 302") {
		t.Errorf("a damaged document: %v", err)
	}
	if to.Blobs.Has(digest) || len(all(t, to)) != 302 {
		t.Error("a damaged document was copied, or its record")
	}
	// One without an end: its holes take no room at the source.
	if err := os.Truncate(damaged, 1<<40); err != nil {
		t.Fatal(err)
	}
	if _, err := transfer.Mirror(t.Context(), from, dir, o); !errors.Is(err, store.ErrDamaged) || !strings.Contains(err.Error(), "larger than its record says") {
		t.Errorf("an endless document: %v", err)
	}
	if _, err := transfer.Mirror(t.Context(), from, dir, left); err != nil {
		t.Error(err)
	}
}

// TestInterrupted ends a copy at every sign of progress; the next one goes on.
func TestInterrupted(t *testing.T) {
	from := newLedger(t, lives(1600)[1:])
	dir := filepath.Join(t.TempDir(), "mirror")
	pins := t.TempDir()
	target := newTarget(t)
	for _, run := range []func(context.Context, transfer.Options) error{
		func(ctx context.Context, o transfer.Options) error {
			_, err := transfer.Mirror(ctx, from, dir, o)
			return err
		},
		func(ctx context.Context, o transfer.Options) error {
			_, err := transfer.Append(ctx, from, target, o)
			return err
		},
	} {
		stops, steps := 0, 0
		for at := 1; ; at++ {
			ctx, cancel := context.WithCancel(t.Context())
			steps = 0
			err := run(ctx, transfer.Options{Pins: pins, NoDocuments: true, Progress: func(transfer.Progress) {
				if steps++; steps == at {
					cancel()
				}
			}})
			cancel()
			if err == nil && steps < at {
				break
			}
			if err != nil && !errors.Is(err, context.Canceled) {
				t.Fatalf("step %d: %v", at, err)
			}
			if err != nil {
				stops++
			}
		}
		if stops < 3 {
			t.Errorf("it was stopped %d times", stops)
		}
	}
	same(t, from, target)
	m, err := store.Open(t.Context(), dir, store.Options{Pins: pins})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	same(t, from, m)
}

// TestMirrorRefuses: another ledger, or a fork, is not taken for the source.
func TestMirrorRefuses(t *testing.T) {
	from := newLedger(t, lives(300)[1:])
	o := transfer.Options{Pins: t.TempDir(), NoDocuments: true}
	dir := filepath.Join(t.TempDir(), "mirror")
	if _, err := transfer.Mirror(t.Context(), from, dir, o); err != nil {
		t.Fatal(err)
	}
	other := newLedger(t, lives(300)[1:]) // has another key, and so another first record
	for _, dry := range []bool{true, false} {
		o.DryRun = dry
		if _, err := transfer.Mirror(t.Context(), other, dir, o); !errors.Is(err, ledger.ErrRollback) || !strings.Contains(err.Error(), "record 0 is another") {
			t.Errorf("another ledger: %v", err)
		}
		if _, err := transfer.Mirror(t.Context(), from, other.Dir(), o); !errors.Is(err, ledger.ErrExists) {
			t.Errorf("over a ledger: %v", err)
		}
		if _, err := transfer.Mirror(t.Context(), from, from.Dir(), o); !errors.Is(err, ledger.ErrExists) {
			t.Errorf("over itself: %v", err)
		}
	}
}
