package rules

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/mmaudit/mmaudit/internal/human"
	"github.com/mmaudit/mmaudit/internal/lazyre"
	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/moment"
	"github.com/mmaudit/mmaudit/validate/nuscenes"
	"github.com/mmaudit/mmaudit/validate/rule"
)

var layTables = []Rule{
	{
		ID: "LAY015", Slug: "file-missing", Severity: rule.Error, Formats: family,
		Summary: "Every file that sample_data names is there, and in T4 every file that lidarseg names.",
		Why:     "A loader opens it by that name and stops in the middle of training; archives that were left out are noticed hours later.",
		Example: "sweeps/RADAR_FRONT/n015-…__1532402927664178.pcd stands in sample_data.json and not in sweeps/RADAR_FRONT",
		Hint:    "unpack the archive that holds the file, or remove the row and mend its chain",
		Checks: []Check{
			rule.On(checkMissing).Needing("sample_data"),
			rule.On(checkMissingLabels).Needing("lidarseg"),
		},
	},
	{
		ID: "LAY016", Slug: "file-unreferenced", Severity: rule.Warning, Formats: formats{nuScenes, t4},
		Summary: "Every file below samples, sweeps or data is named by a row of sample_data, of one of the versions where several share a root.",
		Why:     "No loader will read it: either the tables lack rows, or the file is left over from another version and costs space.",
		Example: "samples/CAM_FRONT/n015-…__1532402927612460 (copy).jpg",
		Hint:    "remove the file, or add its rows to sample_data and ego_pose",
		Checks: []Check{
			rule.On(func(c *Ctx, t *nuscenes.Tables) {
				if len(t.Versions()) == 1 {
					reportStray(c, t.Dataset.Root, strayFiles(t))
				}
			}).Needing("sample_data"),
			rule.On(strayOfVersions),
		},
	},
	{
		ID: "LAY017", Slug: "file-referenced-twice", Severity: rule.Error, Formats: formats{nuScenes, t4},
		Summary: "No two rows of sample_data name the same file.",
		Why:     "One capture counts twice, at two times or in two channels, and the file that was meant is not read at all.",
		Example: "two rows with filename samples/LIDAR_TOP/n015-…__1532402927647951.pcd.bin",
		Hint:    "give each row the file of its own channel and time",
		Checks: []Check{rule.On(func(c *Ctx, t *nuscenes.Tables) {
			for _, pair := range t.Files().Again {
				c.Report(Finding{
					Message: t.Name(t.SampleData.Rows[pair[1]].Filename) + " is named by an earlier row too",
					Place:   captureAt(t, pair[1]), Related: []Place{captureAt(t, pair[0])},
				})
			}
		}).Needing("sample_data")},
	},
	{
		ID: "LAY018", Slug: "map-missing", Severity: rule.Error, Formats: formats{nuScenes, lyft},
		Summary: "Every map image that the table map names is there.",
		Why:     "The devkit checks for the file when it opens the data set, and stops.",
		Example: "maps/53992ee3023e5494b90c316c183be829.png stands in map.json and not in maps",
		Hint:    "unpack the archive of the metadata or of the maps into the root",
		Checks: []Check{rule.On(func(c *Ctx, t *nuscenes.Tables) {
			for i := range t.Map.Rows {
				name := t.Map.Rows[i].Filename
				_, bad := t.Dataset.Tree.BadLink(path.Clean(name))
				if t.Map.Sound(int32(i)) && nuscenes.Inside(name) && !bad && !t.Dataset.Tree.HasFile(name) {
					c.Report(Finding{Message: fmt.Sprintf("the map image %q is missing", name), Place: nuscenes.At(t, &t.Map, int32(i))})
				}
			}
		}).Needing("map")},
	},
	{
		ID: "LAY032", Slug: "split-scene-unknown", Severity: rule.Warning, Formats: formats{nuScenes},
		Summary: "Every scene is in one split, and splits.json names scenes that are there. (The official lists are known for v1.0-mini; elsewhere every number from 0001 to 1110 counts as official.)",
		Why:     "Converters put a scene that is in no list into the validation set without a word; a scene in two lists is trained on and tested with.",
		Example: "scene-2001 without a splits.json",
		Hint:    "name your own scenes in a splits.json beside the tables: {\"my_train\": [\"scene-2001\"], \"my_val\": []}",
		Checks:  []Check{rule.On(checkSplits).Needing("scene", "splits")},
	},
}

// checkTableFolders is the part of dir-missing for the nuScenes family: one
// finding for a folder, where file-missing would have one for each file.
func checkTableFolders(c *Ctx, t *nuscenes.Tables) {
	for _, f := range t.Files().Folders {
		c.Report(Finding{
			Message: fmt.Sprintf("folder %s is missing, in which sample_data names %s", f.Name, human.Count(f.Files, "file")),
			Place:   Place{Path: f.Name}, Related: []Place{captureAt(t, f.Row)}, Key: f.Name,
		})
	}
}

// checkMissingLabels is for T4: in nuScenes lidarseg-count holds the rows of
// labels against their files.
func checkMissingLabels(c *Ctx, t *nuscenes.Tables) {
	if t.Dataset.Schema != dataset.T4 {
		return
	}
	for i := range int32(len(t.Lidarseg.Rows)) {
		name := t.Lidarseg.Rows[i].Filename
		if t.Lidarseg.Sound(i) && nuscenes.Inside(name) && !t.Dataset.Tree.HasFile(name) {
			if _, bad := t.Dataset.Tree.BadLink(path.Clean(name)); !bad {
				c.Report(Finding{Message: name + " is missing", Place: nuscenes.At(t, &t.Lidarseg, i)})
			}
		}
	}
}

func checkMissing(c *Ctx, t *nuscenes.Tables) {
	for _, f := range t.Files().Folders {
		c.Skip("LAY004 on " + f.Name)
	}
	stray := map[string]string{} // by name in lower case
	if len(t.Files().Missing) > 0 {
		for _, name := range t.Files().Stray {
			stray[strings.ToLower(name)] = name
		}
	}
	for _, m := range t.Files().Missing {
		msg := m.Name + " is missing"
		switch other := stray[strings.ToLower(m.Name)]; {
		case m.Name == "":
			msg = "the row names no file"
		case other != "":
			msg += fmt.Sprintf("; %s differs from it in case alone", other)
		case m.Info:
			msg = "the description " + msg
		}
		c.Report(Finding{Message: msg, Place: captureAt(t, m.Row)})
	}
}

// strayFiles gives the files that no row of these tables names.
func strayFiles(t *nuscenes.Tables) (out []string) {
	missing := map[string]bool{} // in lower case: file-missing speaks about another spelling
	if len(t.Files().Stray) > 0 {
		for _, m := range t.Files().Missing {
			missing[strings.ToLower(m.Name)] = true
		}
	}
	for _, name := range t.Files().Stray {
		leftover := junk(dataset.Entry{Name: path.Base(name)}) != "" // junk-file
		if !leftover && !missing[strings.ToLower(name)] {
			out = append(out, name)
		}
	}
	return out
}

func reportStray(c *Ctx, root string, names []string) {
	for _, name := range names {
		c.Report(Finding{Message: "no row of sample_data names this file", Place: Place{Path: name}, Dataset: root})
	}
}

// strayOfVersions looks at roots that hold several versions of the tables,
// which share the folders of files: a file is stray if no version names it.
func strayOfVersions(c *Ctx, f *moment.Fleet) {
	read := map[string][]*nuscenes.Tables{} // by root
	var roots []string
	for _, s := range f.Sources {
		if s, ok := s.(*nuscenes.Source); ok {
			root := s.Dataset().Root
			if read[root] == nil {
				roots = append(roots, root)
			}
			read[root] = append(read[root], s.Tables())
		}
	}
	for _, root := range roots {
		versions := read[root]
		switch all := versions[0].Versions(); {
		case len(all) == 1:
		case len(versions) < len(all):
			c.Skip("every sample_data of " + strings.Join(all, ", "))
		default:
			stray := strayFiles(versions[0])
			for _, t := range versions[1:] {
				also := map[string]bool{}
				for _, name := range strayFiles(t) {
					also[name] = true
				}
				stray = slices.DeleteFunc(stray, func(name string) bool { return !also[name] })
			}
			reportStray(c, root, stray)
		}
	}
}

// miniSplits are the scenes of v1.0-mini: mini_train and mini_val.
var miniSplits = []string{
	"scene-0061", "scene-0553", "scene-0655", "scene-0757", "scene-0796", "scene-1077", "scene-1094", "scene-1100",
	"scene-0103", "scene-0916",
}

var sceneName = lazyre.New(`^scene-(\d{4})$`)

// official reports whether a scene of that name can be in the owner's splits
// of the version. The thousand scenes of trainval and test bear numbers up to
// 1110, with gaps that are not known here.
func official(version, scene string) bool {
	if version == "v1.0-mini" {
		return slices.Contains(miniSplits, scene)
	}
	m := sceneName().FindStringSubmatch(scene)
	if m == nil {
		return false
	}
	n, _ := strconv.Atoi(m[1])
	return 1 <= n && n <= 1110
}

func checkSplits(c *Ctx, t *nuscenes.Tables) {
	if t.Splits == nil && !c.Params.Splits.Official {
		return
	}
	splitsOf := map[string][]string{} // of a scene, in order
	for _, split := range sortedKeys(t.Splits) {
		for _, scene := range t.Splits[split] {
			if !slices.Contains(splitsOf[scene], split) {
				splitsOf[scene] = append(splitsOf[scene], split)
			}
		}
	}
	file := path.Join(t.Dataset.Tables, "splits.json")
	have := map[string]bool{}
	for i := range t.Scene.Rows {
		name := t.Scene.Rows[i].Name
		have[name] = true
		known := len(splitsOf[name]) > 0 || c.Params.Splits.Official && official(t.Dataset.Tables, name)
		if t.Scene.Sound(int32(i)) && !known {
			c.Report(Finding{Message: fmt.Sprintf("%s is in no split", name), Place: nuscenes.At(t, &t.Scene, int32(i))})
		}
		if pair := overlapping(t.Splits, splitsOf[name]); pair != "" {
			c.Report(Finding{Message: fmt.Sprintf("%s is in the splits %s", name, pair), Place: Place{Path: file}, Key: name})
		}
	}
	for _, scene := range sortedKeys(splitsOf) {
		if !have[scene] && t.Scene.Refused == nil {
			c.Report(Finding{
				Message: fmt.Sprintf("the split %s names %s, which is not in the table scene", strings.Join(splitsOf[scene], ", "), scene),
				Place:   Place{Path: file}, Key: scene,
			})
		}
	}
}

// overlapping names two of the splits that share a scene by mistake. A split
// that lies wholly in another ("mini" in "train") is meant so.
func overlapping(splits map[string][]string, of []string) string {
	for i, a := range of {
		for _, b := range of[i+1:] {
			if !subset(splits[a], splits[b]) && !subset(splits[b], splits[a]) {
				return a + " and " + b
			}
		}
	}
	return ""
}

func subset(small, large []string) bool {
	return !slices.ContainsFunc(small, func(s string) bool { return !slices.Contains(large, s) })
}

// officialSamples are the samples of the owner's releases.
var officialSamples = map[string]int{"v1.0-mini": 404, "v1.0-trainval": 34149, "v1.0-test": 6008}

func countSamples(c *Ctx, t *nuscenes.Tables) {
	version, n := t.Dataset.Tables, len(t.Sample.Rows)
	official, ok := officialSamples[version]
	if !ok {
		return
	}
	c.Report(Finding{
		Message:  fmt.Sprintf("%s has %d samples; the official release has %d", version, n, official),
		Place:    Place{Path: t.Sample.Path, Table: t.Sample.Name},
		Expected: strconv.Itoa(official), Actual: strconv.Itoa(n), Key: version,
	})
}

// sortedKeys gives the keys of a map in order.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
