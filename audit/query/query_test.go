package query_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/audittest"
	"github.com/mmaudit/mmaudit/audit/dsse"
	"github.com/mmaudit/mmaudit/audit/lifecycle"
	"github.com/mmaudit/mmaudit/audit/lifecycle/lifetest"
	"github.com/mmaudit/mmaudit/audit/query"
	"github.com/mmaudit/mmaudit/audit/trust/trusttest"
	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/tlog"
)

func options() tlog.Options {
	signer, verifier := trusttest.LogKey(trusttest.Origin, "log")
	return tlog.Options{Signer: signer, Verifiers: []note.Verifier{verifier}, KeysOf: audit.KeysOf, KeysVersion: audit.KeysVersion}
}

// newLedger makes a ledger of records on disk.
func newLedger(t testing.TB, records [][]byte) *tlog.Log {
	t.Helper()
	l, err := tlog.Init(t.Context(), t.TempDir()+"/log", options())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	for i, r := range records {
		if receipt, err := l.Append(t.Context(), r); err != nil || receipt.Index != int64(i) {
			t.Fatal(receipt, err)
		}
	}
	return l
}

func open(t testing.TB, l ledger.Ledger, o query.Options) *query.View {
	t.Helper()
	v, err := query.Open(t.Context(), l, o)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func second[T any](_ T, err error) error { return err }

func text(t testing.TB, v any) string {
	t.Helper()
	var b bytes.Buffer
	if err := query.JSON(&b, v); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// differ shows where two texts part.
func differ(a, b string) string {
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(x), len(y)) {
		if x[i] != y[i] {
			return fmt.Sprintf("line %d: %s\nwant %s", i+1, strings.Join(x[max(0, i-3):min(len(x), i+3)], "\n"), strings.Join(y[max(0, i-3):min(len(y), i+3)], "\n"))
		}
	}
	return fmt.Sprintf("%d lines, want %d", len(x), len(y))
}

// book writes a good life, at the end of which a second version is deployed.
func book() *lifetest.Book {
	b := lifetest.NewBook()
	for _, d := range []string{"nuscenes", "nuscenes-test"} {
		b.Add(lifetest.Data(audittest.Start.Add(-time.Hour), d, "")...)
	}
	b.Add(lifetest.Plan{Model: "bev-seg", Version: "3.2.0", Heartbeats: 3}.Life()...)
	return b
}

// TestProofs: every record in an answer is proved against the view's head.
func TestProofs(t *testing.T) {
	b := book()
	l := newLedger(t, b.Records)
	v := open(t, l, query.Options{Size: 12})
	tl, err := v.Version(t.Context(), "bev-seg", "3.2.0")
	if err != nil {
		t.Fatal(err)
	}
	if tl.State != lifecycle.Evaluated || tl.Ledger.Records != 12 || tl.Ledger.Size != int64(len(b.Records)) {
		t.Errorf("%s %+v", tl.State, tl.Ledger)
	}
	for _, e := range tl.Events {
		proof, err := v.Prove(t.Context(), e.Index)
		if err != nil {
			t.Fatal(err)
		}
		if err := ledger.CheckInclusion(proof, v.Head.Size, v.Head.Root, e.Index, e.Record.Bytes); err != nil {
			t.Error(err)
		}
		if ledger.CheckInclusion(proof, v.Head.Size, v.Head.Root, e.Index, []byte("other")) == nil {
			t.Error("the proof holds for any record")
		}
	}
}

// TestOneHead: what is appended while a view is open is in none of its answers.
func TestOneHead(t *testing.T) {
	b := book()
	l := newLedger(t, b.Records[:12])
	v := open(t, l, query.Options{})
	before := second2(v.Version(t.Context(), "bev-seg", "3.2.0"))
	for _, r := range b.Records[12:] {
		if _, err := l.Append(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	if a, b := text(t, before), text(t, second2(v.Version(t.Context(), "bev-seg", "3.2.0"))); a != b {
		t.Errorf("the answer became %s, was %s", b, a)
	}
}

func second2[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// TestAt: a time is the place in the ledger's order where claims pass it.
func TestAt(t *testing.T) {
	b := book()
	l := newLedger(t, b.Records)
	for _, tt := range []struct {
		at    time.Time
		state lifecycle.State
	}{
		{audittest.Start.Add(-time.Minute), ""},
		{audittest.Start, lifecycle.Planned},
		{audittest.Start.Add(2 * time.Minute), lifecycle.Training},
		{audittest.Start.Add(5*time.Minute + 59*time.Second), lifecycle.Trained},
		{audittest.Start.Add(6 * time.Minute), lifecycle.Evaluated},
		{audittest.Start.AddDate(9, 0, 0), lifecycle.Retired},
	} {
		v := open(t, l, query.Options{At: tt.at})
		tl, err := v.Version(t.Context(), "bev-seg", "3.2.0")
		if tt.state == "" {
			if !errors.Is(err, query.ErrNone) {
				t.Errorf("%s: %v", tt.at, err)
			}
			continue
		}
		if err != nil || tl.State != tt.state {
			t.Errorf("%s: %v, want %s (%v)", tt.at, tl, tt.state, err)
		}
	}
	for _, n := range []int64{-1, int64(len(b.Records)) + 1} {
		if _, err := query.Open(t.Context(), l, query.Options{Size: n}); !errors.Is(err, ledger.ErrNotFound) {
			t.Errorf("size %d: %v", n, err)
		}
	}
}

// TestDeviceBefore: what a device had before the version came is known where it
// matters: for what should come before, and after a rollback.
func TestDeviceBefore(t *testing.T) {
	b := lifetest.NewBook()
	on := func(e audit.Event, version string, n int) *audit.Predicate {
		return audittest.Event(e, "m", version, "", n)
	}
	b.Add(on(audit.Deployed, "1", 1), on(audit.OTAUpdated, "2", 2))
	l := newLedger(t, b.Records)
	tl := second2(open(t, l, query.Options{}).Version(t.Context(), "m", "2"))
	if i := slices.IndexFunc(tl.Problems, func(p lifecycle.Problem) bool { return p.Code == "advised-missing" }); i >= 0 {
		t.Errorf("%+v", tl.Problems[i])
	}
	b.Add(on(audit.OTARolledBack, "2", 3))
	if _, err := l.Append(t.Context(), b.Records[3]); err != nil {
		t.Fatal(err)
	}
	for _, version := range []string{"1", "2"} {
		tl := second2(open(t, l, query.Options{}).Version(t.Context(), "m", version))
		if len(tl.Devices) != 1 || tl.Devices[0].Runs != "m 1" {
			t.Errorf("%s: %+v", version, tl.Devices)
		}
	}
}

// TestInvalid: a record that is found by its version but says it in another form
// is shown, with its problem.
func TestInvalid(t *testing.T) {
	b := book()
	payload := second2(audittest.Event(audit.Incident, "bev-seg", "3.2.0", "", 99).Encode())
	payload = bytes.Replace(payload, []byte(`"v":1`), []byte(`"v":2`), 1)
	b.Records = append(b.Records, second2(dsse.Sign(payload, trusttest.Key("engineer"))))
	v := open(t, newLedger(t, b.Records), query.Options{})
	tl := second2(v.Version(t.Context(), "bev-seg", "3.2.0"))
	last := tl.Events[len(tl.Events)-1]
	if len(tl.Problems) != 1 || tl.Problems[0].Code != "invalid-record" || last.Index != int64(len(b.Records)-1) || last.Record != nil {
		t.Errorf("%+v %+v", tl.Problems, last)
	}
	if err := query.Text(io.Discard, tl, query.TextOptions{}); err != nil {
		t.Error(err)
	}
	for h, err := range v.Since(t.Context(), last.Index, false) {
		if err != nil || !slices.Equal(h.Faults, []string{"invalid-record"}) {
			t.Errorf("%+v %v", h, err)
		}
	}
}

// TestOrphan: a run of which there are heartbeats alone is found, and what is
// missing is said.
func TestOrphan(t *testing.T) {
	b := lifetest.NewBook()
	b.Add(audittest.Event(audit.TrainHeartbeat, "m", "1", "r", 1), audittest.Event(audit.TrainHeartbeat, "m", "2", "r", 2))
	v := open(t, newLedger(t, b.Records), query.Options{})
	runs, err := v.Run(t.Context(), "r")
	if err != nil || len(runs.Runs) != 2 {
		t.Fatalf("%+v %v", runs, err)
	}
	for _, r := range runs.Runs {
		var codes []string
		for _, p := range r.Problems {
			codes = append(codes, p.Code)
		}
		if want := []string{"required-missing", "run-shared"}; !slices.Equal(codes, want) || r.Run.Heartbeats.Count != 1 {
			t.Errorf("%+v", r)
		}
	}
}

// TestCancelled: an end of the context is an error, not a shorter answer.
func TestCancelled(t *testing.T) {
	l := newLedger(t, book().Records)
	v := open(t, l, query.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range []error{
		second(v.Version(ctx, "bev-seg", "3.2.0")), second(v.Model(ctx, "bev-seg")), second(v.Run(ctx, "r")),
		second(v.Device(ctx, "vehicle-17")), second(v.TrainedOn(ctx, "00")), second(v.With(ctx, "cuda", "12")),
		second(v.ContainsFile(ctx, query.File{Path: "a"}, "", "")),
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%v, want cancelled", err)
		}
	}
}
