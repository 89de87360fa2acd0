package lifecycle_test

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/lifecycle"
	"github.com/mmaudit/mmaudit/audit/lifecycle/lifetest"
	"github.com/mmaudit/mmaudit/schemas/draft2020"
)

// TestDisorder: records of a good life that are left out or change places never
// pass for a good life, nor make it panic; and its timeline has the form of the
// schema.
func TestDisorder(t *testing.T) {
	schema, err := draft2020.Compile("timeline.schema.json", "")
	if err != nil {
		t.Fatal(err)
	}
	b := lifetest.NewBook()
	b.Add(good()...)
	all := records(t, b.Records)
	timeline := func(records []lifecycle.Record) *lifecycle.Timeline {
		l := lifecycle.Life{Model: model, Version: version, Records: records}
		tl := l.Timeline()
		if text, err := json.Marshal(tl); err != nil {
			t.Fatal(err)
		} else if err := validJSON(schema.Validate, text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		return tl
	}
	timeline(nil)
	// What nothing rests on can be taken from the end: that is a shorter life.
	for n := range all {
		timeline(all[:n])
	}
	for i := range all[:len(all)-1] {
		less := slices.Delete(slices.Clone(all), i, i+1)
		tl := timeline(less)
		// Of a data set that nobody was trained on, and of a heartbeat, nothing is missed.
		p := all[i].Record.Predicate()
		unused := strings.HasPrefix(string(p.Event), "data.") && p.Data[0].Name == "nuscenes-test"
		if len(tl.Problems) == 0 && p.Event != audit.TrainHeartbeat && !unused {
			t.Errorf("without %s: no problem", p.Event)
		}
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		some := slices.Clone(all)
		rng.Shuffle(len(some), func(i, j int) { some[i], some[j] = some[j], some[i] })
		// The order in which records are given does not matter…
		if tl := timeline(some); len(tl.Problems) > 0 {
			t.Fatalf("given in another order: %+v", tl.Problems)
		}
		// … but that of the ledger does.
		some = some[:1+rng.IntN(len(some))]
		moved := false
		for i := range some {
			moved = moved || i > 0 && some[i].Index < some[i-1].Index && belongs(&some[i]) && belongs(&some[i-1])
			some[i].Index = int64(i + 1)
		}
		if tl := timeline(some); moved && len(tl.Problems) == 0 {
			t.Fatalf("in disorder, and no problem: %+v", tl.Events)
		}
	}
}

func belongs(r *lifecycle.Record) bool { return r.Record.Predicate().Model != "" }

func validJSON(validate func(any) error, text []byte) error {
	var v any
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return err
	}
	return validate(v)
}

// TestLives: whatever chance makes of many lives, timelines are made of them,
// and repeat.
func TestLives(t *testing.T) {
	var book [][]byte
	for r := range lifetest.Lives(3, 460) {
		book = append(book, r)
	}
	all := records(t, book)
	states := map[lifecycle.State]int{}
	for i := range 32 {
		model, version := lifetest.VersionName(i)
		l := lifecycle.Life{Model: model, Version: version, Records: all}
		tl := l.Timeline()
		states[tl.State]++
		if !reflect.DeepEqual(tl, l.Timeline()) {
			t.Error("made twice it is another")
		}
		for _, p := range tl.Problems {
			if p.Code == "prev-mismatch" || p.Code == "bad-signature" || strings.HasPrefix(p.Code, "time-") {
				t.Errorf("%+v", p)
			}
		}
	}
	if len(states) < 4 {
		t.Errorf("%v", states)
	}
}

// TestLivesRepeat: the same seed gives the same bytes, another seed others.
func TestLivesRepeat(t *testing.T) {
	read := func(seed uint64) (all [][]byte) {
		for r := range lifetest.Lives(seed, 300) {
			all = append(all, r)
		}
		return all
	}
	a := read(5)
	if len(a) != 300 || !reflect.DeepEqual(a, read(5)) || reflect.DeepEqual(a, read(6)) {
		t.Errorf("%d records", len(a))
	}
}

func TestDevices(t *testing.T) {
	type step struct {
		event   audit.Event
		version string
		result  string
	}
	tests := []struct {
		name  string
		steps []step
		want  string // of the installations: version and state
		runs  string // what runs there, by the timeline of version 1
		state lifecycle.State
	}{
		{"deployed", []step{{audit.Deployed, "1", "ok"}}, "1 in use", "m 1", lifecycle.Deployed},
		{"failed", []step{{audit.Deployed, "1", "failed"}}, "1 failed", "", lifecycle.Unknown},
		{"partial is in use", []step{{audit.Deployed, "1", "partial"}}, "1 in use", "m 1", lifecycle.Deployed},
		{"replaced", []step{{audit.Deployed, "1", ""}, {audit.OTAUpdated, "2", "ok"}}, "1 replaced, 2 in use", "m 2", lifecycle.Unknown},
		{"update failed", []step{{audit.Deployed, "1", ""}, {audit.OTAUpdated, "2", "failed"}}, "1 in use, 2 failed", "m 1", lifecycle.Deployed},
		{"rolled back", []step{{audit.Deployed, "1", ""}, {audit.OTAUpdated, "2", ""}, {audit.OTARolledBack, "2", ""}}, "1 replaced, 2 rolled back, 1 in use", "m 1", lifecycle.Deployed},
		{"rollback failed", []step{{audit.Deployed, "1", ""}, {audit.OTAUpdated, "2", ""}, {audit.OTARolledBack, "2", "failed"}}, "1 replaced, 2 in use", "m 2", lifecycle.Unknown},
		{"rolled back to nothing", []step{{audit.OTAUpdated, "1", ""}, {audit.OTARolledBack, "1", ""}}, "1 rolled back", "", lifecycle.Unknown},
		{"rolled back what is not there", []step{{audit.Deployed, "1", ""}, {audit.OTARolledBack, "2", ""}}, "1 in use", "m 1", lifecycle.Deployed},
		{"rolled back twice", []step{{audit.Deployed, "1", ""}, {audit.OTAUpdated, "2", ""}, {audit.OTAUpdated, "3", ""}, {audit.OTARolledBack, "3", ""}, {audit.OTARolledBack, "2", ""}}, "1 replaced, 2 replaced, 3 rolled back, 2 rolled back, 1 in use", "m 1", lifecycle.Deployed},
		{"again", []step{{audit.Deployed, "1", ""}, {audit.OTAUpdated, "1", ""}}, "1 replaced, 1 in use", "m 1", lifecycle.Deployed},
		{"again and rolled back", []step{{audit.Deployed, "1", ""}, {audit.OTAUpdated, "1", ""}, {audit.OTARolledBack, "1", ""}}, "1 replaced, 1 rolled back", "", lifecycle.Unknown},
		{"retired", []step{{audit.Deployed, "1", ""}, {audit.Retired, "1", ""}}, "1 retired", "", lifecycle.Retired},
		{"retired after it was replaced", []step{{audit.Deployed, "1", ""}, {audit.OTAUpdated, "2", ""}, {audit.Retired, "1", ""}}, "1 replaced, 2 in use", "m 2", lifecycle.Retired},
		{"put to use again", []step{{audit.Deployed, "1", ""}, {audit.Retired, "1", ""}, {audit.Deployed, "1", ""}}, "1 retired, 1 in use", "m 1", lifecycle.Deployed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := lifetest.NewBook()
			for i, s := range tt.steps {
				p := event(s.event, "m", s.version, i)
				if p.Deployment != nil {
					p.Deployment.Result = s.result
				}
				b.Add(p)
			}
			all := records(t, b.Records)
			var got []string
			for _, i := range lifecycle.Installations(all) {
				got = append(got, i.Version+" "+string(i.State))
				if (i.Until == nil) != (i.State == lifecycle.InUse) {
					t.Errorf("%+v", i)
				}
			}
			if s := strings.Join(got, ", "); s != tt.want {
				t.Errorf("%s, want %s", s, tt.want)
			}
			l := lifecycle.Life{Model: "m", Version: "1", Records: all}
			tl := l.Timeline()
			if len(tl.Devices) != 1 || tl.Devices[0].Runs != tt.runs || tl.State != tt.state {
				t.Errorf("%s %+v, want %s, running %q", tl.State, tl.Devices, tt.state, tt.runs)
			}
		})
	}
}

func TestState(t *testing.T) {
	tests := map[lifecycle.State][]audit.Event{
		lifecycle.Unknown:   {audit.Incident},
		lifecycle.Planned:   {audit.EvalPreregistered},
		lifecycle.Training:  {audit.TrainFailed, audit.TrainStarted},
		lifecycle.Failed:    {audit.TrainStarted, audit.TrainFailed},
		lifecycle.Aborted:   {audit.TrainStarted, audit.TrainAborted},
		lifecycle.Trained:   {audit.EvalFinished, audit.Approved, audit.TrainStarted, audit.TrainFinished},
		lifecycle.Evaluated: {audit.TrainFinished, audit.EvalFinished},
		lifecycle.Approved:  {audit.TrainFinished, audit.Rejected, audit.Approved, audit.EvalFinished, audit.Incident},
		lifecycle.Rejected:  {audit.Approved, audit.Rejected},
		lifecycle.Deployed:  {audit.Retired, audit.Deployed, audit.TrainStarted},
		lifecycle.Retired:   {audit.Deployed, audit.Retired},
	}
	for want, events := range tests {
		b := lifetest.NewBook()
		for i, e := range events {
			p := event(e, "m", "1", i)
			if i > 0 && events[i-1] == audit.TrainFailed {
				p.Run = "r2"
			}
			b.Add(p)
		}
		l := lifecycle.Life{Model: "m", Version: "1", Records: records(t, b.Records)}
		if got := l.Timeline().State; got != want {
			t.Errorf("%v: %s, want %s", events, got, want)
		}
	}
}

// TestNow: records of other versions, of which there may be more or fewer at hand,
// do not move the time.
func TestNow(t *testing.T) {
	b := lifetest.NewBook()
	b.Add(event(audit.Deployed, "m", "1", 1), event(audit.OTAUpdated, "m", "2", 50))
	l := lifecycle.Life{Model: "m", Version: "1", Records: records(t, b.Records)}
	if tl := l.Timeline(); tl.Now != tl.Events[0].Time {
		t.Errorf("now is %s", tl.Now)
	}
}

// TestRunSilence: silence is that of the run's own records, and of an open run
// lasts until now.
func TestRunSilence(t *testing.T) {
	b := lifetest.NewBook()
	for _, n := range []int{0, 1, 31, 32} {
		e := audit.TrainHeartbeat
		if n == 0 {
			e = audit.TrainStarted
		}
		b.Add(event(e, "m", "1", n))
	}
	all := records(t, b.Records)
	for now, want := range map[int]int64{0: 30 * 60, 40: 30 * 60, 92: 60 * 60} {
		l := lifecycle.Life{Model: "m", Version: "1", Records: all}
		if now > 0 {
			l.Now = start.Add(time.Hour + time.Duration(now)*time.Minute)
		}
		tl := l.Timeline()
		if got := tl.Runs[0].Heartbeats.Silence; got != want {
			t.Errorf("at %d: %d s, want %d", now, got, want)
		}
		if open := slices.ContainsFunc(tl.Problems, func(p lifecycle.Problem) bool { return p.Code == "run-open" }); open {
			t.Errorf("at %d: open, though an hour has not passed", now)
		}
	}
}
