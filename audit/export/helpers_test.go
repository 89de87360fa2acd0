package export_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha3"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"io"
	"io/fs"
	"testing"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/audittest"
	"github.com/mmaudit/mmaudit/audit/export"
	"github.com/mmaudit/mmaudit/audit/hparams"
	"github.com/mmaudit/mmaudit/audit/keys"
	"github.com/mmaudit/mmaudit/audit/toolchain"
)

// life is a version of a model whose records a test changes before it takes the
// source.
type life struct {
	t          *testing.T
	predicates []*audit.Predicate
	documents  map[string][]byte // by SHA3-512
}

// newLife is the whole life of bev-seg 3.2.0, with its documents.
func newLife(t *testing.T) *life {
	l := &life{t: t, documents: map[string][]byte{}}
	for _, e := range []audit.Event{
		audit.DataRegistered, audit.DataValidated, audit.TrainStarted, audit.TrainHeartbeat, audit.TrainFinished,
		audit.EvalPreregistered, audit.EvalFinished, audit.Approved, audit.Exported, audit.BridgeMapped, audit.Deployed,
	} {
		l.predicates = append(l.predicates, audittest.Event(e, "bev-seg", "3.2.0", "run-7", len(l.predicates)))
	}
	registered := l.of(audit.DataRegistered)
	d := &registered.Data[0]
	d.Source, d.Licence, d.Classification = "https://example.com/nuscenes/v1.0", "CC-BY-NC-SA-4.0", "internal"
	d.Listing = l.document("listing.jsonl", "application/jsonl", []byte("no listing, but it has a digest"))

	started := l.of(audit.TrainStarted)
	args, err := hparams.ParseArgs([]string{"optimizer.lr=0.0001", "epochs=20", `name="1"`, "seed=18446744073709551615"})
	if err != nil {
		t.Fatal(err)
	}
	form, err := args.Set.Canonical()
	if err != nil {
		t.Fatal(err)
	}
	started.Params = audittest.Params("optimizer.lr=0.0001", "epochs=20", `name="1"`, "seed=18446744073709551615")
	started.Params.Form = l.document("params.json", "application/json", form)
	report := tools()
	text, err := report.JSON()
	if err != nil {
		t.Fatal(err)
	}
	started.Toolchain.Report = l.document("toolchain.json", "application/json", text)
	started.Gaps = []audit.Gap{{What: "container", Reason: "the image was not declared"}}

	ended := l.of(audit.TrainFinished)
	exit := 0
	ended.Process = &audit.Process{
		Argv: []string{"python", "train.py", "--cfg", "cfg.yaml"}, Exit: &exit,
		Started: "2026-03-01T08:02:00.25Z", Ended: "2026-03-01T08:03:59.5Z",
	}
	ended.Metrics = []audit.Metric{{Name: "loss", Value: "0.042", Stage: "train"}}
	ended.Labels = map[string]string{
		"model.task": "bird's-eye-view segmentation", "model.approach": "supervised",
		"model.users": "planning team", "model.limitations": "not tested in snow",
	}
	evaluated := l.of(audit.EvalFinished)
	evaluated.Data = []audit.Dataset{audittest.Dataset("nuscenes-test", "test")}
	evaluated.Metrics = []audit.Metric{
		{Name: "miou", Value: "0.61", Data: evaluated.Data[0].Fingerprint.Tree.Root.String()},
		{Name: "latency", Value: "21", Unit: "ms", Stage: "test"},
	}
	return l
}

// tools is a toolchain report with a value of each shape.
func tools() *toolchain.Report {
	seen := func(v any) toolchain.Field {
		return toolchain.Field{Value: v, Source: "/some/file", Method: toolchain.Observed}
	}
	sum := sha3.Sum512([]byte("library"))
	digest := hex.EncodeToString(sum[:])
	return &toolchain.Report{
		V: 1,
		Fields: map[string]toolchain.Field{
			"nvidia.kernel_driver": seen(map[string]any{"version": "535.129.03", "flavour": "proprietary"}),
			"cuda.runtime":         seen("12.4.99"),
			"cuda.cudnn":           {Error: "no library mapped", Source: "maps", Method: toolchain.Observed},
			"os.release":           seen(map[string]any{"ID": "ubuntu", "VERSION_ID": "22.04"}),
			"container.image":      {Value: "registry.example.com/train:7@sha256:" + digest[:64], Source: "--container", Method: toolchain.Declared},
			"cuda.runtime_set": seen(toolchain.RuntimeSet{Policy: "loaded-dso/v1", Digest: digest, Libraries: []toolchain.Library{
				{SONAME: "libcudart.so.12", BuildID: "ab12", Path: "/usr/lib/libcudart.so.12", Digest: digest, SameFile: true, Method: toolchain.Observed},
			}}),
			"python.packages": seen(toolchain.Packages{Digest: digest, Packages: []toolchain.Package{
				{Name: "torch", Version: "2.4.0+cu124", Path: "site-packages/torch.dist-info", Record: digest, Installer: "pip"},
				{Name: "apt", Version: "2.6", Path: "dist-packages/apt.egg-info"},
				{Name: "torch", Version: "1.0", Path: "old", Shadowed: true},
			}}),
			"source.git": seen(toolchain.Source{
				Commit: "0123456789012345678901234567890123456789", Remote: "https://example.com/train.git", Dirty: true, Patch: digest,
				Submodules: []toolchain.Submodule{{Path: "lib", Commit: "9876543210987654321098765432109876543210", State: "clean"}},
			}),
		},
		Flags: []toolchain.Flag{{Code: "source-dirty", Message: "the source code differs from its commit"}},
	}
}

// of is the first predicate of an event.
func (l *life) of(e audit.Event) *audit.Predicate {
	l.t.Helper()
	for _, p := range l.predicates {
		if p.Event == e {
			return p
		}
	}
	l.t.Fatalf("no %s", e)
	return nil
}

// drop takes out the records of an event.
func (l *life) drop(e audit.Event) {
	kept := l.predicates[:0]
	for _, p := range l.predicates {
		if p.Event != e {
			kept = append(kept, p)
		}
	}
	l.predicates = kept
}

func (l *life) document(name, mediaType string, text []byte) *audit.Attachment {
	a := audittest.Attachment(name, string(text))
	a.MediaType = mediaType
	l.documents[a.Digest["sha3_512"]] = text
	return a
}

// source seals the records.
func (l *life) source() export.Source {
	l.t.Helper()
	src := export.Source{Ledger: "example.com/audit", Model: "bev-seg", Version: "3.2.0", Open: l.open}
	for i, p := range l.predicates {
		record, err := audit.Seal(p, signer(l.t))
		if err != nil {
			l.t.Fatal(err)
		}
		r, err := audit.Open(record)
		if err != nil {
			l.t.Fatal(err)
		}
		src.Entries = append(src.Entries, export.Entry{Index: int64(10 + i), Record: r})
	}
	return src
}

func (l *life) open(digest string) (io.ReadCloser, error) {
	text, ok := l.documents[digest]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return io.NopCloser(bytes.NewReader(text)), nil
}

// signer is the same key in every run of the tests.
func signer(t *testing.T) *keys.Private {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)))
	if err != nil {
		t.Fatal(err)
	}
	k, err := keys.Parse(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE " + "KEY", Bytes: der}), nil)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func format(t *testing.T, name string) export.Format {
	t.Helper()
	f, err := export.FormatOf(name)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func makes(t *testing.T, name string, src export.Source) []byte {
	t.Helper()
	text, err := format(t, name).Make(t.Context(), src)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return text
}
