package payload

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/mmaudit/mmaudit/internal/human"
)

// PCD is the header of a point cloud file (Point Cloud Library, PCD 0.7).
type PCD struct {
	Version string
	Fields  []PCDField
	Width   int64
	Height  int64
	Points  int64
	Data    string // "ascii", "binary" or "binary_compressed"
	Body    int64  // offset of the first byte behind the header
	Step    int64  // bytes per point of a binary body
	// Keys holds the first word of every header line, in order: "#" for a
	// comment. Readers that address lines by position depend on it.
	Keys []string
}

// A PCDField is one column of a point cloud.
type PCDField struct {
	Name  string
	Size  int  // bytes: 1, 2, 4, 8
	Type  byte // 'I' signed, 'U' unsigned, 'F' floating point
	Count int  // elements
}

// Field gives the byte offset of a field inside a point.
func (p *PCD) Field(name string) (f PCDField, offset int, ok bool) {
	for _, f := range p.Fields {
		if f.Name == name {
			return f, offset, true
		}
		offset += f.Size * f.Count
	}
	return PCDField{}, 0, false
}

// Bounds of a header. Real ones have 11 lines and below 1 kB.
const (
	maxPCDHeader = 64 << 10
	maxPCDFields = 4096
	maxPCDCount  = 1 << 20
)

// PCDHeader reads the header of a PCD. The error is a *HeaderError where the
// content is wrong: a mandatory entry is missing, the entries disagree in the
// number of fields, or POINTS is not WIDTH x HEIGHT.
func PCDHeader(r io.ReaderAt) (*PCD, error) {
	text, err := pcdText(r)
	if err != nil {
		return nil, err
	}
	p := &PCD{}
	entries := map[string][]string{}
	at := map[string]int{}
	for n, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		key := words[0]
		if strings.HasPrefix(key, "#") {
			p.Keys = append(p.Keys, "#")
			continue
		}
		p.Keys = append(p.Keys, key)
		if _, twice := entries[key]; twice {
			return nil, &HeaderError{Message: fmt.Sprintf("the PCD header has %s twice", key), Line: n + 1}
		}
		entries[key], at[key] = words[1:], n+1
	}
	p.Body = int64(len(text))
	for _, key := range []string{"VERSION", "FIELDS", "SIZE", "TYPE", "WIDTH", "HEIGHT", "POINTS", "DATA"} {
		if _, ok := entries[key]; !ok {
			return nil, &HeaderError{Message: fmt.Sprintf("the PCD header has no %s", key)}
		}
	}
	if _, ok := entries["COUNT"]; !ok { // optional since PCD 0.6: one element each
		ones := make([]string, len(entries["FIELDS"]))
		for i := range ones {
			ones[i] = "1"
		}
		entries["COUNT"] = ones
	}
	p.Version = strings.Join(entries["VERSION"], " ")
	if err := p.fields(entries, at); err != nil {
		return nil, err
	}
	for _, e := range []struct {
		key string
		to  *int64
	}{{"WIDTH", &p.Width}, {"HEIGHT", &p.Height}, {"POINTS", &p.Points}} {
		v := strings.Join(entries[e.key], " ")
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil || n < 0 || n > 1<<40 {
			return nil, &HeaderError{Message: fmt.Sprintf("%s of the PCD header is not a number of points", e.key), Actual: strconv.Quote(human.Clip(v, 40)), Line: at[e.key]}
		}
		*e.to = n
	}
	if p.Height != 0 && p.Width > (1<<62)/p.Height || p.Width*p.Height != p.Points {
		return nil, &HeaderError{
			Message:  "POINTS of the PCD header is not WIDTH x HEIGHT",
			Expected: fmt.Sprintf("%d x %d", p.Width, p.Height), Actual: strconv.FormatInt(p.Points, 10), Line: at["POINTS"],
		}
	}
	switch p.Data = strings.Join(entries["DATA"], " "); p.Data {
	case "ascii", "binary", "binary_compressed":
	default:
		return nil, &HeaderError{Message: "DATA of the PCD header names no known encoding", Expected: "ascii, binary or binary_compressed", Actual: strconv.Quote(human.Clip(p.Data, 40)), Line: at["DATA"]}
	}
	return p, nil
}

// fields reads FIELDS, SIZE, TYPE and COUNT, which go together by position.
func (p *PCD) fields(entries map[string][]string, at map[string]int) error {
	names := entries["FIELDS"]
	if len(names) == 0 || len(names) > maxPCDFields {
		return &HeaderError{Message: "FIELDS of the PCD header names no usable list of fields", Actual: fmt.Sprintf("%d fields", len(names)), Line: at["FIELDS"]}
	}
	for _, key := range []string{"SIZE", "TYPE", "COUNT"} {
		if len(entries[key]) != len(names) {
			return &HeaderError{
				Message:  fmt.Sprintf("%s of the PCD header does not have one value for each field", key),
				Expected: fmt.Sprintf("%d values", len(names)), Actual: fmt.Sprintf("%d values", len(entries[key])), Line: at[key],
			}
		}
	}
	for i, name := range names {
		size, err := strconv.Atoi(entries["SIZE"][i])
		if err != nil || size != 1 && size != 2 && size != 4 && size != 8 {
			return &HeaderError{Message: fmt.Sprintf("SIZE of field %s is not 1, 2, 4 or 8", human.Clip(name, 40)), Actual: strconv.Quote(human.Clip(entries["SIZE"][i], 40)), Line: at["SIZE"]}
		}
		typ := entries["TYPE"][i]
		if typ != "I" && typ != "U" && typ != "F" {
			return &HeaderError{Message: fmt.Sprintf("TYPE of field %s is not I, U or F", human.Clip(name, 40)), Actual: strconv.Quote(human.Clip(typ, 40)), Line: at["TYPE"]}
		}
		count, err := strconv.Atoi(entries["COUNT"][i])
		if err != nil || count < 1 || count > maxPCDCount {
			return &HeaderError{Message: fmt.Sprintf("COUNT of field %s is not a number of elements", human.Clip(name, 40)), Actual: strconv.Quote(human.Clip(entries["COUNT"][i], 40)), Line: at["COUNT"]}
		}
		p.Fields = append(p.Fields, PCDField{name, size, typ[0], count})
		p.Step += int64(size) * int64(count)
	}
	return nil
}

// pcdText reads up to the end of the line that begins with DATA.
func pcdText(r io.ReaderAt) (string, error) {
	var text []byte
	buf := make([]byte, 1024)
	for len(text) < maxPCDHeader {
		n, err := readAt(r, buf, int64(len(text)))
		if err != nil {
			return "", err
		}
		seen := len(text)
		text = append(text, buf[:n]...)
		if end := dataLine(text, max(0, seen-5)); end > 0 {
			return string(text[:end]), nil
		}
		if n < len(buf) {
			break
		}
	}
	return "", &HeaderError{Message: "the PCD header has no DATA line"}
}

// dataLine gives the offset behind the DATA line, or 0. It looks from the line
// that holds from.
func dataLine(text []byte, from int) int {
	start := bytes.LastIndexByte(text[:from], '\n') + 1
	for {
		end := bytes.IndexByte(text[start:], '\n')
		if end < 0 {
			return 0
		}
		if line := text[start : start+end]; bytes.HasPrefix(line, []byte("DATA ")) || bytes.HasPrefix(line, []byte("DATA\t")) {
			return start + end + 1
		}
		start += end + 1
	}
}
