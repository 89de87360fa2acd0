package nuscenes

import (
	"math"

	"github.com/mmaudit/mmaudit/internal/jsonrow"
)

// A column moves one field of a record into a row. set reports whether the
// value could be read.
type column[T any] struct {
	name string
	set  func(l *loader, row *T, f *jsonrow.Field) bool
	// fast, if set, makes a taker that does both: accepts what c accepts, and
	// moves it. It gives nil for a check that it was not made for.
	fast func(c *check) taker[T]
	// token, if set, is where the column keeps a token, provisional until the
	// row is settled.
	token func(*T) *Token
}

// taker makes what takes the column's values.
func (col *column[T]) taker(c *check) taker[T] {
	if col.fast != nil && !c.ask {
		if take := col.fast(c); take != nil {
			return take
		}
	}
	return func(l *loader, row *T, b []byte) int {
		n := c.accept(b)
		if n == 0 {
			return 0
		}
		l.field = jsonrow.Field{Name: col.name, Kind: jsonrow.KindOf(b[0]), Raw: b[:n]}
		if !col.set(l, row, &l.field) {
			return 0
		}
		return n
	}
}

func token[T any](name string, at func(*T) *Token) column[T] {
	return column[T]{name: name, token: at, set: func(l *loader, row *T, f *jsonrow.Field) bool {
		if f.Kind != jsonrow.String {
			return false
		}
		*at(row) = l.tokens.token(jsonrow.Text(f.Raw))
		return true
	}, fast: func(c *check) taker[T] {
		if !c.kinds.has(jsonrow.String) || c.enum != nil || c.pattern != nil {
			return nil
		}
		hex := c.minLen <= 32 && (c.hex == 0 || c.hex == 32)
		return func(l *loader, row *T, b []byte) int {
			if hex && len(b) > 33 && b[0] == '"' && b[33] == '"' {
				if k, ok := l.tokens.digits(b[1:33]); ok {
					*at(row) = k
					return 34
				}
			}
			n := c.accept(b)
			if n == 0 || b[0] != '"' {
				return 0
			}
			*at(row) = l.tokens.token(b[1 : n-1])
			return n
		}
	}}
}

func tokens[T any](name string, at func(*T) *[]Token) column[T] {
	return column[T]{name: name, set: func(l *loader, row *T, f *jsonrow.Field) bool {
		if f.Kind != jsonrow.Array {
			return false
		}
		ok := true
		var list []Token
		jsonrow.Elements(f.Raw, func(k jsonrow.Kind, raw []byte) bool {
			if ok = k == jsonrow.String; ok {
				list = append(list, l.tokens.known(jsonrow.Text(raw)))
			}
			return ok
		})
		*at(row) = l.lists.keep(list)
		return ok
	}}
}

// list keeps an array of tokens that many rows have.
func list[T any](name string, at func(*T) *List) column[T] {
	return column[T]{name: name, set: func(l *loader, row *T, f *jsonrow.Field) bool {
		if f.Kind != jsonrow.Array {
			return false
		}
		ok := true
		l.list = l.list[:0]
		jsonrow.Elements(f.Raw, func(k jsonrow.Kind, raw []byte) bool {
			if ok = k == jsonrow.String; ok {
				l.list = append(l.list, l.tokens.known(jsonrow.Text(raw)))
			}
			return ok
		})
		*at(row) = l.tables.lists.add(l.list)
		return ok
	}, fast: func(c *check) taker[T] {
		if c.kinds != 1<<jsonrow.Array || c.lengths != nil || c.items.kinds != 1<<jsonrow.String {
			return nil
		}
		return func(l *loader, row *T, b []byte) int {
			if len(b) == 0 || b[0] != '[' {
				return 0
			}
			l.list = l.list[:0]
			n := elements(b, func(b []byte) int {
				n := c.items.accept(b)
				if n > 0 {
					l.list = append(l.list, l.tokens.known(b[1:n-1]))
				}
				return n
			})
			if n > 0 {
				*at(row) = l.tables.lists.add(l.list)
			}
			return n
		}
	}}
}

// text keeps a string of its own for each row; word shares one string among
// the rows that have it.
func text[T any](name string, at func(*T) *string) column[T] {
	return column[T]{name: name, set: func(l *loader, row *T, f *jsonrow.Field) bool {
		if f.Kind != jsonrow.String {
			return false
		}
		*at(row) = l.string(jsonrow.Text(f.Raw))
		return true
	}}
}

func word[T any](name string, at func(*T) *string) column[T] {
	return column[T]{name: name, set: func(l *loader, row *T, f *jsonrow.Field) bool {
		if f.Kind != jsonrow.String {
			return false
		}
		*at(row) = l.word(jsonrow.Text(f.Raw))
		return true
	}}
}

// filename keeps the path of a file.
func filename[T any](name string, at func(*T) *Name) column[T] {
	return column[T]{name: name, set: func(l *loader, row *T, f *jsonrow.Field) bool {
		if f.Kind != jsonrow.String {
			return false
		}
		*at(row) = l.namer.name(jsonrow.Text(f.Raw))
		return true
	}, fast: func(c *check) taker[T] {
		free := c.kinds.has(jsonrow.String) && c.enum == nil && c.pattern == nil && c.minLen == 0 && c.hex == 0
		return func(l *loader, row *T, b []byte) int {
			if free {
				if n := l.namer.next(b, at(row)); n > 0 {
					return n
				}
			}
			n := c.accept(b)
			if n == 0 || b[0] != '"' {
				return 0
			}
			*at(row) = l.namer.name(b[1 : n-1])
			return n
		}
	}}
}

func boolean[T any](name string, at func(*T) *bool) column[T] {
	return column[T]{name: name, set: func(_ *loader, row *T, f *jsonrow.Field) bool {
		if f.Kind != jsonrow.Bool {
			return false
		}
		*at(row) = f.Raw[0] == 't'
		return true
	}, fast: func(c *check) taker[T] {
		if c.kinds != 1<<jsonrow.Bool || c.enum != nil {
			return nil
		}
		return func(_ *loader, row *T, b []byte) int {
			n := c.accept(b)
			if n > 0 {
				*at(row) = b[0] == 't'
			}
			return n
		}
	}}
}

// oneOf keeps whether a string is the one that is asked for.
func oneOf[T any](name, wanted string, at func(*T) *bool) column[T] {
	wanted = `"` + wanted + `"`
	return column[T]{name: name, set: func(_ *loader, row *T, f *jsonrow.Field) bool {
		*at(row) = string(f.Raw) == wanted
		return f.Kind == jsonrow.String
	}, fast: func(c *check) taker[T] {
		if c.kinds != 1<<jsonrow.String || c.pattern != nil || c.minLen > 0 || c.hex > 0 {
			return nil
		}
		var quoted []string
		for _, s := range c.enum {
			if s = `"` + s + `"`; jsonrow.PlainString([]byte(s)) == len(s) {
				quoted = append(quoted, s)
			}
		}
		return func(_ *loader, row *T, b []byte) int {
			for _, s := range quoted {
				if len(b) >= len(s) && string(b[:len(s)]) == s {
					*at(row) = s == wanted
					return len(s)
				}
			}
			n := c.accept(b)
			if n > 0 {
				*at(row) = string(b[:n]) == wanted
			}
			return n
		}
	}}
}

// integer also reads 3.0, which a rule of its own speaks about. Values beyond
// int32 saturate.
func integer[T any](name string, at func(*T) *int32) column[T] {
	return column[T]{name: name, set: func(_ *loader, row *T, f *jsonrow.Field) bool {
		if f.Kind != jsonrow.Number {
			return false
		}
		n, exact := jsonrow.Scaled(f.Raw, 0)
		*at(row) = int32(min(max(n, math.MinInt32), math.MaxInt32))
		return exact
	}, fast: whole(0, func(row *T, n int64) { *at(row) = int32(min(max(n, math.MinInt32), math.MaxInt32)) })}
}

// microseconds reads a stamp into nanoseconds. Stamps beyond the years 1677 to
// 2262 saturate.
func microseconds[T any](name string, at func(*T) *int64) column[T] {
	return column[T]{name: name, set: func(_ *loader, row *T, f *jsonrow.Field) bool {
		if f.Kind != jsonrow.Number {
			return false
		}
		*at(row), _ = jsonrow.Scaled(f.Raw, 3)
		return true
	}, fast: whole(3, func(row *T, n int64) { *at(row) = n })}
}

// whole takes integer literals times 10^scale.
func whole[T any](scale int, put func(row *T, n int64)) func(c *check) taker[T] {
	return func(c *check) taker[T] {
		if c.kinds != 1<<jsonrow.Number || !c.integers {
			return nil
		}
		return func(_ *loader, row *T, b []byte) int {
			d, n := jsonrow.PlainNumber(b)
			v, ok := d.Whole(scale)
			if n == 0 || !ok {
				return 0
			}
			put(row, v)
			return n
		}
	}
}

func vector[T any](name string, at func(*T) []float64) column[T] {
	return numbersColumn(name, true, func(_ *loader, row *T) []float64 { return at(row) })
}

// geometry keeps numbers in the geometry of the row, if that is asked for.
func geometry[T any](name string, at func(*loader) []float64) column[T] {
	return numbersColumn(name, false, func(l *loader, _ *T) []float64 { return at(l) })
}

func numbersColumn[T any](name string, keep bool, at func(*loader, *T) []float64) column[T] {
	return column[T]{name: name, set: func(l *loader, row *T, f *jsonrow.Field) bool {
		return f.Kind == jsonrow.Array && numbers(f.Raw, at(l, row))
	}, fast: func(c *check) taker[T] {
		n := len(at(&loader{}, new(T)))
		if c.kinds != 1<<jsonrow.Array || !c.acceptsLength(n) || c.items.kinds != 1<<jsonrow.Number || c.items.integers || c.items.ask {
			return nil
		}
		return func(l *loader, row *T, b []byte) int {
			if !keep && !l.geometries {
				return plainNumbers(b, n, nil)
			}
			return plainNumbers(b, n, at(l, row))
		}
	}}
}

// plainNumbers reads an array of exactly count plain numbers at the front of b,
// and gives its length. They are moved to dst, if that is not nil.
func plainNumbers(b []byte, count int, dst []float64) int {
	if len(b) == 0 || b[0] != '[' {
		return 0
	}
	i := 0
	for k := range count {
		i = blank(b, i+1)
		n := plainNumber(b[i:], dst, k)
		if n == 0 {
			return 0
		}
		if i = blank(b, i+n); i >= len(b) || b[i] != ',' && k < count-1 {
			return 0
		}
	}
	if b[i] != ']' {
		return 0
	}
	return i + 1
}

// plainNumber reads a plain number at the front of b, and gives its length. It
// is moved to dst[k], if dst is not nil.
func plainNumber(b []byte, dst []float64, k int) int {
	if dst == nil {
		return jsonrow.SkipNumber(b)
	}
	d, n := jsonrow.PlainNumber(b)
	if n > 0 {
		var ok bool
		if dst[k], ok = d.Float(); !ok {
			dst[k] = jsonrow.Float(b[:n])
		}
	}
	return n
}

// numbers reads an array of exactly len(dst) numbers.
func numbers(raw []byte, dst []float64) bool {
	n := 0
	jsonrow.Elements(raw, func(k jsonrow.Kind, raw []byte) bool {
		if k != jsonrow.Number || n == len(dst) {
			n = -1
			return false
		}
		dst[n] = jsonrow.Float(raw)
		n++
		return true
	})
	return n == len(dst)
}

// intrinsic reads a 3x3 matrix or [].
func intrinsic(_ *loader, row *CalibratedSensor, f *jsonrow.Field) bool {
	if f.Kind != jsonrow.Array {
		row.IntrinsicShape = -1
		return false
	}
	n, ok := 0, true
	jsonrow.Elements(f.Raw, func(k jsonrow.Kind, raw []byte) bool {
		ok = k == jsonrow.Array && n < 3 && numbers(raw, row.Intrinsic[3*n:3*n+3])
		n++
		return ok
	})
	switch {
	case ok && n == 3:
		row.IntrinsicShape = 9
	case ok && n == 0:
		row.IntrinsicShape = 0
	default:
		row.IntrinsicShape = -1
		return false
	}
	return true
}

// floats reads an array of any number of numbers.
func floats[T any](name string, at func(*T) *[]float64) column[T] {
	return column[T]{name: name, set: func(_ *loader, row *T, f *jsonrow.Field) bool {
		if f.Kind == jsonrow.Null {
			return true
		}
		ok := f.Kind == jsonrow.Array
		if ok {
			jsonrow.Elements(f.Raw, func(k jsonrow.Kind, raw []byte) bool {
				if ok = k == jsonrow.Number; ok {
					*at(row) = append(*at(row), jsonrow.Float(raw))
				}
				return ok
			})
		}
		return ok
	}}
}

// mask reads the run lengths of T4: {"size": [a, b], "counts": "…"}.
func mask[T any](at func(*T) *Mask) column[T] {
	return column[T]{name: "mask", set: func(_ *loader, row *T, f *jsonrow.Field) bool {
		m := at(row)
		ok := f.Kind == jsonrow.Object
		if !ok {
			return false
		}
		jsonrow.Members(f.Raw, func(name string, k jsonrow.Kind, raw []byte) bool {
			switch {
			case name == "counts" && k == jsonrow.String:
				var err error
				if m.Pixels, err = runLengths(jsonrow.Text(raw)); err != nil {
					m.Fault = err.Error()
				}
			case name == "size" && k == jsonrow.Array:
				var size [2]float64
				ok = numbers(raw, size[:])
				for i, v := range size {
					m.Size[i] = int32(min(max(v, math.MinInt32), math.MaxInt32))
				}
			}
			return ok
		})
		return ok
	}}
}

// The columns of each table, by the names in the schemas.
var (
	attributeColumns = []column[Attribute]{
		token("token", func(r *Attribute) *Token { return &r.Token }),
		text("name", func(r *Attribute) *string { return &r.Name }),
	}
	calibratedSensorColumns = []column[CalibratedSensor]{
		token("token", func(r *CalibratedSensor) *Token { return &r.Token }),
		token("sensor_token", func(r *CalibratedSensor) *Token { return &r.Sensor }),
		vector("translation", func(r *CalibratedSensor) []float64 { return r.Translation[:] }),
		vector("rotation", func(r *CalibratedSensor) []float64 { return r.Rotation[:] }),
		{name: "camera_intrinsic", set: intrinsic},
		floats("camera_distortion", func(r *CalibratedSensor) *[]float64 { return &r.Distortion }),
	}
	categoryColumns = []column[Category]{
		token("token", func(r *Category) *Token { return &r.Token }),
		text("name", func(r *Category) *string { return &r.Name }),
		{name: "index", set: func(_ *loader, row *Category, f *jsonrow.Field) bool {
			if f.Kind == jsonrow.Null {
				return true
			}
			n, exact := jsonrow.Scaled(f.Raw, 0)
			row.Index = int32(min(max(n, math.MinInt32), math.MaxInt32))
			row.HasIndex = f.Kind == jsonrow.Number && exact
			return row.HasIndex
		}},
	}
	egoPoseColumns = []column[EgoPose]{
		token("token", func(r *EgoPose) *Token { return &r.Token }),
		microseconds("timestamp", func(r *EgoPose) *int64 { return &r.Timestamp }),
		geometry[EgoPose]("translation", func(l *loader) []float64 { return l.geometry.Metres[:] }),
		geometry[EgoPose]("rotation", func(l *loader) []float64 { return l.geometry.Rotation[:] }),
	}
	instanceColumns = []column[Instance]{
		token("token", func(r *Instance) *Token { return &r.Token }),
		token("category_token", func(r *Instance) *Token { return &r.Category }),
		integer("nbr_annotations", func(r *Instance) *int32 { return &r.Nbr }),
		token("first_annotation_token", func(r *Instance) *Token { return &r.First }),
		token("last_annotation_token", func(r *Instance) *Token { return &r.Last }),
		text("instance_name", func(r *Instance) *string { return &r.Name }),
	}
	logColumns = []column[Log]{
		token("token", func(r *Log) *Token { return &r.Token }),
		text("logfile", func(r *Log) *string { return &r.Logfile }),
		text("vehicle", func(r *Log) *string { return &r.Vehicle }),
		text("date_captured", func(r *Log) *string { return &r.Date }),
		text("data_captured", func(r *Log) *string { return &r.Date }),
		text("location", func(r *Log) *string { return &r.Location }),
	}
	mapColumns = []column[Map]{
		token("token", func(r *Map) *Token { return &r.Token }),
		tokens("log_tokens", func(r *Map) *[]Token { return &r.Logs }),
		text("category", func(r *Map) *string { return &r.Category }),
		text("filename", func(r *Map) *string { return &r.Filename }),
	}
	sampleColumns = []column[Sample]{
		token("token", func(r *Sample) *Token { return &r.Token }),
		microseconds("timestamp", func(r *Sample) *int64 { return &r.Timestamp }),
		token("scene_token", func(r *Sample) *Token { return &r.Scene }),
		token("next", func(r *Sample) *Token { return &r.Next }),
		token("prev", func(r *Sample) *Token { return &r.Prev }),
	}
	sampleAnnotationColumns = []column[SampleAnnotation]{
		token("token", func(r *SampleAnnotation) *Token { return &r.Token }),
		token("sample_token", func(r *SampleAnnotation) *Token { return &r.Sample }),
		token("instance_token", func(r *SampleAnnotation) *Token { return &r.Instance }),
		token("visibility_token", func(r *SampleAnnotation) *Token { return &r.Visibility }),
		list("attribute_tokens", func(r *SampleAnnotation) *List { return &r.Attributes }),
		geometry[SampleAnnotation]("translation", func(l *loader) []float64 { return l.ignored[:] }),
		geometry[SampleAnnotation]("size", func(l *loader) []float64 { return l.geometry.Metres[:] }),
		geometry[SampleAnnotation]("rotation", func(l *loader) []float64 { return l.geometry.Rotation[:] }),
		integer("num_lidar_pts", func(r *SampleAnnotation) *int32 { return &r.LidarPts }),
		integer("num_radar_pts", func(r *SampleAnnotation) *int32 { return &r.RadarPts }),
		token("next", func(r *SampleAnnotation) *Token { return &r.Next }),
		token("prev", func(r *SampleAnnotation) *Token { return &r.Prev }),
	}
	sampleDataColumns = []column[SampleData]{
		token("token", func(r *SampleData) *Token { return &r.Token }),
		token("sample_token", func(r *SampleData) *Token { return &r.Sample }),
		token("ego_pose_token", func(r *SampleData) *Token { return &r.EgoPose }),
		token("calibrated_sensor_token", func(r *SampleData) *Token { return &r.Calibrated }),
		filename("filename", func(r *SampleData) *Name { return &r.Filename }),
		oneOf("fileformat", "pcd", func(r *SampleData) *bool { return &r.PCD }),
		integer("width", func(r *SampleData) *int32 { return &r.Width }),
		integer("height", func(r *SampleData) *int32 { return &r.Height }),
		microseconds("timestamp", func(r *SampleData) *int64 { return &r.Timestamp }),
		boolean("is_key_frame", func(r *SampleData) *bool { return &r.KeyFrame }),
		boolean("is_valid", func(r *SampleData) *bool { return &r.Valid }),
		token("next", func(r *SampleData) *Token { return &r.Next }),
		token("prev", func(r *SampleData) *Token { return &r.Prev }),
		{name: "info_filename", set: func(l *loader, row *SampleData, f *jsonrow.Field) bool {
			if f.Kind == jsonrow.String {
				row.Info = l.tables.names.keep(l.namer.name(jsonrow.Text(f.Raw)))
			}
			return f.Kind == jsonrow.String || f.Kind == jsonrow.Null
		}},
	}
	sceneColumns = []column[Scene]{
		token("token", func(r *Scene) *Token { return &r.Token }),
		text("name", func(r *Scene) *string { return &r.Name }),
		token("log_token", func(r *Scene) *Token { return &r.Log }),
		integer("nbr_samples", func(r *Scene) *int32 { return &r.NbrSamples }),
		token("first_sample_token", func(r *Scene) *Token { return &r.First }),
		token("last_sample_token", func(r *Scene) *Token { return &r.Last }),
	}
	sensorColumns = []column[Sensor]{
		token("token", func(r *Sensor) *Token { return &r.Token }),
		text("channel", func(r *Sensor) *string { return &r.Channel }),
		word("modality", func(r *Sensor) *string { return &r.Modality }),
	}
	visibilityColumns = []column[Visibility]{
		token("token", func(r *Visibility) *Token { return &r.Token }),
		word("level", func(r *Visibility) *string { return &r.Level }),
	}
	lidarsegColumns = []column[Lidarseg]{
		token("token", func(r *Lidarseg) *Token { return &r.Token }),
		token("sample_data_token", func(r *Lidarseg) *Token { return &r.SampleData }),
		text("filename", func(r *Lidarseg) *string { return &r.Filename }),
	}
	objectAnnColumns = []column[ObjectAnn]{
		token("token", func(r *ObjectAnn) *Token { return &r.Token }),
		token("sample_data_token", func(r *ObjectAnn) *Token { return &r.SampleData }),
		token("instance_token", func(r *ObjectAnn) *Token { return &r.Instance }),
		token("category_token", func(r *ObjectAnn) *Token { return &r.Category }),
		tokens("attribute_tokens", func(r *ObjectAnn) *[]Token { return &r.Attributes }),
		vector("bbox", func(r *ObjectAnn) []float64 { return r.BBox[:] }),
		mask(func(r *ObjectAnn) *Mask { return &r.Mask }),
	}
	surfaceAnnColumns = []column[SurfaceAnn]{
		token("token", func(r *SurfaceAnn) *Token { return &r.Token }),
		token("sample_data_token", func(r *SurfaceAnn) *Token { return &r.SampleData }),
		token("category_token", func(r *SurfaceAnn) *Token { return &r.Category }),
		mask(func(r *SurfaceAnn) *Mask { return &r.Mask }),
	}
	keypointColumns = []column[Keypoint]{
		token("token", func(r *Keypoint) *Token { return &r.Token }),
		token("sample_data_token", func(r *Keypoint) *Token { return &r.SampleData }),
		token("instance_token", func(r *Keypoint) *Token { return &r.Instance }),
		tokens("category_tokens", func(r *Keypoint) *[]Token { return &r.Categories }),
		integer("num_keypoints", func(r *Keypoint) *int32 { return &r.Num }),
	}
	vehicleStateColumns = []column[VehicleState]{
		token("token", func(r *VehicleState) *Token { return &r.Token }),
		microseconds("timestamp", func(r *VehicleState) *int64 { return &r.Timestamp }),
	}
	trafficLightColumns = []column[TrafficLight]{
		token("token", func(r *TrafficLight) *Token { return &r.Token }),
		token("instance_token", func(r *TrafficLight) *Token { return &r.Instance }),
		text("primitive_id", func(r *TrafficLight) *string { return &r.Primitive }),
	}
)
