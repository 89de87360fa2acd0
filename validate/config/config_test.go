package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/mmaudit/mmaudit/validate/rule"
)

func TestParse(t *testing.T) {
	c, err := Parse([]byte(`
ignore: [UMM]
fail_on: warning
severity: {LAY010: off, sch: warning}
tolerance: {alpha: 0.2}
sync: {windows: {CAM_FRONT: [-43, -31.5]}}
class: {Bus: {size: [2, 4, 2, 3, 6, 20]}}
overrides:
  - paths: [training/image_3/]
    rules: {PAY: off}
`))
	if err != nil {
		t.Fatal(err)
	}
	if c.Tolerance.Alpha != 0.2 || c.Tolerance.Rotation != rule.DefaultParams().Tolerance.Rotation {
		t.Errorf("tolerance = %+v: what the file leaves out keeps its default", c.Tolerance)
	}
	if c.Sync.Windows["CAM_FRONT"] != [2]float64{-43, -31.5} || c.Severity["LAY010"] != rule.Off || c.FailOn != "warning" {
		t.Errorf("read %+v", c)
	}
}

func TestParseRefuses(t *testing.T) {
	for in, want := range map[string]string{
		"tolerence: {}":                        `1: unknown key "tolerence" (did you mean "tolerance"?)`,
		"fail_on: error\ntolerance: {alpa: 1}": `2: unknown key "alpa" (did you mean "alpha"?)`,
		"gap: {factor: wide}":                  "1: gap.factor: expected number, but got string",
		"sync:\n  window_ms: -1":               "2: sync.window_ms: must be >= 0 but found -1",
		"severity: {LAY010: fatal}":            `1: severity.LAY010: value must be one of "off", "info", "warning", "error"`,
		"overrides: [{paths: [a]}]":            "1: overrides.0: missing properties: 'rules'",
		"a: &x [1]\nb: *x":                     `1: unknown key "a"`,
		"ignore: &x [LAY]\nselect: *x":         "2: aliases are not supported",
		"- a list":                             "1: the file: expected object, but got array",
		"a: [":                                 "1: did not find expected node content",
		"fail_on: error\nfail_on: info":        `2: mapping key "fail_on" already defined at line 1`,
	} {
		_, err := Parse([]byte(in))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Parse(%q) = %v, want %q", in, err, want)
		}
	}
}

func TestFindLooksUpward(t *testing.T) {
	dir := t.TempDir()
	deep := filepath.Join(dir, "a", "b")
	if err := os.MkdirAll(deep, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, FileName), []byte("mapping: devkit\nbaseline: known.yaml\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	c, err := Find(deep)
	if err != nil {
		t.Fatal(err)
	}
	if c.Mapping != filepath.Join(dir, "devkit") || c.Baseline != filepath.Join(dir, "known.yaml") {
		t.Errorf("paths are relative to the file: %q, %q", c.Mapping, c.Baseline)
	}
}

var catalogue = []*rule.Rule{
	{ID: "LAY010", Slug: "frame-gap", Severity: rule.Warning},
	{ID: "LAY015", Slug: "file-missing", Severity: rule.Error},
	{ID: "GEO001", Slug: "quaternion-norm", Severity: rule.Error},
}

func TestPolicySeverity(t *testing.T) {
	c, err := Parse([]byte(`
severity: {lay: info, frame-gap: error}
overrides:
  - {paths: [sweeps/], rules: {file-missing: warning}}
  - {paths: ["*.pcd"], rules: {LAY015: off}}
`))
	if err != nil {
		t.Fatal(err)
	}
	p, err := NewPolicy(c, catalogue, nil)
	if err != nil {
		t.Fatal(err)
	}
	at := func(path string, s rule.Severity) *rule.Finding {
		return &rule.Finding{Severity: s, Place: rule.Place{Path: path}}
	}
	for _, tc := range []struct {
		r    int
		f    *rule.Finding
		want rule.Severity
	}{
		{0, at("a", 0), rule.Error},                        // the slug is narrower than the group
		{1, at("a", 0), rule.Info},                         // the group
		{1, at("sweeps/LIDAR_TOP/x.bin", 0), rule.Warning}, // a folder above the path
		{1, at("sweeps", 0), rule.Warning},                 // the folder itself
		{1, at("sweeps/RADAR/x.pcd", 0), rule.Off},         // the last override wins
		{2, at("a", 0), rule.Error},                        // the rule's own
		{2, at("a", rule.Warning), rule.Warning},           // the finding's own
		{0, at("a", rule.Info), rule.Error},                // the user outweighs the finding
	} {
		if got := p.Severity(catalogue[tc.r], tc.f); got != tc.want {
			t.Errorf("Severity(%s, %s) = %v, want %v", catalogue[tc.r].ID, tc.f.Path, got, tc.want)
		}
	}
}

func TestPolicyNames(t *testing.T) {
	c := Default()
	c.Severity = map[string]rule.Severity{"file-mising": rule.Off}
	if _, err := NewPolicy(c, catalogue, nil); err == nil || !strings.Contains(err.Error(), `did you mean "file-missing"?`) {
		t.Errorf("NewPolicy = %v", err)
	}
}

func TestPolicyIgnored(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, IgnoreFile), []byte("# mine\n/scratch/\n*.bak\n!keep.bak\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	p, err := NewPolicy(Default(), catalogue, []string{dir})
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{
		"scratch": true, "a/scratch": false, "a/x.bak": true, "a/keep.bak": false, "a": false,
		IgnoreFile: true, FileName: true, ".mm/backup": true, ".mm": false,
		".git": true, "drive/.git": true, "x.git": false,
	} {
		dir := !strings.Contains(path, ".bak")
		if got := p.Ignored(p.folders()[0], path, dir); got != want {
			t.Errorf("Ignored(%q) = %v", path, got)
		}
	}
}

// folders gives the folders whose ignore files were read.
func (p *Policy) folders() (out []string) {
	for f := range p.ignored {
		out = append(out, f)
	}
	return out
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("ignore: [UMM]\n"))
	f.Add([]byte("sync: {windows: {a: [1, 2]}}\n"))
	f.Add([]byte("a: *b\n"))
	f.Add([]byte("? [a]\n: b\n"))
	f.Add([]byte("severity: {1: off}\nmapping: 2001-01-01\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := Parse(b)
		if (c == nil) == (err == nil) {
			t.Fatalf("Parse = %v, %v", c, err)
		}
	})
}

// TestFindHostile finds what is no configuration: it neither waits for a pipe
// nor reads without bound.
func TestFindHostile(t *testing.T) {
	for what, put := range map[string]func(name string) error{
		"pipe":   func(name string) error { return syscall.Mkfifo(name, 0o600) },
		"device": func(name string) error { return os.Symlink("/dev/zero", name) },
		"huge":   func(name string) error { return errors.Join(os.WriteFile(name, nil, 0o600), os.Truncate(name, 1<<40)) },
		"folder": func(name string) error { return os.Mkdir(name, 0o700) },
	} {
		t.Run(what, func(t *testing.T) {
			dir := t.TempDir()
			if err := put(filepath.Join(dir, FileName)); err != nil {
				t.Fatal(err)
			}
			if _, err := Find(dir); err == nil || !strings.Contains(err.Error(), FileName) {
				t.Errorf("error is %v", err)
			}
			dir = t.TempDir()
			if err := put(filepath.Join(dir, IgnoreFile)); err != nil {
				t.Fatal(err)
			}
			if _, err := NewPolicy(Default(), nil, []string{dir}); err == nil || !strings.Contains(err.Error(), IgnoreFile) {
				t.Errorf("error is %v", err)
			}
		})
	}
}
