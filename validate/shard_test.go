package validate_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/internal/datagen"
	"github.com/mmaudit/mmaudit/internal/shard"
	"github.com/mmaudit/mmaudit/validate"
	"github.com/mmaudit/mmaudit/validate/config"
	"github.com/mmaudit/mmaudit/validate/report"
	"github.com/mmaudit/mmaudit/validate/rule"
	"github.com/mmaudit/mmaudit/validate/rules"
)

// optionsOf are the options of check.
func optionsOf(t *testing.T, m datagen.Mutation) validate.Options {
	t.Helper()
	c, err := config.Parse([]byte(m.Config))
	if err != nil {
		t.Fatal(err)
	}
	c.Params.Deep, c.Params.Strict = m.Deep, c.StrictMode
	return validate.Options{
		Params:   &c.Params,
		Selected: func(r *rule.Rule) bool { return m.Base.Annotated || r.Group() != "UMM" },
		Jobs:     2,
	}
}

// written is the report in every form.
func written(t *testing.T, folders []string, o validate.Options) string {
	t.Helper()
	rep, err := validate.Run(t.Context(), folders, o)
	var b bytes.Buffer
	fmt.Fprintln(&b, err)
	for _, format := range report.FormatNames() {
		if err := report.Write(&b, format, rep, rules.Catalogue(), report.Options{Verbose: true}); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

// shards leaves the parts of n shards, and opens them.
func shards(t *testing.T, folders []string, n int, o validate.Options) (parts *validate.Parts, files int) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "parts")
	for i := range n {
		p, err := validate.RunShard(t.Context(), folders, shard.Shard{Index: i + 1, Count: n}, dir, o)
		if err != nil {
			t.Fatal(err)
		}
		files += p.Files
	}
	parts, err := validate.OpenParts(dir, folders, o.Version)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { parts.Close() })
	return parts, files
}

// asOne demands that n shards give the report of one run, with another number of
// goroutines, too.
func asOne(t *testing.T, folders []string, n int, o validate.Options) (files, missed int) {
	t.Helper()
	want := written(t, folders, o)
	parts, files := shards(t, folders, n, o)
	o.Parts, o.Jobs = parts, 7
	got := written(t, folders, o)
	taken, missed := parts.Used()
	if taken < files {
		t.Errorf("%d shards have seen %d files, of which %d were taken", n, files, taken)
	}
	if got != want {
		for i, line := range strings.Split(want, "\n") {
			if have := strings.Split(got+strings.Repeat("\n", i), "\n")[i]; have != line {
				t.Fatalf("%d shards: line %d is\n%s\nand not\n%s", n, i+1, have, line)
			}
		}
		t.Fatalf("%d shards: the report goes on:\n%s", n, got[len(want):])
	}
	return files, missed
}

// TestShards: however many workers share the payload of any format, the report
// is that of one run, in every form.
func TestShards(t *testing.T) {
	for _, f := range datagen.Formats() {
		if f.Name == "nuscenes-tables" {
			continue
		}
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			if err := f.Write(11, 7, root); err != nil {
				t.Fatal(err)
			}
			for _, n := range []int{1, 2, 7, 16} {
				if files, missed := asOne(t, []string{root}, n, validate.Options{Jobs: 2}); files == 0 || missed > 0 {
					t.Errorf("%d shards have seen %d files; %d were opened again", n, files, missed)
				}
			}
		})
	}
}

// TestShardsOfASample: the shards look at no file that the run leaves out.
func TestShardsOfASample(t *testing.T) {
	root := t.TempDir()
	if err := (datagen.KITTIOdometry{Seed: 1, Frames: 12, Labels: true}).Write(root); err != nil {
		t.Fatal(err)
	}
	all, _ := asOne(t, []string{root}, 3, validate.Options{Jobs: 2})
	some, missed := asOne(t, []string{root}, 3, validate.Options{Jobs: 2, Sample: 3})
	if some >= all || some == 0 || missed > 0 {
		t.Errorf("%d of %d files were seen, %d missed", some, all, missed)
	}
}

// TestShardsOfMutations: whatever is wrong with the data. With -short, a tenth of
// it.
func TestShardsOfMutations(t *testing.T) {
	for i, m := range datagen.Mutations() {
		if testing.Short() && i%10 > 0 {
			continue
		}
		t.Run(m.Rule+"/"+m.Name, func(t *testing.T) {
			t.Parallel()
			root := filepath.Join(t.TempDir(), "data")
			if err := m.Write(root); err != nil {
				t.Fatal(err)
			}
			asOne(t, []string{root}, 2, optionsOf(t, m))
		})
	}
}

// TestShardsOfOneFolderTwice: what is named twice is looked at once.
func TestShardsOfOneFolderTwice(t *testing.T) {
	root := t.TempDir()
	if err := (datagen.KITTIObject{Seed: 1, Frames: 3}).Write(root); err != nil {
		t.Fatal(err)
	}
	o := validate.Options{Jobs: 2}
	once, _ := asOne(t, []string{root}, 2, o)
	if twice, missed := asOne(t, []string{root, root}, 2, o); twice != once || missed > 0 {
		t.Errorf("%d files were seen, %d with the folder named twice; %d missed", once, twice, missed)
	}
}

// TestShardsGoOld: what the shards saw does not count for a file that is
// another now, and a file that they could not know of is looked at.
func TestShardsGoOld(t *testing.T) {
	root := t.TempDir()
	if err := (datagen.KITTIObject{Seed: 1, Frames: 6}).Write(root); err != nil {
		t.Fatal(err)
	}
	folders, o := []string{root}, validate.Options{Jobs: 2}
	parts, _ := shards(t, folders, 2, o)
	image := filepath.Join(root, "training", "image_2", "000000.png")
	sound, err := os.ReadFile(image)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(image)
	if err != nil {
		t.Fatal(err)
	}
	before := written(t, folders, o)
	broken := append([]byte("GIF89a"), sound[6:]...)
	if err := os.WriteFile(image, broken, 0o644); err != nil {
		t.Fatal(err)
	}
	// Of the same size, and said to be as old: the time of change tells, where
	// there is one.
	if changedTells {
		if err := os.Chtimes(image, info.ModTime(), info.ModTime()); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(root, "training", "image_3", "000000.png"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	want := written(t, folders, o)
	o.Parts = parts
	if got := written(t, folders, o); got != want || got == before {
		t.Error("the report is not about the files as they are")
	}
	if _, missed := parts.Used(); missed < 2 {
		t.Errorf("%d files were looked at again", missed)
	}
}

// TestShardsRefused: parts of something else do not count.
func TestShardsRefused(t *testing.T) {
	root := t.TempDir()
	if err := (datagen.KITTIObject{Seed: 1, Frames: 2}).Write(root); err != nil {
		t.Fatal(err)
	}
	o := validate.Options{Jobs: 1, Version: "1"}
	for _, tt := range []struct {
		name    string
		do      func(dir string) error
		folder  string
		version string
		want    error
	}{
		{"nothing", func(string) error { return nil }, root, "1", nil},
		{"another version", func(string) error { return nil }, root, "2", shard.ErrParts},
		{"another folder", func(string) error { return nil }, root + "/.", "1", shard.ErrParts},
		{"a part less", func(dir string) error { return os.Remove(dir + "/1-of-2.part") }, root, "1", shard.ErrParts},
		{"a copy", func(dir string) error {
			return errors.Join(os.Remove(dir+"/1-of-2.part"), os.Link(dir+"/2-of-2.part", dir+"/1-of-2.part"))
		}, root, "1", shard.ErrParts},
		{"a torn part", func(dir string) error { return os.Truncate(dir+"/1-of-2.part", 300) }, root, "1", shard.ErrPart},
		{"no part", func(dir string) error { return os.WriteFile(dir+"/1-of-2.part", []byte("{}\n"), 0o644) }, root, "1", shard.ErrPart},
		{"no folder", os.RemoveAll, root, "1", fs.ErrNotExist},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			for i := range 2 {
				if _, err := validate.RunShard(t.Context(), []string{root}, shard.Shard{Index: i + 1, Count: 2}, dir, o); err != nil {
					t.Fatal(err)
				}
			}
			if err := tt.do(dir); err != nil {
				t.Fatal(err)
			}
			p, err := validate.OpenParts(dir, []string{tt.folder}, tt.version)
			if !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			if p != nil {
				p.Close()
			}
		})
	}
	if _, err := validate.RunShard(t.Context(), []string{root}, shard.Shard{}, t.TempDir(), o); !errors.Is(err, shard.Err) {
		t.Error(err)
	}
	dir := filepath.Join(t.TempDir(), "parts")
	if _, err := validate.RunShard(t.Context(), []string{root + "/nowhere"}, shard.Shard{Index: 1, Count: 1}, dir, o); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if list, err := os.ReadDir(dir); err != nil || len(list) > 0 {
		t.Errorf("%v was left, %v", list, err)
	}
}
