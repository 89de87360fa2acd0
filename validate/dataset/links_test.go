package dataset_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/validate/dataset"
)

func detect(t testing.TB, root string) *dataset.Detection {
	t.Helper()
	det, err := dataset.Detect(t.Context(), root, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { det.Close() })
	return det
}

func TestLinks(t *testing.T) {
	outside := plant(t, t.TempDir(), "velodyne/000000.bin = outside")
	root := plant(t, t.TempDir(), lines(object,
		"disk2/image_3/000000.png = inside",
		"training/image_3 -> ../disk2/image_3",
		"training/image_2/000001.png -> 000000.png",
		"training/velodyne_reduced -> "+outside+"/velodyne",
		"training/velodyne/000001.bin -> ../../../elsewhere.bin",
		"training/velodyne/000002.bin -> "+filepath.Join(outside, "velodyne/000000.bin"),
		"training/calib/000001.txt -> gone.txt",
		"training/calib/000002.txt -> 000002.txt",
		"training/round -> ..",
	)...)
	ds := detect(t, root).Datasets[0]

	if !ds.Tree.HasFile("training/image_3/000000.png") {
		t.Error("a folder inside the root was not followed")
	}
	if b, err := ds.ReadFile("training/image_3/000000.png", 100); err != nil || string(b) != "inside" {
		t.Errorf("read %q, %v", b, err)
	}
	want := map[string]dataset.LinkReason{
		"training/velodyne_reduced":    dataset.LinkEscapes,
		"training/velodyne/000001.bin": dataset.LinkEscapes,
		"training/velodyne/000002.bin": dataset.LinkEscapes,
		"training/calib/000001.txt":    dataset.LinkBroken,
		"training/calib/000002.txt":    dataset.LinkLoop,
		"training/round":               dataset.LinkLoop,
	}
	for _, l := range ds.Tree.BadLinks {
		if want[l.Path] != l.Reason {
			t.Errorf("%s -> %s: reason %d, want %d", l.Path, l.Target, l.Reason, want[l.Path])
		}
		delete(want, l.Path)
		if _, err := ds.Open(l.Path); err == nil {
			t.Errorf("%s could be opened", l.Path)
		}
		if ds.Tree.HasDir(l.Path) {
			t.Errorf("%s was listed", l.Path)
		}
		if got, ok := ds.Tree.BadLink(l.Path + "/000000.bin"); !ok || got.Path != l.Path {
			t.Errorf("behind %s no bad link was found", l.Path)
		}
	}
	if len(want) > 0 {
		t.Errorf("not noted: %v", want)
	}
}

// A link from one data set into another below the folder given leaves its own
// data set, which would be broken without the other.
func TestLinksBetweenDatasets(t *testing.T) {
	root := plant(t, t.TempDir(), lines(under("object", object), under("raw", raw),
		"object/training/image_3 -> ../../raw/2011_09_26/2011_09_26_drive_0001_sync/image_00/data",
		"object/training/planes -> calib")...)
	ds := detect(t, root).Datasets[0]
	if len(ds.Tree.BadLinks) != 1 || ds.Tree.BadLinks[0].Path != "training/image_3" || ds.Tree.BadLinks[0].Reason != dataset.LinkEscapes {
		t.Errorf("bad links are %v", ds.Tree.BadLinks)
	}
	if ds.Tree.HasDir("training/image_3") || !ds.Tree.HasFile("training/image_3") {
		t.Error("the link out of the data set is still a folder")
	}
	if !ds.Tree.HasFile("training/planes/000000.txt") {
		t.Error("the link inside the data set was lost")
	}
}

// Links that multiply a small folder are followed a bounded number of times.
func TestLinksBounded(t *testing.T) {
	root := t.TempDir()
	for i := range 6 {
		dir := filepath.Join(root, fmt.Sprintf("d%02d", i))
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		for k := range 6 {
			if err := os.Symlink(fmt.Sprintf("../d%02d", (i+k+1)%6), filepath.Join(dir, fmt.Sprintf("l%02d", k))); err != nil {
				t.Fatal(err)
			}
		}
	}
	det := detect(t, root)
	if n := len(det.Areas[0].Tree.Dirs); n > 1<<14 {
		t.Errorf("%d folders were listed", n)
	}
}

func TestLFSPointer(t *testing.T) {
	const good = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"
	if p := dataset.ParseLFSPointer([]byte(good)); p == nil || p.Size != 12345 || p.OID != "4d7a2146" {
		t.Errorf("pointer is %+v", p)
	}
	for _, bad := range []string{"", "version 1\n", good[:60], "version https://git-lfs.github.com/spec/v1\noid sha256:4d\nsize -1\n"} {
		if p := dataset.ParseLFSPointer([]byte(bad)); p != nil {
			t.Errorf("%q gives %+v", bad, p)
		}
	}
}

func FuzzLFSPointer(f *testing.F) {
	f.Add([]byte("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"))
	f.Add([]byte("version https://git-lfs.github.com/spec/v1\nsize 99999999999999999999\noid sha256:\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if p := dataset.ParseLFSPointer(b); p != nil && (p.Size < 0 || p.OID == "") {
			t.Errorf("accepted %+v", p)
		}
	})
}

// Folders that nest without end are listed down to a depth, and no further in
// silence.
func TestDeepFolders(t *testing.T) {
	root := t.TempDir()
	deep := root + strings.Repeat("/d", 200)
	if err := os.MkdirAll(deep, 0o755); err != nil {
		t.Fatal(err)
	}
	tree := detect(t, root).Areas[0].Tree
	if len(tree.Dirs) > 100 {
		t.Errorf("%d folders were listed", len(tree.Dirs))
	}
	if len(tree.Errors) != 1 || !strings.Contains(tree.Errors[0].Error(), "folders deep") {
		t.Errorf("errors are %v", tree.Errors)
	}
}
