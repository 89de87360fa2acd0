package rules

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/mmaudit/mmaudit/internal/human"
	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/nuscenes"
	"github.com/mmaudit/mmaudit/validate/rule"
)

var lnkCounts = []Rule{
	{
		ID: "LNK011", Slug: "nbr-samples", Severity: rule.Error, Formats: nuScenesFamily,
		Summary: "nbr_samples of a scene is the number of its samples.",
		Why:     "Loaders size arrays and split data by this number; a scene that lost samples is noticed by nothing else.",
		Example: `"nbr_samples": 40 for a scene with 39 rows in sample.json`,
		Hint:    "restore the missing samples, or correct the number",
		Checks:  []Check{rule.On(nbrSamples).Needing("scene", "sample")},
	},
	{
		ID: "LNK012", Slug: "nbr-annotations", Severity: rule.Error, Formats: nuScenesFamily,
		Summary: "nbr_annotations of an instance is the number of its annotations, and at least one.",
		Why:     "Trackers filter objects by this number; an instance that lost annotations is noticed by nothing else.",
		Example: `"nbr_annotations": 17 for an instance with 16 rows in sample_annotation.json`,
		Hint:    "restore the missing annotations, or correct the number",
		Checks:  []Check{rule.On(nbrAnnotations).Needing("instance", "sample_annotation", "object_ann")},
	},
	{
		ID: "LNK019", Slug: "instance-scene", Severity: rule.Error, Formats: formats{nuScenes, lyft},
		Summary: "All annotations of an instance lie in one scene.",
		Why:     "An instance is one object seen in one scene. Tracks across scenes join objects that have nothing to do with one another.",
		Example: "an annotation of an instance of scene-0061 names a sample of scene-0553",
		Hint:    "give the annotation the sample that it was made in, or an instance of its own",
		Checks:  []Check{rule.On(instanceScene).Needing("instance", "sample_annotation", "sample", "scene")},
	},
	{
		ID: "LNK020", Slug: "instance-sample-dup", Severity: rule.Error, Formats: nuScenesFamily,
		Summary: "An instance is annotated at most once in a sample.",
		Why:     "One object cannot be in two places: metrics count the second box as another object, and velocities divide by zero time.",
		Example: "two rows of sample_annotation with the same instance_token and sample_token",
		Hint:    "remove one of the two, or give it its own instance or sample",
		Checks:  []Check{rule.On(instanceSampleDup).Needing("instance", "sample_annotation", "sample")},
	},
	{
		ID: "LNK028", Slug: "attribute-count", Severity: rule.Warning, Formats: formats{nuScenes},
		Summary: "An annotation has at most one attribute.",
		Why:     "The detection evaluation of the nuScenes devkit stops at an assertion when there are more.",
		Example: `"attribute_tokens": [vehicle.moving, vehicle.parked]`,
		Hint:    "keep the one attribute that holds",
		Checks: []Check{rule.On(func(c *Ctx, t *nuscenes.Tables) {
			for i := range t.SampleAnnotation.Rows {
				if n := len(t.List(t.SampleAnnotation.Rows[i].Attributes)); n > 1 {
					c.Report(Finding{
						Message: fmt.Sprintf("the annotation has %d attributes", n), Place: nuscenes.At(t, &t.SampleAnnotation, int32(i)),
						Expected: "at most 1", Actual: strconv.Itoa(n),
					})
				}
			}
		}).Needing("sample_annotation")},
	},
	{
		ID: "LNK029", Slug: "attribute-class", Severity: rule.Warning, Formats: formats{nuScenes},
		Summary: "An attribute belongs to the class: vehicle.* to vehicles, cycle.* to bicycles and motorcycles, pedestrian.* to people and animals, none to things.",
		Why:     "The attribute score of the benchmark is computed by class: an attribute of another family counts as wrong for every detector.",
		Example: "a human.pedestrian.adult with vehicle.parked",
		Hint:    "give an attribute of the class's own family",
		Checks: []Check{rule.On(attributeClass).
			Needing("sample_annotation", "instance", "category", "attribute")},
	},
}

func nbrSamples(c *Ctx, t *nuscenes.Tables) {
	y := &t.Members().Samples
	excused := false
	for i := range int32(len(t.Scene.Rows)) {
		r := &t.Scene.Rows[i]
		switch {
		case !t.Scene.Sound(i):
			excused = true
		case r.NbrSamples == y.N[i]:
		case y.Excused(i, r.NbrSamples):
			excused = true
		default:
			c.Report(Finding{
				Message: fmt.Sprintf("nbr_samples is %d, but the scene has %s", r.NbrSamples, human.Count(int(y.N[i]), "sample")),
				Place:   nuscenes.At(t, &t.Scene, i), Expected: strconv.Itoa(int(y.N[i])), Actual: strconv.Itoa(int(r.NbrSamples)),
			})
		}
	}
	if excused {
		c.Skip(refuted(t.Sample.Path))
	}
}

func nbrAnnotations(c *Ctx, t *nuscenes.Tables) {
	y := &t.Members().Annotations
	images, doubtful := imageAnnotations(t)
	excused := false
	for i := range int32(len(t.Instance.Rows)) {
		r, n := &t.Instance.Rows[i], y.N[i]
		switch {
		case !t.Instance.Sound(i):
			excused = true
		case r.Nbr == n && n > 0:
		case y.Excused(i, r.Nbr) && (r.Nbr > 0 || n > 0):
			excused = true
		case n == 0 && images[i] > 0 && (r.Nbr == 0 || r.Nbr == images[i]): // T4: seen in images alone
		case doubtful > 0 && n == 0 && images[i] <= r.Nbr && r.Nbr <= images[i]+doubtful:
			excused = true
		case n == 0 && r.Nbr == 0:
			c.Report(Finding{Message: "the instance has no annotation", Place: nuscenes.At(t, &t.Instance, i), Expected: "at least 1", Actual: "0"})
		default:
			n = max(n, images[i])
			c.Report(Finding{
				Message: fmt.Sprintf("nbr_annotations is %d, but the instance has %s", r.Nbr, human.Count(int(n), "annotation")),
				Place:   nuscenes.At(t, &t.Instance, i), Expected: strconv.Itoa(int(n)), Actual: strconv.Itoa(int(r.Nbr)),
			})
		}
	}
	if excused {
		c.Skip(refuted(t.SampleAnnotation.Path))
	}
}

// imageAnnotations counts, for each instance of T4, its annotations in images,
// and those of which the instance is not known. Instances that only key points
// or traffic lights name count as annotated once.
func imageAnnotations(t *nuscenes.Tables) (n map[int32]int32, doubtful int32) {
	n = map[int32]int32{}
	if t.Dataset.Schema != dataset.T4 {
		return n, 0
	}
	l := t.Links()
	for row, i := range l.ObjectAnn.Instance {
		if i < 0 || !t.ObjectAnn.Sound(int32(row)) {
			doubtful++
			continue
		}
		n[i]++
	}
	for _, refs := range []nuscenes.Column{l.Keypoint.Instance, l.TrafficLight.Instance} {
		for _, i := range refs {
			if i < 0 {
				doubtful++
			}
			n[i] = max(n[i], 1)
		}
	}
	return n, doubtful
}

// instanceScene names the annotations outside the scene where most of the
// instance lies, or, of as many, the first.
func instanceScene(c *Ctx, t *nuscenes.Tables) {
	samples, a := t.Links().SampleAnnotation.Sample, t.Chains().SampleAnnotation
	unknown := false
	sceneOf := func(row int32) int32 {
		if samples[row] < 0 || a.Trusted(row) < 0 || !t.SampleAnnotation.Sound(row) {
			return nuscenes.Unknown
		}
		return t.Chains().Sample.Trusted(samples[row])
	}
	for instance := range int32(len(t.Instance.Rows)) {
		rows := t.Members().AnnotationsOf.Of(instance)
		home, several := nuscenes.Unknown, false
		for _, row := range rows {
			switch scene := sceneOf(row); {
			case scene < 0:
				unknown = true
			case home < 0:
				home = scene
			case scene != home:
				several = true
			}
		}
		if !several {
			continue
		}
		in := map[int32]int{}
		for _, row := range rows {
			if scene := sceneOf(row); scene >= 0 {
				if in[scene]++; in[scene] > in[home] {
					home = scene
				}
			}
		}
		for _, row := range rows {
			if scene := sceneOf(row); scene >= 0 && scene != home {
				c.Report(Finding{
					Message: fmt.Sprintf("the annotation lies in %s, instance %s in %s",
						t.Scene.Rows[scene].Name, t.Text(t.Instance.Rows[instance].Token), t.Scene.Rows[home].Name),
					Place:    nuscenes.At(t, &t.SampleAnnotation, row),
					Expected: t.Scene.Rows[home].Name, Actual: t.Scene.Rows[scene].Name,
				})
			}
		}
	}
	if unknown {
		c.Skip(refuted(t.SampleAnnotation.Path))
	}
}

func instanceSampleDup(c *Ctx, t *nuscenes.Tables) {
	samples, a := t.Links().SampleAnnotation.Sample, t.Chains().SampleAnnotation
	type seen struct{ instance, row int32 }
	last := make([]seen, len(t.Sample.Rows)) // instance + 1 that was annotated last, and where
	for instance := range int32(len(t.Instance.Rows)) {
		for _, row := range t.Members().AnnotationsOf.Of(instance) {
			s := samples[row]
			if s < 0 || a.Trusted(row) < 0 || !t.SampleAnnotation.Sound(row) {
				continue
			}
			if last[s].instance != instance+1 {
				last[s] = seen{instance + 1, row}
				continue
			}
			c.Report(Finding{
				Message: fmt.Sprintf("instance %s is annotated twice in sample %s",
					t.Text(t.Instance.Rows[instance].Token), t.Text(t.Sample.Rows[s].Token)),
				Place:   nuscenes.At(t, &t.SampleAnnotation, row),
				Related: []Place{nuscenes.At(t, &t.SampleAnnotation, last[s].row)},
			})
		}
	}
}

// attributeFamilies gives the families of attributes that a class may have.
// Annotators treat what people ride or push as either.
func attributeFamilies(class string) (families []string, known bool) {
	switch {
	case class == "vehicle.bicycle", class == "vehicle.motorcycle":
		return []string{"cycle"}, true
	case class == "vehicle.ego":
		return nil, true
	case class == "human.pedestrian.personal_mobility", class == "human.pedestrian.stroller", class == "human.pedestrian.wheelchair":
		return []string{"pedestrian", "cycle"}, true
	case class == "animal", strings.HasPrefix(class, "human.pedestrian."):
		return []string{"pedestrian"}, true
	case strings.HasPrefix(class, "vehicle."):
		return []string{"vehicle"}, true
	case strings.HasPrefix(class, "movable_object."), strings.HasPrefix(class, "static_object."):
		return nil, true
	}
	return nil, false
}

func attributeClass(c *Ctx, t *nuscenes.Tables) {
	l, a := t.Links(), t.Chains().SampleAnnotation
	unknown := false
	for row := range int32(len(t.SampleAnnotation.Rows)) {
		category, instance := nuscenes.Unknown, a.Trusted(row)
		if instance >= 0 {
			category = l.Instance.Category[instance]
		}
		if category < 0 || !t.SampleAnnotation.Sound(row) {
			unknown = true
			continue
		}
		class := t.Category.Rows[category].Name
		families, known := attributeFamilies(class)
		if !known {
			continue
		}
		for _, k := range t.List(t.SampleAnnotation.Rows[row].Attributes) {
			i, ok := t.Attribute.Find(k)
			if !ok {
				continue
			}
			name := t.Attribute.Rows[i].Name
			family, _, _ := strings.Cut(name, ".")
			if family != "vehicle" && family != "cycle" && family != "pedestrian" { // an attribute of one's own
				continue
			}
			fits := false
			want := "no attribute"
			for _, f := range families {
				fits = fits || f == family
			}
			if len(families) > 0 {
				want = strings.Join(families, ".* or ") + ".*"
			}
			if !fits {
				p := nuscenes.At(t, &t.SampleAnnotation, row)
				c.Report(Finding{
					Message: fmt.Sprintf("attribute %s does not fit class %s", name, class), Place: p,
					Expected: want, Actual: name, Key: p.Token + " " + name,
				})
			}
		}
	}
	if unknown {
		c.Skip(refuted(t.SampleAnnotation.Path))
	}
}
