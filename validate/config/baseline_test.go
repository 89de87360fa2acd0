package config

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/validate/report"
	"github.com/mmaudit/mmaudit/validate/rule"
)

// finding makes a finding of LAY001, a rule of every build.
func finding(n int) rule.Finding {
	return rule.Finding{Rule: "LAY001", Message: fmt.Sprintf("fault %d", n), Place: rule.Place{Path: fmt.Sprintf("f%d", n)}, Fingerprint: fmt.Sprintf("%032x", n)}
}

func runOf(fs ...rule.Finding) *report.Report {
	return &report.Report{
		Complete: true, Rules: []string{"LAY001"}, Findings: fs,
		Scope: report.Scope{Sample: 1}, Counts: map[string]int{"LAY001": len(fs)},
	}
}

func load(t *testing.T, text string) *Baseline {
	t.Helper()
	b, err := LoadBaseline(strings.NewReader(text), "b.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func write(t *testing.T, rep *report.Report, old *Baseline) string {
	t.Helper()
	var w bytes.Buffer
	if _, err := WriteBaseline(&w, rep, old); err != nil {
		t.Fatal(err)
	}
	return w.String()
}

func TestBaselineSuppressesWhatItWrote(t *testing.T) {
	f1, f2, f3 := finding(1), finding(2), finding(3)
	b := load(t, write(t, runOf(f2, f1), nil))
	for _, f := range []rule.Finding{f1, f2} {
		if b.Suppress(&f) == "" {
			t.Errorf("%s is not suppressed", f.Message)
		}
	}
	if why := b.Suppress(&f3); why != "" {
		t.Errorf("a new finding is suppressed: %s", why)
	}
	other := f1
	other.Rule = "LAY002"
	if why := b.Suppress(&other); why != "" {
		t.Errorf("a finding of another rule is suppressed: %s", why)
	}
	if write(t, runOf(f1, f2), nil) != write(t, runOf(f2, f1), nil) {
		t.Error("the file depends on the order of findings")
	}
}

func TestBaselineKeepsReasons(t *testing.T) {
	old := load(t, `version: 1
findings:
  - {fingerprint: "00000000000000000000000000000001", rule: LAY001, reason: "agreed with Kim", expires: 2999-01-01}
  - {fingerprint: "00000000000000000000000000000009", rule: LAY001, reason: "mended since"}
`)
	f1 := finding(1)
	f1.Suppressed = old.Suppress(&f1)
	got := load(t, write(t, runOf(f1, finding(2)), old))
	if len(got.entries) != 2 {
		t.Fatalf("%d entries, want that which still occurs and the new one", len(got.entries))
	}
	if e := got.entries[0]; e.Reason != "agreed with Kim" || e.Expires != "2999-01-01" || e.Message != "fault 1" {
		t.Errorf("entry became %+v", e)
	}

	// A run that did not apply the rule says nothing about its entries.
	rep := runOf()
	rep.Rules, rep.Counts = []string{}, nil
	if got := load(t, write(t, rep, old)); len(got.entries) != 2 {
		t.Errorf("%d entries survive a run without their rule, want 2", len(got.entries))
	}
}

func TestBaselineLeavesOutWhatAnotherExplains(t *testing.T) {
	f := finding(1)
	f.Suppressed = "known upstream"
	rep := runOf(f)
	rep.Counts, rep.Suppressed = nil, map[string]int{"LAY001": 1}
	if got := load(t, write(t, rep, nil)); len(got.entries) != 0 {
		t.Errorf("entries: %+v", got.entries)
	}
}

func TestBaselineExpiry(t *testing.T) {
	b := load(t, `{"version": 1, "findings": [{"fingerprint": "00000000000000000000000000000001", "rule": "LAY001", "expires": "2027-03-31"}]}`)
	f := finding(1)
	b.today = "2027-03-31"
	if b.Suppress(&f) == "" {
		t.Error("the last day is not covered")
	}
	if len(b.Expired()) != 0 {
		t.Error("expired before its time")
	}
	b.today = "2027-04-01"
	if why := b.Suppress(&f); why != "" {
		t.Errorf("suppressed after expiry: %s", why)
	}
	if len(b.Expired()) != 1 {
		t.Error("the expired entry is not listed")
	}
	if len(b.Stale(runOf(f))) != 0 {
		t.Error("an expired entry that still matches is not stale")
	}
}

func TestBaselineStale(t *testing.T) {
	text := write(t, runOf(finding(1), finding(2)), nil)
	one := finding(1)
	for _, c := range []struct {
		name string
		edit func(*report.Report)
		want int
	}{
		{"a whole run", func(*report.Report) {}, 1},
		{"the rule did not run", func(r *report.Report) { r.Rules = nil }, 0},
		{"the rule was skipped somewhere", func(r *report.Report) { r.Skipped = []report.Skip{{Rule: "LAY001"}} }, 0},
		{"the run broke off", func(r *report.Report) { r.Complete = false }, 0},
		{"some files only", func(r *report.Report) { r.Scope.Filtered = true }, 0},
		{"a sample", func(r *report.Report) { r.Scope.Sample = 10 }, 0},
	} {
		b := load(t, text)
		b.Suppress(&one)
		rep := runOf(one)
		c.edit(rep)
		got := b.Stale(rep)
		if len(got) != c.want || c.want == 1 && got[0].Message != "fault 2" {
			t.Errorf("%s: stale %+v", c.name, got)
		}
	}
}

func TestWriteBaselineRefusesPartialRuns(t *testing.T) {
	for name, edit := range map[string]func(*report.Report){
		"did not finish": func(r *report.Report) { r.Complete = false },
		"some files":     func(r *report.Report) { r.Scope.Filtered = true },
		"keeps 1":        func(r *report.Report) { r.Counts["LAY001"] = 5000 },
	} {
		rep := runOf(finding(1))
		edit(rep)
		if _, err := WriteBaseline(&bytes.Buffer{}, rep, nil); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestLoadBaselineIsStrict(t *testing.T) {
	const fp = `fingerprint: "00000000000000000000000000000001"`
	for _, c := range []struct{ name, text, want string }{
		{"empty", "", "is empty"},
		{"no list", "version: 1\n", "findings"},
		{"later version", "version: 2\nfindings: []\n", "b.yaml:1: version"},
		{"unknown key", "version: 1\nfindings:\n  - " + fp + "\n    rule: LAY001\n    reson: x\n", `b.yaml:5: unknown key "reson" (did you mean "reason"?)`},
		{"bad fingerprint", "version: 1\nfindings:\n  - fingerprint: zz\n    rule: LAY001\n", "b.yaml:3: findings.0.fingerprint"},
		{"no rule", "version: 1\nfindings:\n  - " + fp + "\n", "rule"},
		{"unknown rule", "version: 1\nfindings:\n  - " + fp + "\n    rule: LAX001\n", `did you mean "LAY001"`},
		{"bad day", "version: 1\nfindings:\n  - " + fp + "\n    rule: LAY001\n    expires: 2027-02-30\n", "no such day"},
		{"bad date", "version: 1\nfindings:\n  - " + fp + "\n    rule: LAY001\n    expires: soon\n", "expires"},
		{"twice", "version: 1\nfindings:\n  - {" + fp + ", rule: LAY001}\n  - {" + fp + ", rule: LAY001}\n", "occurs twice"},
		{"not yaml", "version: [\n", "b.yaml:"},
		{"alias", "version: 1\nfindings: &a\n  - *a\n", "aliases"},
	} {
		_, err := LoadBaseline(strings.NewReader(c.text), "b.yaml")
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
	}
}

// FuzzLoadBaseline holds the reader to two things: no panic, and what it reads
// it writes in a form that it reads again.
func FuzzLoadBaseline(f *testing.F) {
	f.Add([]byte("version: 1\nfindings:\n  - {fingerprint: \"00000000000000000000000000000001\", rule: LAY001, reason: \"a\\nb: \\u202e\", expires: 2027-03-31}\n"))
	f.Add([]byte(`{"version": 1, "findings": []}`))
	f.Add([]byte("version: 1\nfindings: [{<<: {}}]\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		b, err := LoadBaseline(bytes.NewReader(text), "b.yaml")
		if err != nil {
			return
		}
		rep := runOf()
		rep.Rules = nil // so that every entry is kept
		var w bytes.Buffer
		if _, err := WriteBaseline(&w, rep, b); err != nil {
			t.Fatal(err)
		}
		again, err := LoadBaseline(&w, "again.yaml")
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		if len(again.entries) != len(b.entries) {
			t.Fatalf("%d entries became %d", len(b.entries), len(again.entries))
		}
		for _, e := range b.entries {
			if got, _ := again.entry(e.Fingerprint); got != e {
				t.Fatalf("%+v became %+v", e, got)
			}
		}
	})
}
