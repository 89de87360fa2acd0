package kitti

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/mmaudit/mmaudit/internal/shareddata"
	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/rule/ruletest"
)

const twoFrames = "2011_09_26 2011_09_26_drive_0005_sync 0000000109\n2011_09_28 2011_09_28_drive_0106_sync 0000000048\n"

func TestParseMapping(t *testing.T) {
	for _, c := range []struct{ name, rand, lines, problem string }{
		{"sound", "2,1\n", twoFrames, ""},
		{"without final newline", "2,1", strings.TrimSuffix(twoFrames, "\n"), ""},
		{"spaces and lines", " 2, \r\n1,\n", twoFrames, ""},
		{"twice", "2,2", twoFrames, "value 2 is 2, as value 1"},
		{"zero", "0,1", twoFrames, "lines 1 to 2"},
		{"beyond", "3,1", twoFrames, "lines 1 to 2"},
		{"word", "2,x", twoFrames, `"x", not a line number`},
		{"short", "1", twoFrames, "has 1 values for the 2 lines"},
		{"same frame", "2,1", strings.Repeat(twoFrames[:49], 2), "is also on line 1"},
		{"words", "1", "2011_09_26 2011_09_26_drive_0005_sync\n", "has 2 words"},
		{"drive", "1", "2011_09_26 drive_0005 0000000109\n", "is not a drive"},
		{"date", "1", "2011_09_28 2011_09_26_drive_0005_sync 0000000109\n", "is not of the date"},
		{"frame", "1", "2011_09_26 2011_09_26_drive_0005_sync 109\n", "not a frame of ten digits"},
		{"empty", "", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var m Mapping
			m.parse([]byte(c.rand), []byte(c.lines))
			if c.problem == "" {
				if len(m.Problems) > 0 {
					t.Errorf("%+v", m.Problems)
				}
				return
			}
			if len(m.Problems) == 0 || !strings.Contains(m.Problems[0].Message, c.problem) {
				t.Errorf("problems %+v, want %q", m.Problems, c.problem)
			}
			if r, ok := m.Raw(0); ok {
				t.Errorf("frame 0 is %v although the mapping has problems", r)
			}
		})
	}
}

func TestMappingRaw(t *testing.T) {
	var m *Mapping
	if _, ok := m.Raw(0); ok {
		t.Error("no mapping maps a frame")
	}
	m = &Mapping{}
	m.parse([]byte("2,1\n"), []byte(twoFrames))
	r, ok := m.Raw(0)
	if want := (RawFrame{"2011_09_28", "0106", 48}); !ok || r != want || r.Sample() != "2011_09_28_drive_0106/0000000048" {
		t.Errorf("frame 0 is %v, want %v: image id i is line rand[i]", r, want)
	}
	for _, i := range []int{-1, 2} {
		if _, ok := m.Raw(i); ok {
			t.Errorf("frame %d is mapped", i)
		}
	}
}

func TestFindMapping(t *testing.T) {
	root := t.TempDir()
	put := func(name, content string) {
		t.Helper()
		name = filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	put("a/b/object/training/calib/000000.txt", "")
	ds := open(t, filepath.Join(root, "a/b/object"), dataset.KITTIObject)
	if m, err := FindMapping(ds, ""); m != nil || err != nil {
		t.Errorf("found %v, %v", m, err)
	}
	if _, err := FindMapping(ds, filepath.Join(root, "none")); err == nil {
		t.Error("a folder that was named and does not exist is no error")
	}
	// Each place hides those before it.
	for _, dir := range []string{"a/devkit/mapping", "a/devkit_object/mapping", "a/mapping", "a/b/mapping", "a/b/object/devkit/mapping", "a/b/object/mapping"} {
		put(dir+"/train_rand.txt", "2,1")
		put(dir+"/train_mapping.txt", twoFrames)
		m, err := FindMapping(ds, "")
		if err != nil || m == nil || filepath.Join(ds.Root, m.Dir) != filepath.Join(root, dir) {
			t.Fatalf("%s: found %+v, %v", dir, m, err)
		}
	}
	put("other/train_rand.txt", "1")
	m, err := FindMapping(ds, filepath.Join(root, "other"))
	if err != nil || len(m.Problems) != 1 || !strings.HasSuffix(m.Problems[0].Path, "other/train_mapping.txt") {
		t.Errorf("half a mapping: %+v, %v", m, err)
	}
}

// TestRealMapping holds the key of the sample data: the owner's mapping, and
// the usual split, which shares no drive.
func TestRealMapping(t *testing.T) {
	dir := shareddata.Dir(t)
	m, err := readMapping(filepath.Join(dir, "xiaoliangabc+devkit_object/mapping"), "mapping")
	if err != nil || len(m.Problems) > 0 {
		t.Fatal(err, m.Problems)
	}
	drives := map[string]bool{}
	for _, r := range m.Lines {
		drives[r.Drive()] = true
	}
	if len(m.Rand) != 7481 || len(m.Lines) != 7481 || len(drives) != 141 {
		t.Errorf("%d values, %d lines, %d drives", len(m.Rand), len(m.Lines), len(drives))
	}
	for id, want := range map[int]string{0: "2011_09_28_drive_0106/0000000048", 2364: "2011_09_26_drive_0001/0000000001", 2335: "2011_09_26_drive_0001/0000000004"} {
		if r, _ := m.Raw(id); r.Sample() != want {
			t.Errorf("frame %06d is %s, want %s", id, r.Sample(), want)
		}
	}
	ofDrive := 0
	for i := range m.Rand {
		if r, _ := m.Raw(i); r.Drive() == "2011_09_26_drive_0001" {
			ofDrive++
		}
	}
	if ofDrive != 51 {
		t.Errorf("%d frames of 2011_09_26_drive_0001, want 51", ofDrive)
	}

	count := map[string]int{}
	used := map[string]map[string]bool{}
	seen := map[int]string{}
	for _, set := range []string{"train", "val", "test"} {
		name := filepath.Join(dir, "city945+SphereFormer/detection/data/kitti/ImageSets", set+".txt")
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var e ruletest.Emitter
		ids := parseImageSet(name, b, &e)
		if len(e.Faults) > 0 {
			t.Errorf("%s: %+v", set, e.Faults)
		}
		count[set], used[set] = len(ids), map[string]bool{}
		for _, id := range ids {
			if set == "test" {
				continue
			}
			if other, twice := seen[id.Number]; twice {
				t.Errorf("%s is in %s and %s", id.ID, other, set)
			}
			seen[id.Number] = set
			r, _ := m.Raw(id.Number)
			used[set][r.Drive()] = true
		}
	}
	if count["train"] != 3712 || count["val"] != 3769 || count["test"] != 7518 || len(used["train"]) != 96 || len(used["val"]) != 45 {
		t.Errorf("%v frames, %d and %d drives", count, len(used["train"]), len(used["val"]))
	}
	for d := range used["val"] {
		if used["train"][d] {
			t.Errorf("drive %s is in both", d)
		}
	}
}

func FuzzParseMapping(f *testing.F) {
	for _, rand := range []string{"", "2,1\n", "1,1", "0", "-1,99999999999999999999", "1\n2\n", ",,"} {
		f.Add([]byte(rand), []byte(twoFrames))
		f.Add([]byte(rand), []byte("2011_09_26 2011_09_26_drive_0005_sync x\n\n"))
	}
	f.Fuzz(func(t *testing.T, rand, lines []byte) {
		var m Mapping
		m.parse(rand, lines)
		seen := map[RawFrame]bool{}
		for i := range m.Rand {
			r, ok := m.Raw(i)
			if ok == (len(m.Problems) > 0) {
				t.Fatalf("frame %d: %v, %v with %d problems", i, r, ok, len(m.Problems))
			}
			if ok && (seen[r] || r.Date == "") {
				t.Errorf("frame %d is %v, which is not its own", i, r)
			}
			seen[r] = true
		}
	})
}

func FuzzParseImageSet(f *testing.F) {
	for _, s := range []string{"", "000000\n000001\n", "000000", "0\n\n 000001\n", "000001_10\n", "x", "99999999999999999999\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var e ruletest.Emitter
		ids := parseImageSet("x", b, &e)
		n := 0
		for range lines(b) {
			n++
		}
		if len(ids)+len(e.Faults) < n {
			t.Errorf("%d lines, %d ids, %d faults", n, len(ids), len(e.Faults))
		}
	})
}

func FuzzParsePlane(f *testing.F) {
	for _, s := range []string{"", "# Matrix\nWIDTH 4\nHEIGHT 1\n0 -1 0 1.65\n", "# Matrix\nWIDTH 4\nHEIGHT 1\n0 -1 0\n", "# Matrix\nWIDTH 4\n", "0 -1 0 1.65"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var e ruletest.Emitter
		if p := parsePlane("x", "000000", b, &e); (p == nil) != (len(e.Faults) == 1) {
			t.Errorf("plane %v, faults %v", p, e.Faults)
		}
	})
}

// TestMappingPipe finds a pipe beside the data set: it does not wait for it.
func TestMappingPipe(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{randFile, mappingFile} {
		if err := syscall.Mkfifo(filepath.Join(dir, name), 0o600); err != nil {
			t.Skip(err)
		}
	}
	m, err := readMapping(dir, dir)
	if err != nil || len(m.Problems) != 2 {
		t.Errorf("%+v, %v", m, err)
	}
}
