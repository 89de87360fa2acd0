package toolchain

import (
	"bytes"
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/mmaudit/mmaudit/audit/canonical"
)

// MaxSummary is the most bytes that the JSON of a summary has. A record holds at
// most 65,535, its payload in base64.
const MaxSummary = 24 << 10

// Omission is a value, or a member of one, that a summary leaves to the report.
type Omission struct {
	Field  string `json:"field"`
	Member string `json:"member,omitempty"` // of the value; "" is the whole, or the whole field
	Items  int    `json:"items,omitempty"`  // of a list or object
	Bytes  int    `json:"bytes"`
	Digest string `json:"sha3_512"` // of the canonical JSON
}

// errOmitted stands in a field whose whole value was left out.
const errOmitted = "left to the report: too large for a record"

// Summary gives the part of a report that fits into a record: every field with
// its source and method, in at most [MaxSummary] bytes. Values that are large
// are left out and named in Omitted with their digests: first lists in them
// (packages, libraries), whose own digests stay. Of flags with one code the
// first four are kept. The same report always gives the same summary.
func (r *Report) Summary() (*Report, error) {
	values := map[string]size{}
	for name, f := range r.Fields {
		s, err := measure(f.Value)
		if err != nil {
			return nil, err
		}
		values[name] = s
	}
	var out *Report
	for most := 4096; ; most /= 2 {
		out = r.shortened(values, most)
		data, err := out.JSON()
		if err != nil {
			return nil, err
		}
		if len(data) <= MaxSummary {
			return out, nil
		}
		if most == smallest {
			break
		}
	}
	// Fields without end, as somebody may declare: those go first, the largest
	// of them before others.
	sizes := map[string]int{}
	for name, f := range out.Fields {
		s, err := measure(f)
		if err != nil {
			return nil, err
		}
		sizes[name] = s.bytes + len(name) + len(`"":,`)
	}
	for _, o := range out.Omitted {
		s, err := measure(o)
		if err != nil {
			return nil, err
		}
		sizes[o.Field] += s.bytes + len(`,`)
	}
	observed := func(name string) int {
		if out.Fields[name].Method == Declared {
			return 0
		}
		return 1
	}
	largest := slices.SortedFunc(maps.Keys(sizes), func(a, b string) int {
		return cmp.Or(cmp.Compare(observed(a), observed(b)), cmp.Compare(sizes[b], sizes[a]), cmp.Compare(a, b))
	})
	for {
		data, err := out.JSON()
		if err != nil || len(data) <= MaxSummary || len(largest) == 0 {
			return out, err
		}
		gone := map[string]bool{}
		for excess := len(data) - MaxSummary; excess > 0 && len(largest) > 0; largest = largest[1:] {
			gone[largest[0]] = true
			excess -= sizes[largest[0]]
		}
		for name := range gone {
			delete(out.Fields, name)
		}
		out.Omitted = slices.DeleteFunc(out.Omitted, func(o Omission) bool { return gone[o.Field] })
		out.Dropped += len(gone)
	}
}

const smallest = 256

// shortened makes a summary whose values have at most so many bytes.
func (r *Report) shortened(values map[string]size, most int) *Report {
	out := &Report{V: r.V, Fields: map[string]Field{}, Flags: fewFlags(r.Flags), Omitted: slices.Clone(r.Omitted), Dropped: r.Dropped}
	for _, name := range slices.Sorted(maps.Keys(r.Fields)) {
		f, s := r.Fields[name], values[name]
		f.Source, f.Error = firstBytes(f.Source, most/8), firstBytes(f.Error, most/8)
		if s.bytes > most {
			kept, left := s.without(name, most/4)
			f.Value = kept
			if rest, err := measure(kept); kept == nil || err != nil || rest.bytes > most {
				f.Value, f.Error = nil, errOmitted
				left = []Omission{s.omission(name, "")}
			}
			out.Omitted = append(out.Omitted, left...)
		}
		out.Fields[name] = f
	}
	slices.SortStableFunc(out.Omitted, func(a, b Omission) int {
		return cmp.Or(cmp.Compare(a.Field, b.Field), cmp.Compare(a.Member, b.Member))
	})
	return out
}

// size is a value as its canonical JSON sees it.
type size struct {
	bytes   int
	json    []byte
	members map[string]json.RawMessage // of an object
	items   int
}

func measure(v any) (size, error) {
	data, err := canonical.Marshal(v)
	if err != nil {
		return size{}, err
	}
	s := size{bytes: len(data), json: data}
	var list []json.RawMessage
	switch {
	case bytes.HasPrefix(data, []byte("{")):
		err = json.Unmarshal(data, &s.members)
		s.items = len(s.members)
	case bytes.HasPrefix(data, []byte("[")):
		err = json.Unmarshal(data, &list)
		s.items = len(list)
	}
	return s, err
}

func (s size) omission(field, member string) Omission {
	return Omission{Field: field, Member: member, Items: s.items, Bytes: s.bytes, Digest: sha3Text(string(s.json))}
}

// without leaves out the members of an object that have more bytes than most.
// Of what is no object it keeps nothing.
func (s size) without(field string, most int) (kept map[string]json.RawMessage, left []Omission) {
	if s.members == nil {
		return nil, nil
	}
	kept = map[string]json.RawMessage{}
	for _, name := range slices.Sorted(maps.Keys(s.members)) {
		m, err := measure(s.members[name])
		if err == nil && m.bytes > max(most, 2*64+2) { // a digest always stays
			left = append(left, m.omission(field, firstBytes(name, 64)))
			continue
		}
		kept[name] = s.members[name]
	}
	return kept, left
}

// fewFlags keeps the first flags of each code, and says how many it left out.
func fewFlags(flags []Flag) []Flag {
	const first = 4
	out, total, count := []Flag{}, map[string]int{}, map[string]int{}
	for _, f := range flags {
		total[f.Code]++
	}
	for _, f := range flags {
		count[f.Code]++
		switch n, rest := count[f.Code], total[f.Code]-first; {
		case n <= first || rest == 1:
			out = append(out, Flag{f.Code, firstBytes(f.Message, 300)})
		case n == first+1:
			out = append(out, Flag{f.Code, "and " + strconv.Itoa(rest) + " more"})
		}
	}
	return out
}

// firstBytes cuts a text between characters, and shows it.
func firstBytes(s string, most int) string {
	const mark = "…"
	if len(s) <= most {
		return s
	}
	s = s[:max(0, most-len(mark))]
	for len(s) > 0 && !utf8.ValidString(s) {
		s = s[:len(s)-1]
	}
	return s + mark
}

// versionOf lists where Versions looks: fields in order of trust, with the
// member of an object that holds the version.
var versionOf = []struct{ name, field, member string }{
	{"driver", "nvidia.kernel_driver", "version"},
	{"driver", "nvidia.user_driver", "version"},
	{"cuda", "cuda.runtime", ""},
	{"toolkit", "cuda.toolkit", "version"},
	{"cudnn", "cuda.cudnn", ""},
	{"nccl", "cuda.nccl", ""},
	{"tensorrt", "cuda.tensorrt", ""},
	{"rocm", "rocm.version", ""},
	{"amdgpu", "rocm.driver", ""},
	{"jetson", "jetson.release", ""},
	{"ascend", "ascend.driver", "Version"},
	{"cann", "ascend.toolkit", "version"},
	{"cann", "ascend.toolkit", "toolkit_installed_version"},
	{"neuware", "cambricon.version", ""},
	{"mlu", "cambricon.driver", ""},
	{"musa", "musa.toolkit", "version"},
	{"python", "python", "version"},
	{"torch", "python.torch", ""},
	{"kernel", "kernel.release", ""},
	{"libc", "libc", ""},
}

// Tools names the parts whose versions Versions gives, in its order.
func Tools() []string {
	var names []string
	for _, v := range versionOf {
		if !slices.Contains(names, v.name) {
			names = append(names, v.name)
		}
	}
	return names
}

// Versions gives the versions of the parts by which runs are looked up: driver,
// cuda, toolkit, cudnn, nccl, tensorrt, rocm, amdgpu, jetson, ascend, cann,
// neuware, mlu, musa, python, torch, kernel, libc. What is not known is left out. The
// driver is that of the kernel if it is known; cuda is the runtime that was
// mapped or installed as a package, never what nvidia-smi says the driver could
// do. A summary, or a report read from JSON, gives the same.
func (r *Report) Versions() map[string]string {
	out := map[string]string{}
	for _, v := range versionOf {
		if out[v.name] != "" {
			continue
		}
		text := r.text(v.field)
		var object map[string]any
		if text == "" && v.member != "" && r.Decode(v.field, &object) {
			text, _ = object[v.member].(string)
		}
		if text = strings.TrimSpace(text); text != "" && len(text) <= 64 && !strings.ContainsFunc(text, notOfVersion) {
			out[v.name] = text
		}
	}
	return out
}

func notOfVersion(c rune) bool {
	return !(c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || strings.ContainsRune(".+-_~", c))
}
