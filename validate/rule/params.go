package rule

// Params are the thresholds of the rules, as the configuration file names
// them. Units stand beside each; DefaultParams gives the values of
// docs/formats.md.
type Params struct {
	Tolerance Tolerance        `yaml:"tolerance" json:"tolerance"`
	Sync      Sync             `yaml:"sync" json:"sync"`
	SyncID    SyncID           `yaml:"sync_id" json:"sync_id"`
	Modality  Modality         `yaml:"modality_schema" json:"modality_schema"`
	Gap       Gap              `yaml:"gap" json:"gap"`
	Rate      Rate             `yaml:"rate" json:"rate"`
	Classes   map[string]Class `yaml:"class" json:"class,omitempty"`
	Splits    Splits           `yaml:"splits" json:"splits"`
	Versions  []string         `yaml:"versions" json:"versions,omitempty"` // further names of nuScenes table folders
	Mapping   string           `yaml:"mapping" json:"mapping,omitempty"`   // folder with the KITTI devkit's train_rand.txt and train_mapping.txt
	Strict    bool             `yaml:"-" json:"-"`
	Deep      bool             `yaml:"-" json:"-"`
}

// Tolerance holds allowed deviations.
type Tolerance struct {
	Rotation   float64 `yaml:"rotation" json:"rotation"`     // max |R Rᵀ - I| of a rotation matrix
	Quaternion float64 `yaml:"quaternion" json:"quaternion"` // | |q| - 1 |
	Alpha      float64 `yaml:"alpha" json:"alpha"`           // rad
	BBoxPx     float64 `yaml:"bbox_px" json:"bbox_px"`       // px outside the image that are only a warning
}

// Sync holds the windows of offsets against the reference channel.
type Sync struct {
	WindowMs         float64               `yaml:"window_ms" json:"window_ms"`                 // |offset| of channels without a window of their own
	Windows          map[string][2]float64 `yaml:"windows" json:"windows,omitempty"`           // by channel: [min, max] in ms
	PartnerTolerance string                `yaml:"partner_tolerance" json:"partner_tolerance"` // "half-period" or a duration such as "20ms"
}

// SyncID says which UUID versions sensor_sync_id may have.
type SyncID struct {
	Versions []int  `yaml:"versions" json:"versions"`
	Policy   string `yaml:"policy" json:"policy"` // "uuid5": ids must be derived; "any"
}

// Modality extends the enum of modality_schema.
type Modality struct {
	Extra []string `yaml:"extra" json:"extra,omitempty"`
}

// Gap says when a step between two stamps is a gap.
type Gap struct {
	Factor float64 `yaml:"factor" json:"factor"` // times the median step
}

// Rate says how far a measured rate may lie from the nominal one.
type Rate struct {
	Tolerance float64 `yaml:"tolerance" json:"tolerance"` // 0.2 = 20 %
}

// Class is what is known of one object class.
type Class struct {
	Size     []float64 `yaml:"size" json:"size,omitempty"`           // hmin,hmax,wmin,wmax,lmin,lmax in m
	MaxSpeed float64   `yaml:"max_speed" json:"max_speed,omitempty"` // m/s
}

// Splits says whether the official splits of nuScenes apply.
type Splits struct {
	Official bool `yaml:"official" json:"official"`
}

// DefaultParams gives the thresholds of the standard.
func DefaultParams() *Params {
	return &Params{
		Tolerance: Tolerance{Rotation: 1e-4, Quaternion: 1e-3, Alpha: 0.1, BBoxPx: 1},
		Sync:      Sync{WindowMs: 100, PartnerTolerance: "half-period"},
		SyncID:    SyncID{Versions: []int{4, 5, 7}, Policy: "uuid5"},
		Gap:       Gap{Factor: 1.8},
		Rate:      Rate{Tolerance: 0.2},
		Splits:    Splits{Official: true},
	}
}
