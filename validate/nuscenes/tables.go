// Package nuscenes reads the nuScenes family: nuScenes v1.0, Lyft L5 and
// Autoware T4, whose tables are JSON arrays of flat objects that name one
// another by token.
//
// What rules across tables need is computed once from the loaded *Tables, when
// a rule first asks: Links (references as row numbers), Sensors (the channel of
// each capture), Chains (the lists that next and prev make), Members (rows by
// scene, sample and instance, counted) and Keyframes. Each of these builds on
// those before it, and trusts nothing that they refute. So one fault speaks
// once, by the first rule in this order:
//
//	the record itself       a missing field, a repeated primary key
//	references              fk-dangling, fk-empty, fk-wrong-table
//	the channel of a file   filename-channel
//	chains                  chain-dangling, -crosses, -cycle, -asymmetric, -gap, -ends; first-last
//	keyframes               keyframe-folder, -duplicate, -missing
//	counts                  nbr-samples, nbr-annotations
package nuscenes

import (
	"github.com/mmaudit/mmaudit/validate/dataset"
)

// A Token stands for the text of a primary key, or of a reference to one: equal
// texts of a data set have equal tokens. Which number stands for a text differs
// from run to run. The zero Token is the empty string; Tables.Text gives the
// text of the others.
type Token uint32

// Zero reports whether the token is the empty string.
func (t Token) Zero() bool { return t == 0 }

// A Row is where a record of a table begins, and how to name it.
type Row struct {
	Token  Token
	Offset int64 // byte offset of the record's '{' in its file
}

func (r *Row) row() *Row { return r }

// Geometry is where a row puts something and how large it is.
type Geometry struct {
	Rotation [4]float64 // unit quaternion w, x, y, z
	Metres   [3]float64 // ego_pose: translation; sample_annotation: width, length, height
}

// Geometries is Tables with the Geometry of ego_pose and sample_annotation,
// which takes much of the memory and which most rules do not need.
type Geometries struct{ *Tables }

// A Table holds the captured columns of one JSON table, in file order, and its
// index by primary key.
type Table[T any] struct {
	Name string // "sample_data"
	Path string // relative to the data set's root
	Rows []T
	// Geometry is that of each row, in the tables that have it and where a rule
	// of the run asks for it: who subscribes to *Geometries.
	Geometry []Geometry
	// Present tells a table that lies on disk from one that is missing.
	Present bool
	// Refused holds the rows whose own record broke a rule: a field that is
	// missing or of another type, a primary key seen before. They keep what
	// could be read of them (the zero Token stands for a field that could not),
	// others may refer to them, and rules across records excuse what they
	// might explain. nil when every row is sound.
	Refused map[int32]struct{}

	row       func(*T) *Row // the Row embedded in a T
	index     index
	unusable  string // slug of the rule that broke the table as an input, or ""
	distinct  bool   // no primary key occurs twice
	keyless   bool   // some row has no primary key that could be read
	refusedBy string // slug of a rule that refused a row, or ""
}

// Row says where row i begins, and its primary key.
func (t *Table[T]) Row(i int32) *Row { return t.row(&t.Rows[i]) }

// Sound reports whether row i passed the rules of its own record.
func (t *Table[T]) Sound(i int32) bool {
	_, refused := t.Refused[i]
	return !refused
}

// Tables is one data set of the nuScenes family with the fields that rules
// across records need. Fields that only the schema of a record constrains are
// not kept. Columns that name another table are Tokens; rows[i] of a missing
// table do not exist. It is read-only once loaded.
type Tables struct {
	Dataset *dataset.Dataset

	Attribute        Table[Attribute]
	CalibratedSensor Table[CalibratedSensor]
	Category         Table[Category]
	EgoPose          Table[EgoPose]
	Instance         Table[Instance]
	Log              Table[Log]
	Map              Table[Map]
	Sample           Table[Sample]
	SampleAnnotation Table[SampleAnnotation]
	SampleData       Table[SampleData]
	Scene            Table[Scene]
	Sensor           Table[Sensor]
	Visibility       Table[Visibility]
	// Optional tables.
	Lidarseg     Table[Lidarseg]
	Panoptic     Table[Lidarseg]
	ObjectAnn    Table[ObjectAnn]    // T4
	SurfaceAnn   Table[SurfaceAnn]   // T4
	Keypoint     Table[Keypoint]     // T4
	VehicleState Table[VehicleState] // T4
	TrafficLight Table[TrafficLight] // T4

	Splits map[string][]string // splits.json: split -> scene names; nil if there is none

	texts *texts // of tokens
	names names
	lists lists

	facts facts
}

// Whole implements rule.Whole.
func (t *Tables) Whole() {}

// A Mask is what is kept of the run lengths of a mask in an image.
type Mask struct {
	Size   [2]int32 // as written: height, width, or the other way round
	Pixels int64    // that the runs cover, set or not
	Fault  string   // why the runs do not decode, or ""
}

// Rows of the tables. A timestamp is in nanoseconds (the tables say
// microseconds; Lyft's fractions are kept exactly). Angles are quaternions
// w, x, y, z; lengths are metres.
type (
	Attribute struct {
		Row
		Name string
	}
	CalibratedSensor struct {
		Row
		Sensor      Token
		Translation [3]float64
		Rotation    [4]float64
		Intrinsic   [9]float64 // row-major; valid if IntrinsicShape is 9
		// IntrinsicShape is 9 for a 3x3 matrix, 0 for [], -1 for anything else.
		IntrinsicShape int8
		Distortion     []float64
	}
	Category struct {
		Row
		Name     string
		Index    int32
		HasIndex bool
	}
	EgoPose struct {
		Row
		Timestamp int64
	}
	Instance struct {
		Row
		Category Token
		Nbr      int32
		First    Token
		Last     Token
		Name     string // T4 instance_name
	}
	Log struct {
		Row
		Logfile, Vehicle, Date, Location string
	}
	Map struct {
		Row
		Logs               []Token
		Category, Filename string
	}
	Sample struct {
		Row
		Timestamp  int64
		Scene      Token
		Next, Prev Token
	}
	SampleAnnotation struct {
		Row
		Sample, Instance, Visibility Token
		Attributes                   List
		LidarPts, RadarPts           int32
		Next, Prev                   Token
	}
	SampleData struct {
		Row
		Timestamp                   int64
		Filename                    Name
		Sample, EgoPose, Calibrated Token
		Next, Prev                  Token
		Width, Height               int32
		Info                        RareName // T4 info_filename
		PCD                         bool     // the format is pcd
		KeyFrame                    bool
		Valid                       bool // T4 is_valid; true elsewhere
	}
	Scene struct {
		Row
		Name        string
		Log         Token
		NbrSamples  int32
		First, Last Token
	}
	Sensor struct {
		Row
		Channel, Modality string
	}
	Visibility struct {
		Row
		Level string
	}
	Lidarseg struct {
		Row
		SampleData Token
		Filename   string
	}
	ObjectAnn struct {
		Row
		SampleData, Instance, Category Token
		Attributes                     []Token
		BBox                           [4]float64
		Mask                           Mask
	}
	SurfaceAnn struct {
		Row
		SampleData, Category Token
		Mask                 Mask
	}
	Keypoint struct {
		Row
		SampleData, Instance Token
		Categories           []Token
		Num                  int32
	}
	VehicleState struct {
		Row
		Timestamp int64
	}
	TrafficLight struct {
		Row
		Instance  Token
		Primitive string // lanelet2 way id
	}
)
