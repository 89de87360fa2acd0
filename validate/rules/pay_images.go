package rules

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/mmaudit/mmaudit/validate/payload"
	"github.com/mmaudit/mmaudit/validate/rule"
)

var payImages = []Rule{
	{
		ID: "PAY001", Slug: "magic", Severity: rule.Error,
		Summary: "A file begins with the signature of the format that its name promises.",
		Why:     "Decoders go by the first bytes: a renamed or overwritten file fails in the middle of training, and a text read as points is noise.",
		Example: "training/image_2/000001.png that begins with ff d8 ff, a JPEG",
		Hint:    "restore the original, or convert it instead of renaming it",
		Checks:  []Check{rule.FromReader()},
	},
	{
		ID: "PAY002", Slug: "png-header", Severity: rule.Error,
		Summary: "A PNG has an undamaged header and ends with IEND; in KITTI it is 8 bit, grey or RGB.",
		Why:     "A truncated PNG decodes to an image that is black below some row, often without an error.",
		Example: "training/image_2/000001.png was cut off after 64 kB",
		Hint:    "copy or download the image again; convert palettes and 16 bit to 8-bit RGB",
		Checks:  []Check{rule.FromReader(), rule.On(checkPNGKind)},
	},
	{
		ID: "PAY003", Slug: "jpeg-truncated", Severity: rule.Error,
		Summary: "A JPEG has a frame header and ends with EOI.",
		Why:     "Decoders fill what is missing of a truncated JPEG with grey, with a warning that nobody sees.",
		Example: "samples/CAM_FRONT/…jpg was cut off after 64 kB",
		Hint:    "copy or download the image again",
		Checks:  []Check{rule.FromReader()},
	},
	{
		ID: "PAY004", Slug: "image-size", Severity: rule.Error,
		Formats: formats{nuScenes, lyft, t4},
		Summary: "An image is as large as its sample_data says.",
		Why:     "The intrinsics belong to the declared size: boxes projected into a resized image miss their objects.",
		Example: "sample_data has 1600 x 900, the JPEG is 800 x 450",
		Hint:    "restore the original image, or change width, height and camera_intrinsic together",
		Checks: []Check{rule.On(func(c *Ctx, i *payload.ImageFile) {
			if i.Kind == payload.Image && declaresOther(i) {
				c.Report(Finding{
					Message: "the image is not as large as its sample_data says", Place: i.Place(),
					Expected: fmt.Sprintf("%d x %d", i.Want.Width, i.Want.Height), Actual: fmt.Sprintf("%d x %d", i.Width, i.Height),
				})
			}
		})},
	},
	{
		ID: "PAY006", Slug: "image-size-drift", Severity: rule.Warning,
		Summary: "The images of one camera have one size within a drive or scene. (The drive of a frame of KITTI object is what the devkit's mapping says.)",
		Why:     "One calibration serves the whole drive, so images of another size were resized or belong elsewhere.",
		Example: "image_02 of a drive has 107 images of 1242 x 375 and one of 1224 x 370",
		Hint:    "restore the images that differ",
		Checks:  []Check{rule.Collect(collectSizes, reportDrift)},
	},
	{
		ID: "PAY027", Slug: "map-png", Severity: rule.Error,
		Formats: formats{nuScenes, lyft},
		Summary: "A map is a readable PNG; the maps of nuScenes have 10 px for each metre of their canvas.",
		Why:     "Positions are turned into pixels by that scale alone: on a rescaled map every lookup is off.",
		Example: "maps/53992ee3….png is 1586 x 2025",
		Hint:    "download the maps again",
		Checks:  []Check{rule.FromReader(), rule.On(checkMapSize)},
	},
}

// declaresOther reports whether the data set declares another size than the
// image has.
func declaresOther(i *payload.ImageFile) bool {
	return i.Want.Width > 0 && i.Want.Width != i.Width || i.Want.Height > 0 && i.Want.Height != i.Height
}

func checkPNGKind(c *Ctx, i *payload.ImageFile) {
	if i.PNG == nil || i.Kind != payload.Image || !slices.Contains(kittiFamily, c.Dataset.Schema) {
		return
	}
	if p := i.PNG; p.BitDepth != 8 || p.Color != payload.Gray && p.Color != payload.RGB {
		c.Report(Finding{
			Message: "the image is not 8-bit grey or RGB", Place: i.Place(),
			Expected: "8 bit, grey or RGB", Actual: fmt.Sprintf("%d bit, %s", p.BitDepth, p.Color),
		})
	}
}

var kittiFamily = formats{kittiObject, kittiRaw, kittiTracking, kittiOdometry, semanticKITTI}

// A size is that of an image in px.
type size struct{ width, height int }

func (s size) String() string { return fmt.Sprintf("%d x %d", s.width, s.height) }

// driftState holds, for each camera of each drive, its sizes with the images
// that have them. Of a size that most images have, only the number matters.
type driftState map[[2]string]map[size]*sameSize

type sameSize struct {
	n      int
	places []Place // of the first images by path, at most maxDrift
}

// maxDrift bounds how many images of one size are kept for each camera and
// drive.
const maxDrift = 64

func collectSizes(c *Ctx, s *driftState, i *payload.ImageFile) {
	if i.Kind != payload.Image || declaresOther(i) {
		return
	}
	if c.Dataset.Schema == kittiObject && strings.Contains(i.Group, "/") { // a frame by itself
		if strings.HasPrefix(i.Group, "training/") {
			c.Skip("the devkit's mapping (train_rand.txt, train_mapping.txt)")
		}
		return
	}
	if *s == nil {
		*s = driftState{}
	}
	camera := [2]string{i.Group, i.Channel}
	if (*s)[camera] == nil {
		(*s)[camera] = map[size]*sameSize{}
	}
	of := size{i.Width, i.Height}
	k := (*s)[camera][of]
	if k == nil {
		k = &sameSize{}
		(*s)[camera][of] = k
	}
	k.n++
	if k.places = append(k.places, i.Place()); len(k.places) >= 2*maxDrift {
		k.first()
	}
}

// first keeps the first places by path.
func (k *sameSize) first() {
	slices.SortFunc(k.places, func(a, b Place) int { return strings.Compare(a.Path, b.Path) })
	k.places = k.places[:min(len(k.places), maxDrift)]
}

func reportDrift(c *Ctx, s *driftState) {
	for camera, sizes := range *s {
		if len(sizes) < 2 {
			continue
		}
		var usual size
		for of, k := range sizes {
			u := sizes[usual]
			if u == nil || cmp.Or(cmp.Compare(k.n, u.n), cmp.Compare(of.width, usual.width), cmp.Compare(of.height, usual.height)) > 0 {
				usual = of
			}
		}
		for of, k := range sizes {
			if of == usual {
				continue
			}
			k.first()
			for _, p := range k.places {
				c.Report(Finding{
					Message: fmt.Sprintf("the size differs from that of %d other images of %s", sizes[usual].n, camera[1]), Place: p,
					Expected: usual.String(), Actual: of.String(),
				})
			}
		}
	}
}

// mapSizes are the maps of nuScenes by their published names, in px: ten for
// each metre of the canvas of the map expansion.
var mapSizes = map[string]size{
	"53992ee3023e5494b90c316c183be829": {15856, 20250}, // singapore-onenorth
	"37819e65e09e5547b8a3ceaefba56bb2": {28083, 29229}, // singapore-hollandvillage
	"93406b464a165eaba6d9de76ca09f5da": {32286, 36871}, // singapore-queenstown
	"36092f0b03a857c6a3403e25b4b7aab3": {29795, 21181}, // boston-seaport
}

func checkMapSize(c *Ctx, i *payload.ImageFile) {
	want, ok := mapSizes[strings.TrimSuffix(path.Base(i.Path), ".png")]
	if i.Kind != payload.MapMask || c.Dataset.Schema != nuScenes || !ok {
		return
	}
	far := func(a, b int) bool { return max(a, b)-min(a, b) > 10 } // a metre
	if far(want.width, i.Width) || far(want.height, i.Height) {
		c.Report(Finding{
			Message: "the map does not have 10 px for each metre of its canvas", Place: i.Place(),
			Expected: want.String(), Actual: size{i.Width, i.Height}.String(),
		})
	}
}
