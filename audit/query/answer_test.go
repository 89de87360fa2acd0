package query_test

import (
	"bytes"
	"crypto/sha3"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/audittest"
	"github.com/mmaudit/mmaudit/audit/fingerprint"
	"github.com/mmaudit/mmaudit/audit/lifecycle"
	"github.com/mmaudit/mmaudit/audit/lifecycle/lifetest"
	"github.com/mmaudit/mmaudit/audit/query"
	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/schemas/draft2020"
)

var update = flag.Bool("update", false, "write the golden files anew")

// documents keeps documents by digest.
type documents map[string][]byte

func (d documents) add(text []byte) audit.DigestSet {
	sum := sha3.Sum512(text)
	name := hex.EncodeToString(sum[:])
	d[name] = text
	return audit.DigestSet{"sha3_512": name}
}

func (d documents) Open(digest string) (io.ReadCloser, error) {
	text, ok := d[digest]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return io.NopCloser(bytes.NewReader(text)), nil
}

// dataset fingerprints files, given as name and content, and keeps the list.
func dataset(t testing.TB, docs documents, name, role string, files ...string) audit.Dataset {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(files); i += 2 {
		name := filepath.Join(dir, files[i])
		err := os.WriteFile(name, []byte(files[i+1]), 0o600)
		// The list has times and modes, and golden files have its digest.
		if err = errors.Join(err, os.Chmod(name, 0o600), os.Chtimes(name, audittest.Start, audittest.Start)); err != nil {
			t.Fatal(err)
		}
	}
	var listing bytes.Buffer
	res, err := fingerprint.Run(t.Context(), dir, fingerprint.Options{Listing: &listing})
	if err != nil {
		t.Fatal(err)
	}
	return audit.Dataset{Name: name, Role: role, Fingerprint: *res, Listing: &audit.Attachment{
		Name: name + ".listing.jsonl", MediaType: "application/x-ndjson", Size: int64(listing.Len()), Digest: docs.add(listing.Bytes()),
	}}
}

// twoVersions writes two versions of a model with real data sets: the second
// is trained on more, with other tools and parameters, and tested on what it was
// trained on in part.
func twoVersions(t testing.TB, docs documents) *lifetest.Book {
	train := dataset(t, docs, "drive", "train", "000.bin", "frame 0", "001.bin", "frame 1")
	more := dataset(t, docs, "drive", "train", "000.bin", "frame 0", "001.bin", "frame 1", "002.bin", "frame 2")
	test := dataset(t, docs, "held-out", "test", "a.bin", "frame 2", "b.bin", "frame 9")
	lost := audittest.Dataset("lost", "calibration")
	b := lifetest.NewBook()
	for _, d := range []audit.Dataset{train, more, test, lost} {
		for _, p := range lifetest.Data(audittest.Start.AddDate(0, 0, -1), d.Name, "") {
			p.Data = []audit.Dataset{d}
			b.Add(p)
		}
	}
	life := func(version, driver string, data audit.Dataset, params ...string) {
		plan := lifetest.Plan{Model: "bev-seg", Version: version, Driver: driver, Params: params, Heartbeats: 1}
		docs.add(lifetest.ParamsForm(params...))
		for _, p := range plan.Life() {
			switch p.Event {
			case audit.TrainStarted:
				p.Data = []audit.Dataset{data, lost}
			case audit.TrainFinished:
				p.Data = nil
			case audit.EvalFinished:
				p.Data = []audit.Dataset{test}
				p.Metrics[0].Data = test.Fingerprint.Tree.Root.String()
			}
			b.Add(p)
			if p.Event == audit.OTAUpdated {
				break
			}
		}
	}
	life("1.0.0", "535.129.03", train, "lr=0.001", "epochs=20")
	life("2.0.0", "550.54.15", more, "lr=0.001", "epochs=40", "seed=7")
	return b
}

func digest(content string) string {
	sum := sha3.Sum512([]byte(content))
	return hex.EncodeToString(sum[:])
}

// TestContainsFile: each data set holds the file, lacks it, or it cannot be
// told; what is said is proved.
func TestContainsFile(t *testing.T) {
	docs := documents{}
	l := newLedger(t, twoVersions(t, docs).Records)
	v := open(t, l, query.Options{Documents: docs, TempDir: t.TempDir()})
	tests := []struct {
		file    query.File
		version string
		want    string // name and answer of each data set
		trained int    // records on those that hold it
	}{
		{query.File{Digest: digest("frame 2")}, "", "drive absent, drive contained, held-out contained, lost unknown", 1},
		{query.File{Digest: digest("frame 1")}, "", "drive contained, drive contained, held-out absent, lost unknown", 2},
		{query.File{Digest: digest("frame 2")}, "1.0.0", "drive absent, held-out contained, lost unknown", 0},
		{query.File{Path: "002.bin"}, "2.0.0", "drive contained, held-out absent, lost unknown", 1},
		{query.File{Path: "no/such"}, "", "drive absent, drive absent, held-out absent, lost unknown", 0},
	}
	for _, tt := range tests {
		model := ""
		if tt.version != "" {
			model = "bev-seg"
		}
		a, err := v.ContainsFile(t.Context(), tt.file, model, tt.version)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		trained := 0
		for _, d := range a.Data {
			got = append(got, d.Name+" "+string(d.Has))
			trained += len(d.Trained)
			if d.Has == query.Unsure {
				if d.Reason == "" || d.Proof != nil {
					t.Errorf("%+v", d)
				}
				continue
			}
			proof, err := fingerprint.ParseProof(d.Proof)
			if err != nil {
				t.Fatal(err)
			}
			if tt.file.Path != "" {
				err = proof.VerifyPath(d.Tree, tt.file.Path)
			} else {
				var sum fingerprint.Digest
				sum, err = fingerprint.ParseDigest(tt.file.Digest)
				err = errors.Join(err, proof.VerifyContent(d.Content, sum))
			}
			if err != nil || (proof.Found != nil) != (d.Has == query.Holds) {
				t.Errorf("%s: %v", d.Name, err)
			}
		}
		if s := strings.Join(got, ", "); s != tt.want || trained != tt.trained || a.Unknown() != 1 {
			t.Errorf("%+v of %q: %s, %d trained, %d unknown; want %s, %d", tt.file, tt.version, s, trained, a.Unknown(), tt.want, tt.trained)
		}
	}
	for _, f := range []query.File{{}, {Digest: "ab"}, {Digest: digest("a"), Path: "a"}} {
		if _, err := v.ContainsFile(t.Context(), f, "", ""); !errors.Is(err, ledger.ErrInvalid) {
			t.Errorf("%+v: %v", f, err)
		}
	}
	// A list that is not the one of the record is no ground for an answer.
	for name := range docs {
		docs[name] = bytes.Replace(docs[name], []byte(`"000.bin"`), []byte(`"009.bin"`), 1)
	}
	a, err := v.ContainsFile(t.Context(), query.File{Path: "000.bin"}, "", "")
	if err != nil || a.Data[0].Has != query.Unsure {
		t.Errorf("%+v %v", a, err)
	}
	// Without any documents nothing can be told.
	v = open(t, l, query.Options{})
	if a, err := v.ContainsFile(t.Context(), query.File{Path: "000.bin"}, "", ""); err != nil || a.Unknown() != 4 {
		t.Errorf("%+v %v", a, err)
	}
}

// TestOverlaps: files that training and test data share are found in their
// lists, and what could not be compared is said.
func TestOverlaps(t *testing.T) {
	docs := documents{}
	l := newLedger(t, twoVersions(t, docs).Records)
	problems := func(o query.Options, version string) (int, []string) {
		tl, err := open(t, l, o).Version(t.Context(), "bev-seg", version)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, p := range tl.Problems {
			if p.Code == "test-data-overlaps" {
				n++
			} else {
				t.Errorf("%+v", p)
			}
		}
		return n, tl.Remarks
	}
	for _, tt := range []struct {
		version string
		overlap bool
		docs    lifecycle.Documents
		want    int
		remarks int
	}{
		{"1.0.0", true, docs, 0, 0}, {"2.0.0", true, docs, 1, 0}, {"2.0.0", false, docs, 0, 0}, {"2.0.0", true, documents{}, 0, 1}, {"2.0.0", true, nil, 0, 1},
	} {
		n, remarks := problems(query.Options{Documents: tt.docs, Overlaps: tt.overlap, TempDir: t.TempDir()}, tt.version)
		if n != tt.want || len(remarks) != tt.remarks {
			t.Errorf("%+v: %d, %v", tt, n, remarks)
		}
	}
}

func TestDiff(t *testing.T) {
	docs := documents{}
	l := newLedger(t, twoVersions(t, docs).Records)
	v := open(t, l, query.Options{})
	a, b := second2(v.Version(t.Context(), "bev-seg", "1.0.0")), second2(v.Version(t.Context(), "bev-seg", "2.0.0"))
	names := func(all []lifecycle.Change) string {
		var s []string
		for _, c := range all {
			sign := "~"
			if c.A == "" {
				sign = "+"
			} else if c.B == "" {
				sign = "-"
			}
			s = append(s, sign+c.Name)
		}
		return strings.Join(s, " ")
	}
	d := lifecycle.Diff(a, b, docs)
	for what, pair := range map[string][2]string{
		"data":      {names(d.Data), "~drive (train)"},
		"params":    {names(d.Params), "~epochs +seed"},
		"versions":  {names(d.Versions), "~driver"},
		"toolchain": {names(d.Toolchain), "~nvidia.kernel_driver"},
		"outputs":   {names(d.Outputs), "~model.onnx ~model.pt"},
		"metrics":   {names(d.Metrics), ""},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: %s, want %s", what, pair[0], pair[1])
		}
	}
	if d.Same() || len(d.Unknown) > 0 || d.A.Commit == d.B.Commit || d.A.Record == nil || d.Params[0].A != `"20"` && d.Params[0].A != "20" {
		t.Errorf("%+v", d)
	}
	if d := lifecycle.Diff(a, a, docs); !d.Same() {
		t.Errorf("a version differs from itself: %+v", d)
	}
	for name, docs := range map[string]lifecycle.Documents{"none": nil, "empty": documents{}, "changed": changed(docs)} {
		d := lifecycle.Diff(a, b, docs)
		if len(d.Params) > 0 || len(d.Unknown) != 1 || d.Same() || !strings.Contains(d.Unknown[0], "hyper-parameters differ") {
			t.Errorf("%s: %+v", name, d.Unknown)
		}
	}
	d = lifecycle.Diff(a, &lifecycle.Timeline{Model: "m", Version: "0"}, docs)
	if len(d.Unknown) == 0 || d.Same() {
		t.Errorf("%+v", d)
	}
}

// changed swaps the contents of two documents.
func changed(docs documents) documents {
	out := documents{}
	for name := range docs {
		out[name] = []byte(`[]`)
	}
	return out
}

// TestAnswers: each answer has the form of the schema, and a text for people
// (golden files) in which nothing that a record says moves the cursor.
func TestAnswers(t *testing.T) {
	docs := documents{}
	b := twoVersions(t, docs)
	p := audittest.Event(audit.Incident, "bev-seg", "2.0.0", "", 60)
	p.Incident.Summary = "a line\nand \x1b[31m red \u202e"
	b.Add(p, audittest.Event(audit.TrainFailed, "bev-seg", "0.9.0", "r9", 61))
	l := newLedger(t, b.Records)
	v := open(t, l, query.Options{Documents: docs, Overlaps: true, TempDir: t.TempDir()})
	ctx := t.Context()
	version := second2(v.Version(ctx, "bev-seg", "2.0.0"))
	root := second2(v.Version(ctx, "bev-seg", "1.0.0")).Data[0].Fingerprint.Tree.Root.String()
	answers := []struct {
		name, ref string
		answer    any
	}{
		{"version", "", version},
		{"gaps", "", second2(v.Version(ctx, "bev-seg", "0.9.0"))},
		{"past", "", second2(open(t, l, query.Options{Size: 13}).Version(ctx, "bev-seg", "1.0.0"))},
		{"model", "#/$defs/model", second2(v.Model(ctx, "bev-seg"))},
		{"run", "#/$defs/runs", second2(v.Run(ctx, "run-bev-seg-2.0.0"))},
		{"trained-on", "#/$defs/hits", second2(v.TrainedOn(ctx, root))},
		{"with", "#/$defs/hits", second2(v.With(ctx, "driver", "550.*"))},
		{"none", "#/$defs/hits", second2(v.With(ctx, "driver", "1"))},
		{"device", "#/$defs/devices", second2(v.Device(ctx, "vehicle-17"))},
		{"file", "#/$defs/file", second2(v.ContainsFile(ctx, query.File{Digest: digest("frame 2")}, "", ""))},
		{"diff", "#/$defs/difference", lifecycle.Diff(second2(v.Version(ctx, "bev-seg", "1.0.0")), version, docs)},
	}
	for _, a := range answers {
		t.Run(a.name, func(t *testing.T) {
			schema, err := draft2020.Compile("timeline.schema.json", a.ref)
			if err != nil {
				t.Fatal(err)
			}
			var value any
			dec := json.NewDecoder(strings.NewReader(text(t, a.answer)))
			dec.UseNumber()
			if err := dec.Decode(&value); err != nil {
				t.Fatal(err)
			}
			if err := schema.Validate(value); err != nil {
				t.Errorf("%s: %v", text(t, a.answer), err)
			}
			var out bytes.Buffer
			if err := query.Text(&out, a.answer, query.TextOptions{Hints: true}); err != nil {
				t.Fatal(err)
			}
			name := filepath.Join("testdata", a.name+".txt")
			if *update {
				if err := os.WriteFile(name, out.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if out.String() != string(want) {
				t.Errorf("%s\nwant\n%s", out.String(), want)
			}
			if i := strings.IndexAny(out.String(), "\x1b\r\u202e"); i >= 0 {
				t.Errorf("control character at %d", i)
			}
		})
	}
	if err := query.Text(io.Discard, 1, query.TextOptions{}); err == nil {
		t.Error("a text for anything")
	}
	var out bytes.Buffer
	if err := query.Text(&out, version, query.TextOptions{Color: true}); err != nil || !strings.Contains(out.String(), "\x1b[31merror") {
		t.Errorf("no colour: %v", err)
	}
	if err := query.Text(full{}, version, query.TextOptions{}); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("a full disk: %v", err)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, io.ErrShortWrite }
