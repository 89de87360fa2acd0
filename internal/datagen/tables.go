package datagen

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
)

// tables gathers the rows of one data set of the nuScenes family. What the
// formats share is made here; each adds what is its own.
type tables struct {
	rows   map[string][]*Record
	digits int // of a token; 36 writes it with hyphens
	seed   uint64
	seen   map[string]bool // visibility levels in use
}

func newTables(digits int, seed uint64) *tables {
	return &tables{rows: map[string][]*Record{}, digits: digits, seed: seed, seen: map[string]bool{}}
}

func (t *tables) add(table string, rows ...*Record) {
	t.rows[table] = append(t.rows[table], rows...)
}

// write gives every table that has rows, by name.
func (t *tables) write(put func(table string, rows []*Record) error) error {
	for _, table := range slices.Sorted(maps.Keys(t.rows)) {
		if err := put(table, t.rows[table]); err != nil {
			return err
		}
	}
	return nil
}

func (t *tables) token(kind string, parts ...any) string {
	name := fmt.Sprint(t.seed, " ", kind, " ", parts)
	if t.digits == 36 {
		s := token(32, name)
		return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
	}
	return token(t.digits, name)
}

// capture is the token of a capture's row.
func (t *tables) capture(scene string, c capture) string {
	return t.token("sample_data", scene, c.sensor.channel, c.n)
}

// neighbours gives the tokens before and after the k-th capture of a channel.
func (t *tables) neighbours(scene string, captures []capture, k int) (prev, next string) {
	if k > 0 {
		prev = t.capture(scene, captures[k-1])
	}
	if k+1 < len(captures) {
		next = t.capture(scene, captures[k+1])
	}
	return prev, next
}

// captures visits the rows of sample_data in the order of the table, which is
// not that of time: the keyframes of every sample, then the sweeps by channel.
func (t *tables) captures(rec *recording, visit func(channel, k int, c capture)) {
	for i := range rec.samples {
		for ci, captures := range rec.captures {
			k := rec.keys[ci][i]
			visit(ci, k, captures[k])
		}
	}
	for ci, captures := range rec.captures {
		for k, c := range captures {
			if !c.key {
				visit(ci, k, c)
			}
		}
	}
}

// sensor adds a channel that is not in the table yet.
func (t *tables) sensor(c *sensor) {
	own := t.token("sensor", c.channel)
	if !slices.ContainsFunc(t.rows["sensor"], where("token", own)) {
		t.add("sensor", record("token", own, "channel", c.channel, "modality", c.modality))
	}
}

// scene adds a scene and its samples.
func (t *tables) scene(name, log string, rec *recording) {
	last := len(rec.samples) - 1
	sample := func(i int) string {
		if i < 0 || i > last {
			return ""
		}
		return t.token("sample", name, i)
	}
	t.add("scene", record("token", t.token("scene", name), "log_token", log, "nbr_samples", last+1,
		"first_sample_token", sample(0), "last_sample_token", sample(last), "name", name, "description", "Drive ahead, follow car"))
	for i, at := range rec.samples {
		t.add("sample", record("token", sample(i), "timestamp", at/1000, "prev", sample(i-1), "next", sample(i+1),
			"scene_token", t.token("scene", name)))
	}
}

// annotations adds the objects of a scene, annotated in every sample in which
// they are seen.
func (t *tables) annotations(scene string, rec *recording, class func(Class) string, attribute func(o *Object, i int) string) {
	for oi := range rec.world.Objects {
		o := &rec.world.Objects[oi]
		instance := t.token("instance", scene, o.ID)
		first, last := 0, len(rec.samples)-1
		if o.seen > 0 {
			first, last = o.first, o.first+o.seen-1
		}
		annotation := func(i int) string {
			if i < first || i > last {
				return ""
			}
			return t.token("annotation", scene, o.ID, i)
		}
		t.add("instance", record("token", instance, "category_token", t.token("category", class(o.Class)), "nbr_annotations", last-first+1,
			"first_annotation_token", annotation(first), "last_annotation_token", annotation(last)))
		for i := first; i <= last; i++ {
			at := rec.samples[i]
			p := o.At(rec.world, at)
			name := attribute(o, i)
			t.attribute(name)
			radar := 0
			for ci, captures := range rec.captures {
				if c := &captures[rec.keys[ci][i]]; c.sensor.modality == "radar" {
					radar += rec.hits(oi, c.time, radarHits)
				}
			}
			t.add("sample_annotation", record("token", annotation(i), "sample_token", t.token("sample", scene, i), "instance_token", instance,
				"visibility_token", t.visibility(rec, o, at), "attribute_tokens", []string{t.token("attribute", name)},
				"translation", []float64{p.X, p.Y, o.H / 2}, "size", []float64{o.W, o.L, o.H}, "rotation", yawQuaternion(p.Yaw),
				"prev", annotation(i-1), "next", annotation(i+1), "num_lidar_pts", rec.hits(oi, at, lidarHits), "num_radar_pts", radar))
		}
	}
}

// attribute adds an attribute that is not in the table yet.
func (t *tables) attribute(name string) {
	own := t.token("attribute", name)
	if !slices.ContainsFunc(t.rows["attribute"], where("token", own)) {
		t.add("attribute", record("token", own, "name", name, "description", ""))
	}
}

// visibility is "4" near the vehicle and less farther away.
func (t *tables) visibility(rec *recording, o *Object, at int64) string {
	p := o.At(rec.world, at).In(rec.world.Ego(at))
	level := strconv.Itoa(4 - min(3, int(math.Hypot(p.X, p.Y)/15)))
	t.seen[level] = true
	return level
}

// visibilities gives the rows of the levels in use; names begin with the least.
func (t *tables) visibilities(names ...string) []*Record {
	var rows []*Record
	for i, name := range names {
		if own := strconv.Itoa(i + 1); t.seen[own] {
			rows = append(rows, record("description", "visibility of whole object: "+name, "token", own, "level", name))
		}
	}
	return rows
}
