package rules

import (
	"fmt"
	"slices"

	"github.com/mmaudit/mmaudit/internal/suggest"
	"github.com/mmaudit/mmaudit/validate/nuscenes"
	"github.com/mmaudit/mmaudit/validate/rule"
)

// schNames holds what only a whole table can say: names that are unique or
// known, labels, and masks that fit their image.
var schNames = []Rule{
	{
		ID: "SCH015", Slug: "name-duplicate", Severity: rule.Error, Formats: family,
		Summary: "Names of categories, attributes, scenes and channels are unique.",
		Why:     "Tools look rows up by these names and take the first or the last of two.",
		Example: "two rows of category with the name vehicle.car",
		Hint:    "join the rows, or give each its own name",
		Checks: []Check{rule.On(func(c *Ctx, t *nuscenes.Tables) {
			unique(c, t, &t.Category, func(r *nuscenes.Category) string { return r.Name })
			unique(c, t, &t.Attribute, func(r *nuscenes.Attribute) string { return r.Name })
			unique(c, t, &t.Scene, func(r *nuscenes.Scene) string { return r.Name })
			unique(c, t, &t.Sensor, func(r *nuscenes.Sensor) string { return r.Channel })
		})},
	},
	{
		ID: "SCH016", Slug: "category-unknown", Severity: rule.Warning, Formats: formats{nuScenes},
		Summary: "Categories have the names of the release: 23 for boxes, and nine more for lidar segmentation.",
		Why:     "Detection and tracking map these names to their classes; objects of an unknown one are dropped without a word.",
		Example: "vehicle.van",
		Hint:    "use the name of the release, or ignore this rule for a taxonomy of your own",
		Checks: []Check{rule.On(func(c *Ctx, t *nuscenes.Tables) {
			for i := range t.Category.Rows {
				known(c, t, &t.Category, int32(i), "category", t.Category.Rows[i].Name, nuScenesCategories)
			}
		})},
	},
	{
		ID: "SCH017", Slug: "channel-unknown", Severity: rule.Info, Formats: formats{nuScenes},
		Summary: "Channels have the names of the twelve sensors of the release.",
		Why:     "Models are configured with these names; data of another channel is never read.",
		Example: "CAM_FRONTLEFT",
		Hint:    "use the name of the release if the sensor is mounted there",
		Checks: []Check{rule.On(func(c *Ctx, t *nuscenes.Tables) {
			for i := range t.Sensor.Rows {
				known(c, t, &t.Sensor, int32(i), "channel", t.Sensor.Rows[i].Channel, nuScenesChannels)
			}
		})},
	},
	{
		ID: "SCH018", Slug: "category-index", Severity: rule.Error, Formats: formats{nuScenes, t4},
		Summary: "Either no category has an index, or all have one of their own in 0 to 255; in nuScenes, a known name has the index of the release.",
		Why:     "lidarseg and panoptic files hold these numbers: two categories with one index cannot be told apart, and other numbers than the release's make results incomparable.",
		Example: `{"name": "vehicle.car", "index": 4}`,
		Hint:    "number the categories as the release does (0 noise … 31 vehicle.ego), in all rows or in none",
		Checks:  []Check{rule.On(categoryIndex).Needing("category")},
	},
	{
		ID: "SCH020", Slug: "scene-single", Severity: rule.Error, Formats: formats{t4},
		Summary: "A T4 data set is exactly one scene.",
		Why:     "Its tools take the first row of the table and never look at another.",
		Example: "scene.json with two rows",
		Hint:    "make a data set of each scene",
		Checks:  []Check{rule.FromReader()},
	},
	{
		ID: "SCH022", Slug: "rle-mask", Severity: rule.Error, Formats: formats{t4},
		Summary: "Masks decode, and cover exactly the pixels of their image: size is [height, width] as in COCO, or [width, height].",
		Why:     "The decoder fills memory from these numbers: a wrong size shears the mask or ends the program. Both orders occur, and the image decides which one is meant.",
		Example: `{"size": [900, 1600], "counts": …} for an image of 1280 x 720`,
		Hint:    "encode the mask again with pycocotools from an array of the size of the image",
		Checks: []Check{rule.On(func(c *Ctx, t *nuscenes.Tables) {
			masks(c, t, &t.ObjectAnn, func(r *nuscenes.ObjectAnn) (nuscenes.Token, *nuscenes.Mask) { return r.SampleData, &r.Mask })
			masks(c, t, &t.SurfaceAnn, func(r *nuscenes.SurfaceAnn) (nuscenes.Token, *nuscenes.Mask) { return r.SampleData, &r.Mask })
		}).Needing("sample_data")},
	},
}

// unique reports rows whose name an earlier row of the table has.
func unique[T any](c *Ctx, t *nuscenes.Tables, table *nuscenes.Table[T], name func(*T) string) {
	first := map[string]int32{}
	for i := range table.Rows {
		n := int32(i)
		s := name(&table.Rows[i])
		if s == "" || !table.Sound(n) {
			continue
		}
		if at, ok := first[s]; ok {
			c.Report(Finding{
				Message: fmt.Sprintf("an earlier row of %s has the name %q too", table.Name, s),
				Place:   nuscenes.At(t, table, n), Related: []Place{nuscenes.At(t, table, at)},
			})
			continue
		}
		first[s] = n
	}
}

// known reports a name that the release does not have.
func known[T any](c *Ctx, t *nuscenes.Tables, table *nuscenes.Table[T], i int32, what, name string, names []string) {
	if !table.Sound(i) || slices.Contains(names, name) {
		return
	}
	f := Finding{Message: fmt.Sprintf("the %s %q is not one of the release", what, name), Place: nuscenes.At(t, table, i), Actual: name}
	if near := suggest.Nearest(name, names); near != "" {
		f.Expected = near
		f.Hint = fmt.Sprintf("did you mean %q?", near)
	}
	c.Report(f)
}

func categoryIndex(c *Ctx, t *nuscenes.Tables) {
	table := &t.Category
	with := 0
	for i := range table.Rows {
		if table.Rows[i].HasIndex {
			with++
		}
	}
	first := map[int32]int32{}
	for i := range table.Rows {
		r, n := &table.Rows[i], int32(i)
		if with == 0 || !table.Sound(n) {
			continue
		}
		report := func(format string, args ...any) {
			c.Report(Finding{Message: fmt.Sprintf(format, args...), Place: nuscenes.At(t, table, n)})
		}
		at, taken := first[r.Index]
		switch released := slices.Index(nuScenesCategories, r.Name); {
		case !r.HasIndex:
			report("%s has no index, but %d of %d categories have one", r.Name, with, len(table.Rows))
			continue
		case r.Index < 0 || r.Index > 255:
			report("the index %d of %s does not fit a byte", r.Index, r.Name)
		case taken:
			report("%s has the index %d, as %s has", r.Name, r.Index, table.Rows[at].Name)
		case t.Dataset.Schema == nuScenes && released >= 0 && int32(released) != r.Index:
			report("%s has the index %d, in the release %d", r.Name, r.Index, released)
		}
		if !taken {
			first[r.Index] = n
		}
	}
}

// masks holds the masks of a table against their images.
func masks[T any](c *Ctx, t *nuscenes.Tables, table *nuscenes.Table[T], of func(*T) (nuscenes.Token, *nuscenes.Mask)) {
	turned := 0
	for i := range table.Rows {
		n := int32(i)
		token, m := of(&table.Rows[i])
		at, ok := t.SampleData.Find(token)
		if !table.Sound(n) || !ok || !t.SampleData.Sound(at) {
			continue
		}
		w, h := t.SampleData.Rows[at].Width, t.SampleData.Rows[at].Height
		f := Finding{Place: nuscenes.At(t, table, n), Expected: fmt.Sprintf("size [%d, %d]", h, w), Actual: fmt.Sprintf("size [%d, %d]", m.Size[0], m.Size[1])}
		switch {
		case m.Fault != "":
			f.Message, f.Expected, f.Actual = "the mask does not decode: "+m.Fault, "", ""
		case m.Size == [2]int32{w, h} && w != h:
			turned++
		case m.Size != [2]int32{h, w}:
			f.Message = fmt.Sprintf("the mask is of size [%d, %d], its image %d px wide and %d px high", m.Size[0], m.Size[1], w, h)
		}
		if area := int64(w) * int64(h); f.Message == "" && m.Pixels != area {
			f.Message = fmt.Sprintf("the runs of the mask cover %d pixels, its image has %d", m.Pixels, area)
			f.Expected, f.Actual = fmt.Sprint(area), fmt.Sprint(m.Pixels)
		}
		if f.Message != "" {
			c.Report(f)
		}
	}
	if turned > 0 {
		c.Report(Finding{
			Severity: rule.Info, Place: Place{Path: table.Path, Table: table.Name}, Key: "order",
			Message: fmt.Sprintf("%d masks give their size as [width, height]; pycocotools takes [height, width]", turned),
			Hint:    "readers that hand the mask to pycocotools must turn the size around",
		})
	}
}

// nuScenesChannels are the sensors of the release.
var nuScenesChannels = []string{
	"CAM_FRONT", "CAM_FRONT_LEFT", "CAM_FRONT_RIGHT", "CAM_BACK", "CAM_BACK_LEFT", "CAM_BACK_RIGHT", "LIDAR_TOP",
	"RADAR_FRONT", "RADAR_FRONT_LEFT", "RADAR_FRONT_RIGHT", "RADAR_BACK_LEFT", "RADAR_BACK_RIGHT",
}

// nuScenesCategories are the names of the release by their index.
var nuScenesCategories = []string{
	"noise", "animal", "human.pedestrian.adult", "human.pedestrian.child", "human.pedestrian.construction_worker",
	"human.pedestrian.personal_mobility", "human.pedestrian.police_officer", "human.pedestrian.stroller", "human.pedestrian.wheelchair",
	"movable_object.barrier", "movable_object.debris", "movable_object.pushable_pullable", "movable_object.trafficcone",
	"static_object.bicycle_rack", "vehicle.bicycle", "vehicle.bus.bendy", "vehicle.bus.rigid", "vehicle.car", "vehicle.construction",
	"vehicle.emergency.ambulance", "vehicle.emergency.police", "vehicle.motorcycle", "vehicle.trailer", "vehicle.truck",
	"flat.driveable_surface", "flat.other", "flat.sidewalk", "flat.terrain", "static.manmade", "static.other", "static.vegetation", "vehicle.ego",
}
