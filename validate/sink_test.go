package validate

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/report"
	"github.com/mmaudit/mmaudit/validate/rule"
)

func TestFingerprint(t *testing.T) {
	base := rule.Finding{Rule: "SCH006", Message: "no field \"rotation\"", Place: rule.Place{Path: "v1.0-mini/ego_pose.json", Line: 7, Column: 3, ByteOffset: 90, Table: "ego_pose", Token: "ab"}}
	same := base
	same.Line, same.Column, same.ByteOffset, same.Dataset = 9, 1, 120, "/elsewhere"
	if fingerprint(&base) != fingerprint(&same) {
		t.Error("the fingerprint depends on lines or on where the data set lies")
	}
	other := base
	other.Message = "no field \"translation\""
	if fingerprint(&base) == fingerprint(&other) {
		t.Error("two faults of one row share a fingerprint: a baseline of one would hide the other")
	}
	keyed, rekeyed := base, other
	keyed.Key, rekeyed.Key = "rotation", "rotation"
	if fingerprint(&keyed) != fingerprint(&rekeyed) {
		t.Error("with a key, the wording of the message must not matter")
	}
	if got := len(fingerprint(&base)); got != 32 {
		t.Errorf("fingerprint has %d digits, want 32", got)
	}
}

// policyByMessage suppresses findings whose message begins with "known".
type policyByMessage struct{ asIs }

func (policyByMessage) Suppressed(f *rule.Finding) string {
	if strings.HasPrefix(f.Message, "known") {
		return "upstream"
	}
	return ""
}

// TestSuppressedDoNotCrowdOut: what a baseline explains has a limit of its own.
func TestSuppressedDoNotCrowdOut(t *testing.T) {
	s := newSink(&Options{Params: rule.DefaultParams(), Policy: policyByMessage{}, Keep: 3})
	ds := &dataset.Dataset{Root: "d", Schema: dataset.NuScenes}
	r := &rule.Rule{ID: "LAY015", Slug: "file-missing", Severity: rule.Error}
	for i := range 100 {
		s.report(ds, r, rule.Finding{Message: "known", Place: rule.Place{Path: "a", Line: i + 1}})
	}
	s.report(ds, r, rule.Finding{Message: "new", Place: rule.Place{Path: "z"}})
	s.finish(nil)
	if got := len(s.rep.Findings); got != 4 {
		t.Errorf("%d findings kept, want 3 suppressed and 1 that counts", got)
	}
	if s.rep.Counts["LAY015"] != 1 || s.rep.Suppressed["LAY015"] != 100 || s.rep.Totals.Error != 1 {
		t.Errorf("counts %v suppressed %v totals %+v", s.rep.Counts, s.rep.Suppressed, s.rep.Totals)
	}
}

// TestSkipsAreBounded: the reasons kept are the first by text, in whatever
// order they come, and none is lost from the count.
func TestSkipsAreBounded(t *testing.T) {
	ds := &dataset.Dataset{Root: "d", Schema: dataset.KITTIRaw}
	r := &rule.Rule{ID: "PAY002"}
	const n = 1000
	skipped := func(order func(i int) int) []report.Skip {
		s := newSink(&Options{Params: rule.DefaultParams(), Policy: asIs{}})
		for i := range n {
			for range 2 {
				s.skip(ds, r, fmt.Sprintf("LAY021 on %04d.png", order(i)))
			}
		}
		if got := len(s.skips[bucket{rule: r.ID, dataset: ds.Root}]); got > 2*maxSkips {
			t.Errorf("%d reasons are held", got)
		}
		s.finish(nil)
		return s.rep.Skipped
	}
	up, down := skipped(func(i int) int { return i }), skipped(func(i int) int { return n - 1 - i })
	if !slices.Equal(up, down) {
		t.Error("what is kept depends on the order")
	}
	total := 0
	for _, k := range up {
		total += k.Count
	}
	if len(up) != maxSkips+1 || total != 2*n || up[99].Needs != "LAY021 on 0099.png" {
		t.Errorf("%d reasons with %d inputs; the hundredth is %+v", len(up), total, up[99])
	}
}
