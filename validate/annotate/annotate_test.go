package annotate_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/internal/datagen"
	"github.com/mmaudit/mmaudit/validate"
	"github.com/mmaudit/mmaudit/validate/annotate"
	"github.com/mmaudit/mmaudit/validate/moment"
)

func sources(t *testing.T, o validate.Options, folders ...string) []moment.Source {
	t.Helper()
	src, release, err := validate.Open(t.Context(), folders, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	return src
}

// isSidecar tells what annotate writes from what a data set's owner made.
func isSidecar(name string) bool {
	return strings.Contains("/"+name, "/.mm/") || filepath.Base(name) == "mm_dataset.json"
}

// read gives the files below root: sidecars, and those of the owner.
func read(t *testing.T, root string) (sidecars, owned map[string]string) {
	t.Helper()
	sidecars, owned = map[string]string{}, map[string]string{}
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(p)
		rel, _ := filepath.Rel(root, p)
		rel = filepath.ToSlash(rel)
		if isSidecar(rel) {
			sidecars[rel] = string(b)
		} else {
			owned[rel] = string(b)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return sidecars, owned
}

// bare generates an annotated data set and takes its sidecars away.
func bare(t *testing.T, b datagen.Base) (root string, want, owned map[string]string) {
	t.Helper()
	root = filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := b.Generate(root); err != nil {
		t.Fatal(err)
	}
	want, owned = read(t, root)
	for name := range want {
		if err := os.Remove(filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	return root, want, owned
}

// estimates cuts off what the oracle of sync maps does not know.
func estimates(s string) string {
	head, rest, _ := strings.Cut(s, "\n")
	if i := strings.Index(head, `,"residual_ns"`); i >= 0 {
		head = head[:i] + "}"
	}
	return head + "\n" + rest
}

// TestAgainstOracle wants the files that the generators' own oracle gives, byte
// for byte; nothing written by a plan; nothing to do the second time; and every
// file of the owner as it was.
func TestAgainstOracle(t *testing.T) {
	for _, b := range datagen.Annotated() {
		t.Run(b.Name, func(t *testing.T) {
			root, want, owned := bare(t, b)
			o := annotate.Options{}
			folders := []string{root}
			if b.Name == "pair-mm" {
				o.Map = filepath.Join(root, "nuscenes", ".mm", "sync_map.jsonl")
			}
			p, err := annotate.New(t.Context(), sources(t, validate.Options{}, folders...), o)
			if err != nil {
				t.Fatal(err)
			}
			if got, _ := read(t, root); len(got) != 0 {
				t.Fatalf("the plan wrote %d files", len(got))
			}
			if p.Pending() != len(want) {
				t.Errorf("%d files pending, want %d", p.Pending(), len(want))
			}
			if err := p.Write(); err != nil {
				t.Fatal(err)
			}
			got, after := read(t, root)
			for name, content := range want {
				g, ok := got[name]
				if strings.HasSuffix(name, "sync_map.jsonl") {
					g = estimates(g)
				}
				if !ok || g != content {
					t.Errorf("%s (written: %v) differs: %s", name, ok, firstDifference(g, content))
				}
			}
			for name := range got {
				if _, ok := want[name]; !ok {
					t.Errorf("wrote %s", name)
				}
			}
			if len(after) != len(owned) {
				t.Errorf("%d files of the owner, want %d", len(after), len(owned))
			}
			for name, content := range owned {
				if after[name] != content {
					t.Errorf("%s was changed", name)
				}
			}
			p, err = annotate.New(t.Context(), sources(t, validate.Options{}, folders...), o)
			if err != nil {
				t.Fatal(err)
			}
			if p.Pending() != 0 {
				t.Errorf("the second time, %d files pending: %v", p.Pending(), p.Files)
			}
		})
	}
}

func firstDifference(a, b string) string {
	la, lb := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(la), len(lb)) {
		if la[i] != lb[i] {
			return "\n got " + la[i] + "\nwant " + lb[i]
		}
	}
	return "in length"
}

// TestRefuses wants nothing written where a stamp is missing, and its name.
func TestRefuses(t *testing.T) {
	base := datagen.Annotated()[1] // KITTI raw and object
	for name, c := range map[string]struct {
		remove string
		says   []string
	}{
		"object without raw":     {"2011_09_26", []string{"training/image_2/000000.png", "--raw"}},
		"object without mapping": {"mapping", []string{"mapping"}},
		"stream without stamps":  {"2011_09_26/2011_09_26_drive_0001_sync/image_02/timestamps.txt", []string{"image_02", "no stamp"}},
		"no reference":           {"2011_09_26/2011_09_26_drive_0002_sync/image_00/timestamps.txt", []string{"image_00", "no stamp"}},
	} {
		t.Run(name, func(t *testing.T) {
			root, _, _ := bare(t, base)
			if err := os.RemoveAll(filepath.Join(root, c.remove)); err != nil {
				t.Fatal(err)
			}
			_, err := annotate.New(t.Context(), sources(t, validate.Options{}, root), annotate.Options{})
			var missing *annotate.MissingError
			if !errors.As(err, &missing) {
				t.Fatalf("%v, want a MissingError", err)
			}
			for _, s := range c.says {
				if !strings.Contains(err.Error(), s) {
					t.Errorf("%q does not say %q", err, s)
				}
			}
			if got, _ := read(t, root); len(got) != 0 {
				t.Errorf("wrote %d files", len(got))
			}
		})
	}
}
