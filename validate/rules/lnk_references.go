package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mmaudit/mmaudit/internal/human"
	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/nuscenes"
	"github.com/mmaudit/mmaudit/validate/rule"
)

var nuScenesFamily = formats{nuScenes, lyft, t4}

var lnkReferences = []Rule{
	{
		ID: "LNK001", Slug: "fk-dangling", Severity: rule.Error, Formats: nuScenesFamily,
		Summary: "Every reference to a row of another table names a row that exists.",
		Why:     "The devkits index their tables by token and stop with a KeyError, or leave the row out of every list, as soon as one is missing.",
		Example: `{"token": "e93e98b6…", "ego_pose_token": "0123…", …} where ego_pose.json has no row 0123…`,
		Hint:    "restore the missing row, or remove the rows that refer to it; subsets must be cut along references (logs that only map.log_tokens still names are a warning: v1.0-mini has them too)",
		Checks:  []Check{rule.On(dangling)},
	},
	{
		ID: "LNK002", Slug: "fk-empty", Severity: rule.Error, Formats: formats{nuScenes, t4},
		Summary: `A mandatory reference is not "". (That visibility_token, which may be "", is so in every annotation of nuScenes is a warning.)`,
		Why:     `"" names no row. Some validators let it pass, and the devkits fail on it later with a KeyError that names no row.`,
		Example: `{"token": "e93e98b6…", "calibrated_sensor_token": "", …}`,
		Hint:    "name the row that belongs here",
		Checks: []Check{rule.On(func(c *Ctx, t *nuscenes.Tables) {
			for _, k := range t.Links().Keys {
				cells(c, &k, func(row int32, _ nuscenes.Token, to int32) {
					if to == nuscenes.Empty && !k.Optional(row) {
						c.Report(reference(&k, row, Finding{
							Message: k.Column + " is empty", Expected: "a token of " + k.Target, Actual: `""`, Key: "empty",
						}))
					}
				})
			}
		}), rule.On(unseen).Needing("sample_annotation")},
	},
	{
		ID: "LNK003", Slug: "fk-wrong-table", Severity: rule.Error, Formats: nuScenesFamily,
		Summary: "A reference names a row of the table that it should, not of another.",
		Why:     "A converter that mixes up two columns makes references that exist, but elsewhere: every join through them fails.",
		Example: `{"token": "e93e98b6…", "calibrated_sensor_token": "1d31c729…", …} where 1d31c729… is a row of sensor.json`,
		Hint:    "write the token of the table that the column names",
		Checks: []Check{rule.On(func(c *Ctx, t *nuscenes.Tables) {
			for _, k := range t.Links().Keys {
				cells(c, &k, func(row int32, token nuscenes.Token, to int32) {
					if to != nuscenes.Dangling {
						return
					}
					if elsewhere := t.Elsewhere(k.Target, token); len(elsewhere) > 0 {
						c.Report(reference(&k, row, Finding{
							Message:  fmt.Sprintf("%s names a row of %s, not of %s", k.Column, strings.Join(elsewhere, " and "), k.Target),
							Expected: "a token of " + k.Target, Actual: t.Text(token), Key: t.Text(token),
						}))
					}
				})
			}
		})},
	},
	{
		ID: "LNK023", Slug: "row-orphan", Severity: rule.Warning, Formats: nuScenesFamily,
		Summary: "Every sensor, log, scene and sample is used by some other row.",
		Why:     "A row that nothing names is data that was lost on the way: a sensor whose calibration is missing, a log whose scenes were not exported. (Attributes, categories and levels of visibility are vocabularies: a subset need not use each.)",
		Example: `sensor.json has RADAR_FRONT, and no calibrated_sensor refers to it`,
		Hint:    "add the rows that should refer to it, or remove it",
		Checks: []Check{
			rule.On(orphanSensors).Needing("sensor", "calibrated_sensor"),
			rule.On(orphanLogs).Needing("log", "scene"),
			rule.On(orphanScenes).Needing("scene", "sample"),
			rule.On(orphanSamples).Needing("sample", "sample_data", "scene"),
		},
	},
}

// unseen speaks about a column of visibility that was never filled, as in Lyft:
// evaluation by visibility then leaves out every box.
func unseen(c *Ctx, t *nuscenes.Tables) {
	rows := t.SampleAnnotation.Rows
	if t.Dataset.Schema != dataset.NuScenes || len(rows) == 0 ||
		slices.ContainsFunc(rows, func(r nuscenes.SampleAnnotation) bool { return !r.Visibility.Zero() }) {
		return
	}
	c.Report(Finding{
		Severity: rule.Warning, Message: fmt.Sprintf("visibility_token is empty in all %d annotations", len(rows)),
		Place: nuscenes.At(t, &t.SampleAnnotation, 0), Key: "visibility_token", Expected: "a token of visibility", Actual: `""`,
		Hint: "state the visibility of each box; boxes without are left out wherever boxes are chosen by it",
	})
}

// dangling speaks about references to nothing. The logs of a map are gathered
// into one finding and only a warning: releases keep the full list of logs in
// each subset. They are left to log-map where as many logs lack a map: a
// mistyped log is one fault.
func dangling(c *Ctx, t *nuscenes.Tables) {
	for _, k := range t.Links().Keys {
		if k.Table == "map" && k.Column == "log_tokens" {
			danglingLogs(c, t, &k)
			continue
		}
		cells(c, &k, func(row int32, token nuscenes.Token, to int32) {
			switch {
			case to == nuscenes.Empty && t.Dataset.Schema == dataset.Lyft && !k.Optional(row):
				c.Report(reference(&k, row, Finding{
					Message: k.Column + " is empty", Expected: "a token of " + k.Target, Actual: `""`, Key: "empty",
				}))
			case to == nuscenes.Dangling && len(t.Elsewhere(k.Target, token)) == 0:
				c.Report(reference(&k, row, Finding{
					Message:  fmt.Sprintf("%s names no row of %s", k.Column, k.Target),
					Expected: "a token of " + k.Target, Actual: t.Text(token), Key: t.Text(token),
				}))
			}
		})
	}
}

func danglingLogs(c *Ctx, t *nuscenes.Tables, k *nuscenes.Key) {
	type lost struct {
		n     int
		first nuscenes.Token
	}
	of, total := map[int32]lost{}, 0
	cells(c, k, func(row int32, token nuscenes.Token, to int32) {
		if to == nuscenes.Dangling && len(t.Elsewhere(k.Target, token)) == 0 {
			l := of[row]
			if l.n++; l.n == 1 {
				l.first = token
			}
			of[row] = l
			total++
		}
	})
	if none, _ := logMaps(t); total <= len(none) {
		return
	}
	for row, l := range of {
		c.Report(reference(k, row, Finding{
			Severity: rule.Warning,
			Message:  fmt.Sprintf("log_tokens has %s that log.json does not have, the first %s", human.Count(l.n, "log"), t.Text(l.first)),
			Hint:     "harmless in a subset; otherwise restore the logs",
		}))
	}
}

// reference completes a finding about one cell of a foreign key.
func reference(k *nuscenes.Key, row int32, f Finding) Finding {
	f.Place = k.At(row)
	f.Key = strings.Join([]string{f.Table, f.Token, k.Column, f.Key}, " ")
	return f
}

// cells visits the cells of a foreign key, and says where some could not be
// judged: in a row that its own rules refute, or into a table that could not
// be read.
func cells(c *Ctx, k *nuscenes.Key, visit func(row int32, token nuscenes.Token, to int32)) {
	unknown := false
	k.Cells(func(row int32, token nuscenes.Token, to int32) {
		if to == nuscenes.Unknown {
			unknown = true
		} else {
			visit(row, token, to)
		}
	})
	if unknown {
		c.Skip(fmt.Sprintf("readable cells of %s.%s, and table %s", k.Table, k.Column, k.Target))
	}
}

func orphanSensors(c *Ctx, t *nuscenes.Tables) {
	l := t.Links()
	if len(t.Sensors().Mismatches) > 0 {
		c.Skip("LNK016 on " + t.SampleData.Path)
		return
	}
	orphans(c, t, &t.Sensor, "calibrated_sensor", l.CalibratedSensor.Sensor, lost(l.SampleData.Calibrated),
		func(i int32) string { return "sensor " + t.Sensor.Rows[i].Channel })
}

func orphanLogs(c *Ctx, t *nuscenes.Tables) {
	l := t.Links()
	orphans(c, t, &t.Log, "scene", l.Scene.Log, lost(l.Sample.Scene),
		func(i int32) string { return "log " + t.Log.Rows[i].Logfile })
}

// orphanScenes leaves scenes that claim samples to the rule that counts them.
func orphanScenes(c *Ctx, t *nuscenes.Tables) {
	l := t.Links()
	orphans(c, t, &t.Scene, "sample", l.Sample.Scene, lost(l.SampleData.Sample), func(i int32) string {
		if t.Scene.Rows[i].NbrSamples != 0 {
			return ""
		}
		return "scene " + t.Scene.Rows[i].Name
	})
}

// orphanSamples leaves samples of scenes that have data to the rule that names
// the channels missing from each.
func orphanSamples(c *Ctx, t *nuscenes.Tables) {
	l := t.Links()
	filled := make([]bool, len(t.Scene.Rows))
	if t.Dataset.Schema != dataset.Lyft {
		for _, s := range t.Chains().Streams {
			filled[s.Scene] = true
		}
	}
	orphans(c, t, &t.Sample, "sample_data", l.SampleData.Sample, lost(l.SampleData.Next) || lost(l.SampleData.Prev), func(i int32) string {
		if scene := l.Sample.Scene[i]; scene < 0 || filled[scene] {
			return ""
		}
		return "sample"
	})
}

// lost reports whether references lead to rows that do not exist.
func lost(refs nuscenes.Column) bool { return slices.Contains(refs, nuscenes.Dangling) }

// orphans reports the sound rows of table that no cell of refs names. name
// gives "" for a row that another rule speaks about. Where a reference is not
// resolved, or rows of the table from were lost, that may be what is missing.
func orphans[T any](c *Ctx, t *nuscenes.Tables, table *nuscenes.Table[T], from string, refs nuscenes.Column, lost bool, name func(int32) string) {
	used := make([]bool, len(table.Rows))
	for _, to := range refs {
		switch {
		case to >= 0:
			used[to] = true
		case to != nuscenes.Empty || t.Dataset.Schema != dataset.T4:
			lost = true
		}
	}
	if lost {
		c.Skip("LNK001 to LNK004 on references to " + from + " and " + table.Name)
		return
	}
	for i := range int32(len(used)) {
		if used[i] || !table.Sound(i) {
			continue
		}
		if n := name(i); n != "" {
			c.Report(Finding{Message: fmt.Sprintf("%s is named by no row of %s", n, from), Place: nuscenes.At(t, table, i)})
		}
	}
}
