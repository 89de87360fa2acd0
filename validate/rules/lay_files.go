package rules

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/mmaudit/mmaudit/internal/lazyre"
	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/nuscenes"
	"github.com/mmaudit/mmaudit/validate/payload"
	"github.com/mmaudit/mmaudit/validate/rule"
)

// Rules about files as such, whatever the format. They look at the areas of a
// detection, which share out every listed file, so that a file that lies below
// two data sets is reported once.
var layFiles = []Rule{
	{
		ID: "LAY019", Slug: "path-escape", Severity: rule.Error,
		Summary: "Every path stays inside the data set: relative, without \"..\", backslash or NUL, and no symbolic link leaves the root.",
		Why:     "A data set is copied, packed and mounted elsewhere: what points outside is lost there, or is a file that nobody meant to publish.",
		Example: "training/velodyne -> /mnt/disk2/velodyne",
		Hint:    "move the data below the root, or mount it there; links must be relative",
		Checks: []Check{perArea(func(c *Ctx, a *dataset.Area) {
			for _, l := range a.Tree.BadLinks {
				if l.Reason == dataset.LinkEscapes {
					c.Report(Finding{
						Message:  fmt.Sprintf("the symbolic link leads out of the data set, to %q; nothing behind it was read", l.Target),
						Place:    Place{Path: l.Path},
						Expected: "a relative link inside the root", Actual: l.Target, Key: "link",
					})
				}
			}
			each(a, func(p string, e dataset.Entry) {
				if strings.ContainsAny(e.Name, "\\") {
					c.Report(Finding{
						Message: "the name contains a backslash: an archive was made on Windows and unpacked with its separators in the names",
						Place:   Place{Path: p}, Expected: strings.ReplaceAll(e.Name, "\\", "/"), Actual: e.Name, Key: "backslash",
						Hint: "unpack the archive with a tool that knows backslashes (7z, bsdtar)",
					})
				}
			})
		}), rule.On(checkNames)},
	},
	{
		ID: "LAY020", Slug: "symlink-broken", Severity: rule.Error,
		Summary: "Every symbolic link leads to a file or folder, and was not checked out as a text file.",
		Why:     "The file it stands for is missing, which loaders notice only when they reach it.",
		Example: "training/velodyne/000001.bin -> ../../store/000001.bin, which is gone",
		Hint:    "restore the target, or replace the link by the file; git on Windows needs core.symlinks",
		Checks: []Check{rule.FromReader(), perArea(func(c *Ctx, a *dataset.Area) {
			checkTextLinks(c, a)
			for _, l := range a.Tree.BadLinks {
				switch l.Reason {
				case dataset.LinkBroken:
					c.Report(Finding{
						Message: fmt.Sprintf("the symbolic link leads to %q, where nothing lies", l.Target),
						Place:   Place{Path: l.Path}, Actual: l.Target, Key: "link",
					})
				case dataset.LinkLoop:
					c.Report(Finding{
						Message: fmt.Sprintf("the symbolic link goes round in a circle, through %q", l.Target),
						Place:   Place{Path: l.Path}, Actual: l.Target, Key: "link",
					})
				}
			}
		})},
	},
	{
		ID: "LAY021", Slug: "lfs-pointer", Severity: rule.Error,
		Summary: "Files hold their content and not a Git-LFS pointer to it.",
		Why:     "A clone without git-lfs looks complete: every file is there, 130 bytes long. Training fails at the first image, or reads the text as points.",
		Example: "image_02/data/0000000000.png is 131 bytes: version https://git-lfs.github.com/spec/v1 …",
		Hint:    "run `git lfs pull` in the repository, or download the data again",
		Checks:  []Check{rule.FromReader()},
	},
	{
		ID: "LAY022", Slug: "file-empty", Severity: rule.Error,
		Summary: "No file is empty (a label file without objects is).",
		Why:     "An empty file is what a full disk or a download that broke off leaves behind.",
		Example: "training/velodyne/000001.bin has 0 bytes",
		Hint:    "copy or download the file again",
		Checks:  []Check{rule.FromReader()},
	},
	{
		ID: "LAY023", Slug: "file-unreadable", Severity: rule.Error,
		Summary: "Every file and folder can be read.",
		Why:     "What cannot be read was not checked: nobody knows whether it is sound.",
		Example: "training/velodyne/ belongs to root with mode 0700",
		Hint:    "mend the permissions (chmod -R u+rX) or the disk, and validate again",
		Checks: []Check{rule.FromReader(), rule.On(func(c *Ctx, d *dataset.Detection) {
			for i := range d.Areas {
				checkReadable(c, &d.Areas[i])
			}
		})},
	},
	{
		ID: "LAY024", Slug: "case-mismatch", Severity: rule.Warning,
		Summary: "Names are spelt in the case of the format, and no two names differ in case alone.",
		Why:     "On Linux IMAGE_00 and image_00 are two folders; on Windows and macOS two such names are one, and unpacking loses a file.",
		Example: "training/image_2/000001.PNG",
		Hint:    "rename it to the spelling of the format",
		Checks:  []Check{perArea(checkCase)},
	},
	{
		ID: "LAY025", Slug: "extension", Severity: rule.Warning,
		Formats: formats{kittiObject, kittiRaw, kittiTracking, kittiOdometry, semanticKITTI},
		Summary: "Images are .png and clouds are .bin, as the format says.",
		Why:     "Loaders make the name from the frame number and the extension of the format; a conversion to JPEG also changes every pixel.",
		Example: "training/image_2/000001.jpg",
		Hint:    "convert the files to the format's own, or download the originals",
		Checks:  []Check{perArea(checkExtension)},
	},
	{
		ID: "LAY026", Slug: "junk-file", Severity: rule.Info,
		Summary: "The data set holds no leftovers of file managers, editors and downloads.",
		Why:     "They change checksums and counts, and a part file means a download that never ended.",
		Example: "training/image_2/._000001.png",
		Hint:    "delete it",
		Checks: []Check{perArea(func(c *Ctx, a *dataset.Area) {
			each(a, func(p string, e dataset.Entry) {
				if what := junk(e); what != "" {
					c.Report(Finding{Message: fmt.Sprintf("%s, %s", e.Name, what), Place: Place{Path: p}})
				}
			})
		})},
	},
	{
		ID: "LAY027", Slug: "archive-unextracted", Severity: rule.Warning,
		Summary: "Archives were unpacked: none lies next to an empty folder.",
		Why:     "The data that an empty folder should hold is most likely still in the archive.",
		Example: "training/velodyne/ is empty, data_object_velodyne.zip lies beside training/",
		Hint:    "unpack the archive, or move it out of the data set",
		Checks:  []Check{perArea(checkArchives)},
	},
}

// perArea subscribes f to each area of a detection. A folder without any data
// set is not looked at: that alone is the fault.
func perArea(f func(c *Ctx, a *dataset.Area)) Check {
	return rule.On(func(c *Ctx, d *dataset.Detection) {
		if d.Undetected != nil {
			return
		}
		for i := range d.Areas {
			f(inArea(c, &d.Areas[i]), &d.Areas[i])
		}
	})
}

// inArea gives a context whose findings belong to the area.
func inArea(c *Ctx, a *dataset.Area) *Ctx {
	in := *c
	in.Sink = areaSink{c.Sink, a.Root}
	return &in
}

type areaSink struct {
	rule.Sink
	root string
}

func (s areaSink) Report(r *Rule, f Finding) {
	f.Dataset = s.root
	s.Sink.Report(r, f)
}

// each calls visit for every file and folder of an area.
func each(a *dataset.Area, visit func(p string, e dataset.Entry)) {
	for dir, entries := range a.Tree.Dirs {
		for _, e := range entries {
			visit(path.Join(dir, e.Name), e)
		}
	}
}

// checkNames looks at the file names in tables. Nothing opens the others.
func checkNames(c *Ctx, t *nuscenes.Tables) {
	check := func(name string, at func() Place) {
		if !nuscenes.Inside(name) {
			c.Report(Finding{
				Message: fmt.Sprintf("the row names %q, which is no path inside the data set", name), Place: at(),
				Expected: "a relative path with / and without ..", Actual: name,
			})
		}
	}
	for i := range t.SampleData.Rows {
		r := &t.SampleData.Rows[i]
		at := func() Place { return captureAt(t, int32(i)) }
		check(t.Name(r.Filename), at)
		check(t.Name(t.RareName(r.Info)), at)
	}
	for i := range t.Map.Rows {
		check(t.Map.Rows[i].Filename, func() Place { return nuscenes.At(t, &t.Map, int32(i)) })
	}
	for _, table := range []*nuscenes.Table[nuscenes.Lidarseg]{&t.Lidarseg, &t.Panoptic} {
		for i := range table.Rows {
			check(table.Rows[i].Filename, func() Place { return nuscenes.At(t, table, int32(i)) })
		}
	}
}

// checkTextLinks looks for links to folders that were checked out as text: a
// file with the name of a folder, which holds one relative path.
func checkTextLinks(c *Ctx, a *dataset.Area) {
	if a.Dataset == nil {
		return
	}
	each(a, func(p string, e dataset.Entry) {
		name := strings.ToLower(e.Name)
		if e.Type != 0 || kittiFolders[name] == "" && tableFolders[name] == "" {
			return
		}
		b, err := a.Dataset.ReadFile(p, 1024)
		if err != nil || !payload.IsTextLink(b) {
			return
		}
		c.Report(Finding{
			Message: fmt.Sprintf("a symbolic link to %q was checked out as a text file", b), Place: Place{Path: p},
			Expected: "a folder, or a link to one", Actual: "a text file", Key: "text",
		})
	})
}

func checkReadable(c *Ctx, a *dataset.Area) {
	c = inArea(c, a)
	for _, e := range a.Tree.Errors {
		c.Report(Finding{Message: fmt.Sprintf("the folder cannot be listed: %v", e.Err), Place: Place{Path: e.Path}, Key: "list"})
	}
	each(a, func(p string, e dataset.Entry) {
		if e.Special() {
			c.Report(Finding{
				Message: fmt.Sprintf("is %s and was not opened", e.Kind()), Place: Place{Path: p},
				Expected: "a file", Actual: e.Kind(), Key: "special", Hint: "remove it, or put the file there",
			})
		}
	})
}

// Names of folders as the formats spell them.
var (
	kittiFolders = spelling(
		"training", "testing", "ImageSets", "velodyne", "velodyne_points", "velodyne_reduced", "calib", "oxts", "planes", "poses", "sequences", "labels",
		"image_0", "image_1", "image_2", "image_3", "image_00", "image_01", "image_02", "image_03", "label_2", "label_3", "label_02", "label_03")
	tableFolders = spelling(
		"samples", "sweeps", "maps", "lidarseg", "panoptic", "can_bus", "images", "lidar", "annotation", "data",
		"CAM_FRONT", "CAM_FRONT_LEFT", "CAM_FRONT_RIGHT", "CAM_BACK", "CAM_BACK_LEFT", "CAM_BACK_RIGHT", "LIDAR_TOP",
		"RADAR_FRONT", "RADAR_FRONT_LEFT", "RADAR_FRONT_RIGHT", "RADAR_BACK_LEFT", "RADAR_BACK_RIGHT")
)

// spelling maps names in lower case to their spelling.
func spelling(names ...string) map[string]string {
	m := map[string]string{}
	for _, n := range names {
		m[strings.ToLower(n)] = n
	}
	return m
}

// spelt gives the spelling that a folder should have by the formats of its area.
func spelt(a *dataset.Area, name string) string {
	for _, s := range a.Schemas {
		names := kittiFolders
		if s == nuScenes || s == lyft || s == t4 {
			names = tableFolders
		}
		if want, ok := names[strings.ToLower(name)]; ok {
			return want
		}
	}
	return name
}

// payloadExt are the extensions of the formats, in lower case all of them.
var payloadExt = map[string]bool{
	".png": true, ".jpg": true, ".jpeg": true, ".bin": true, ".pcd": true, ".label": true, ".npz": true,
}

// frameName is a file named by a frame, or by a nuScenes channel and time.
var frameName = lazyre.New(`^(\d{4,10}|.*__.*__\d+)\.`)

func checkCase(c *Ctx, a *dataset.Area) {
	for dir, entries := range a.Tree.Dirs {
		seen := map[string]string{}
		for _, e := range entries {
			p := path.Join(dir, e.Name)
			lower := strings.ToLower(e.Name)
			if other, twice := seen[lower]; twice {
				c.Report(Finding{
					Message: fmt.Sprintf("%q and %q differ in case alone", other, e.Name), Place: Place{Path: p},
					Hint: "keep one of the two; they collide on Windows and macOS",
				})
				continue
			}
			seen[lower] = e.Name
			want := e.Name
			if e.Type.IsDir() {
				want = spelt(a, e.Name)
			} else if ext := path.Ext(e.Name); payloadExt[strings.ToLower(ext)] && frameName().MatchString(e.Name) {
				want = strings.TrimSuffix(e.Name, ext) + strings.ToLower(ext)
			}
			if want != e.Name {
				c.Report(Finding{
					Message: fmt.Sprintf("%q is spelt in another case than the format has it", e.Name), Place: Place{Path: p},
					Expected: want, Actual: e.Name,
				})
			}
		}
	}
}

// checkExtension looks for other extensions in the folders of images and clouds.
func checkExtension(c *Ctx, a *dataset.Area) {
	if !slices.ContainsFunc(a.Schemas, func(s dataset.Schema) bool { return slices.Contains(kittiFamily, s) }) {
		return
	}
	for dir, entries := range a.Tree.Dirs {
		want, others := ".png", []string{".jpg", ".jpeg"}
		switch role := sensorFolder(dir); {
		case role == "":
			continue
		case strings.HasPrefix(role, "velodyne"):
			want, others = ".bin", []string{".txt", ".pcd"}
		}
		for _, e := range entries {
			ext := path.Ext(e.Name)
			if e.Type.IsDir() || !frameName().MatchString(e.Name) {
				continue
			}
			for _, other := range others {
				if strings.EqualFold(ext, other) {
					c.Report(Finding{
						Message: fmt.Sprintf("%s where the format has %s", ext, want), Place: Place{Path: path.Join(dir, e.Name)},
						Expected: want, Actual: ext,
					})
				}
			}
		}
	}
}

// sensorFolder names the image or velodyne folder that the frames in dir belong
// to; "" if dir is none.
func sensorFolder(dir string) string {
	base := path.Base(dir)
	if len(base) == 4 && strings.Trim(base, "0123456789") == "" || base == "data" {
		base = path.Base(path.Dir(dir)) // a sequence of tracking, or raw
	}
	base = strings.ToLower(base)
	if strings.HasPrefix(base, "image_") || base == "velodyne" || base == "velodyne_points" || base == "velodyne_reduced" {
		return base
	}
	return ""
}

// junk says what leaves such a file behind, or "".
func junk(e dataset.Entry) string {
	name := strings.ToLower(e.Name)
	switch {
	case name == "__macosx" && e.Type.IsDir():
		return "which macOS puts into archives"
	case e.Type.IsDir():
		return ""
	case name == ".ds_store", strings.HasPrefix(name, "._"):
		return "which macOS leaves behind"
	case name == "thumbs.db", name == "desktop.ini":
		return "which Windows leaves behind"
	case strings.HasSuffix(name, ".part"), strings.HasSuffix(name, ".crdownload"), strings.HasSuffix(name, ".partial"):
		return "a download that did not end"
	case strings.HasSuffix(name, ".tmp"), strings.HasSuffix(name, ".swp"), strings.HasSuffix(name, "~"):
		return "a temporary file"
	}
	return ""
}

func checkArchives(c *Ctx, a *dataset.Area) {
	full := map[string]bool{} // folders with a file in them or below
	for dir, entries := range a.Tree.Dirs {
		for _, e := range entries {
			if e.Type.IsDir() || dataset.Archive(e.Name) {
				continue
			}
			for up := dir; !full[up]; up = path.Dir(up) {
				full[up] = true
			}
			break
		}
	}
	for dir, entries := range a.Tree.Dirs {
		empty := ""
		if dir != "." && !full[dir] {
			empty = dir
		}
		for _, e := range entries {
			if p := path.Join(dir, e.Name); empty == "" && e.Type&(fs.ModeDir|fs.ModeSymlink) == fs.ModeDir && a.Tree.HasDir(p) {
				empty = firstEmpty(a.Tree, p, full)
			}
		}
		if empty == "" {
			continue
		}
		for _, e := range entries {
			if !e.Type.IsDir() && dataset.Archive(e.Name) {
				c.Report(Finding{
					Message: fmt.Sprintf("an archive lies here, and %s has no files", empty),
					Place:   Place{Path: path.Join(dir, e.Name)}, Related: []Place{{Path: empty}},
				})
			}
		}
	}
}

// firstEmpty finds a folder without files in dir or directly below it.
func firstEmpty(t *dataset.Tree, dir string, full map[string]bool) string {
	if !full[dir] {
		return dir
	}
	for _, sub := range t.Subdirs(dir) {
		if p := path.Join(dir, sub); t.HasDir(p) && !full[p] {
			return p
		}
	}
	return ""
}
