package lifecycle_test

import (
	"slices"
	"testing"
	"time"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/audittest"
	"github.com/mmaudit/mmaudit/audit/lifecycle"
	"github.com/mmaudit/mmaudit/audit/lifecycle/lifetest"
	"github.com/mmaudit/mmaudit/audit/trust"
	"github.com/mmaudit/mmaudit/audit/trust/trusttest"
)

const model, version = "bev-seg", "3.2.0"

var start = audittest.Start.Add(-time.Hour)

// good gives a life without a fault, with its data sets before it.
func good() []*audit.Predicate {
	p := lifetest.Plan{Model: model, Version: version, Heartbeats: 3}
	var all []*audit.Predicate
	for _, d := range []string{"nuscenes", "nuscenes-test"} {
		all = append(all, lifetest.Data(start, d, "")...)
	}
	return append(all, p.Life()...)
}

// records reads what a book holds, and judges it.
func records(t testing.TB, book [][]byte) []lifecycle.Record {
	t.Helper()
	k := trust.New(trusttest.Origin)
	var all []lifecycle.Record
	for i, b := range book {
		index := int64(i)
		if v := k.Add(index, b); i == 0 {
			if !v.OK() {
				t.Fatal(v.Problems)
			}
			continue
		}
		r := lifecycle.Record{Index: index, Bytes: b, Policy: k.PolicyAt(index)}
		if r.Record, r.Err = audit.Open(b); r.Err == nil {
			r.Verdict = k.Judge(index, r.Record)
		}
		all = append(all, r)
	}
	return all
}

// keyring is that of every book.
func keyring() *trust.Keyring {
	k := trust.New(trusttest.Origin)
	k.Add(0, lifetest.NewBook().Records[0])
	return k
}

// TestDeclared: what is said of data is what was said first, of each thing.
func TestDeclared(t *testing.T) {
	all := good()
	all[0].Data[0].Source, all[0].Data[0].Medium = "fleet", "disk 7"
	all[1].Data[0].Source, all[1].Data[0].Licence = "another", "internal"
	book := lifetest.NewBook()
	book.Add(all...)
	l := lifecycle.Life{Model: model, Version: version, Records: records(t, book.Records)}
	d := l.Timeline().Data[0]
	if d.Source != "fleet" || d.Medium != "disk 7" || d.Licence != "internal" || d.Sampling+d.AcquiredAt+d.Classification != "" {
		t.Errorf("%+v", d)
	}
}

// TestGood: a life without a fault has no problem, and a line for each event.
func TestGood(t *testing.T) {
	b := lifetest.NewBook()
	b.Add(good()...)
	l := lifecycle.Life{Model: model, Version: version, Records: records(t, b.Records)}
	tl := l.Timeline()
	for _, p := range tl.Problems {
		t.Errorf("%s: record %d: %s", p.Code, p.Index, p.Message)
	}
	if !tl.OK() || tl.State != lifecycle.Retired {
		t.Errorf("state %s, %+v", tl.State, tl.Counts)
	}
	if want := len(b.Records) - 1 - 3; len(tl.Events) != want { // without genesis and heartbeats
		t.Errorf("%d events, want %d", len(tl.Events), want)
	}
	r := tl.Runs[0]
	if len(tl.Runs) != 1 || r.Outcome != lifecycle.RunFinished || r.Heartbeats.Count != 3 || r.Heartbeats.Silence != 60 ||
		r.Started.Index != 6 || r.Heartbeats.First.Index != 7 || r.Heartbeats.Last.Index != 9 || r.Ended.Index != 10 {
		t.Errorf("%+v", r)
	}
	if len(tl.Artifacts) != 2 || len(tl.Data) != 2 || tl.Data[0].Registered.Index != 1 || tl.Data[0].Verdict != "pass" {
		t.Errorf("%+v %+v", tl.Artifacts, tl.Data)
	}
}

// event gives an event that says what it must, n minutes after audittest.Start,
// in the run "r".
func event(e audit.Event, model, version string, n int) *audit.Predicate {
	return audittest.Event(e, model, version, "r", n)
}

// TestRelies: what this package takes for granted of a record that audit.Open
// accepts is what its event must have.
func TestRelies(t *testing.T) {
	for event, members := range map[audit.Event][]string{
		audit.DataValidated:     {"data", "validation"},
		audit.TrainStarted:      {"runId", "data", "params", "toolchain"},
		audit.TrainHeartbeat:    {"runId"},
		audit.TrainFinished:     {"runId"},
		audit.TrainFailed:       {"runId"},
		audit.TrainAborted:      {"runId"},
		audit.EvalPreregistered: {"evaluation"},
		audit.EvalFinished:      {"evaluation"},
		audit.Approved:          {"approval"},
		audit.Exported:          {"export"},
		audit.BridgeMapped:      {"bridge"},
		audit.Deployed:          {"deployment"},
		audit.OTAUpdated:        {"deployment"},
		audit.OTARolledBack:     {"deployment"},
		audit.Incident:          {"incident"},
	} {
		kind, ok := audit.KindOf(event)
		for _, m := range members {
			if !ok || !slices.Contains(kind.Must, m) {
				t.Errorf("%s need not have %s any more", event, m)
			}
		}
	}
}
