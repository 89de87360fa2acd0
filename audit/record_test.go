package audit_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/audittest"
	"github.com/mmaudit/mmaudit/audit/dsse"
	"github.com/mmaudit/mmaudit/audit/keys"
	"github.com/mmaudit/mmaudit/ledger"
)

func newKey(t testing.TB, a keys.Algorithm) *keys.Private {
	t.Helper()
	k, err := keys.Generate(a)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// full is a predicate with every member that holds a document.
func full() *audit.Predicate {
	p := audittest.Event(audit.EvalFinished, "bev-seg", "3.2.0", "r1", 1)
	p.ID, p.Run = "job-17", "r1"
	doc := func(name string) *audit.Attachment { return audittest.Attachment(name, name) }
	p.Data = []audit.Dataset{audittest.Dataset("a", "train"), audittest.Dataset("b", "val")}
	p.Data[1].Listing = doc("listing")
	p.Params = audittest.Params("lr=1")
	p.Toolchain = audittest.Toolchain(map[string]string{"driver": "535.129.03", "cuda": "12.4", "torch": "2.4.0+cu124"})
	p.Toolchain.Report = doc("toolchain")
	p.Outputs = []audit.Artifact{audittest.Artifact("model.pt", "weights")}
	p.Validation = &audit.Validation{Tool: "mmvalidate", Verdict: "pass", Report: doc("validation")}
	p.Evaluation = &audit.Evaluation{Name: "val", Plan: doc("plan"), Report: doc("evaluation")}
	p.Approval = &audit.Approval{Document: doc("approval")}
	from := audittest.Artifact("from", "from")
	p.Export = &audit.Export{Format: "onnx", From: &from}
	p.Bridge = &audit.Bridge{Config: doc("bridge")}
	p.Incident = &audit.Report{Severity: "low", Summary: "x", Document: doc("incident")}
	p.Deployment = &audit.Deployment{Device: "v17", DeviceType: "orin"}
	p.Attachments = []audit.Attachment{*doc("other")}
	p.Cut = []audit.Cut{{Member: "outputs", Items: 900, Whole: doc("outputs")}}
	return p
}

func TestSealAndOpen(t *testing.T) {
	for _, a := range keys.Algorithms {
		key := newKey(t, a)
		one, err := audit.Seal(full(), key)
		if err != nil {
			t.Fatal(err)
		}
		two, err := audit.Seal(full(), key)
		if err != nil || !bytes.Equal(one, two) {
			t.Errorf("%s: sealed twice it differs (%v)", a, err)
		}
		r, err := audit.Open(one)
		if err != nil {
			t.Fatal(err)
		}
		if r.Predicate().Model != "bev-seg" || r.Digest() != audit.DigestOf(one) {
			t.Errorf("%s: read back as %+v", a, r.Predicate())
		}
		if _, err := r.Envelope.Verify(1, key.Public()); err != nil {
			t.Error(err)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	key := newKey(t, keys.Ed25519)
	for name, payload := range map[string]string{
		"another statement": `{"_type":"https://in-toto.io/Statement/v1","predicate":{},"predicateType":"https://slsa.dev/provenance/v1","subject":[]}`,
		"not a statement":   `[]`,
		"nothing":           ``,
	} {
		record, err := dsse.Sign([]byte(payload), key)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := audit.Open(record); !errors.Is(err, audit.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := audit.Open([]byte("{}")); !errors.Is(err, audit.ErrInvalid) {
		t.Errorf("an empty object: %v", err)
	}
}

func TestSealRefusesWhatIsTooLarge(t *testing.T) {
	p := audittest.Event(audit.Incident, "m", "1", "", 1)
	p.Incident.Summary = strings.Repeat("x", ledger.MaxRecord)
	if _, err := audit.Seal(p, newKey(t, keys.Ed25519)); err == nil {
		t.Error("sealed")
	}
}

// TestKeysOf holds the keys against a walk of the JSON that knows no members:
// whatever has a digest can be found by it.
func TestKeysOf(t *testing.T) {
	key := newKey(t, keys.Ed25519)
	p := full()
	record, err := audit.Seal(p, key)
	if err != nil {
		t.Fatal(err)
	}
	k, err := audit.KeysOf(record)
	if err != nil {
		t.Fatal(err)
	}
	want := []ledger.Key{
		{Name: audit.KeyEvent, Value: "eval.finished"},
		{Name: audit.KeyModel, Value: "bev-seg"},
		audit.VersionKey("bev-seg", "3.2.0"),
		{Name: audit.KeyRun, Value: "r1"},
		{Name: audit.KeyID, Value: "job-17"},
		{Name: audit.KeySigner, Value: key.Public().ID()},
		{Name: audit.KeyDevice, Value: "v17"},
		{Name: audit.KeyDevice, Value: "orin"},
		{Name: audit.KeyParams, Value: p.Params.Hash.String()},
	}
	for _, d := range p.Data {
		for _, digest := range []string{d.Fingerprint.Tree.Root.String(), d.Fingerprint.Content.Root.String(), d.Fingerprint.Manifest.String()} {
			want = append(want, ledger.Key{Name: audit.KeyData, Value: digest})
		}
	}
	for _, tool := range []string{
		"driver 535", "driver 535.129", "driver 535.129.03", "cuda 12", "cuda 12.4",
		"torch 2", "torch 2.4", "torch 2.4.0", "torch 2.4.0+cu124",
	} {
		want = append(want, ledger.Key{Name: audit.KeyTool, Value: tool})
	}
	r, err := audit.Open(record)
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(r.Envelope.Payload, &v); err != nil {
		t.Fatal(err)
	}
	walk(v, func(name, digest string) {
		want = append(want, ledger.Key{Name: audit.KeySubject, Value: name + ":" + digest})
	})
	compare := func(a, b ledger.Key) int { return strings.Compare(a.Name+"\x00"+a.Value, b.Name+"\x00"+b.Value) }
	slices.SortFunc(want, compare)
	slices.SortFunc(k.Index, compare)
	if want, got := slices.Compact(want), slices.Compact(k.Index); !slices.Equal(want, got) {
		t.Errorf("keys\n%q\nwant\n%q", got, want)
	}
	if k.ID != "id\njob-17" {
		t.Errorf("idempotency key %q", k.ID)
	}
}

func walk(v any, found func(name, digest string)) {
	switch v := v.(type) {
	case map[string]any:
		for name, x := range v {
			if set, ok := x.(map[string]any); ok && name == "digest" {
				for algorithm, digest := range set {
					found(algorithm, digest.(string))
				}
			}
			walk(x, found)
		}
	case []any:
		for _, x := range v {
			walk(x, found)
		}
	}
}

// TestID: without a caller's key it is the statement that counts, whoever
// signed it.
func TestID(t *testing.T) {
	a, b := newKey(t, keys.Ed25519), newKey(t, keys.ECDSAP256)
	id := func(p *audit.Predicate, signers ...*keys.Private) string {
		record, err := audit.Seal(p, signers...)
		if err != nil {
			t.Fatal(err)
		}
		k, err := audit.KeysOf(record)
		if err != nil {
			t.Fatal(err)
		}
		return k.ID
	}
	p := audittest.Event(audit.Approved, "m", "1", "", 1)
	if id(p, a) != id(p, b) || id(p, a) != id(p, a, b) {
		t.Error("other signatures, another key")
	}
	if id(p, a) == id(audittest.Event(audit.Approved, "m", "1", "", 2), a) {
		t.Error("another time, the same key")
	}
}

// TestHeartbeatsAreFoundByRun: there may be thousands in the life of a version.
func TestHeartbeatsAreFoundByRun(t *testing.T) {
	record, err := audit.Seal(audittest.Event(audit.TrainHeartbeat, "m", "1", "r", 1), newKey(t, keys.Ed25519))
	if err != nil {
		t.Fatal(err)
	}
	k, err := audit.KeysOf(record)
	if err != nil {
		t.Fatal(err)
	}
	if slices.Contains(k.Index, audit.VersionKey("m", "1")) || !slices.Contains(k.Index, ledger.Key{Name: audit.KeyRun, Value: "r"}) {
		t.Errorf("%q", k.Index)
	}
}

func sorted(k ledger.Keys) ledger.Keys {
	k.Index = slices.Clone(k.Index)
	slices.SortFunc(k.Index, func(a, b ledger.Key) int { return strings.Compare(a.Name+"\x00"+a.Value, b.Name+"\x00"+b.Value) })
	k.Index = slices.Compact(k.Index)
	return k
}

func FuzzKeysOf(f *testing.F) {
	key := newKey(f, keys.Ed25519)
	for _, k := range audit.Kinds() {
		payload, err := audittest.Event(k.Event, "m", "1", "r", 1).Encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(payload)
	}
	p := full()
	p.Model, p.Version, p.Run, p.ID = `a"b\c`, "1é\u2028", "r\u00e9", `i"`
	payload, err := p.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(payload)
	for _, broken := range []string{`{"predicate":{"data":[`, `{"predicate":{"event":`, `{"predicate":{"event":"}`, `{"predicate":{"outputs":[{"digest":}]}}`, `{"predicate":{"data":[{"fingerprint":{"tree":{"root":`, `{"subject":[{"digest":{"sha256":"\"}}]}`} {
		f.Add([]byte(broken))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		record, err := dsse.Sign(payload, key)
		if err != nil {
			return
		}
		_, opens := audit.Open(record)
		k, err := audit.KeysOf(record)
		if err == nil && k.ID == "" {
			t.Fatal("no idempotency key")
		}
		if opens != nil {
			return // keys of what is no record may be any
		}
		want, wantErr := keysByType(record)
		if err != nil || wantErr != nil {
			t.Fatalf("%s is a record but has no keys: %v, %v", payload, err, wantErr)
		}
		if got, want := sorted(k), sorted(want); k.ID != want.ID || !slices.Equal(got.Index, want.Index) {
			t.Fatalf("keys of %s\n%q\nwant\n%q", payload, got, want)
		}
	})
}

func BenchmarkKeysOf(b *testing.B) {
	record, err := audit.Seal(audittest.Event(audit.EvalFinished, "bev-seg", "3.2.0", "r1", 1), newKey(b, keys.Ed25519))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(record)))
	for b.Loop() {
		if _, err := audit.KeysOf(record); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	record, err := audit.Seal(full(), newKey(b, keys.Ed25519))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(record)))
	for b.Loop() {
		if _, err := audit.Open(record); err != nil {
			b.Fatal(err)
		}
	}
}
