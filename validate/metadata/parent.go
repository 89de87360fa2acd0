package metadata

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/mmaudit/mmaudit/internal/jsonrow"
	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/rule"
)

// A Parent is what records inherit from: the entry of a descriptor, or the
// header line of a sidecar.
type Parent struct {
	Place     rule.Place
	What      string // "descriptor", "header line", "single record"
	Version   Value  // schema_version; absent also where there is no header line
	Standard  Value
	Dataset   string
	Group     string // header alone
	Schema    Value
	Reference string
	Forbidden []string // fields that cannot be inherited
	Unknown   []string
	Refused   []string // what the schema refuses beside them
	Overrides []string // fields that the parent of this parent states too
	Twin      string   // another parent of the same level, for the same records
}

// Known reports whether this build knows the version that the parent declares.
func (p *Parent) Known() bool {
	return p.Version.Kind == jsonrow.String && p.Version.Text == Version &&
		(p.Standard.Kind == 0 || p.Standard.Kind == jsonrow.String && p.Standard.Text == Standard)
}

// inheritNever are fields that only a record may state.
var inheritNever = []string{"sensor_sync_id", "temporal_offset_ns"}

func parseHeader(obj *jsonrow.Record, place rule.Place) *Parent {
	p := &Parent{Place: place, What: "header line"}
	for i := range obj.Fields {
		f := &obj.Fields[i]
		v := value(f, obj.Offset, nil)
		switch f.Name {
		case "schema_version":
			p.Version = v
		case "standard":
			p.Standard = v
		case "dataset":
			p.Dataset = str(v)
		case "group":
			p.Group = str(v)
		case "modality_schema":
			p.Schema = v
		case "reference":
			p.Reference = str(v)
		default:
			p.unfit(f.Name)
		}
	}
	p.Refused = refusals(headerSchema, obj.Raw, "schema_version", "standard", "modality_schema")
	return p
}

func (p *Parent) unfit(name string) {
	switch {
	case slices.Contains(inheritNever, name):
		p.Forbidden = append(p.Forbidden, name)
	case !strings.HasPrefix(name, "x_"):
		p.Unknown = append(p.Unknown, name)
	}
}

func str(v Value) string {
	if v.Kind != jsonrow.String {
		return ""
	}
	return v.Text
}

// A Descriptor is what mm_dataset.json says about one data set. The zero value
// stands for none.
type Descriptor struct {
	Parent    *Parent // nil without an entry for the data set
	Namespace uuid.UUID
	Entry     Entry
}

// An Entry is one data set in mm_dataset.json.
type Entry struct {
	Name           string            `json:"name"`
	ModalitySchema string            `json:"modality_schema,omitempty"`
	Reference      string            `json:"reference,omitempty"`
	Clock          string            `json:"clock,omitempty"`
	StampSemantics map[string]string `json:"stamp_semantics,omitempty"`
	SyncID         string            `json:"sync_id,omitempty"`
	Sensors        map[string]string `json:"sensors,omitempty"`
	Partners       []string          `json:"partners,omitempty"`
	SyncMap        string            `json:"sync_map,omitempty"`
}

// maxDescriptor bounds the bytes of a descriptor.
const maxDescriptor = 4 << 20

// readDescriptor reads the entry of one data set. What is wrong is emitted;
// a descriptor that cannot be used counts as none.
func readDescriptor(ds *dataset.Dataset, name string, e rule.Emitter) *Descriptor {
	d := &Descriptor{Namespace: Namespace}
	if !ds.Tree.Has(DescriptorFile) {
		return d
	}
	place := rule.Place{Path: DescriptorFile}
	text := e
	if ds.Sibling {
		text = quiet{}
	}
	b, err := ds.ReadFile(DescriptorFile, maxDescriptor)
	if err != nil {
		rule.Unreadable(text, ds, place, err)
		return d
	}
	doc := newDocument(text, DescriptorFile, b)
	obj := doc.object()
	if obj == nil {
		return d
	}
	d = parseDescriptor(obj, name, ds.Sibling)
	if !ds.Sibling || d.Parent.Known() {
		e.Emit(d.Parent)
	}
	return d
}

// parseDescriptor takes the entry of the data set with that name. What is wrong
// beside the entry is said with the first data set of the root, not again with
// its siblings.
func parseDescriptor(obj *jsonrow.Record, name string, sibling bool) *Descriptor {
	d := &Descriptor{Namespace: Namespace}
	top := &Parent{Place: rule.Place{Path: DescriptorFile, Line: 1, Column: 1}, What: "descriptor", Dataset: name}
	var entries []byte
	for i := range obj.Fields {
		f := &obj.Fields[i]
		switch f.Name {
		case "schema_version":
			top.Version = value(f, 0, nil)
		case "standard":
			top.Standard = value(f, 0, nil)
		case "namespace":
			if f.Kind == jsonrow.String {
				if ns, _, ok := ParseID(string(jsonrow.Text(f.Raw))); ok {
					d.Namespace = ns
				}
			}
		case "datasets":
			if f.Kind == jsonrow.Array {
				entries = f.Raw
			}
		default:
			top.unfit(f.Name)
		}
	}
	top.Refused = refusals(descriptorSchema, obj.Raw, "schema_version", "standard")
	if sibling {
		top.Unknown, top.Forbidden, top.Refused = nil, nil, nil
	}
	d.Parent = top
	if !top.Known() {
		return d
	}
	n := 0
	jsonrow.Elements(entries, func(k jsonrow.Kind, raw []byte) bool {
		if k != jsonrow.Object {
			return true
		}
		var own string
		jsonrow.Members(raw, func(name string, k jsonrow.Kind, raw []byte) bool {
			if name == "name" && k == jsonrow.String {
				own = string(jsonrow.Text(raw))
			}
			return true
		})
		if own != name {
			return true
		}
		if n++; n > 1 {
			top.Twin = fmt.Sprintf("%d entries", n)
			return true
		}
		jsonrow.Members(raw, func(name string, k jsonrow.Kind, raw []byte) bool {
			v := value(&jsonrow.Field{Kind: k, Raw: raw}, -1, nil)
			switch name {
			case "modality_schema":
				top.Schema = v
			case "reference":
				top.Reference = str(v)
			case "name", "clock", "stamp_semantics", "sync_id", "sensors", "partners", "sync_map":
			default:
				top.unfit(name)
			}
			return true
		})
		// Fields of a wrong type are left empty; the schema has refused them.
		d.Entry = lenientEntry(raw)
		return true
	})
	return d
}

// lenientEntry takes what has the right type, member by member.
func lenientEntry(raw []byte) (out Entry) {
	jsonrow.Members(raw, func(name string, _ jsonrow.Kind, raw []byte) bool {
		one := Entry{}
		b, err := json.Marshal(map[string]json.RawMessage{name: raw})
		if err != nil || json.Unmarshal(b, &one) != nil {
			return true
		}
		switch name {
		case "name":
			out.Name = one.Name
		case "modality_schema":
			out.ModalitySchema = one.ModalitySchema
		case "reference":
			out.Reference = one.Reference
		case "clock":
			out.Clock = one.Clock
		case "stamp_semantics":
			out.StampSemantics = one.StampSemantics
		case "sync_id":
			out.SyncID = one.SyncID
		case "sensors":
			out.Sensors = one.Sensors
		case "partners":
			out.Partners = one.Partners
		case "sync_map":
			out.SyncMap = one.SyncMap
		}
		return true
	})
	return out
}

// ReadDescriptor reads what mm_dataset.json says about a data set, without
// emitting anything.
func ReadDescriptor(ds *dataset.Dataset) *Descriptor { return readDescriptor(ds, Name(ds), quiet{}) }
