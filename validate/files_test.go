package validate_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/mmaudit/mmaudit/internal/datagen"
)

// TestEveryKindOfFile puts a Git-LFS pointer, and then nothing, in the place of
// one file of each kind that the formats have: that alone is said, once.
func TestEveryKindOfFile(t *testing.T) {
	pointer := []byte("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 1924288\n")
	unread := regexp.MustCompile(`dataformat.txt$|_(meta|route).json$|metadata.yaml$|status.json$`) // of use to people
	mapping := regexp.MustCompile(`^mapping/`)                                                      // may lie outside of the data set
	labels := regexp.MustCompile(`/label_0?2/`)                                                     // empty: no objects
	number := regexp.MustCompile(`[0-9a-f]{32,}|\d+`)
	for _, f := range datagen.Formats() {
		if f.Name == "nuscenes-tables" || f.Name == "pair" {
			continue
		}
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			root := filepath.Join(t.TempDir(), "data")
			if err := os.Mkdir(root, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := f.Write(11, 6, root); err != nil {
				t.Fatal(err)
			}
			kinds := map[string]string{}
			err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
				rel, _ := filepath.Rel(root, p)
				rel = filepath.ToSlash(rel)
				if k := number.ReplaceAllString(rel, "0"); err == nil && !d.IsDir() && kinds[k] == "" {
					kinds[k] = rel
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range kinds {
				file := filepath.Join(root, filepath.FromSlash(name))
				old, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				for want, content := range map[string][]byte{"LAY021": pointer, "LAY022": nil} {
					switch {
					case unread.MatchString(name), want == "LAY022" && labels.MatchString(name):
						want = ""
					case mapping.MatchString(name):
						want = "LNK034"
					}
					if err := os.WriteFile(file, content, 0o644); err != nil {
						t.Fatal(err)
					}
					n := 0
					for _, x := range check(t, root, datagen.Mutation{}).Findings {
						switch {
						case x.Rule == want && x.Path == name:
							n++
						case !statistic(x.Rule):
							t.Errorf("%d bytes in %s: %s %s: %s", len(content), name, x.Rule, x.Path, x.Message)
						}
					}
					if want != "" && n != 1 {
						t.Errorf("%d bytes in %s: %d findings of %s, want 1", len(content), name, n, want)
					}
				}
				if err := os.WriteFile(file, old, 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}
