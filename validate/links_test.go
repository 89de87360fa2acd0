package validate_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/internal/datagen"
	"github.com/mmaudit/mmaudit/validate"
	"github.com/mmaudit/mmaudit/validate/report"
	"github.com/mmaudit/mmaudit/validate/rule"
)

// links validates a generated nuScenes data set after edit, by the rules about
// references alone.
func links(t *testing.T, version string, edit func(d *datagen.Dir) error) *report.Report {
	t.Helper()
	root := t.TempDir()
	if err := (datagen.NuScenes{Seed: 1, Version: version}).Write(root); err != nil {
		t.Fatal(err)
	}
	if err := edit(&datagen.Dir{Root: root}); err != nil {
		t.Fatal(err)
	}
	rep, err := validate.Run(t.Context(), []string{root}, validate.Options{
		Selected: func(r *rule.Rule) bool { return r.Group() == "LNK" }, Jobs: 2,
	})
	if err != nil {
		t.Fatal(err)
	}
	return rep
}

func counts(rep *report.Report) string { return fmt.Sprint(rep.Counts) }

// TestMapOfSubset gives a map the logs of the whole release, as v1.0-mini has
// them: a warning for each map, and no word about the logs that are there.
func TestMapOfSubset(t *testing.T) {
	rep := links(t, "v1.0-mini", func(d *datagen.Dir) error {
		return d.EditTable("map", func(rows []*datagen.Record) []*datagen.Record {
			for _, r := range rows {
				logs := strings.TrimSuffix(strings.TrimSpace(r.Literal("log_tokens")), "]")
				for i := range 75 {
					logs += fmt.Sprintf(", %q", fmt.Sprintf("%032x", i+1))
				}
				r.SetLiteral("log_tokens", logs+"]")
			}
			return rows
		})
	})
	if got := counts(rep); got != "map[LNK001:2]" {
		t.Errorf("%s", got)
	}
	for _, f := range rep.Findings {
		if f.Severity != rule.Warning || !strings.Contains(f.Message, "75 logs") {
			t.Errorf("%s: %s", f.Severity, f.Message)
		}
	}
}

// TestEmptyAnnotations empties the tables of annotations, as v1.0-test has them.
func TestEmptyAnnotations(t *testing.T) {
	rep := links(t, "v1.0-test", func(d *datagen.Dir) error {
		for _, table := range []string{"sample_annotation", "instance"} {
			if err := d.EditTable(table, func([]*datagen.Record) []*datagen.Record { return nil }); err != nil {
				return err
			}
		}
		return nil
	})
	if len(rep.Findings) > 0 || len(rep.Skipped) > 0 {
		t.Errorf("%v, %v", rep.Findings, rep.Skipped)
	}
}

// TestLostRows removes a row without mending what refers to it: references and
// links speak, and no rule about counts, ends, keyframes or orphans.
func TestLostRows(t *testing.T) {
	for _, table := range []string{
		"sample", "sample_annotation", "sample_data", "instance", "calibrated_sensor", "sensor", "scene", "log", "visibility", "ego_pose",
	} {
		rep := links(t, "v1.0-mini", func(d *datagen.Dir) error {
			return d.EditTable(table, func(rows []*datagen.Record) []*datagen.Record { return append(rows[:1:1], rows[2:]...) })
		})
		if rep.Counts["LNK001"]+rep.Counts["LNK004"] == 0 {
			t.Errorf("%s: nothing was said", table)
		}
		for id := range rep.Counts {
			if id != "LNK001" && id != "LNK004" {
				t.Errorf("%s: %s", table, counts(rep))
			}
		}
	}
}
