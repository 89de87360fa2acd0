package validate_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/mmaudit/mmaudit/internal/datagen"
	"github.com/mmaudit/mmaudit/validate"
	"github.com/mmaudit/mmaudit/validate/report"
	"github.com/mmaudit/mmaudit/validate/rule"
)

// TestBadInput puts what cannot be read in place of good files. Each is a
// finding with its path, and the run goes on: a fault elsewhere is still found.
func TestBadInput(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(d *datagen.Dir) error
		want []string // "RULE path"; the fault elsewhere comes on top
		root bool     // cannot be arranged for root, who reads everything
	}{
		{name: "link to a file outside", want: []string{"LAY019 training/velodyne/000001.bin"}, do: func(d *datagen.Dir) error {
			return d.Link("training/velodyne/000001.bin", "/etc/hostname")
		}},
		{name: "link to a folder outside", want: []string{"LAY019 training/velodyne_reduced"}, do: func(d *datagen.Dir) error {
			return d.Link("training/velodyne_reduced", "/etc")
		}},
		{name: "link up and out", want: []string{"LAY019 training/calib/000001.txt"}, do: func(d *datagen.Dir) error {
			return d.Link("training/calib/000001.txt", "../../../../../../../../etc/hostname")
		}},
		{name: "link to nothing", want: []string{"LAY020 training/calib/000001.txt"}, do: func(d *datagen.Dir) error {
			return d.Link("training/calib/000001.txt", "gone.txt")
		}},
		{name: "link to itself", want: []string{"LAY020 training/image_2/000001.png"}, do: func(d *datagen.Dir) error {
			return d.Link("training/image_2/000001.png", "000001.png")
		}},
		{name: "link into a circle", want: []string{"LAY020 training/up"}, do: func(d *datagen.Dir) error {
			return d.Link("training/up", "../training")
		}},
		{name: "pipe as payload", want: []string{"LAY023 training/velodyne/000001.bin"}, do: func(d *datagen.Dir) error {
			return d.Pipe("training/velodyne/000001.bin")
		}},
		{name: "pipe as labels", want: []string{"LAY023 training/label_2/000001.txt"}, do: func(d *datagen.Dir) error {
			return d.Pipe("training/label_2/000001.txt")
		}},
		{name: "pipe that nobody asks for", want: []string{"LAY023 training/pipe"}, do: func(d *datagen.Dir) error {
			if err := d.Write("training/pipe", nil); err != nil {
				return err
			}
			return d.Pipe("training/pipe")
		}},
		{name: "link to a pipe", want: []string{"LAY023 training/velodyne/000001.bin", "LAY023 training/zz"}, do: func(d *datagen.Dir) error {
			if err := d.Write("training/zz", nil); err != nil {
				return err
			}
			if err := d.Pipe("training/zz"); err != nil {
				return err
			}
			return d.Link("training/velodyne/000001.bin", "../zz")
		}},
		{name: "socket", want: []string{"LAY023 training/velodyne/000001.bin"}, do: func(d *datagen.Dir) error {
			if err := d.Remove("training/velodyne/000001.bin"); err != nil {
				return err
			}
			return socket(filepath.Join(d.Root, "training/velodyne/000001.bin"))
		}},
		{name: "forbidden file", root: true, want: []string{"LAY023 training/velodyne/000001.bin"}, do: func(d *datagen.Dir) error {
			return os.Chmod(filepath.Join(d.Root, "training/velodyne/000001.bin"), 0)
		}},
		{name: "forbidden folder", root: true, want: []string{"LAY023 notes"}, do: func(d *datagen.Dir) error {
			if err := d.Write("notes/secret.txt", []byte("x")); err != nil {
				return err
			}
			return os.Chmod(filepath.Join(d.Root, "notes"), 0)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.root && os.Geteuid() == 0 {
				t.Skip("root may read everything")
			}
			root := t.TempDir()
			d := &datagen.Dir{Root: root}
			if err := elsewhere(d); err != nil {
				t.Fatal(err)
			}
			if err := c.do(d); err != nil {
				t.Fatal(err)
			}
			defer os.Chmod(filepath.Join(root, "notes"), 0o755)
			expect(t, check(t, root, datagen.Mutation{}), append(c.want, "SCH024 training/label_2/000003.txt"))
		})
	}
}

// elsewhere makes a KITTI object data set with one fault in its labels.
func elsewhere(d *datagen.Dir) error {
	if err := (datagen.KITTIObject{Seed: 1}).Write(d.Root); err != nil {
		return err
	}
	return d.Edit("training/label_2/000003.txt", func(b []byte) []byte {
		words := strings.SplitN(string(b), " ", 3)
		return []byte(words[0] + " none " + words[2])
	})
}

// socket leaves a Unix socket behind. Paths of sockets are short, so it is made
// beside and moved.
func socket(name string) error {
	dir, err := os.MkdirTemp("", "s")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, "s"), Net: "unix"})
	if err != nil {
		return err
	}
	defer l.Close()
	l.SetUnlinkOnClose(false)
	return os.Rename(filepath.Join(dir, "s"), name)
}

// expect compares the findings, without statistics, with "RULE path".
func expect(t *testing.T, rep *report.Report, want []string) {
	t.Helper()
	var got []string
	for _, f := range rep.Findings {
		if !statistic(f.Rule) {
			got = append(got, f.Rule+" "+f.Path)
			t.Logf("%s %s: %s", f.Rule, f.Path, f.Message)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("findings are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestBadInputVanishes removes files between the listing and the reading.
func TestBadInputVanishes(t *testing.T) {
	d := &datagen.Dir{Root: t.TempDir()}
	if err := elsewhere(d); err != nil {
		t.Fatal(err)
	}
	gone := []string{"training/velodyne/000001.bin", "training/calib/000002.txt", "training/image_3/000004.png", "testing/velodyne/000000.bin"}
	var once sync.Once
	rep, err := validate.Run(t.Context(), []string{d.Root}, validate.Options{
		Selected: func(r *rule.Rule) bool { return r.Group() != "UMM" },
		Progress: func(int, int) { // the first call comes when the work is known and nothing was read
			once.Do(func() {
				for _, name := range gone {
					if err := d.Remove(name); err != nil {
						t.Error(err)
					}
				}
			})
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"SCH024 training/label_2/000003.txt"}
	for _, name := range gone {
		want = append(want, "LAY023 "+name)
	}
	expect(t, rep, want)
}

// TestBadInputFolders gives folders that cannot be validated beside one that
// can.
func TestBadInputFolders(t *testing.T) {
	good, empty, file := t.TempDir(), t.TempDir(), filepath.Join(t.TempDir(), "data.zip")
	if err := elsewhere(&datagen.Dir{Root: good}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("PK"), 0o644); err != nil {
		t.Fatal(err)
	}
	gone := filepath.Join(empty, "gone")
	rep, err := validate.Run(t.Context(), []string{file, gone, empty, good}, validate.Options{
		Selected: func(r *rule.Rule) bool { return r.Group() != "UMM" },
	})
	if !errors.Is(err, validate.ErrIncomplete) || rep.Complete {
		t.Errorf("error is %v, complete %v", err, rep.Complete)
	}
	for _, name := range []string{file, gone} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("error %v does not name %s", err, name)
		}
	}
	expect(t, rep, []string{"LAY001 ", "SCH024 training/label_2/000003.txt"})
}

// TestFoldersTwice gives a folder by two names, and one inside another: what
// lies there is validated once.
func TestFoldersTwice(t *testing.T) {
	outer := t.TempDir()
	inner := filepath.Join(outer, "inner")
	if err := elsewhere(&datagen.Dir{Root: inner}); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(inner, link); err != nil {
		t.Fatal(err)
	}
	for _, folders := range [][]string{{inner, inner}, {inner, link}, {inner, outer}, {outer, inner}, {inner, outer, inner + "/../inner"}} {
		rep, err := validate.Run(t.Context(), folders, validate.Options{
			Selected: func(r *rule.Rule) bool { return r.ID == "SCH024" },
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(rep.Datasets) != 1 || rep.Counts["SCH024"] != 1 {
			t.Errorf("%v: %d data sets, %d findings", folders, len(rep.Datasets), rep.Counts["SCH024"])
		}
	}
	sources, release, err := validate.Open(t.Context(), []string{inner, outer}, validate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	if len(sources) != 1 {
		t.Errorf("%d sources", len(sources))
	}
}
