package validate_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/internal/datagen"
)

// TestHostileKITTI puts hostile content in place of each kind of file of the
// KITTI family: the run ends without error or panic, and says
// something about that file.
func TestHostileKITTI(t *testing.T) {
	write := func(content string) func(string) error {
		return func(name string) error { return os.WriteFile(name, []byte(content), 0o644) }
	}
	hostile := map[string]func(name string) error{
		"empty":    write(""),
		"zeros":    write(string(make([]byte, 999))),
		"one line": write(strings.Repeat("A", 2<<20)),
		"lines":    write(strings.Repeat("\n", 1<<16)),
		"keys":     write(strings.Repeat("a: 1\nb: 2\n", 1<<12)),
		"numbers":  write(strings.Repeat("1e308 ", 1<<12) + "\n"),
		"invalid":  write("\xff\xfe\x00P0: \xc3\x28 1\n"),
		"pointer":  write("version https://git-lfs.github.com/spec/v1\noid sha256:" + strings.Repeat("0", 64) + "\nsize 1234\n"),
		"folder":   func(name string) error { return os.Mkdir(name, 0o755) },
		"link":     func(name string) error { return os.Symlink("nowhere", name) },
		"outside":  func(name string) error { return os.Symlink("/etc/hostname", name) },
		"device":   func(name string) error { return os.Symlink("/dev/zero", name) },
	}
	for _, c := range []struct {
		base  func(root string) error
		files []string
	}{
		{datagen.KITTIObject{Seed: 1, Frames: 3, Testing: 1}.Write, []string{
			"training/image_2/000001.png", "training/velodyne/000001.bin", "training/calib/000001.txt",
			"training/label_2/000001.txt", "training/planes/000001.txt", "ImageSets/train.txt",
			"mapping/train_rand.txt", "mapping/train_mapping.txt",
		}},
		{datagen.KITTITracking{Seed: 1, Frames: 2}.Write, []string{
			"training/image_02/0001/000001.png", "training/velodyne/0001/000001.bin", "training/calib/0001.txt",
			"training/label_02/0001.txt", "training/oxts/0001.txt",
		}},
		{datagen.KITTIRaw{Seed: 1, Frames: 2, Drives: 1}.Write, []string{
			"2011_09_26/calib_cam_to_cam.txt", "2011_09_26/calib_velo_to_cam.txt",
			"2011_09_26/2011_09_26_drive_0001_sync/tracklet_labels.xml",
			"2011_09_26/2011_09_26_drive_0001_sync/image_00/data/0000000001.png",
			"2011_09_26/2011_09_26_drive_0001_sync/image_00/timestamps.txt",
			"2011_09_26/2011_09_26_drive_0001_sync/oxts/data/0000000001.txt",
			"2011_09_26/2011_09_26_drive_0001_sync/velodyne_points/data/0000000001.bin",
			"2011_09_26/2011_09_26_drive_0001_sync/velodyne_points/timestamps_start.txt",
		}},
		{datagen.KITTIOdometry{Seed: 1, Frames: 2, Labels: true}.Write, []string{
			"sequences/03/calib.txt", "sequences/03/times.txt", "sequences/03/poses.txt",
			"sequences/03/image_2/000001.png", "sequences/03/velodyne/000001.bin", "sequences/03/labels/000001.label",
		}},
	} {
		for _, file := range c.files {
			for kind, make := range hostile {
				t.Run(kind+"/"+strings.ReplaceAll(file, "/", "_"), func(t *testing.T) {
					t.Parallel()
					root := t.TempDir()
					if err := c.base(root); err != nil {
						t.Fatal(err)
					}
					name := filepath.Join(root, filepath.FromSlash(file))
					if err := os.Remove(name); err != nil {
						t.Fatal(err)
					}
					if err := make(name); err != nil {
						t.Fatal(err)
					}
					rep := check(t, root, datagen.Mutation{})
					legal := kind == "empty" && strings.Contains(file, "label_") // no objects
					said := legal
					for _, f := range rep.Findings {
						said = said || strings.HasPrefix(f.Path, file) || strings.HasPrefix(f.Path, filepath.Dir(file))
					}
					if !said {
						var b bytes.Buffer
						for _, f := range rep.Findings {
							b.WriteString(f.Rule + " " + f.Path + ": " + f.Message + "\n")
						}
						t.Errorf("nothing is said about %s:\n%s", file, &b)
					}
				})
			}
		}
	}
}
