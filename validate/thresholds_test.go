package validate_test

import (
	"path/filepath"
	"testing"

	"github.com/mmaudit/mmaudit/internal/datagen"
	"github.com/mmaudit/mmaudit/validate/rule"
)

// TestThresholds: every threshold that the configuration can set is the one
// that the rule uses. Each case takes a mutation that its rule reports, and
// moves the threshold so that it does not, or not as gravely.
func TestThresholds(t *testing.T) {
	mutations := map[string]datagen.Mutation{}
	for _, m := range datagen.Mutations() {
		mutations[m.Rule+"/"+m.Name] = m
	}
	for _, c := range []struct {
		mutation, config string
		severity         rule.Severity // AsRule: silent
	}{
		{"GEO003/just", "tolerance: {rotation: 0.001}", rule.AsRule},
		{"GEO001/pose", "tolerance: {quaternion: 0.000005}", rule.Error},
		{"GEO001/lyft", "tolerance: {quaternion: 0.02}", rule.Warning},
		{"GEO026/", "tolerance: {alpha: 3.2}", rule.AsRule},
		{"GEO029/one", "tolerance: {bbox_px: 0.1}", rule.Error},
		{"GEO029/", "tolerance: {bbox_px: 100}", rule.Warning},
		{"GEO024/", "class: {Car: {size: [1, 3, 1, 3, 2, 10]}}", rule.AsRule},
		{"GEO024/t4", "class: {car: {size: [0.1, 10, 0.1, 10, 0.1, 10]}, pedestrian: {size: [0.1, 10, 0.1, 10, 0.1, 10]}, truck: {size: [0.1, 20, 0.1, 20, 0.1, 20]}}", rule.AsRule},
		{"SCH027/", "class: {car: {}}", rule.AsRule},
		{"SCH039/", "class: {pedestrian: {}}", rule.AsRule},
		{"TMP007/", "sync: {windows: {CAM_FRONT: [-60, 60]}}", rule.AsRule},
		{"TMP009/", "rate: {tolerance: 1.5}", rule.AsRule},
		{"TMP009/t4", "rate: {tolerance: 0.6}", rule.AsRule},
		{"TMP010/", "gap: {factor: 5}", rule.AsRule},
		{"TMP010/odometry", "gap: {factor: 8}", rule.AsRule},
	} {
		t.Run(c.mutation, func(t *testing.T) {
			t.Parallel()
			m, ok := mutations[c.mutation]
			if !ok {
				t.Fatal("no such mutation")
			}
			m.Config = c.config + "\n"
			root := filepath.Join(t.TempDir(), "data")
			if err := m.Write(root); err != nil {
				t.Fatal(err)
			}
			rep := check(t, root, m)
			if n := rep.Counts[m.Rule]; (n == 0) != (c.severity == rule.AsRule) {
				t.Errorf("%s speaks %d times", m.Rule, n)
			}
			for _, f := range rep.Findings {
				if f.Rule == m.Rule && f.Severity != c.severity {
					t.Errorf("%s: %s", f.Severity, f.Message)
				}
			}
		})
	}
}
