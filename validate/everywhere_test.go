package validate_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/mmaudit/mmaudit/internal/datagen"
	"github.com/mmaudit/mmaudit/validate"
	"github.com/mmaudit/mmaudit/validate/metadata"
	"github.com/mmaudit/mmaudit/validate/moment"
)

// annotateAll writes sidecars for each moment that must have one: with the
// offsets of the stamps, or where there are none, those of a real drive.
func annotateAll(t *testing.T, root string) (sidecar string) {
	t.Helper()
	sources, release, err := validate.Open(t.Context(), []string{root}, validate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	usual := map[string]int64{"image_1": 512, "image_2": -6135296, "image_02": -6135296, "image_3": -6738432, "image_03": -6738432, "velodyne": -16657292}
	src := sources[0]
	name := metadata.Name(src.Dataset())
	files := map[string][]metadata.Line{}
	if err := src.Moments(func(m *moment.Moment) bool {
		if !metadata.Demanded(src.Dataset().Schema, m) {
			return true
		}
		if m.Key == "" {
			m.Key = "kitti-object/" + m.Sample
		}
		for _, o := range m.Channels {
			ns, ok := m.Offset(o)
			if !ok {
				ns = usual[o.Channel]
			}
			if o.File != "" {
				files[m.Group] = append(files[m.Group], metadata.Line{
					Dataset: name, Sample: m.Sample, Channel: o.Channel, File: o.File,
					ID: metadata.Derive(m.Key), Offset: ns, Schema: string(src.Dataset().Schema),
				})
			}
		}
		return true
	}); err != nil {
		t.Fatal(err)
	}
	groups := []string{}
	for group, lines := range files {
		groups = append(groups, group)
		slices.SortFunc(lines, func(a, b metadata.Line) int {
			return strings.Compare(a.Sample+"\x00"+a.Channel, b.Sample+"\x00"+b.Channel)
		})
		b := metadata.AppendHeader(nil, name, group)
		for i := range lines {
			b = lines[i].Append(b)
		}
		file := filepath.Join(root, filepath.FromSlash(metadata.SidecarPath(name, group)))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(groups)
	return filepath.Join(root, filepath.FromSlash(metadata.SidecarPath(name, groups[0])))
}

// TestMetadataEverywhere breaks the sidecars of every format in the ways that
// every format must notice: exactly one rule speaks each time.
func TestMetadataEverywhere(t *testing.T) {
	set := func(field, literal string) func(string) string {
		re := regexp.MustCompile(`,"` + field + `":("[^"]*"|[^,}]*)`)
		return func(line string) string {
			if literal == "" {
				return re.ReplaceAllLiteralString(line, "")
			}
			return re.ReplaceAllLiteralString(line, `,"`+field+`":`+literal)
		}
	}
	add := func(text string) func(string) string {
		return func(line string) string { return strings.TrimSuffix(line, "}") + text + "}" }
	}
	random := fmt.Sprintf("%q", uuid.MustParse("0e7f9a6c-3b52-4d18-9c41-5a8e2f607b13"))
	for _, f := range datagen.Formats() {
		if f.Name == "nuscenes-tables" || f.Name == "pair" {
			continue
		}
		t.Run(f.Name, func(t *testing.T) {
			if testing.Short() && !strings.HasPrefix(f.Name, "kitti") {
				t.Skip("takes its time: run without -short")
			}
			t.Parallel()
			root := filepath.Join(t.TempDir(), "data")
			if err := os.Mkdir(root, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := f.Write(11, 12, root); err != nil {
				t.Fatal(err)
			}
			sidecar := annotateAll(t, root)
			sound, err := os.ReadFile(sidecar)
			if err != nil {
				t.Fatal(err)
			}
			base := datagen.Mutation{Base: datagen.Base{Annotated: true}}
			// The last record is of no reference channel in any format.
			for _, c := range []struct {
				rule string
				edit func(string) string
				all  bool // records of the sample
			}{
				{"", func(l string) string { return l }, false},
				{"UMM001", func(string) string { return "" }, false},
				{"UMM002", set("sensor_sync_id", "null"), false},
				{"UMM003", set("sensor_sync_id", `"{befdbd7e-78bc-5f67-85e2-27733c527cfd}"`), false},
				{"UMM004", set("sensor_sync_id", `"00000000-0000-0000-0000-000000000000"`), true},
				{"UMM005", set("sensor_sync_id", `"0e7f9a6c-3b52-1d18-9c41-5a8e2f607b13"`), true},
				{"UMM006", set("temporal_offset_ns", ""), false},
				{"UMM007", set("temporal_offset_ns", "-1.5e7"), false},
				{"UMM008", set("modality_schema", ""), false},
				{"UMM009", set("modality_schema", `"kitti"`), false},
				{"UMM010", set("modality_schema", `"other"`), false},
				{"UMM011", func(l string) string { return l + "\n" + l }, false},
				{"UMM012", func(l string) string { return l + "\n" + set("sample", `"zzz"`)(l) }, false},
				{"UMM014", set("sensor_sync_id", random), false},
				{"UMM025", set("sensor_sync_id", random), true},
				{"UMM036", add(`,"ofset":1`), false},
				{"UMM038", add(`,"size":3`), false},
			} {
				lines := strings.Split(strings.TrimSuffix(string(sound), "\n"), "\n")
				last := regexp.MustCompile(`"sample":"[^"]*"`).FindString(lines[len(lines)-1])
				edit := c.edit
				if c.rule == "UMM010" {
					other := `"t4"`
					if f.Name == "t4" {
						other = `"kitti_raw"`
					}
					edit = set("modality_schema", other)
				}
				for i, l := range lines {
					if i == len(lines)-1 || c.all && strings.Contains(l, last) {
						lines[i] = edit(l)
					}
				}
				if err := os.WriteFile(sidecar, []byte(strings.TrimSuffix(strings.Join(lines, "\n"), "\n")+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
				rep := check(t, root, base)
				if c.rule != "" && rep.Counts[c.rule] == 0 && !(c.rule == "UMM025" && skipped(rep, c.rule)) {
					t.Errorf("%s did not speak", c.rule)
				}
				for _, x := range rep.Findings {
					if x.Rule != c.rule && !statistic(x.Rule) {
						t.Errorf("%s: also %s %s:%d: %s", c.rule, x.Rule, x.Path, x.Line, x.Message)
					}
				}
			}
		})
	}
}
