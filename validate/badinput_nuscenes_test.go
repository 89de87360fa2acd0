package validate_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/mmaudit/mmaudit/internal/datagen"
)

// TestBadInputTables puts what cannot be read in place of the files of a
// nuScenes data set.
func TestBadInputTables(t *testing.T) {
	pointer := []byte("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 1924288\n")
	for _, c := range []struct {
		name string
		do   func(d *datagen.Dir) error
		want []string
	}{
		{"pipe as table", func(d *datagen.Dir) error { return d.Pipe("v1.0-mini/attribute.json") }, []string{"LAY023 v1.0-mini/attribute.json"}},
		{"pipe as a chained table", func(d *datagen.Dir) error { return d.Pipe("v1.0-mini/sample.json") }, []string{"LAY023 v1.0-mini/sample.json"}},
		{"pointer as table", func(d *datagen.Dir) error { return d.Write("v1.0-mini/ego_pose.json", pointer) }, []string{"LAY021 v1.0-mini/ego_pose.json"}},
		{"link out as table", func(d *datagen.Dir) error { return d.Link("v1.0-mini/log.json", "/etc/hostname") }, []string{"LAY019 v1.0-mini/log.json"}},
		{"broken link as table", func(d *datagen.Dir) error { return d.Link("v1.0-mini/scene.json", "gone.json") }, []string{"LAY020 v1.0-mini/scene.json"}},
		{"folder as an optional table", func(d *datagen.Dir) error { return os.Mkdir(filepath.Join(d.Root, "v1.0-mini/panoptic.json"), 0o755) }, []string{"LAY023 v1.0-mini/panoptic.json"}},
		{"folder as splits", func(d *datagen.Dir) error { return os.Mkdir(filepath.Join(d.Root, "v1.0-mini/splits.json"), 0o755) }, []string{"LAY023 v1.0-mini/splits.json"}},
		{"folder as descriptor", func(d *datagen.Dir) error { return os.Mkdir(filepath.Join(d.Root, "mm_dataset.json"), 0o755) }, []string{"LAY023 mm_dataset.json"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			if err := (datagen.NuScenes{Seed: 1}).Write(root); err != nil {
				t.Fatal(err)
			}
			if err := c.do(&datagen.Dir{Root: root}); err != nil {
				t.Fatal(err)
			}
			expect(t, check(t, root, datagen.Mutation{}), c.want)
		})
	}
}
