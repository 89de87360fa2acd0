//go:build unix

package export_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/audittest"
	"github.com/mmaudit/mmaudit/audit/export"
	"github.com/mmaudit/mmaudit/audit/fingerprint"
	"github.com/mmaudit/mmaudit/audit/keys"
)

// folder makes a model of several files, and has its fingerprint recorded as
// what the run left.
func (l *life) folder(name string, sha256 bool, files map[string]string) (dir string) {
	l.t.Helper()
	dir = filepath.Join(l.t.TempDir(), name)
	for name, text := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			l.t.Fatal(err)
		}
		if target, link := strings.CutPrefix(text, "-> "); link {
			if err := os.Symlink(target, file); err != nil {
				l.t.Fatal(err)
			}
			continue
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			l.t.Fatal(err)
		}
	}
	var listing bytes.Buffer
	r, err := fingerprint.Run(l.t.Context(), dir, fingerprint.Options{SHA256: sha256, Listing: &listing})
	if err != nil {
		l.t.Fatal(err)
	}
	ended := l.of(audit.TrainFinished)
	ended.Outputs = []audit.Artifact{{
		Name: name, Kind: "folder", Size: int64(r.Bytes), Tree: &r.Tree, Digest: audit.DigestSet{"sha3_512": r.Manifest.String()},
	}}
	ended.Attachments = []audit.Attachment{
		*l.document("log.txt", "text/plain", []byte("not a listing")),
		*l.document("listing.jsonl", "application/jsonl", listing.Bytes()),
	}
	return dir
}

var model = map[string]string{
	"config.json": "{}", "weights/part-1.bin": "abc", "weights/part-2.bin": strings.Repeat("x", 100_000), "weights-notes.txt": "",
	".gitattributes": "* text", "weights/.gitignore": "*.tmp", "Ünïcode 模型.txt": "name",
}

func TestOMS(t *testing.T) {
	l := newLife(t)
	l.folder("bev", true, model)
	var s struct {
		Subject []struct {
			Name   string
			Digest map[string]string
		}
		Predicate struct {
			Resources []struct{ Name, Algorithm, Digest string }
		}
	}
	if err := json.Unmarshal(makes(t, "oms", l.source()), &s); err != nil {
		t.Fatal(err)
	}
	var names []string
	var raw []byte
	for _, r := range s.Predicate.Resources {
		names = append(names, r.Name)
		sum := sha256.Sum256([]byte(model[r.Name]))
		if r.Digest != hex.EncodeToString(sum[:]) || r.Algorithm != "sha256" {
			t.Errorf("%s has %s %s", r.Name, r.Algorithm, r.Digest)
		}
		raw = append(raw, sum[:]...)
	}
	want := "config.json|weights-notes.txt|weights/.gitignore|weights/part-1.bin|weights/part-2.bin|Ünïcode 模型.txt"
	if got := strings.Join(names, "|"); got != want {
		t.Errorf("files %s\nwant %s", got, want)
	}
	root := sha256.Sum256(raw)
	if s.Subject[0].Name != "bev" || s.Subject[0].Digest["sha256"] != hex.EncodeToString(root[:]) {
		t.Errorf("subject %v", s.Subject)
	}
}

func TestOMSRefused(t *testing.T) {
	cases := map[string]func(*life){ // by what the error says
		"has no SHA-256":              func(l *life) { l.folder("bev", false, model) },
		"is a symlink":                func(l *life) { l.folder("bev", true, map[string]string{"a": "x", "b": "-> a"}) },
		"is not UTF-8":                func(l *life) { l.folder("bev", true, map[string]string{"\xff": "x"}) },
		"no listing of \"bev\"":       func(l *life) { l.folder("bev", true, model); clear(l.documents) },
		"no listing of":               func(l *life) { l.folder("bev", true, model); l.of(audit.TrainFinished).Outputs[0].Tree.Leaves++ },
		"\"model.pt\" is named twice": func(l *life) { p := l.of(audit.TrainFinished); p.Outputs = append(p.Outputs, p.Outputs[0]) },
		"of \"model.pt\"":             func(l *life) { delete(l.of(audit.TrainFinished).Outputs[0].Digest, "sha256") },
	}
	for name, change := range cases {
		t.Run(name, func(t *testing.T) {
			l := newLife(t)
			change(l)
			if text, err := format(t, "oms").Make(t.Context(), l.source()); !errors.Is(err, export.ErrNoFiles) || !strings.Contains(err.Error(), name) {
				t.Errorf("%v\n%s", err, text)
			}
		})
	}
}

// TestOMSListing gives the listing by hand: of the folder as it was, and of
// another.
func TestOMSListing(t *testing.T) {
	l := newLife(t)
	dir := l.folder("bev", true, model)
	clear(l.documents)
	src := l.source()
	src.Listing = func() (io.ReadCloser, error) {
		var listing bytes.Buffer
		_, err := fingerprint.Run(t.Context(), dir, fingerprint.Options{SHA256: true, Listing: &listing})
		return io.NopCloser(&listing), err
	}
	if text := makes(t, "oms", src); !bytes.Contains(text, []byte("weights/part-1.bin")) {
		t.Errorf("%s", text)
	}
	if err := os.WriteFile(filepath.Join(dir, "extra"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if text, err := format(t, "oms").Make(t.Context(), src); !errors.Is(err, export.ErrNoFiles) {
		t.Errorf("another folder: %v\n%s", err, text)
	}
}

// TestOMSNames checks to what names are relative: to the folder that holds all.
func TestOMSNames(t *testing.T) {
	for outputs, want := range map[string]string{
		"model.pt":                     "bev-seg: model.pt",
		"runs/7/model.pt":              "7: model.pt",
		"runs/7/model.pt runs/7/a.txt": "7: a.txt model.pt",
		"runs/7/x/m.pt runs/7/y/m.pt":  "7: x/m.pt y/m.pt",
		"runs/7/m.pt runs/77/m.pt":     "runs: 7/m.pt 77/m.pt",
		"a/m.pt b/m.pt":                "bev-seg: a/m.pt b/m.pt",
		"/data/m.pt /out/m.pt":         "bev-seg: data/m.pt out/m.pt",
		"/out/./m.pt":                  "out: m.pt",
		"m.pt out/m.pt":                "bev-seg: m.pt out/m.pt",
		"out/m.pt m.pt":                "bev-seg: m.pt out/m.pt",
	} {
		l := newLife(t)
		p := l.of(audit.TrainFinished)
		p.Outputs = nil
		for _, name := range strings.Fields(outputs) {
			p.Outputs = append(p.Outputs, audittest.Artifact(name, name))
		}
		var s struct {
			Subject   []struct{ Name string }
			Predicate struct{ Resources []struct{ Name string } }
		}
		if err := json.Unmarshal(makes(t, "oms", l.source()), &s); err != nil {
			t.Fatal(err)
		}
		got := s.Subject[0].Name + ":"
		for _, r := range s.Predicate.Resources {
			got += " " + r.Name
		}
		if got != want {
			t.Errorf("%s: %s, want %s", outputs, got, want)
		}
	}
}

// TestModelSigning has the reference implementation verify a model against our
// signature: the Python package model-signing, if it is installed.
func TestModelSigning(t *testing.T) {
	if out, err := exec.Command("python3", "-c", "import model_signing").CombinedOutput(); err != nil {
		t.Skipf("the Python package model-signing is not installed: %.200s", out)
	}
	l := newLife(t)
	dir := l.folder("bev", true, model)
	k := generate(t, keys.ECDSAP256)
	sealed, err := format(t, "oms").Seal(makes(t, "oms", l.source()), k)
	if err != nil {
		t.Fatal(err)
	}
	write := func(file string, text []byte) string {
		t.Helper()
		if err := os.WriteFile(file, text, 0o644); err != nil {
			t.Fatal(err)
		}
		return file
	}
	public := write(filepath.Join(t.TempDir(), "public.pem"), k.Public().PEM())
	signature := write(filepath.Join(dir, export.SignatureName), sealed)
	verify := func() (string, error) {
		out, err := exec.Command("python3", "-m", "model_signing", "verify", "key", dir,
			"--signature", signature, "--public_key", public).CombinedOutput()
		return string(out), err
	}
	if out, err := verify(); err != nil || !strings.Contains(out, "Verification succeeded") {
		t.Fatalf("%v\n%s", err, out)
	}
	write(filepath.Join(dir, "weights", "part-1.bin"), []byte("abd"))
	if out, err := verify(); err == nil || !strings.Contains(out, "weights/part-1.bin") {
		t.Errorf("a file was changed: %v\n%s", err, out)
	}
	write(filepath.Join(dir, "weights", "part-1.bin"), []byte("abc"))
	write(public, generate(t, keys.ECDSAP256).Public().PEM())
	if out, err := verify(); err == nil {
		t.Errorf("verified with another key\n%s", out)
	}
}
