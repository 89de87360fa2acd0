package lifecycle_test

import (
	"testing"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/audittest"
	"github.com/mmaudit/mmaudit/audit/lifecycle"
)

// FuzzTimeline: whatever valid statements say, alone or after one another, a
// timeline is made of them.
func FuzzTimeline(f *testing.F) {
	var payloads [][]byte
	for _, p := range good() {
		payload, err := p.Encode()
		if err != nil {
			f.Fatal(err)
		}
		payloads = append(payloads, payload)
	}
	for _, k := range audit.Kinds() {
		payload, err := audittest.Event(k.Event, model, version, "r", 1).Encode()
		if err != nil {
			f.Fatal(err)
		}
		payloads = append(payloads, payload)
	}
	for i, p := range payloads {
		f.Add(p, payloads[(i+1)%len(payloads)])
	}
	f.Fuzz(func(t *testing.T, a, b []byte) {
		var all []lifecycle.Record
		for i, payload := range [][]byte{a, b, a} {
			s, err := audit.Decode(payload)
			if err != nil {
				all = append(all, lifecycle.Record{Index: int64(i), Bytes: payload, Err: err})
				continue
			}
			if lifecycle.Line(&s.Predicate) == "" {
				t.Errorf("no line for %s", payload)
			}
			all = append(all, lifecycle.Record{Index: int64(i), Bytes: payload, Record: &audit.Record{Bytes: payload, Statement: s}})
		}
		for _, r := range all {
			l := lifecycle.Life{Model: model, Version: version, Records: all}
			if r.Record != nil {
				l.Model, l.Version = r.Record.Predicate().Model, r.Record.Predicate().Version
			}
			tl := l.Timeline()
			lifecycle.Diff(tl, tl, nil)
		}
	})
}
