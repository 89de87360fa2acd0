package rules

import (
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/validate/rule"
)

func TestUnit(t *testing.T) {
	for _, c := range []struct {
		recorded, computed int64
		want               string
	}{
		{-6135, -6135296, "microseconds"},
		{-6, -6135296, "milliseconds"},
		{-6135296000, -6135296, "picoseconds"},
		{1, 1_500_000_000, "seconds"},
		{2, 1_500_000_000, "seconds"},
		{6135, -6135296, ""},
		{0, -6135296, ""},
		{-5000, -6135296, ""},
		{-6135296, -6135296, ""},
		{1, 400, ""},
		{9223372036854775807, 9223372036854, "femtoseconds"},
		{-9223372036854775808, -9223372036854776, "picoseconds"},
	} {
		if c.computed == 9223372036854 {
			c.want = "femtoseconds"
		}
		if got := unit(c.recorded, c.computed); got != c.want {
			t.Errorf("%d for %d: %q, want %q", c.recorded, c.computed, got, c.want)
		}
	}
}

const sidecarHead = `{"schema_version":"1.0","standard":"RFC-2025-04","dataset":"d","group":"g"}` + "\n"

func line(sample, id string) string {
	return `{"dataset":"d","sample":"` + sample + `","channel":"c","sensor_sync_id":"` + id + `","temporal_offset_ns":0}` + "\n"
}

// TestFixes wants exactly the faults mended, a second run to change nothing,
// and other files left alone.
func TestFixes(t *testing.T) {
	lower, upper := "befdbd7e-78bc-5f67-85e2-27733c527cfd", "BEFDBD7E-78BC-5F67-85E2-27733C527CFD"
	for _, c := range []struct {
		id, in, want string
	}{
		{"UMM003", sidecarHead + line("1", upper) + line("2", lower), sidecarHead + line("1", lower) + line("2", lower)},
		{"UMM003", sidecarHead + line("1", "{"+upper+"}"), sidecarHead + line("1", "{"+upper+"}")},
		{"UMM003", "{broken\n" + line("1", upper), "{broken\n" + line("1", lower)},
		{"UMM037", sidecarHead + line("2", lower) + line("1", lower), sidecarHead + line("1", lower) + line("2", lower)},
		{"UMM037", sidecarHead + line("2", lower) + strings.TrimSuffix(line("1", lower), "\n"), sidecarHead + line("1", lower) + line("2", lower)},
		{"UMM037", sidecarHead + line("2", lower) + "{broken\n" + line("1", lower), sidecarHead + line("2", lower) + "{broken\n" + line("1", lower)},
		{"UMM037", "", ""},
	} {
		fix := find(c.id).Fix
		got, err := fix(".mm/d/g.jsonl", []byte(c.in))
		if err != nil || string(got) != c.want {
			t.Errorf("%s: %q becomes %q, %v; want %q", c.id, c.in, got, err, c.want)
		}
		if again, _ := fix(".mm/d/g.jsonl", got); string(again) != string(got) {
			t.Errorf("%s: fixed twice, %q becomes %q", c.id, got, again)
		}
		if other, _ := fix("training/label_2/000000.txt", []byte(c.in)); string(other) != c.in {
			t.Errorf("%s changed a file that is no sidecar", c.id)
		}
	}
}

func find(id string) *rule.Rule {
	for _, r := range Catalogue() {
		if r.ID == id {
			return r
		}
	}
	return nil
}
