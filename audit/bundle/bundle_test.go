package bundle

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/audittest"
	"github.com/mmaudit/mmaudit/audit/hparams"
	"github.com/mmaudit/mmaudit/audit/lifecycle"
	"github.com/mmaudit/mmaudit/audit/trust"
	. "github.com/mmaudit/mmaudit/audit/trust/trusttest"
	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/tlog"
	"github.com/mmaudit/mmaudit/schemas/draft2020"

	"golang.org/x/mod/sumdb/note"
)

// A story is a ledger with the life of version 3.2.0 of bev-seg, among others.
type story struct {
	t   testing.TB
	log ledger.Ledger
	n   int
	// The newest record of each version, and of the keys, as a writer sees it.
	prev map[string]*audit.Prev
	ours []int64 // records of the version
}

// tell begins a story in memory; its log signs with the key of a name.
func tell(t testing.TB, origin, logKey string) *story {
	signer, _ := LogKey(origin, logKey)
	return &story{t: t, log: &memory{origin: origin, signer: signer}, prev: map[string]*audit.Prev{}}
}

// onDisk begins a story in a log on disk.
func onDisk(t testing.TB) *story {
	signer, verifier := LogKey(Origin, "log")
	l, err := tlog.Init(t.Context(), filepath.Join(t.TempDir(), "log"), tlog.Options{
		Signer: signer, Verifiers: []note.Verifier{verifier},
		KeysOf: audit.KeysOf, KeysVersion: audit.KeysVersion,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return &story{t: t, log: l, prev: map[string]*audit.Prev{}}
}

func (s *story) event(e audit.Event, version string) *audit.Predicate {
	s.n++
	return audittest.Event(e, "bev-seg", version, "run-"+version, s.n)
}

func (s *story) append(record []byte) int64 {
	s.t.Helper()
	r, err := s.log.Append(s.t.Context(), record)
	if err != nil {
		s.t.Fatal(err)
	}
	return r.Index
}

// add signs and appends a predicate.
func (s *story) add(p *audit.Predicate, names ...string) int64 {
	s.t.Helper()
	line := p.Model + "\n" + p.Version
	if p.Event.Scope() == audit.OfLedger {
		line = "keys"
	}
	if p.Prev == nil {
		p.Prev = s.prev[line]
	}
	p.Origin = s.origin()
	record := Seal(p, names...)
	i := s.append(record)
	s.prev[line] = &audit.Prev{Index: i, Digest: audit.DigestOf(record)}
	if p.Version == "3.2.0" || p.Event == audit.DataRegistered || p.Event == audit.DataValidated {
		s.ours = append(s.ours, i)
	}
	return i
}

func genesis(origin string) *audit.Predicate {
	return Genesis(origin,
		Signer("a", audit.Admin), Signer("b", audit.Admin), Signer("e", audit.Engineer),
		Signer("v", audit.Validator), Signer("p", audit.Approver))
}

// live tells a life without faults: 13 records.
func (s *story) live() *story {
	s.add(genesis(s.origin()), "a")
	s.add(s.event(audit.DataRegistered, ""), "e")
	s.add(s.event(audit.DataValidated, ""), "v")
	s.add(s.event(audit.TrainStarted, "3.1.0"), "e")
	s.add(s.event(audit.TrainStarted, "3.2.0"), "e")
	key := s.event(audit.KeyAdded, "")
	key.Key = &audit.KeyChange{New: Signer("q", audit.Approver)}
	s.add(key, "a")
	s.add(s.event(audit.TrainHeartbeat, "3.2.0"), "e")
	s.add(s.event(audit.TrainFinished, "3.2.0"), "e")
	s.add(s.event(audit.EvalPreregistered, "3.2.0"), "v")
	policy := s.event(audit.PolicyChanged, "")
	policy.Policy = &audit.Policy{Threshold: map[audit.Event]int{audit.Approved: 2}}
	s.add(policy, "b")
	s.add(s.event(audit.EvalFinished, "3.2.0"), "v")
	s.add(s.event(audit.Approved, "3.2.0"), "p", "q")
	s.add(s.event(audit.TrainFinished, "3.1.0"), "e")
	return s
}

func (s *story) origin() string {
	h, err := s.log.Head(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	return h.Origin
}

func (s *story) keyring() *trust.Keyring {
	s.t.Helper()
	h, err := s.log.Head(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	k, err := trust.Load(s.t.Context(), s.log, h.Size)
	if err != nil {
		s.t.Fatal(err)
	}
	return k
}

func (s *story) anchor() *trust.Anchor {
	s.t.Helper()
	a, err := s.keyring().Anchor(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return a
}

// params is the text of the document of train.started.
func params() string {
	doc, err := hparams.ParseArgs([]string{"lr=0.001", "epochs=20"})
	if err != nil {
		panic(err)
	}
	form, err := doc.Set.Canonical()
	if err != nil {
		panic(err)
	}
	return string(form)
}

func hold(texts ...string) func(*audit.Attachment) (io.ReadCloser, error) {
	return func(a *audit.Attachment) (io.ReadCloser, error) {
		for _, text := range texts {
			if audittest.Digests(text)["sha3_512"] == a.Digest["sha3_512"] {
				return io.NopCloser(strings.NewReader(text)), nil
			}
		}
		return nil, fs.ErrNotExist
	}
}

func (s *story) options() Options {
	return Options{
		Question: "the life of 3.2.0", Model: "bev-seg", Version: "3.2.0", Indices: s.ours,
		Documents: hold(params()),
		Extra:     map[string][]byte{"index.html": []byte("<p>3.2.0</p>\n")},
	}
}

func (s *story) write(o Options) []byte {
	s.t.Helper()
	var b bytes.Buffer
	if _, err := Write(s.t.Context(), &b, s.log, o); err != nil {
		s.t.Fatal(err)
	}
	return b.Bytes()
}

func check(t testing.TB, file []byte, a *trust.Anchor) *Report {
	t.Helper()
	r, err := verify(t.Context(), bytes.NewReader(file), int64(len(file)), a)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// failures lists the checks that failed, each once.
func failures(r *Report) string {
	var all []string
	for _, c := range r.Checks {
		if c.Status == Wrong && !slices.Contains(all, c.ID) {
			all = append(all, c.ID)
		}
	}
	return strings.Join(all, " ")
}

func lines(r *Report) string {
	var b strings.Builder
	for _, c := range r.Checks {
		b.WriteString(c.String() + "\n")
	}
	return b.String()
}

func status(r *Report, id string) Status {
	for _, c := range r.Checks {
		if c.ID == id {
			return c.Status
		}
	}
	return ""
}

func TestBundle(t *testing.T) {
	s := onDisk(t).live()
	file := s.write(s.options())
	if mem := tell(t, Origin, "log").live(); !bytes.Equal(file, mem.write(mem.options())) {
		t.Error("the same records on another engine give other bytes")
	}
	if again := s.write(s.options()); !bytes.Equal(file, again) {
		t.Error("the same ledger and options give other bytes")
	}

	r := check(t, file, s.anchor())
	if r.Outcome != Verified {
		t.Fatalf("%s\n%s", r.Meaning, lines(r))
	}
	for id, want := range map[string]Status{
		"archive": OK, "contents": OK, "inclusion": OK, "keys": OK, "checkpoint": OK,
		"anchor": OK, "witnesses": Skipped, "signatures": OK, "key-files": OK, "documents": OK,
		"history": OK, "complete": Skipped, "trust-file": "", "life": OK, "manifest": OK, "rest": Noted,
	} {
		if got := status(r, id); got != want {
			t.Errorf("%s is %q, want %q", id, got, want)
		}
	}
	if t.Failed() {
		t.Log(lines(r))
	}
	if r.Life == nil || r.Life.State != lifecycle.Approved || len(r.Records) != 11 || r.Ledger.Size != 13 {
		t.Errorf("life %+v, %d records, size %d", r.Life, len(r.Records), r.Ledger.Size)
	}

	r = check(t, file, nil)
	if r.Outcome != Consistent || r.Meaning != trust.Unanchored || status(r, "anchor") != Skipped {
		t.Errorf("without trust file: %s %s\n%s", r.Outcome, r.Meaning, lines(r))
	}
	if b, err := json.Marshal(r); err != nil || !bytes.Contains(b, []byte(`"check":"complete","status":"skipped"`)) {
		t.Errorf("%v: %s", err, b)
	}
}

// TestWhole: of a bundle with all records, nothing can be missing.
func TestWhole(t *testing.T) {
	s := tell(t, Origin, "log").live()
	o := Options{Question: "everything", Trust: s.anchor()}
	for i := range int64(13) {
		o.Indices = append(o.Indices, i)
	}
	r := check(t, s.write(o), s.anchor())
	if r.Outcome != Verified || status(r, "complete") != OK || status(r, "documents") != Skipped || status(r, "trust-file") != Noted || r.Life != nil {
		t.Errorf("%s\n%s", r.Meaning, lines(r))
	}
}

func TestManifestSchema(t *testing.T) {
	s := tell(t, Origin, "log").live()
	var b bytes.Buffer
	m, err := Write(t.Context(), &b, s.log, s.options())
	if err != nil {
		t.Fatal(err)
	}
	schema, err := draft2020.Compile("bundle.schema.json", "")
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(v); err != nil {
		t.Errorf("%#v", err)
	}
	if len(m.Documents) != 1 || len(m.Absent) != 0 || len(m.Records) != 11 {
		t.Errorf("%+v", m)
	}
}

// TestWriteRefuses: what can never be a bundle is not begun.
func TestWriteRefuses(t *testing.T) {
	s := tell(t, Origin, "log").live()
	for name, edit := range map[string]func(o *Options){
		"no records":      func(o *Options) { o.Indices = nil },
		"half a version":  func(o *Options) { o.Version = "" },
		"no such record":  func(o *Options) { o.Indices = []int64{99} },
		"negative index":  func(o *Options) { o.Indices = []int64{-1} },
		"wrong document":  func(o *Options) { o.Documents = always("something else") },
		"longer document": func(o *Options) { o.Documents = always(params() + " ") },
		"broken store": func(o *Options) {
			o.Documents = func(*audit.Attachment) (io.ReadCloser, error) { return nil, fs.ErrPermission }
		},
		"extra outside":    func(o *Options) { o.Extra = map[string][]byte{"../index.html": nil} },
		"extra absolute":   func(o *Options) { o.Extra = map[string][]byte{"/index.html": nil} },
		"extra of ours":    func(o *Options) { o.Extra = map[string][]byte{"Checkpoint": nil} },
		"extra in folder":  func(o *Options) { o.Extra = map[string][]byte{"records/1.html": nil} },
		"extra for drives": func(o *Options) { o.Extra = map[string][]byte{`c:\index.html`: nil} },
	} {
		o := s.options()
		edit(&o)
		var b bytes.Buffer
		_, err := Write(t.Context(), &b, s.log, o)
		if err == nil || b.Len() > 0 {
			t.Errorf("%s: %v, %d bytes", name, err, b.Len())
		}
		if !errors.Is(err, ErrInvalid) && !errors.Is(err, ledger.ErrNotFound) && !errors.Is(err, ledger.ErrInvalid) && !errors.Is(err, fs.ErrPermission) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWriteRefusesHuge(t *testing.T) {
	s := tell(t, Origin, "log").live()
	p := s.event(audit.Incident, "3.2.0")
	p.Incident.Document = audittest.Attachment("dump", "x")
	p.Incident.Document.Size = 1 << 32
	s.add(p, "e")
	_, err := Write(t.Context(), io.Discard, s.log, s.options())
	if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "hand it over beside the bundle") {
		t.Error(err)
	}
}

func always(text string) func(*audit.Attachment) (io.ReadCloser, error) {
	return func(*audit.Attachment) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }
}

// TestDiffers: size and each digest that can be computed count.
func TestDiffers(t *testing.T) {
	m, err := measure(strings.NewReader("text"), true)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		edit func(a *audit.Attachment)
		want string
	}{
		{func(*audit.Attachment) {}, ""},
		{func(a *audit.Attachment) { a.Size++ }, "5 bytes"},
		{func(a *audit.Attachment) { a.Digest["sha256"] = audittest.Digests("x")["sha256"] }, "its sha256 is"},
		{func(a *audit.Attachment) { a.Digest["sha3_512"] = audittest.Digests("x")["sha3_512"] }, "its sha3_512 is"},
		{func(a *audit.Attachment) { a.Digest["sha512"] = strings.Repeat("0", 128) }, "its sha512 is"},
		{func(a *audit.Attachment) { a.Digest["sha384"] = strings.Repeat("0", 96) }, "its sha384 is"},
	} {
		a := audittest.Attachment("a", "text")
		test.edit(a)
		err := m.differs(a)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v, want %q", err, test.want)
		}
	}
}

// TestGolden: bundles of today must be read tomorrow. If this fails after an
// update of Go, archive/zip writes other bytes: then keep the old form.
func TestGolden(t *testing.T) {
	k := kit{"bundle.json": []byte("{}"), "checkpoint": []byte("one\n"), "keys/a": nil}
	const want = "5a2282da4cb7f33f181fb0c0f0126457e90c3fbfb0d86be6c505007611d21fb7a1284215f354d09bc02e224db8ede7ddff0238cc03a13984bfbc049ad7334d82"
	if got := audit.DigestOf(k.pack(t)); got != want {
		t.Errorf("the archive has the SHA3-512 %s, want %s", got, want)
	}
}

// TestDocumented: docs/formats.md lists the checks, in their order.
func TestDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/formats.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "\n## Bundle\n")
	for _, c := range Checks() {
		var found bool
		if _, rest, found = strings.Cut(rest, "\n| `"+c[0]+"` | "); !found {
			t.Errorf("no line for %s, or not in its place", c[0])
		}
	}
}
