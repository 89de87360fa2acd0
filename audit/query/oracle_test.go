package query_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/audittest"
	"github.com/mmaudit/mmaudit/audit/lifecycle"
	"github.com/mmaudit/mmaudit/audit/lifecycle/lifetest"
	"github.com/mmaudit/mmaudit/audit/query"
	"github.com/mmaudit/mmaudit/audit/trust"
	"github.com/mmaudit/mmaudit/audit/trust/trusttest"
)

// oracle answers from a list of records, by looking at every one.
type oracle struct {
	all []lifecycle.Record
}

func newOracle(t testing.TB, records [][]byte) *oracle {
	t.Helper()
	k := trust.New(trusttest.Origin)
	o := &oracle{}
	for i, b := range records {
		k.Add(int64(i), b)
		r, err := audit.Open(b)
		if err != nil {
			t.Fatal(err)
		}
		o.all = append(o.all, lifecycle.Record{Index: int64(i), Bytes: b, Record: r, Verdict: k.Judge(int64(i), r), Policy: k.PolicyAt(int64(i))})
	}
	return o
}

// life gives everything that is not about another version alone. A heartbeat
// belongs to a version by its run, which another record of the version names.
func (o *oracle) life(model, version string, size int) lifecycle.Life {
	l := lifecycle.Life{Model: model, Version: version}
	devices, runs := map[string]bool{}, map[string]bool{}
	for _, r := range o.all[:size] {
		p := r.Record.Predicate()
		if p.Model == model && p.Version == version && p.Event != audit.TrainHeartbeat {
			runs[p.Run] = true
			if p.Deployment != nil {
				devices[p.Deployment.Device] = true
			}
		}
	}
	for _, r := range o.all[:size] {
		p := r.Record.Predicate()
		kind, _ := audit.KindOf(p.Event)
		if p.Model == model && p.Version == version && p.Event != audit.TrainHeartbeat || kind.Scope == audit.OfData ||
			p.Run != "" && runs[p.Run] || p.Deployment != nil && devices[p.Deployment.Device] {
			l.Records = append(l.Records, r)
		}
	}
	return l
}

const size = 800

func TestOracle(t *testing.T) {
	l := newLedger(t, lifetest.NewBook().Records) // which is how Lives begins
	var wg sync.WaitGroup
	free := make(chan struct{}, 256)
	for r := range lifetest.Lives(7, size) {
		// Side by side they share commits; the order is whatever it becomes.
		free <- struct{}{}
		wg.Go(func() {
			if _, err := l.Append(t.Context(), r); err != nil {
				t.Error(err)
			}
			<-free
		})
	}
	wg.Wait()
	var records [][]byte
	for e, err := range l.Scan(t.Context(), size, 0) {
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, e.Record)
	}
	o := newOracle(t, records)
	for _, n := range []int64{0, size / 3} {
		v := open(t, l, query.Options{Size: n})
		if n == 0 {
			n = size
		}
		t.Run(fmt.Sprint("versions at ", n), func(t *testing.T) {
			seen := map[lifecycle.State]int{}
			for i := 0; ; i++ {
				if testing.Short() && i%4 != 0 {
					continue
				}
				model, version := lifetest.VersionName(i)
				life := o.life(model, version, int(n))
				has := slices.ContainsFunc(life.Records, func(r lifecycle.Record) bool {
					p := r.Record.Predicate()
					return p.Model == model && p.Version == version && p.Event != audit.TrainHeartbeat
				})
				got, err := v.Version(t.Context(), model, version)
				if !has {
					if !errors.Is(err, query.ErrNone) {
						t.Errorf("%s %s: %v, want ErrNone", model, version, err)
					}
					if i > size/8 {
						break
					}
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				want := life.Timeline()
				want.Ledger = v.Snapshot()
				if a, b := text(t, got), text(t, want); a != b {
					t.Fatalf("%s %s: %s", model, version, differ(a, b))
				}
				seen[got.State]++
			}
			if len(seen) < 4 && n == size {
				t.Errorf("the lives are all alike: %v", seen)
			}
		})
		t.Run(fmt.Sprint("questions at ", n), func(t *testing.T) { o.questions(t, v, int(n)) })
	}
}

// first finds the first record of an event among the first n, where there is one.
func (o *oracle) first(e audit.Event, n int) *audit.Predicate {
	i := slices.IndexFunc(o.all[:n], func(r lifecycle.Record) bool { return r.Record.Predicate().Event == e })
	if i < 0 {
		return nil
	}
	return o.all[i].Record.Predicate()
}

func (o *oracle) questions(t *testing.T, v *query.View, n int) {
	hits := func(what string, got *query.Hits, err error, want func(*audit.Predicate) bool) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		var a, b []int64
		for _, h := range got.Hits {
			a = append(a, h.Index)
			if len(h.Faults) > 0 {
				t.Errorf("%s: record %d: %v", what, h.Index, h.Faults)
			}
		}
		for _, r := range o.all[:n] {
			if want(r.Record.Predicate()) {
				b = append(b, r.Index)
			}
		}
		if !slices.Equal(a, b) || len(b) == 0 && n == size {
			t.Errorf("%s: %v, want %v", what, a, b)
		}
	}
	ctx := t.Context()
	root := audittest.Dataset(lifetest.DataName(4), "").Fingerprint.Tree.Root
	got, err := v.TrainedOn(ctx, root.String())
	hits("trained on", got, err, func(p *audit.Predicate) bool {
		return strings.HasPrefix(string(p.Event), "train.") && slices.ContainsFunc(p.Data, func(d audit.Dataset) bool { return d.Fingerprint.Tree.Root == root })
	})
	for version, want := range map[string]string{"535.*": "535.", "535": "535.", "535.129": "535.129", "550.54.15": "550.54.15"} {
		got, err := v.With(ctx, "driver", version)
		hits("driver "+version, got, err, func(p *audit.Predicate) bool {
			return p.Toolchain != nil && strings.HasPrefix(p.Toolchain.Versions["driver"], want)
		})
	}
	got, err = v.With(ctx, "cuda", "12.4")
	hits("cuda", got, err, func(p *audit.Predicate) bool {
		return p.Toolchain != nil && p.Toolchain.Versions["cuda"] == "12.4.1" // not 12.40
	})
	for version := range map[string]bool{"53": true, "5": true, "999": true, "": true, "*": true} {
		if got, err := v.With(ctx, "driver", version); err != nil || len(got.Hits) != 0 {
			t.Errorf("driver %q: %v %v", version, got, err)
		}
	}
	trained, deployed := o.first(audit.TrainFinished, n), o.first(audit.Deployed, n)
	if trained == nil || deployed == nil {
		if n == size {
			t.Fatal("nothing was trained, or nothing deployed")
		}
		return // the order made it so
	}
	artifact := trained.Outputs[0]
	for _, digest := range artifact.Digest {
		got, err := v.Named(ctx, strings.ToUpper(digest))
		hits("artefact", got, err, func(p *audit.Predicate) bool {
			return p.Export != nil && p.Export.From.Digest["sha256"] == artifact.Digest["sha256"] ||
				slices.ContainsFunc(p.Outputs, func(a audit.Artifact) bool { return a.Digest["sha256"] == artifact.Digest["sha256"] })
		})
	}
	for _, device := range []string{deployed.Deployment.Device, "orin"} {
		d, err := v.Device(ctx, device)
		if err != nil {
			t.Fatal(err)
		}
		var on []lifecycle.Record
		for _, r := range o.all[:n] {
			p := r.Record.Predicate()
			if p.Event == audit.Retired || p.Deployment != nil && (p.Deployment.Device == device || p.Deployment.DeviceType == device) {
				on = append(on, r)
			}
		}
		if a, b := text(t, d.Installations), text(t, lifecycle.Installations(on)); a != b {
			t.Errorf("%s: %s, want %s", device, a, b)
		}
	}
	m, err := v.Model(ctx, trained.Model)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range m.Versions {
		life := o.life(trained.Model, s.Version, n)
		tl := life.Timeline()
		if s.State != tl.State || s.Counts != tl.Counts || s.Runs != len(tl.Runs) {
			t.Errorf("%+v, want %s %+v", s, tl.State, tl.Counts)
		}
	}
	versions := map[string]bool{}
	for _, r := range o.all[:n] {
		// Side by side, the heartbeat of a run may come before all else of a version.
		if p := r.Record.Predicate(); p.Model == trained.Model && p.Event != audit.TrainHeartbeat {
			versions[p.Version] = true
		}
	}
	if len(m.Versions) != len(versions) {
		t.Errorf("%d versions, want %d", len(m.Versions), len(versions))
	}
	next := int64(n - 50)
	for h, err := range v.Since(ctx, next, true) {
		if err != nil || h.Index != next {
			t.Fatal(h, err)
		}
		next++
	}
	if next != int64(n) {
		t.Errorf("since ends at %d", next)
	}
	runs, err := v.Run(ctx, trained.Run)
	if err != nil || len(runs.Runs) != 1 || len(runs.Runs[0].Events) == 0 || runs.Runs[0].Run.Ended == nil {
		t.Errorf("%+v %v", runs, err)
	}
	for _, err := range []error{
		second(v.Model(ctx, "no")), second(v.Device(ctx, "no")), second(v.Run(ctx, "no")),
	} {
		if !errors.Is(err, query.ErrNone) {
			t.Errorf("%v, want ErrNone", err)
		}
	}
}
