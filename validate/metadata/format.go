package metadata

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/mmaudit/mmaudit/internal/jsonrow"
)

// A Line is a record as annotate writes it.
type Line struct {
	Dataset, Sample, Channel, File string
	ID                             uuid.UUID
	Offset                         int64 // ns
	Schema                         string
	Source                         string // "" for none
}

// Append appends the record and its line feed.
func (l *Line) Append(b []byte) []byte {
	b = member(append(b, '{'), "dataset", l.Dataset)
	b = member(append(b, ','), "sample", l.Sample)
	b = member(append(b, ','), "channel", l.Channel)
	b = member(append(b, ','), "file", l.File)
	b = member(append(b, ','), "sensor_sync_id", l.ID.String())
	b = strconv.AppendInt(append(b, `,"temporal_offset_ns":`...), l.Offset, 10)
	b = member(append(b, ','), "modality_schema", l.Schema)
	if l.Source != "" {
		b = member(append(b, ','), "source", l.Source)
	}
	return append(b, "}\n"...)
}

// AppendHeader appends the header line of a sidecar.
func AppendHeader(b []byte, dataset, group string) []byte {
	b = standard(append(b, '{'))
	b = member(append(b, ','), "dataset", dataset)
	b = member(append(b, ','), "group", group)
	return append(b, "}\n"...)
}

// AppendMapHeader appends the header line of a sync map. drift is in parts per
// million.
func AppendMapHeader(b []byte, a, bb string, clock, residual int64, drift float64) []byte {
	b = standard(append(b, '{'))
	b = member(append(b, ','), "a", a)
	b = member(append(b, ','), "b", bb)
	b = strconv.AppendInt(append(b, `,"clock_offset_ns":`...), clock, 10)
	b = strconv.AppendInt(append(b, `,"residual_ns":`...), residual, 10)
	b = strconv.AppendFloat(append(b, `,"drift_ppm":`...), drift, 'f', 3, 64)
	return append(b, "}\n"...)
}

// Append appends the row and its line feed.
func (r *MapRow) Append(b []byte) []byte {
	end := func(name string, e MapEnd) {
		b = append(b, '"')
		b = append(b, name...)
		b = member(append(b, `":{`...), "dataset", e.Dataset)
		b = member(append(b, ','), "sample", e.Sample)
		b = append(b, `},`...)
	}
	b = append(b, '{')
	end("a", r.A)
	end("b", r.B)
	b = strconv.AppendInt(append(b, `"clock_offset_ns":`...), r.Clock, 10)
	if r.HasID {
		b = member(append(b, ','), "sensor_sync_id", r.ID.String())
	}
	return append(b, "}\n"...)
}

func standard(b []byte) []byte {
	b = member(b, "schema_version", Version)
	return member(append(b, ','), "standard", Standard)
}

func member(b []byte, name, value string) []byte {
	b = append(b, '"')
	b = append(b, name...)
	b = append(b, `":`...)
	return quote(b, value)
}

// quote escapes what JSON demands and nothing else.
func quote(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < 0x20:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		case c < utf8.RuneSelf:
			b = append(b, c)
		default:
			r, n := utf8.DecodeRuneInString(s[i:])
			b = utf8.AppendRune(b, r) // U+FFFD where it is no UTF-8
			i += n
			continue
		}
		i++
	}
	return append(b, '"')
}

// AddEntry gives the content of a descriptor with an entry for a data set:
// old is its content so far, nil for none. An entry that is there keeps its
// members; syncMap, if not "", is set. A descriptor that this build does not
// understand is refused.
func AddEntry(old []byte, e Entry, syncMap string) ([]byte, error) {
	top := []byte(`{"schema_version":"` + Version + `","standard":"` + Standard + `","datasets":[]}`)
	if old != nil {
		top = old
	}
	var p jsonrow.Parser
	obj, err := p.Object(top, 0)
	if err != nil {
		return nil, err
	}
	if len(obj.Flaws) > 0 {
		return nil, fmt.Errorf("is not sound JSON at byte %d", obj.Flaws[0].Offset)
	}
	if why := refusals(descriptorSchema, obj.Raw); len(why) > 0 {
		return nil, fmt.Errorf("the schema refuses it: %s", why[0])
	}
	var entries [][]byte
	found := false
	jsonrow.Elements(obj.Field("datasets").Raw, func(_ jsonrow.Kind, raw []byte) bool {
		raw = bytes.Clone(raw)
		if lenientEntry(raw).Name == e.Name {
			found = true
			if syncMap != "" {
				raw = setMember(raw, "sync_map", syncMap)
			}
		}
		entries = append(entries, raw)
		return true
	})
	if !found {
		if syncMap != "" {
			e.SyncMap = syncMap
		}
		raw, err := json.Marshal(e)
		if err != nil {
			return nil, err
		}
		entries = append(entries, raw)
	}
	b := []byte{'{'}
	for i, f := range obj.Fields {
		if i > 0 {
			b = append(b, ',')
		}
		b = quote(b, f.Name)
		b = append(b, ':')
		if f.Name == "datasets" {
			b = append(append(append(b, '['), bytes.Join(entries, []byte{','})...), ']')
		} else {
			b = append(b, f.Raw...)
		}
	}
	var out bytes.Buffer
	if err := json.Indent(&out, append(b, '}'), "", "  "); err != nil {
		return nil, err
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}

// setMember sets a string member of an object, keeping the others as they are.
func setMember(raw []byte, name, value string) []byte {
	b := []byte{'{'}
	jsonrow.Members(raw, func(k string, _ jsonrow.Kind, v []byte) bool {
		if k == name {
			return true
		}
		b = append(append(quote(b, k), ':'), v...)
		b = append(b, ',')
		return true
	})
	return append(member(b, name, value), '}')
}
