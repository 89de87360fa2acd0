package rules

import (
	"fmt"
	"path"
	"strings"

	"github.com/mmaudit/mmaudit/validate/nuscenes"
	"github.com/mmaudit/mmaudit/validate/rule"
)

var lnkLidarseg = []Rule{
	{
		ID: "LNK026", Slug: "lidarseg-token", Severity: rule.Error, Formats: formats{nuScenes},
		Summary: "A row of lidarseg or panoptic has the token of its sample_data, which is a keyframe of LIDAR_TOP, and each keyframe of a labelled scene has one row.",
		Why:     "The devkit asks for get('lidarseg', sample_data_token): with another token the labels of a sweep are not found, or are those of another one.",
		Example: `{"token": "1a2b…", "sample_data_token": "9d9b…", …}`,
		Hint:    "use the token of the LIDAR_TOP keyframe for both fields",
		Checks: []Check{
			rule.On(func(c *Ctx, t *nuscenes.Tables) { labelTokens(c, t, &t.Lidarseg, ".bin") }).
				Needing(append([]string{"lidarseg"}, keyframeTables...)...),
			rule.On(func(c *Ctx, t *nuscenes.Tables) { labelTokens(c, t, &t.Panoptic, ".npz") }).
				Needing(append([]string{"panoptic"}, keyframeTables...)...),
		},
	},
	{
		ID: "LNK027", Slug: "lidarseg-count", Severity: rule.Error, Formats: formats{nuScenes},
		Summary: "Each row of lidarseg and panoptic has its own file, and the folder holds no others.",
		Why:     "The devkit counts the files of the folder while loading, and stops at an assertion unless there are as many as rows.",
		Example: "lidarseg/v1.0-mini holds 405 .bin files, lidarseg.json has 404 rows",
		Hint:    "remove the files that no row names, or restore those that are missing",
		Checks: []Check{
			rule.On(func(c *Ctx, t *nuscenes.Tables) { labelFiles(c, t, &t.Lidarseg, ".bin") }).Needing("lidarseg"),
			rule.On(func(c *Ctx, t *nuscenes.Tables) { labelFiles(c, t, &t.Panoptic, ".npz") }).Needing("panoptic"),
		},
	},
}

// labelTokens compares the rows of one table of labels with the sample_data
// that they name. A row has at most one finding.
func labelTokens(c *Ctx, t *nuscenes.Tables, table *nuscenes.Table[nuscenes.Lidarseg], ext string) {
	if !table.Present {
		return
	}
	refs := t.Links().Lidarseg.SampleData
	if table == &t.Panoptic {
		refs = t.Links().Panoptic.SampleData
	}
	labelled := make(map[int32]int32, len(refs)) // sample_data -> row
	whole := len(table.Refused) == 0
	report := func(row int32, f Finding) {
		f.Place = nuscenes.At(t, table, row)
		whole = false
		c.Report(f)
	}
	for i, data := range refs {
		row := int32(i)
		if data < 0 || !table.Sound(row) {
			whole = false
			continue
		}
		first, again := labelled[data]
		if !again {
			labelled[data] = row
		}
		own, r := t.Text(table.Rows[row].Token), &t.SampleData.Rows[data]
		sensor := t.Sensors().Of[data]
		switch {
		case table.Rows[row].Token != r.Token:
			report(row, Finding{Message: "the token is not that of the sample_data", Expected: t.Text(r.Token), Actual: own})
		case again:
			report(row, Finding{Message: "the sample_data has labels already", Related: []Place{nuscenes.At(t, table, first)}})
		case sensor >= 0 && t.Sensor.Rows[sensor].Channel != "LIDAR_TOP":
			report(row, Finding{Message: "the sample_data is of " + t.Sensor.Rows[sensor].Channel, Expected: "LIDAR_TOP", Actual: t.Sensor.Rows[sensor].Channel})
		case !r.KeyFrame && t.SampleData.Sound(data):
			report(row, Finding{Message: "the sample_data is a sweep", Expected: "a keyframe", Actual: "a sweep"})
		}
	}
	if !whole {
		c.Skip("LNK001 or LNK026 on " + table.Path + ", for keyframes without labels")
		return
	}
	unlabelled(c, t, table, labelled, ext)
}

// unlabelled reports keyframes without labels in scenes that have some. Those
// whose file lies in the folder are left to the rule that counts files.
func unlabelled(c *Ctx, t *nuscenes.Tables, table *nuscenes.Table[nuscenes.Lidarseg], labelled map[int32]int32, ext string) {
	chains := t.Chains()
	scenes := map[int32]bool{}
	for data := range labelled {
		if g := chains.SampleData.Group[data]; g >= 0 {
			scenes[chains.Streams[g].Scene] = true
		}
	}
	for i := range int32(len(t.SampleData.Rows)) {
		r, g := &t.SampleData.Rows[i], chains.SampleData.Group[i]
		if g < 0 || !r.KeyFrame || !t.SampleData.Sound(i) || t.Sensor.Rows[chains.Streams[g].Sensor].Channel != "LIDAR_TOP" ||
			!scenes[chains.Streams[g].Scene] {
			continue
		}
		if _, ok := labelled[i]; ok || t.Dataset.Tree.HasFile(path.Join(labelFolder(t, table), t.Text(r.Token)+"_"+table.Name+ext)) {
			continue
		}
		p := captureAt(t, i)
		c.Report(Finding{Message: "the keyframe has no row in " + table.Name, Place: p, Key: p.Token + " " + table.Name})
	}
}

func labelFolder(t *nuscenes.Tables, table *nuscenes.Table[nuscenes.Lidarseg]) string {
	return path.Join(table.Name, t.Dataset.Tables)
}

func labelFiles(c *Ctx, t *nuscenes.Tables, table *nuscenes.Table[nuscenes.Lidarseg], ext string) {
	if !table.Present {
		return
	}
	folder := labelFolder(t, table)
	named := make(map[string]int32, len(table.Rows))
	for i := range int32(len(table.Rows)) {
		name := path.Clean(table.Rows[i].Filename)
		first, again := named[name]
		if !again {
			named[name] = i
		}
		if !table.Sound(i) || !nuscenes.Inside(table.Rows[i].Filename) {
			continue
		}
		at := nuscenes.At(t, table, i)
		_, bad := t.Dataset.Tree.BadLink(name)
		switch {
		case again:
			c.Report(Finding{Message: fmt.Sprintf("%s is named by another row too", name), Place: at, Related: []Place{nuscenes.At(t, table, first)}})
		case !t.Dataset.Tree.HasFile(name) && !bad:
			c.Report(Finding{Message: name + " is missing", Place: at})
		}
	}
	for _, base := range t.Dataset.Tree.Names(folder, ext) {
		name := path.Join(folder, base)
		if _, ok := named[name]; !ok && !strings.HasPrefix(base, ".") {
			c.Report(Finding{Message: "no row of " + table.Name + " names this file", Place: Place{Path: name}})
		}
	}
}
