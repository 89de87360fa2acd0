package dataset

import (
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"

	"github.com/mmaudit/mmaudit/internal/lazyre"
)

// A finder looks for fingerprints (docs/formats.md, Detection) in a listed folder.
type finder struct {
	root   *os.Root
	tree   *Tree
	name   string // of the folder given
	parent string // name of the folder that holds it
}

// base gives the name of a listed folder and of the one that holds it.
func (f *finder) base(dir string) (name, parent string) {
	switch up := path.Dir(dir); {
	case dir == ".":
		return f.name, f.parent
	case up == ".":
		return dir, f.name
	default:
		return path.Base(dir), path.Base(up)
	}
}

var (
	dateDir  = lazyre.New(`^\d{4}_\d\d_\d\d$`)
	dated    = lazyre.New(`^\d{4}_\d\d_\d\d(_.*)?$`)
	driveDir = lazyre.New(`_drive_\d{4}_(sync|extract)$`)
	lyftDir  = lazyre.New(`^v1\.0[12]-`)
)

// tableNames are the thirteen tables of nuScenes.
var tableNames = []string{
	"attribute", "calibrated_sensor", "category", "ego_pose", "instance", "log", "map",
	"sample", "sample_annotation", "sample_data", "scene", "sensor", "visibility",
}

// minTables is how many of the thirteen tables make a folder of tables. It is
// low so that a missing table is a finding and not an unknown folder.
const minTables = 5

// tables recognises a folder of tables of the nuScenes family. The length of
// the tokens tells Lyft (64) from nuScenes (32), whatever the folder's name.
func (f *finder) tables(dir string) (match, bool) {
	var have []string
	for _, e := range f.tree.Dirs[dir] {
		if name, ok := strings.CutSuffix(e.Name, ".json"); ok && !e.Type.IsDir() && slices.Contains(tableNames, name) {
			have = append(have, name)
		}
	}
	if len(have) < minTables || dir == "." || f.nuImages(dir) {
		return match{}, false
	}
	root, base := path.Dir(dir), path.Base(dir)
	m := match{root: root, schema: NuScenes, tables: base}
	for _, name := range []string{"sample_data", "ego_pose", "calibrated_sensor", "sample", "scene"} {
		if slices.Contains(have, name) {
			m.evidence = append(m.evidence, path.Join(base, name+".json"))
		}
	}
	in := func(dirs ...string) bool {
		return !slices.ContainsFunc(dirs, func(d string) bool { return !f.tree.HasDir(path.Join(root, d)) })
	}
	switch n := f.tokenLength(dir, have); {
	case base == "annotation" && (n != 64 || in("data")):
		m.schema = T4
		if in("data") {
			m.evidence = append(m.evidence, "data")
		}
	case n == 64, n != 32 && (lyftDir().MatchString(base) || in("images", "lidar")):
		m.schema = Lyft
		if n == 64 {
			m.evidence = append(m.evidence, "tokens of 64 digits")
		}
	case n == 32:
		m.evidence = append(m.evidence, "tokens of 32 digits")
	}
	return m, true
}

var tokenField = lazyre.New(`"token"\s*:\s*"([^"\\]{0,80})"`)

// headBytes is how much of a table is read to see what its tokens look like.
const headBytes = 16 << 10

// tokenLength gives the length of most hexadecimal tokens at the head of the
// tables; 0 if none could be read. Tables whose keys are short numbers or
// shared with maps do not count.
func (f *finder) tokenLength(dir string, have []string) int {
	votes := map[int]int{}
	for _, name := range have {
		if name == "visibility" || name == "map" {
			continue
		}
		for _, m := range tokenField().FindAllSubmatch(f.head(path.Join(dir, name+".json"), headBytes), 3) {
			if hex(m[1]) {
				votes[len(m[1])]++
			}
		}
	}
	switch {
	case votes[64] > votes[32]:
		return 64
	case votes[32] > 0:
		return 32
	}
	return 0
}

func hex(b []byte) bool {
	for _, c := range b {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') && (c < 'A' || c > 'F') {
			return false
		}
	}
	return true
}

// head reads the beginning of a file, or what of it can be read.
func (f *finder) head(name string, n int64) []byte {
	if e, ok := f.tree.Entry(name); !ok || e.Type&^os.ModeSymlink != 0 {
		return nil
	}
	file, err := f.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil
	}
	defer file.Close()
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil
	}
	b, _ := io.ReadAll(io.LimitReader(file, n))
	return b
}

// split recognises training/ or testing/ of KITTI object or tracking. Object
// names frames by files of six digits, tracking by folders or files of four.
func (f *finder) split(dir string) (match, bool) {
	if f.waymo(dir) {
		return match{}, false
	}
	var have, object, tracking []string
	for _, e := range f.tree.Dirs[dir] {
		if !e.Type.IsDir() {
			continue
		}
		name := strings.ToLower(e.Name)
		role, ok := splitFolders[name]
		if !ok {
			continue
		}
		p := path.Join(dir, e.Name)
		have = append(have, role)
		six, four := f.numbered(p)
		if six {
			object = append(object, p)
		}
		if four {
			tracking = append(tracking, p)
		}
		if !six && !four { // empty, or odd names: only the spelling is left
			if strings.HasSuffix(name, "_2") || strings.HasSuffix(name, "_3") {
				object = append(object, p)
			} else if name == "label_02" || name == "oxts" {
				tracking = append(tracking, p)
			}
		}
	}
	slices.Sort(have)
	if len(slices.Compact(have)) < 2 {
		return match{}, false
	}
	m := match{root: path.Dir(dir), schema: KITTIObject}
	rel := func(p string) string { r, _ := relative(p, m.root); return r }
	switch {
	case len(tracking) == 0:
		for _, e := range f.tree.Subdirs(dir) {
			if _, ok := splitFolders[strings.ToLower(e)]; ok {
				m.evidence = append(m.evidence, rel(path.Join(dir, e)))
			}
		}
	case len(object) == 0:
		m.schema = KITTITracking
		for _, p := range tracking {
			m.evidence = append(m.evidence, rel(p))
		}
	default:
		for _, p := range object {
			m.evidence = append(m.evidence, rel(p))
		}
		m.also, m.alsoAt = KITTITracking, rel(tracking[0])
	}
	return m, true
}

// splitFolders are the folders that tell KITTI object and tracking from other
// things called training, with what they hold. Two kinds are needed.
var splitFolders = map[string]string{
	"image_2": "image", "image_02": "image", "velodyne": "velodyne",
	"calib": "calib", "label_2": "label", "label_02": "label",
}

// numbered reports whether dir holds files of six digits, as object data does,
// and folders or mostly text files of four, as tracking does. A few odd names
// decide nothing.
func (f *finder) numbered(dir string) (six, four bool) {
	var files [2]int
	for _, e := range f.tree.Dirs[dir] {
		stem, _, _ := strings.Cut(e.Name, ".")
		switch {
		case e.Type.IsDir():
			four = four || digits(e.Name, 4, 4)
		case digits(stem, 4, 4):
			files[1]++
		case digits(stem, 5, 10):
			files[0]++
		}
	}
	return files[0] > 0 && files[0] >= files[1], four || files[1] > files[0]
}

// digits reports whether s is between low and high decimal digits.
func digits(s string, low, high int) bool {
	return len(s) >= low && len(s) <= high && strings.Trim(s, "0123456789") == ""
}

// odometry recognises sequences/NN of KITTI odometry, and of SemanticKITTI by
// its labels.
func (f *finder) odometry(dir string) (match, bool) {
	m := match{root: path.Dir(dir), schema: KITTIOdometry}
	for _, seq := range f.tree.Subdirs(dir) {
		if !digits(seq, 2, 2) {
			continue
		}
		n := 0
		for _, e := range f.tree.Dirs[path.Join(dir, seq)] {
			switch name := strings.ToLower(e.Name); name {
			case "calib.txt", "times.txt", "velodyne", "labels", "image_0", "image_1", "image_2", "image_3":
				n++
			}
		}
		if n < 2 {
			continue
		}
		if len(m.evidence) == 0 {
			m.evidence = append(m.evidence, path.Join(path.Base(dir), seq))
		}
		if labels := f.tree.Names(path.Join(dir, seq, "labels"), ".label"); len(labels) > 0 && m.schema != SemanticKITTI {
			m.schema = SemanticKITTI
			m.evidence = append(m.evidence, path.Join(path.Base(dir), seq, "labels", labels[0]))
		}
	}
	return m, len(m.evidence) > 0
}

// date recognises a date folder of KITTI raw by its calibration or drives.
func (f *finder) date(dir string) bool {
	return f.tree.HasFile(path.Join(dir, "calib_cam_to_cam.txt")) || f.tree.HasFile(path.Join(dir, "calib_velo_to_cam.txt")) ||
		slices.ContainsFunc(f.tree.Subdirs(dir), driveDir().MatchString)
}

// raw groups date folders into data sets. The archives of the owner nest a date
// folder, so that unpacking each into a folder of its own gives DATE/DATE or
// DATE_drive_NNNN_sync/DATE: such folders count as part of what holds them.
func (f *finder) raw(dates []string) []match {
	byRoot := map[string]*match{}
	var out []match
	for _, dir := range dates {
		parent := path.Dir(dir)
		root := parent
		for root != "." && dated().MatchString(path.Base(root)) {
			root = path.Dir(root)
		}
		m := byRoot[root]
		if m == nil {
			m = &match{root: root, schema: KITTIRaw}
			byRoot[root] = m
		}
		rel, _ := relative(dir, root)
		m.evidence = append(m.evidence, rel)
		if root != parent {
			m.nested = append(m.nested, dir)
		}
	}
	for _, m := range byRoot {
		out = append(out, *m)
	}
	return out
}

// bareDrive recognises a single drive of KITTI raw that lies outside the
// folders of its date and drive: streams with data/ below them.
func (f *finder) bareDrive(dir string) bool {
	if name, parent := f.base(dir); driveDir().MatchString(name) && dateDir().MatchString(parent) {
		return false
	}
	n := len(f.streams(dir))
	return n >= 3 || n == 2 && f.tree.HasFile(path.Join(dir, "tracklet_labels.xml"))
}

// streams gives the folders of dir that look like streams of a raw drive.
func (f *finder) streams(dir string) []string {
	var out []string
	for _, sub := range f.tree.Subdirs(dir) {
		switch strings.ToLower(sub) {
		case "image_00", "image_01", "image_02", "image_03", "oxts", "velodyne_points":
			if f.tree.HasDir(path.Join(dir, sub, "data")) {
				out = append(out, sub)
			}
		}
	}
	return out
}
