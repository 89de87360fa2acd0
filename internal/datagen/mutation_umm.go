package datagen

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// Editing sidecars as text, line by line.

// Sidecars of the data sets that the mutations break.
const (
	rawSidecar      = ".mm/kitti_raw/2011_09_26_drive_0001.jsonl"
	objectSidecar   = ".mm/kitti_v2.1/training.jsonl"
	nuScenesSidecar = ".mm/nuscenes_v1.0/v1.0-mini/scene-0061.jsonl"
	sequenceSidecar = "odometry/.mm/kitti_odometry/03.jsonl"
	semanticSidecar = "odometry/.mm/semantickitti/03.jsonl"
	pairSidecar     = "nuscenes/.mm/nuscenes_v1.0/v1.0-mini/scene-0061.jsonl"
	pairMap         = "nuscenes/.mm/sync_map.jsonl"
)

// rawSample names a frame of the first drive.
func rawSample(frame int) string { return fmt.Sprintf("2011_09_26_drive_0001/%010d", frame) }

// editRecords replaces the lines of a sidecar that match: all of the given
// texts occur in them.
func (d *Dir) editRecords(name string, f func(line string) string, match ...string) error {
	return d.EditLines(name, func(lines []string) []string {
		for i, l := range lines {
			hit := i > 0
			for _, m := range match {
				hit = hit && strings.Contains(l, m)
			}
			if hit {
				lines[i] = f(l)
			}
		}
		return lines
	})
}

// of matches the records of a sample, and of a channel unless it is "".
func of(sample, channel string) []string {
	m := []string{fmt.Sprintf(`"sample":"%s"`, sample)}
	if channel != "" {
		m = append(m, fmt.Sprintf(`"channel":"%s"`, channel))
	}
	return m
}

// setField replaces a field's literal; "" takes the field out.
func setField(field, literal string) func(string) string {
	re := regexp.MustCompile(`,"` + field + `":("[^"]*"|[^,}]*)`)
	return func(line string) string {
		if literal == "" {
			return re.ReplaceAllLiteralString(line, "")
		}
		return re.ReplaceAllLiteralString(line, `,"`+field+`":`+literal)
	}
}

// addField adds a field at the end of a record.
func addField(field, literal string) func(string) string {
	return func(line string) string { return strings.TrimSuffix(line, "}") + `,"` + field + `":` + literal + "}" }
}

// fieldOf gives the text of a field of the first line that matches.
func (d *Dir) fieldOf(name, field string, match ...string) (string, error) {
	b, err := os.ReadFile(d.path(name))
	if err != nil {
		return "", err
	}
	re := regexp.MustCompile(`"` + field + `":"?([^",}]*)`)
lines:
	for line := range strings.Lines(string(b)) {
		for _, m := range match {
			if !strings.Contains(line, m) {
				continue lines
			}
		}
		if m := re.FindStringSubmatch(line); m != nil {
			return m[1], nil
		}
	}
	return "", fmt.Errorf("%s: no %s in a line with %v", name, field, match)
}

// sidecarFault edits one field of the records of a sample.
func sidecarFault(name string, match []string, f func(string) string) func(*Dir) error {
	return func(d *Dir) error { return d.editRecords(name, f, match...) }
}

// mmObject is KITTI object with sidecars, without the raw data set from which
// they came.
var mmObject = Base{Name: "kitti-object-mm", Annotated: true, Generate: func(root string) error {
	if err := mmKITTI.Generate(root); err != nil {
		return err
	}
	for _, name := range []string{kittiDate, ".mm/kitti_raw"} {
		if err := os.RemoveAll(filepath.Join(root, filepath.FromSlash(name))); err != nil {
			return err
		}
	}
	return nil
}}
