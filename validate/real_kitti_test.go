package validate_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/internal/shareddata"
	"github.com/mmaudit/mmaudit/validate"
	"github.com/mmaudit/mmaudit/validate/rule"
)

// findings runs every rule but UMM over real data and gives "RULE path:line" of
// what is not a statistic.
func findings(t *testing.T, o validate.Options, folders ...string) []string {
	t.Helper()
	for i, f := range folders {
		folders[i] = filepath.Join(shareddata.Dir(t), f)
	}
	o.Selected = func(r *rule.Rule) bool { return r.Group() != "UMM" && !r.Statistic }
	rep, err := validate.Run(t.Context(), folders, o)
	if err != nil {
		t.Fatal(err)
	}
	got := []string{}
	for _, f := range rep.Findings {
		s := f.Rule + " " + f.Path
		if f.Line > 0 {
			s = fmt.Sprintf("%s:%d", s, f.Line)
		}
		got = append(got, s)
		t.Logf("%s: %s (expected %s, actual %s)", s, f.Message, f.Expected, f.Actual)
	}
	return got
}

// TestRealKITTIObject holds the key of the sample data's README.
func TestRealKITTIObject(t *testing.T) {
	const assets = "openvinotoolkit+datumaro/tests/assets/kitti_dataset/"
	for _, c := range []struct {
		folder string
		want   []string
	}{
		{"kuixu+kitti_object_vis/data/object", []string{
			"LAY008 training/image_2/000002.png",
			"LAY008 training/velodyne/000002.bin",
		}},
		// Synthetic: the boxes and the calibration of real frames, over an image
		// of 10 x 10 px; the "Car" has the size of a cyclist.
		{assets + "kitti_3d", []string{
			"SCH005 training/calib/000001.txt:7",
			"PAY005 training/image_2/000001.png",
			"GEO029 training/label_2/000001.txt:1",
			"GEO024 training/label_2/000001.txt:2",
			"GEO029 training/label_2/000001.txt:2",
		}},
		// A 2D data set of the KITTI family, with the file names of scene flow.
		{assets + "kitti_detection", []string{
			"LAY004 training/calib",
			"LAY009 training/image_2/000030_10.png",
			"LAY009 training/image_2/000030_11.png",
			"LAY009 training/label_2/000030_10.txt",
			"GEO022 training/label_2/000030_10.txt:1",
			"GEO022 training/label_2/000030_10.txt:2",
			"LAY009 training/label_2/000030_11.txt",
			"GEO022 training/label_2/000030_11.txt:1",
			"GEO022 training/label_2/000030_11.txt:2",
			"GEO022 training/label_2/000030_11.txt:3",
			"LAY004 training/velodyne",
		}},
		// An excerpt for unit tests; its images were reduced to a palette.
		{"open-mmlab+mmdetection3d/tests/data/kitti", []string{
			"LAY010 training",
			"LAY004 training/calib",
			"PAY002 training/image_2/000000.png",
			"PAY002 training/image_2/000007.png",
			"LAY004 training/label_2",
			"LAY008 training/velodyne/000007.bin",
		}},
	} {
		t.Run(filepath.Base(c.folder), func(t *testing.T) {
			got := findings(t, validate.Options{}, c.folder)
			slices.Sort(got)
			slices.Sort(c.want)
			if !slices.Equal(got, c.want) {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

// TestRealKITTIMapping relates real object frames to a real raw drive: with
// the owner's mapping their calibrations are equal; read as if image id i were
// line i, which is the usual mistake, they are not.
func TestRealKITTIMapping(t *testing.T) {
	const object, raw = "kuixu+kitti_object_vis/data/object", "JarnoRalli+python_camera_library/test_data/kitti"
	mapping := filepath.Join(shareddata.Dir(t), "xiaoliangabc+devkit_object/mapping")
	related := func(mapping string) []string {
		o := validate.Options{Params: rule.DefaultParams()}
		o.Params.Mapping = mapping
		return slices.DeleteFunc(findings(t, o, object, raw), func(s string) bool {
			return !strings.HasPrefix(s, "GEO013") && !strings.HasPrefix(s, "LNK034")
		})
	}
	if got := related(mapping); len(got) > 0 {
		t.Errorf("with the owner's mapping: %q", got)
	}

	naive := t.TempDir()
	lines, err := os.ReadFile(filepath.Join(mapping, "train_mapping.txt"))
	if err != nil {
		t.Fatal(err)
	}
	var rand []string
	for i := range bytes.Count(lines, []byte{'\n'}) {
		rand = append(rand, strconv.Itoa(i+1))
	}
	for name, content := range map[string]string{"train_mapping.txt": string(lines), "train_rand.txt": strings.Join(rand, ",")} {
		if err := os.WriteFile(filepath.Join(naive, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := related(naive), []string{"GEO013 training/calib/000000.txt:1"}; !slices.Equal(got, want) {
		t.Errorf("with a naive mapping: %q, want %q", got, want)
	}
}
