package toolchain

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/mmaudit/mmaudit/audit/canonical"
)

// large is a report of a big installation.
func large() *Report {
	r := &Report{V: 1, Fields: map[string]Field{}, Flags: []Flag{{"source-dirty", "the source code differs"}}}
	packages := Packages{Digest: sha3Text("p"), Packages: []Package{}, Hooks: []string{"/site/x.pth"}}
	for i := range 400 {
		packages.Packages = append(packages.Packages, Package{Name: fmt.Sprintf("package-%d", i), Version: "1.0", Path: "/site/x", Record: sha3Text("r")})
		r.Flags = append(r.Flags, Flag{"package-shadowed", fmt.Sprintf("package-%d", i)})
	}
	slices.SortStableFunc(r.Flags, func(a, b Flag) int { return strings.Compare(a.Code, b.Code) })
	set := RuntimeSet{Policy: "loaded-dso/v1", Digest: sha3Text("s")}
	for range 30 {
		set.Libraries = append(set.Libraries, Library{SONAME: "libcublas.so.12", Path: "/opt/libcublas.so.12", Size: "1", Digest: sha3Text("l"), Method: Observed, SameFile: true})
	}
	r.Fields["python.packages"] = Field{Value: packages, Source: strings.Repeat("/a/long/é/search/path:", 50), Method: Observed}
	r.Fields["cuda.runtime_set"] = Field{Value: set, Source: "/proc/PID/maps", Method: Observed}
	r.Fields["cuda.runtime"] = Field{Value: "12.4.127", Source: "/opt/libcudart.so.12.4.127", Method: Observed}
	r.Fields["run.argv"] = Field{Value: slices.Repeat([]any{"--flag"}, 1000), Source: "command line", Method: Observed}
	r.Fields["rocm.version"] = Field{Source: "/opt/rocm/.info/version", Method: Observed, Error: "not found"}
	return r
}

func summary(t testing.TB, r *Report) (*Report, []byte) {
	t.Helper()
	s, err := r.Summary()
	if err != nil {
		t.Fatal(err)
	}
	data, err := s.JSON()
	if err != nil {
		t.Fatal(err)
	}
	if len(data) > MaxSummary {
		t.Fatalf("%d bytes", len(data))
	}
	validate(t, s)
	return s, data
}

func TestSummary(t *testing.T) {
	r := large()
	validate(t, r)
	s, data := summary(t, r)
	if got := slices.Sorted(maps.Keys(s.Fields)); !slices.Equal(got, slices.Sorted(maps.Keys(r.Fields))) || s.Dropped != 0 {
		t.Errorf("fields: %v, %d dropped", got, s.Dropped)
	}
	// What is left out is named with the digest of its canonical form.
	var left []string
	for _, o := range s.Omitted {
		left = append(left, fmt.Sprintf("%s %s %d", o.Field, o.Member, o.Items))
	}
	if strings.Join(left, "; ") != "cuda.runtime_set libraries 30; python.packages packages 400; run.argv  1000" {
		t.Errorf("%q", left)
	}
	text, err := canonical.Marshal(r.Fields["python.packages"].Value.(Packages).Packages)
	if err != nil || s.Omitted[1].Digest != sha3Text(string(text)) || s.Omitted[1].Bytes != len(text) {
		t.Errorf("%+v, %v", s.Omitted[1], err)
	}
	// The digests by policy stay, and the types can be read.
	var packages Packages
	var set RuntimeSet
	if !s.Decode("python.packages", &packages) || packages.Digest != sha3Text("p") || len(packages.Hooks) != 1 || !s.Decode("cuda.runtime_set", &set) || set.Digest != sha3Text("s") {
		t.Errorf("%+v, %+v", packages, set)
	}
	if f := s.Fields["run.argv"]; f.Value != nil || f.Error != errOmitted {
		t.Errorf("%+v", f)
	}
	if f := s.Fields["rocm.version"]; f != r.Fields["rocm.version"] {
		t.Errorf("%+v", f)
	}
	if source := s.Fields["python.packages"].Source; len(source) > 512 || !strings.HasSuffix(source, "…") || !utf8.ValidString(source) {
		t.Errorf("%q", source)
	}
	if n := len(s.Flags); n != 6 || s.Flags[4] != (Flag{"package-shadowed", "and 396 more"}) || s.Flags[5].Code != "source-dirty" {
		t.Errorf("%+v", s.Flags)
	}
	if !maps.Equal(s.Versions(), r.Versions()) || s.Versions()["cuda"] != "12.4.127" {
		t.Errorf("%v, %v", s.Versions(), r.Versions())
	}
	if _, again := summary(t, large()); !bytes.Equal(data, again) {
		t.Error("a second summary differs")
	}
	// Also of a report that was read from JSON, and of a summary.
	text, err = r.JSON()
	var read Report
	if err != nil || json.Unmarshal(text, &read) != nil {
		t.Fatal(err)
	}
	if _, again := summary(t, &read); !bytes.Equal(data, again) {
		t.Error("the summary of a report read from JSON differs")
	}
	if _, again := summary(t, s); !bytes.Equal(data, again) {
		t.Errorf("a summary of the summary differs:\n%s\n%s", data, again)
	}
}

func TestSummaryKeepsWhatIsSmall(t *testing.T) {
	r := capture(t, Options{Root: tree(t, workstation), SiteKey: []byte(key), Toolkit: true})
	_, data := summary(t, r)
	whole, err := r.JSON()
	if err != nil || !bytes.Equal(data, whole) {
		t.Errorf("%d of %d bytes, %v", len(data), len(whole), err)
	}
}

// However much somebody declares, the summary is bounded and says what it lacks.
func TestSummaryIsBounded(t *testing.T) {
	for _, size := range []int{10, 100, 1500} {
		r := &Report{V: 1, Fields: map[string]Field{"libc": {Value: strings.Repeat("2", 200), Source: "x", Method: Observed}}, Flags: []Flag{}}
		r.Fields["python.packages"] = large().Fields["python.packages"]
		for i := range 350 {
			r.Fields[fmt.Sprintf("declared.x%d", i)] = Field{Value: strings.Repeat("v", size+i%7), Source: "declared", Method: Declared}
		}
		s, data := summary(t, r)
		if len(s.Fields)+s.Dropped != len(r.Fields) || s.Dropped == 0 || len(data) < MaxSummary/2 || s.Fields["libc"].Value == nil {
			t.Errorf("values of %d: %d fields, %d dropped, %d bytes", size, len(s.Fields), s.Dropped, len(data))
		}
		var packages Packages
		if !s.Decode("python.packages", &packages) || packages.Digest != sha3Text("p") || packages.Packages != nil {
			t.Errorf("values of %d: %+v", size, s.Fields["python.packages"])
		}
	}
}

func TestVersions(t *testing.T) {
	r := capture(t, Options{Root: tree(t, workstation), Declared: map[string]string{"cuda.runtime": " 12.4 ", "cuda.cudnn": "nine or so"}})
	want := map[string]string{
		"driver": "535.129.03", "cuda": "12.4", "toolkit": "11.5.2", "nccl": "2.18.3", "rocm": "6.0.2-115", "ascend": "23.0.rc3",
		"jetson": "R35.4.1", "kernel": "5.15.0-101-generic", "libc": "2.35",
	}
	if got := r.Versions(); !maps.Equal(got, want) {
		t.Errorf("\n got %v\nwant %v", got, want)
	}
	delete(r.Fields, "nvidia.kernel_driver")
	if got := r.Versions()["driver"]; got != "550.54.14" {
		t.Errorf("driver of user space: %s", got)
	}
}
