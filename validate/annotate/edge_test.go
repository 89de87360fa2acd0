package annotate_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/mmaudit/mmaudit/internal/datagen"
	"github.com/mmaudit/mmaudit/validate"
	"github.com/mmaudit/mmaudit/validate/annotate"
	"github.com/mmaudit/mmaudit/validate/rule"
)

// clean wants no finding of the metadata rules but statistics.
func clean(t *testing.T, folders ...string) {
	t.Helper()
	rep, err := validate.Run(t.Context(), folders, validate.Options{
		Selected: func(r *rule.Rule) bool { return (r.Group() == "UMM" || r.ID == "TMP019") && !r.Statistic },
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range rep.Findings {
		t.Errorf("%s %s %s:%d: %s", f.Rule, f.Dataset, f.Path, f.Line, f.Message)
	}
}

// TestFamily annotates Lyft and T4, whose sidecars the rules must then accept.
func TestFamily(t *testing.T) {
	for _, f := range datagen.Formats() {
		if f.Name != "lyft" && f.Name != "t4" && f.Name != "nuscenes" {
			continue
		}
		t.Run(f.Name, func(t *testing.T) {
			root := filepath.Join(t.TempDir(), "my-data")
			if err := os.Mkdir(root, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := f.Write(5, 3, root); err != nil {
				t.Fatal(err)
			}
			p, err := annotate.New(t.Context(), sources(t, validate.Options{}, root), annotate.Options{LearnWindows: true})
			if err != nil {
				t.Fatal(err)
			}
			if p.Records == 0 || len(p.Windows) == 0 {
				t.Errorf("%d records, windows %v", p.Records, p.Windows)
			}
			if err := p.Write(); err != nil {
				t.Fatal(err)
			}
			clean(t, root)
		})
	}
}

// TestOdometryFromRaw annotates one sequence with the raw drive named apart, as
// --raw does; the raw data set itself is left as it is.
func TestOdometryFromRaw(t *testing.T) {
	for _, b := range datagen.Annotated()[4:] {
		root, want, _ := bare(t, b)
		raw := sources(t, validate.Options{}, filepath.Join(root, "raw"))[0].(annotate.Raw)
		p, err := annotate.New(t.Context(), sources(t, validate.Options{}, filepath.Join(root, "odometry")), annotate.Options{Raw: raw})
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Write(); err != nil {
			t.Fatal(err)
		}
		if p.Moments != 5 || p.Records != 25 || len(p.Skipped) != 1 || !strings.Contains(p.Skipped[0], "11") {
			t.Errorf("%s: %d records of %d moments, left out %v", b.Name, p.Records, p.Moments, p.Skipped)
		}
		got, _ := read(t, root)
		for name, content := range want {
			if own := strings.HasPrefix(name, "odometry/"); own != (got[name] == content) {
				t.Errorf("%s: %s is as it should be: %v", b.Name, name, !own)
			}
		}
		clean(t, filepath.Join(root, "odometry"))
	}
}

// TestOdometryRefuses has no raw drives to take stamps from.
func TestOdometryRefuses(t *testing.T) {
	for _, f := range datagen.Formats() {
		if f.Name != "kitti-odometry" && f.Name != "semantickitti" && f.Name != "kitti-tracking" {
			continue
		}
		root := t.TempDir()
		if err := f.Write(5, 3, root); err != nil {
			t.Fatal(err)
		}
		_, err := annotate.New(t.Context(), sources(t, validate.Options{}, root), annotate.Options{})
		if err == nil || !strings.Contains(err.Error(), "stamps are missing") {
			t.Errorf("%s: %v", f.Name, err)
		}
	}
}

func replace(t *testing.T, name, old, new string) {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	out := bytes.Replace(b, []byte(old), []byte(new), 1)
	if bytes.Equal(out, b) {
		t.Fatalf("%s has no %q", name, old)
	}
	if err := os.WriteFile(name, out, 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestExisting wants what lies there respected: fields of others, stored ids,
// and descriptors that cannot be read are refused; a wrong offset is mended;
// what a descriptor says beside stays.
func TestExisting(t *testing.T) {
	const sidecar, descriptor = ".mm/kitti_raw/2011_09_26_drive_0001.jsonl", "mm_dataset.json"
	for name, c := range map[string]struct {
		file, old, new string
		refused        string // "" where it is not
		pending        int
	}{
		"own field":      {sidecar, `"source":`, `"x_note":"mine","source":`, "x_note", 0},
		"digest":         {sidecar, `"source":`, `"sha256":null,"source":`, "sha256", 0},
		"wrong offset":   {sidecar, `"temporal_offset_ns":-`, `"temporal_offset_ns":`, "", 1},
		"stored ids":     {descriptor, `"clock"`, `"sync_id": "stored", "clock"`, "stored", 0},
		"broken":         {descriptor, `"clock"`, `clock`, descriptor, 0},
		"other version":  {descriptor, `"1.0"`, `"7.0"`, descriptor, 0},
		"own descriptor": {descriptor, `"datasets"`, `"x_site": "Karlsruhe", "datasets"`, "", 1}, // indented anew
	} {
		t.Run(name, func(t *testing.T) {
			root := filepath.Join(t.TempDir(), "data")
			if err := os.Mkdir(root, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := datagen.Annotated()[0].Generate(root); err != nil {
				t.Fatal(err)
			}
			replace(t, filepath.Join(root, c.file), c.old, c.new)
			p, err := annotate.New(t.Context(), sources(t, validate.Options{}, root), annotate.Options{})
			if c.refused != "" {
				if err == nil || !strings.Contains(err.Error(), c.refused) {
					t.Fatalf("%v, want an error about %s", err, c.refused)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if p.Pending() != c.pending {
				t.Errorf("%d files pending, want %d", p.Pending(), c.pending)
			}
			if err := p.Write(); err != nil {
				t.Fatal(err)
			}
			clean(t, root)
			b, err := os.ReadFile(filepath.Join(root, descriptor))
			if err != nil || name == "own descriptor" && !strings.Contains(string(b), `"x_site": "Karlsruhe"`) {
				t.Errorf("%s\n%v", b, err)
			}
		})
	}
}

// TestMapElsewhere keeps the map outside of both data sets: it is built once,
// read the next time, and the second data set keeps a copy, so that it is
// clean also by itself.
func TestMapElsewhere(t *testing.T) {
	root, _, _ := bare(t, datagen.Annotated()[3])
	file := filepath.Join(t.TempDir(), "exchange", "map.jsonl")
	for round := range 2 {
		p, err := annotate.New(t.Context(), sources(t, validate.Options{}, root), annotate.Options{Map: file})
		if err != nil {
			t.Fatal(err)
		}
		if p.Bridge == nil || p.Bridge.Built != (round == 0) || p.Bridge.Rows != 6 {
			t.Errorf("round %d: %+v", round, p.Bridge)
		}
		if round == 1 && p.Pending() != 0 {
			t.Errorf("the second time, %d files pending: %v", p.Pending(), p.Files)
		}
		if err := p.Write(); err != nil {
			t.Fatal(err)
		}
	}
	clean(t, root)
	clean(t, filepath.Join(root, "nuscenes"))
	clean(t, filepath.Join(root, "kitti"))

	// Without the option, the map that the descriptor names still gives the ids.
	p, err := annotate.New(t.Context(), sources(t, validate.Options{}, filepath.Join(root, "nuscenes")), annotate.Options{})
	if err != nil || p.Pending() != 0 {
		t.Errorf("%v, %d files pending", err, p.Pending())
	}
	// The map gives the second data set its ids, and is no concern of the first.
	for dir, moments := range map[string]int{"kitti": 24 + 12, "nuscenes": 6} {
		p, err := annotate.New(t.Context(), sources(t, validate.Options{}, filepath.Join(root, dir)), annotate.Options{Map: file})
		if err != nil || p.Pending() != 0 || p.Moments != moments || p.Bridge == nil || p.Bridge.Built {
			t.Errorf("%s: %v, %+v", dir, err, p)
		}
	}
	other := filepath.Join(t.TempDir(), "lyft")
	if err := (datagen.Lyft{Seed: 1}).Write(other); err != nil {
		t.Fatal(err)
	}
	if _, err := annotate.New(t.Context(), sources(t, validate.Options{}, other), annotate.Options{Map: file}); err == nil || !strings.Contains(err.Error(), "neither") {
		t.Errorf("a map of other data sets: %v", err)
	}
	replace(t, file, `"clock_offset_ns":-7200000000000,"sensor`, `"clock_offset_ns":-7.2e12,"sensor`)
	if _, err := annotate.New(t.Context(), sources(t, validate.Options{}, root), annotate.Options{Map: file}); err == nil {
		t.Error("a map that the schema refuses was used")
	}
}

// TestBrokenTables wants no sidecars from tables in which rows are missing.
func TestBrokenTables(t *testing.T) {
	root, _, _ := bare(t, datagen.Annotated()[2])
	replace(t, filepath.Join(root, "v1.0-mini", "sample_data.json"), `"timestamp"`, `"time"`)
	_, _, err := validate.Open(t.Context(), []string{root}, validate.Options{})
	if err == nil || !strings.Contains(err.Error(), "sample_data.json") {
		t.Errorf("%v, want an error about sample_data.json", err)
	}
}

// TestHostilePlaces puts what is no file of the data set where annotate reads
// and writes: it refuses, and nothing outside the root is touched.
func TestHostilePlaces(t *testing.T) {
	const sidecar = ".mm/kitti_raw/2011_09_26_drive_0001.jsonl"
	pipe := func(name string) error { return errors.Join(os.Remove(name), syscall.Mkfifo(name, 0o600)) }
	for name, do := range map[string]func(root, away string) error{
		".mm leads outside": func(root, away string) error {
			return errors.Join(os.RemoveAll(filepath.Join(root, ".mm")), os.Symlink(away, filepath.Join(root, ".mm")))
		},
		"a folder of sidecars leads outside": func(root, away string) error {
			dir := filepath.Join(root, ".mm/kitti_raw")
			return errors.Join(os.RemoveAll(dir), os.Symlink(away, dir))
		},
		"a sidecar is a pipe":    func(root, _ string) error { return pipe(filepath.Join(root, sidecar)) },
		"the descriptor is one":  func(root, _ string) error { return pipe(filepath.Join(root, "mm_dataset.json")) },
		"the descriptor is huge": func(root, _ string) error { return os.Truncate(filepath.Join(root, "mm_dataset.json"), 1<<40) },
		"a sidecar is huge":      func(root, _ string) error { return os.Truncate(filepath.Join(root, sidecar), 1<<40) },
	} {
		t.Run(name, func(t *testing.T) {
			if testing.Short() && strings.HasSuffix(name, "huge") {
				t.Skip("reads as much as may be read: run without -short")
			}
			root, away := filepath.Join(t.TempDir(), "data"), t.TempDir()
			if err := os.Mkdir(root, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := datagen.Annotated()[0].Generate(root); err != nil {
				t.Fatal(err)
			}
			if err := do(root, away); err != nil {
				t.Fatal(err)
			}
			p, err := annotate.New(t.Context(), sources(t, validate.Options{}, root), annotate.Options{})
			if err == nil {
				err = p.Write()
			}
			if err == nil || !strings.Contains(err.Error(), "mm") {
				t.Errorf("error is %v", err)
			}
			if ents, err := os.ReadDir(away); err != nil || len(ents) > 0 {
				t.Errorf("outside lie %v, %v", ents, err)
			}
		})
	}
}
