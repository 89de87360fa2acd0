package metadata

import (
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/mmaudit/mmaudit/internal/jsonrow"
	"github.com/mmaudit/mmaudit/validate/moment"
	"github.com/mmaudit/mmaudit/validate/rule"
)

// A Value is a field as it was written.
type Value struct {
	Kind   jsonrow.Kind // 0: absent
	Text   string       // content of a string, else the literal; cut at 200 bytes
	Column int          // of the value in its line
}

// Missing reports whether the field is absent, null or "".
func (v Value) Missing() bool {
	return v.Kind == 0 || v.Kind == jsonrow.Null || v.Kind == jsonrow.String && v.Text == ""
}

// Literal gives the value as JSON shows it.
func (v Value) Literal() string {
	switch v.Kind {
	case 0:
		return "absent"
	case jsonrow.String:
		return strconv.Quote(v.Text)
	}
	return v.Text
}

// A Record is one metadata record, joined with what it describes.
type Record struct {
	Place   rule.Place // line, channel, and frame or token
	Dataset string
	Sample  string
	Channel string
	File    string // "" if it names none
	Own     string // its own reference; "" if it states none
	SyncID  Value
	Offset  Value
	Schema  Value  // own or inherited
	Size    int64  // -1 if it states none
	SHA256  string // "" if it states none

	Unknown   []string // names outside the schema
	Refused   []string // what the schema refuses beside them and the three fields
	Overrides []string // fields that a parent states too

	Group  *Group
	Moment *Sample             // what it describes; nil for an orphan
	Native *moment.Observation // its channel; nil for an orphan
	Orphan string              // why it describes nothing
	Twin   *Record             // the record that describes the same before it
}

// ID gives the sync id, if it is a UUID in the form of the standard but for
// upper case.
func (r *Record) ID() (id uuid.UUID, ok bool) {
	if r.SyncID.Kind != jsonrow.String {
		return id, false
	}
	id, _, ok = ParseID(r.SyncID.Text)
	return id, ok
}

// Recorded gives the recorded offset, read from the integer literal.
func (r *Record) Recorded() (ns int64, ok bool) {
	if r.Offset.Kind != jsonrow.Number {
		return 0, false
	}
	return parseInt64(r.Offset.Text)
}

// parseInt64 reads the literal that the standard demands: an integer within
// int64, without fraction, exponent, plus sign, leading zero, and not -0.
func parseInt64(s string) (int64, bool) {
	if !jsonrow.IsInt([]byte(s)) || s == "-0" {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

// Recomputed gives the offset that the native stamps say, against the
// reference that holds for the record.
func (r *Record) Recomputed() (ns int64, ok bool) {
	if r.Native == nil {
		return 0, false
	}
	m := *r.Moment.Moment
	m.Reference = r.Reference()
	return m.Offset(*r.Native)
}

// Reference gives the reference channel that holds for the record: its own,
// that of a parent, or that of the format. A parent may name a channel by the
// spelling of another format of the same family.
func (r *Record) Reference() string {
	if r.Own != "" {
		return r.Own
	}
	return r.Group.reference(r.Moment.Moment)
}

// IsReference reports whether the record is about the reference channel.
func (r *Record) IsReference() bool { return r.Channel == r.Reference() }

// parse fills a record from an object of a sidecar. start is the offset of the
// line. names interns what repeats.
func parse(obj *jsonrow.Record, start int64, names *interner) *Record {
	r := &Record{Size: -1}
	refused := false
	for i := range obj.Fields {
		f := &obj.Fields[i]
		text := func(into *string) {
			if f.Kind == jsonrow.String {
				*into = names.get(jsonrow.Text(f.Raw))
			}
			refused = refused || *into == ""
		}
		switch f.Name {
		case "schema_version":
			refused = refused || f.Kind != jsonrow.String || string(jsonrow.Text(f.Raw)) != Version
		case "dataset":
			text(&r.Dataset)
		case "sample":
			text(&r.Sample)
		case "channel":
			text(&r.Channel)
		case "file":
			text(&r.File)
		case "reference":
			text(&r.Own)
		case "source":
			refused = refused || f.Kind != jsonrow.String
		case "sensor_sync_id":
			r.SyncID = value(f, start, names)
		case "temporal_offset_ns":
			r.Offset = value(f, start, nil)
		case "modality_schema":
			r.Schema = value(f, start, names)
		case "size":
			n, ok := int64(0), f.Kind == jsonrow.Number
			if ok {
				n, ok = parseInt64(string(f.Raw))
			}
			if ok && n >= 0 {
				r.Size = n
			} else {
				refused = true
			}
		case "sha256":
			switch {
			case f.Kind == jsonrow.String && isDigest(jsonrow.Text(f.Raw)):
				r.SHA256 = string(jsonrow.Text(f.Raw))
			case f.Kind != jsonrow.Null:
				refused = true
			}
		default:
			if !strings.HasPrefix(f.Name, "x_") {
				r.Unknown = append(r.Unknown, f.Name)
			}
		}
	}
	if refused {
		r.Refused = refusals(recordSchema, obj.Raw, "sensor_sync_id", "temporal_offset_ns", "modality_schema")
		if f := obj.Field("size"); len(r.Refused) == 0 && f != nil && f.Kind == jsonrow.Number {
			r.Refused = []string{"size: expected an integer literal, but got " + string(f.Raw)}
		}
	}
	return r
}

func isDigest(b []byte) bool {
	return len(b) == 64 && !slices.ContainsFunc(b, func(c byte) bool { return c-'0' > 9 && (c < 'a' || c > 'f') })
}

func value(f *jsonrow.Field, start int64, names *interner) Value {
	b := f.Raw
	if f.Kind == jsonrow.String {
		b = jsonrow.Text(b)
	}
	b = b[:min(len(b), 200)]
	v := Value{Kind: f.Kind, Column: int(f.Offset-start) + 1}
	if names != nil {
		v.Text = names.get(b)
	} else {
		v.Text = string(b)
	}
	return v
}

// An interner keeps one copy of each of the last strings that it saw: the
// fields of neighbouring records mostly repeat.
type interner struct {
	recent [32]string
	next   int
}

func (n *interner) get(b []byte) string {
	for _, s := range n.recent {
		if s == string(b) {
			return s
		}
	}
	s := string(b)
	n.recent[n.next] = s
	n.next = (n.next + 1) % len(n.recent)
	return s
}
