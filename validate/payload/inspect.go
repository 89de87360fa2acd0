package payload

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"path"
	"strings"

	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/rule"
)

// inspect reads the header that f's kind and name promise. It gives the item,
// or the fault that keeps it from being one; a fault without a message was
// said elsewhere.
func (r *reader) inspect(f File, h *head) (any, *rule.Fault) {
	switch f.Kind {
	case Image, MapMask:
		return r.image(f, h)
	case Lidar, Radar:
		return r.cloud(f, h)
	case NPZ:
		if f.Format != FormatZip {
			return nil, r.alien(f, FormatZip)
		}
		return nil, nil // its array is compressed: body, not header
	case Bag:
		if f.Format != FormatMCAP {
			return nil, r.alien(f, FormatMCAP)
		}
		m, err := ReadMCAP(h, h.size)
		if err != nil {
			return nil, headerFault("mcap-container", err)
		}
		return &BagFile{f, m}, nil
	}
	return nil, nil
}

func (r *reader) image(f File, h *head) (any, *rule.Fault) {
	expected := f.Format
	switch strings.ToLower(path.Ext(f.Path)) {
	case ".png":
		expected = FormatPNG
	case ".jpg", ".jpeg":
		expected = FormatJPEG
	}
	if f.Kind == MapMask {
		expected = FormatPNG
	}
	if f.Format != expected || expected != FormatPNG && expected != FormatJPEG {
		return nil, r.alien(f, expected)
	}
	item := &ImageFile{File: f}
	slug, err := "png-header", error(nil)
	if f.Format == FormatPNG {
		if item.PNG, err = PNGHeader(h, h.size); err == nil {
			item.Width, item.Height = item.PNG.Width, item.PNG.Height
		}
		if f.Kind == MapMask {
			slug = "map-png"
		}
	} else {
		if item.JPEG, err = JPEGHeader(h, h.size); err == nil {
			item.Width, item.Height = item.JPEG.Width, item.JPEG.Height
		}
		slug = "jpeg-truncated"
	}
	if err != nil {
		return nil, headerFault(slug, err)
	}
	return item, nil
}

func (r *reader) cloud(f File, h *head) (any, *rule.Fault) {
	ext := strings.ToLower(path.Ext(f.Path))
	if ext == ".txt" {
		return nil, &rule.Fault{Slug: "extension"} // rows of text; the rule about names speaks
	}
	if f.Kind == Radar || ext == ".pcd" {
		if f.Format != FormatPCD {
			return nil, r.alien(f, FormatPCD)
		}
		return r.pcd(f, h)
	}
	if f.Format != FormatRaw {
		return nil, r.alien(f, FormatRaw)
	}
	columns := f.Columns
	if columns == 0 {
		columns = defaultColumns(r.ds.Schema)
	}
	stride := int64(4 * columns)
	if f.Size%stride != 0 {
		return nil, &rule.Fault{
			Slug:     "lidar-stride",
			Message:  fmt.Sprintf("%d bytes are not whole points of %d float32%s", f.Size, columns, otherStride(f.Size, columns)),
			Expected: fmt.Sprintf("a multiple of %d bytes", stride), Actual: fmt.Sprintf("%d bytes, %d left over", f.Size, f.Size%stride),
		}
	}
	return &CloudFile{File: f, Points: f.Size / stride}, nil
}

func (r *reader) pcd(f File, h *head) (any, *rule.Fault) {
	p, err := PCDHeader(h)
	if err != nil {
		return nil, headerFault("pcd-header", err)
	}
	if f.Kind == Lidar && r.tellsModality() && p.radar() {
		return nil, &rule.Fault{Slug: "modality-content", Message: "a radar scan lies in a lidar channel", Expected: "lidar points", Actual: "PCD with the fields of a radar"}
	}
	if fault := pcdBody(p, f.Size, h); fault != nil {
		return nil, fault
	}
	return &CloudFile{File: f, PCD: p, Points: p.Points, Empty: f.Kind == Radar && emptyScan(p, h)}, nil
}

// radar reports whether only a radar writes these fields.
func (p *PCD) radar() bool {
	_, _, rcs := p.Field("rcs")
	_, _, dyn := p.Field("dyn_prop")
	return rcs || dyn
}

// pcdBody checks that the file is long enough for the points of its header.
func pcdBody(p *PCD, size int64, h *head) *rule.Fault {
	body := size - p.Body
	var need int64
	switch p.Data {
	case "binary":
		if p.Step > 0 && p.Points > math.MaxInt64/p.Step {
			need = math.MaxInt64
		} else {
			need = p.Points * p.Step
		}
	case "ascii": // one digit and one separator a value, at least
		need = p.Points*int64(2*len(p.Fields)) - 1
	case "binary_compressed":
		var b [8]byte
		if n, err := readAt(h, b[:], p.Body); err != nil || n < len(b) {
			need = 8
			break
		}
		need = 8 + int64(binary.LittleEndian.Uint32(b[:]))
		if plain := int64(binary.LittleEndian.Uint32(b[4:])); plain != p.Points*p.Step {
			return &rule.Fault{
				Slug: "pcd-body", Message: "the compressed body of the PCD does not hold the points of its header",
				Expected: fmt.Sprintf("%d x %d bytes", p.Points, p.Step), Actual: fmt.Sprintf("%d bytes", plain),
			}
		}
	}
	if body >= need {
		return nil
	}
	fault := &rule.Fault{
		Slug: "pcd-body", Message: fmt.Sprintf("the body of the PCD is too short for the %d points of its header", p.Points),
		Expected: fmt.Sprintf("at least %d bytes behind the header", need), Actual: fmt.Sprintf("%d bytes", body),
	}
	if p.Data == "binary" {
		fault.Message += fmt.Sprintf(": it holds %d", body/max(p.Step, 1))
	}
	return fault
}

// emptyScan reports whether the only point of a radar scan has no coordinates.
func emptyScan(p *PCD, h *head) bool {
	x, at, ok := p.Field("x")
	if p.Points != 1 || p.Data != "binary" || !ok || x.Type != 'F' || x.Size != 4 {
		return false
	}
	var b [4]byte
	n, err := readAt(h, b[:], p.Body+int64(at))
	return err == nil && n == len(b) && math.IsNaN(float64(math.Float32frombits(binary.LittleEndian.Uint32(b[:]))))
}

func (r *reader) labels(f File) (any, *rule.Fault) {
	width := int64(f.Columns)
	if width == 0 {
		width = 1
		if r.ds.Schema == dataset.SemanticKITTI {
			width = 4
		}
	}
	if f.Format != FormatRaw && f.Format != FormatText { // small label values look like text
		return nil, r.alien(f, FormatRaw)
	}
	r.mu.Lock()
	cloud := r.clouds[f.Cloud]
	r.mu.Unlock()
	if cloud.slug != "" {
		return nil, &rule.Fault{Slug: cloud.slug}
	}
	if cloud.points < 0 { // not inspected: left out of the run, or missing
		info, err := r.ds.Stat(f.Cloud)
		stride := int64(4 * defaultColumns(r.ds.Schema))
		if err != nil || strings.HasSuffix(f.Cloud, ".pcd") || info.Size()%stride != 0 {
			return nil, &rule.Fault{Slug: "file-missing"}
		}
		cloud.points = info.Size() / stride
	}
	return &LabelFile{File: f, Count: f.Size / width, Rest: f.Size % width, CloudPoints: cloud.points}, nil
}

// alien is the fault of a file whose first bytes are not what its name says.
func (r *reader) alien(f File, expected Format) *rule.Fault {
	known := f.Format != FormatRaw && f.Format != FormatText
	fault := &rule.Fault{Slug: "magic", Expected: expected.String(), Actual: f.Format.String()}
	switch {
	case expected != FormatPNG && expected != FormatJPEG && f.Kind == Image:
		fault.Message, fault.Expected = fmt.Sprintf("holds %s, not an image", f.Format), "PNG or JPEG"
	case known || expected == FormatRaw:
		fault.Message = fmt.Sprintf("holds %s where %s should be", f.Format, expected)
	default:
		fault.Message = fmt.Sprintf("does not begin with the signature of %s", expected)
	}
	if known && r.tellsModality() {
		fault.Slug = "modality-content"
	}
	return fault
}

// tellsModality reports whether the format fixes what a channel's files hold,
// so that the content of another modality has a rule of its own.
func (r *reader) tellsModality() bool {
	return r.ds.Schema == dataset.NuScenes || r.ds.Schema == dataset.T4
}

func headerFault(slug string, err error) *rule.Fault {
	fault := &rule.Fault{Slug: slug, Message: err.Error()}
	if he := (*HeaderError)(nil); errors.As(err, &he) {
		fault.Expected, fault.Actual, fault.Line, fault.ByteOffset = he.Expected, he.Actual, he.Line, he.Offset
	}
	return fault
}

// defaultColumns is the number of float32 per point that a format fixes.
func defaultColumns(s dataset.Schema) int {
	switch s {
	case dataset.NuScenes, dataset.Lyft, dataset.T4:
		return 5
	}
	return 4
}

// otherStride names the strides in use that would fit a size.
func otherStride(size int64, columns int) string {
	var fit []string
	for _, c := range []int64{4, 5, 6} {
		if c != int64(columns) && size%(4*c) == 0 {
			fit = append(fit, fmt.Sprintf("%d float32", c))
		}
	}
	if fit == nil {
		return ": the file is truncated"
	}
	return "; it fits points of " + strings.Join(fit, " or ")
}
