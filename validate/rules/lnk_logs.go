package rules

import (
	"fmt"
	"path"

	"github.com/mmaudit/mmaudit/validate/nuscenes"
	"github.com/mmaudit/mmaudit/validate/rule"
)

var lnkLogs = []Rule{
	{
		ID: "LNK017", Slug: "filename-log", Severity: rule.Warning, Formats: formats{nuScenes},
		Summary: "The log file in a payload's name is the log of its scene.",
		Why:     "The name is all that ties a file to its recording once it has left the tables: a wrong one hides files of another drive.",
		Example: "samples/CAM_FRONT/n008-2018-08-01-15-16-36-0400__CAM_FRONT__1533151603512404.jpg in a scene of n015-2018-07-24-11-22-45+0800",
		Hint:    "rename the file, or correct log.logfile or scene.log_token",
		Checks: []Check{rule.On(filenameLog).
			Needing("sample_data", "sample", "scene", "log")},
	},
	{
		ID: "LNK021", Slug: "calibration-shared", Severity: rule.Warning, Formats: formats{nuScenes},
		Summary: "A calibrated_sensor belongs to one log.",
		Why:     "Sensors are calibrated for each drive: data of two drives with one calibration is projected wrongly in one of them.",
		Example: "sample_data rows of two logs name one calibrated_sensor",
		Hint:    "give each log its own calibrated_sensor rows",
		Checks: []Check{rule.On(calibrationShared).
			Needing("sample_data", "sample", "scene", "log", "calibrated_sensor")},
	},
	{
		ID: "LNK022", Slug: "ego-pose-one-to-one", Severity: rule.Warning, Formats: formats{nuScenes},
		Summary: "Every ego_pose belongs to exactly one row of sample_data.",
		Why:     "Each capture has its own time and so its own pose: a shared pose is wrong for one of the two, and an unused one is the other half of that mistake.",
		Example: "two rows of sample_data with the same ego_pose_token",
		Hint:    "write one ego_pose for each sample_data",
		Checks:  []Check{rule.On(egoPoses).Needing("sample_data", "ego_pose", "sample", "scene", "calibrated_sensor", "sensor")},
	},
	{
		ID: "LNK024", Slug: "log-map", Severity: rule.Error, Formats: formats{nuScenes, lyft},
		Summary: "Every log is listed by exactly one map.",
		Why:     "The devkits look up the map of every log while loading, and stop with a KeyError; of two maps they take the last without a word.",
		Example: "log.json has a row whose token is in no log_tokens of map.json",
		Hint:    "add the log's token to log_tokens of the map of its location",
		Checks: []Check{rule.On(func(c *Ctx, t *nuscenes.Tables) {
			none, several := logMaps(t)
			for _, i := range none {
				c.Report(Finding{Message: "the log is listed by no map", Place: nuscenes.At(t, &t.Log, i)})
			}
			for i, maps := range several {
				c.Report(Finding{
					Message: fmt.Sprintf("the log is listed by %d maps", len(maps)), Place: nuscenes.At(t, &t.Log, i),
					Expected: "1 map", Actual: fmt.Sprintf("%d maps", len(maps)),
				})
			}
		}).Needing("log", "map")},
	},
	{
		ID: "LNK025", Slug: "log-location", Severity: rule.Warning, Formats: formats{nuScenes},
		Summary: "A log's location is the place that its map shows.",
		Why:     "Map layers are loaded by the location's name: poses of one city are drawn on the streets of another.",
		Example: "location is boston-seaport, and the log is listed by the map of singapore-onenorth",
		Hint:    "correct log.location, or list the log under the map of its location",
		Checks:  []Check{rule.On(logLocations).Needing("log", "map")},
	},
}

// filenameLog gathers the files of a scene that name one and the same wrong
// log.
func filenameLog(c *Ctx, t *nuscenes.Tables) {
	l, chains := t.Links(), t.Chains()
	type wrong struct {
		scene int32
		log   string
	}
	type files struct {
		row int32
		n   int
	}
	found := map[wrong]files{}
	unknown := false
	for i := range t.SampleData.Rows {
		name := t.FileName(t.SampleData.Rows[i].Filename).Log
		if name == "" {
			continue
		}
		scene := nuscenes.Unknown
		if sample := l.SampleData.Sample[i]; sample >= 0 {
			scene = chains.Sample.Trusted(sample)
		}
		if scene < 0 || l.Scene.Log[scene] < 0 {
			unknown = true
			continue
		}
		if name != t.Log.Rows[l.Scene.Log[scene]].Logfile {
			w := wrong{scene, name}
			f, ok := found[w]
			if !ok {
				f.row = int32(i)
			}
			f.n++
			found[w] = f
		}
	}
	for w, f := range found {
		scene, log := &t.Scene.Rows[w.scene], &t.Log.Rows[l.Scene.Log[w.scene]]
		m := fmt.Sprintf("the file's name says log %s, but %s is of log %s", w.log, scene.Name, log.Logfile)
		if f.n > 1 {
			m = fmt.Sprintf("the names of %d files say log %s, but %s is of log %s", f.n, w.log, scene.Name, log.Logfile)
		}
		p := captureAt(t, f.row)
		key := p.Token
		if f.n > 1 {
			key = scene.Name + " " + w.log
		}
		c.Report(Finding{Message: m, Place: p, Expected: log.Logfile, Actual: w.log, Key: key})
	}
	if unknown {
		c.Skip(refuted(t.SampleData.Path))
	}
}

func calibrationShared(c *Ctx, t *nuscenes.Tables) {
	l, chains := t.Links(), t.Chains()
	log := make([]int32, len(t.CalibratedSensor.Rows)) // 1 + the first log that uses it
	said := map[int32]bool{}
	unknown := false
	for i := range int32(len(t.SampleData.Rows)) {
		calibrated, scene := l.SampleData.Calibrated[i], nuscenes.Unknown
		if sample := l.SampleData.Sample[i]; sample >= 0 {
			scene = chains.Sample.Trusted(sample)
		}
		if calibrated < 0 || scene < 0 || l.Scene.Log[scene] < 0 || t.Sensors().Of[i] < 0 {
			unknown = true
			continue
		}
		own := l.Scene.Log[scene]
		switch first := log[calibrated]; {
		case first == 0:
			log[calibrated] = own + 1
		case first != own+1 && !said[calibrated]:
			said[calibrated] = true
			c.Report(Finding{
				Message: fmt.Sprintf("the calibration is used by data of log %s and of log %s",
					t.Log.Rows[first-1].Logfile, t.Log.Rows[own].Logfile),
				Place: nuscenes.At(t, &t.CalibratedSensor, calibrated), Related: []Place{captureAt(t, i)},
			})
		}
	}
	if unknown {
		c.Skip("LNK001 to LNK016 on " + t.SampleData.Path)
	}
}

// egoPoses reports poses that are used twice, and those that are not used
// beyond what the former and dangling references explain.
func egoPoses(c *Ctx, t *nuscenes.Tables) {
	first := make([]int32, len(t.EgoPose.Rows)) // 1 + the row that uses it
	explained := 0
	for _, f := range t.Chains().SampleData.Faults {
		if f.Kind == nuscenes.ChainDangling {
			explained++ // by a row that was lost
		}
	}
	for i, to := range t.Links().SampleData.EgoPose {
		switch {
		case to < 0:
			explained++
		case first[to] == 0:
			first[to] = int32(i) + 1
		case t.SampleData.Sound(int32(i)):
			explained++
			p := captureAt(t, int32(i))
			c.Report(Finding{
				Message: "ego_pose_token names a pose that another row uses", Place: p, Key: p.Token,
				Actual: t.Text(t.EgoPose.Rows[to].Token), Related: []Place{captureAt(t, first[to]-1)},
			})
		}
	}
	var unused []int32
	for i, row := range first {
		if row == 0 && t.EgoPose.Sound(int32(i)) {
			unused = append(unused, int32(i))
		}
	}
	if len(unused) <= explained {
		if len(unused) > 0 {
			c.Skip("LNK001 to LNK004 on " + t.SampleData.Path + ", for poses without sample_data")
		}
		return
	}
	for _, i := range unused {
		c.Report(Finding{Message: "no sample_data has this pose", Place: nuscenes.At(t, &t.EgoPose, i)})
	}
}

// logMaps gives the logs that no map lists, and those that several do.
func logMaps(t *nuscenes.Tables) (none []int32, several map[int32][]int32) {
	maps := make([][]int32, len(t.Log.Rows))
	several = map[int32][]int32{}
	for m := range t.Map.Rows {
		for _, k := range t.Map.Rows[m].Logs {
			if i, ok := t.Log.Find(k); ok {
				if maps[i] = append(maps[i], int32(m)); len(maps[i]) > 1 {
					several[i] = maps[i]
				}
			}
		}
	}
	if len(t.Map.Refused) > 0 {
		return nil, several
	}
	for i, m := range maps {
		if len(m) == 0 && t.Log.Sound(int32(i)) {
			none = append(none, int32(i))
		}
	}
	return none, several
}

// mapLocations are the maps of the nuScenes release, by the file's name.
var mapLocations = map[string]string{
	"53992ee3023e5494b90c316c183be829.png": "singapore-onenorth",
	"37819e65e09e5547b8a3ceaefba56bb2.png": "singapore-hollandvillage",
	"93406b464a165eaba6d9de76ca09f5da.png": "singapore-queenstown",
	"36092f0b03a857c6a3403e25b4b7aab3.png": "boston-seaport",
}

// logLocations compares the location of each log with that of its map: as the
// release has it, or else as most logs of the map say.
func logLocations(c *Ctx, t *nuscenes.Tables) {
	_, several := logMaps(t)
	for m := range t.Map.Rows {
		row := &t.Map.Rows[m]
		want := mapLocations[path.Base(row.Filename)]
		if want == "" {
			votes := map[string]int{}
			for _, k := range row.Logs {
				if i, ok := t.Log.Find(k); ok {
					l := t.Log.Rows[i].Location
					votes[l]++
					if n, best := votes[l], votes[want]; want == "" || n > best || n == best && l < want {
						want = l
					}
				}
			}
		}
		for _, k := range row.Logs {
			i, ok := t.Log.Find(k)
			if !ok || several[i] != nil || !t.Log.Sound(i) {
				continue
			}
			if l := t.Log.Rows[i].Location; l != want {
				c.Report(Finding{
					Message: fmt.Sprintf("the location is %s, the map that lists the log shows %s", l, want),
					Place:   nuscenes.At(t, &t.Log, i), Expected: want, Actual: l, Related: []Place{nuscenes.At(t, &t.Map, int32(m))},
				})
			}
		}
	}
}
