package export_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/audit/dsse"
	"github.com/mmaudit/mmaudit/audit/export"
	"github.com/mmaudit/mmaudit/audit/keys"
)

func generate(t *testing.T, a keys.Algorithm) *keys.Private {
	t.Helper()
	k, err := keys.Generate(a)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestSealSLSA(t *testing.T) {
	a, b := signer(t), generate(t, keys.ECDSAP256)
	document := makes(t, "slsa", newLife(t).source())
	sealed, err := format(t, "slsa").Seal(document, a, b)
	if err != nil {
		t.Fatal(err)
	}
	e, err := dsse.ParseForeign(sealed)
	if err != nil {
		t.Fatal(err)
	}
	if by, err := e.Verify(2, a.Public(), b.Public()); err != nil || len(by) != 2 {
		t.Errorf("signed by %v, %v", by, err)
	}
	if !bytes.Equal(e.Payload, document) {
		t.Error("the payload is not the document")
	}
}

func TestSealRefused(t *testing.T) {
	ed, ec := signer(t), generate(t, keys.ECDSAP256)
	for _, c := range []struct {
		format string
		keys   []*keys.Private
	}{{"cyclonedx", []*keys.Private{ed}}, {"slsa", nil}, {"oms", []*keys.Private{ed}}, {"oms", []*keys.Private{ec, ec}}} {
		if _, err := format(t, c.format).Seal([]byte("{}"), c.keys...); !errors.Is(err, export.ErrUnsigned) {
			t.Errorf("%s with %d keys: %v", c.format, len(c.keys), err)
		}
	}
}

// TestSealOMS looks into the bundle; TestModelSigning has it verified.
func TestSealOMS(t *testing.T) {
	k := generate(t, keys.ECDSAP256)
	document := makes(t, "oms", newLife(t).source())
	sealed, err := format(t, "oms").Seal(document, k)
	if err != nil {
		t.Fatal(err)
	}
	var bundle struct {
		MediaType string
		Envelope  json.RawMessage `json:"dsseEnvelope"`
	}
	if err := json.Unmarshal(sealed, &bundle); err != nil {
		t.Fatal(err)
	}
	if want := "application/vnd.dev.sigstore.bundle.v0.3+json"; bundle.MediaType != want {
		t.Errorf("media type %q", bundle.MediaType)
	}
	e, err := dsse.ParseForeign(bundle.Envelope)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Verify(1, k.Public()); err != nil {
		t.Error(err)
	}
}

// TestForeignProvenance has in-toto's own types read what we wrote.
func TestForeignProvenance(t *testing.T) {
	if testing.Short() {
		t.Skip("builds another program: run without -short")
	}
	var stderr bytes.Buffer
	build := exec.Command("go", "-C", filepath.Join("..", "..", "tools"), "tool", "-n", "provenance")
	build.Stderr = &stderr
	path, err := build.Output()
	if err != nil {
		t.Skipf("cannot be built here: %v\n%s", err, &stderr)
	}
	exe := strings.TrimSpace(string(path))
	document := makes(t, "slsa", newLife(t).source())
	run := func(text []byte) (string, error) {
		var stderr bytes.Buffer
		cmd := exec.CommandContext(t.Context(), exe)
		cmd.Stdin, cmd.Stderr = bytes.NewReader(text), &stderr
		out, err := cmd.Output()
		if err != nil {
			err = errors.New(stderr.String())
		}
		return string(out), err
	}
	out, err := run(document)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"invocation run-7 08:02:00.250 08:03:59.500", "subject model.pt 181b39ab", "dependency nuscenes", "dependency source\n",
		"builder https://github.com/mmaudit/mmaudit/signer/v1#",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("lacks %q:\n%s", want, out)
		}
	}
	for _, change := range [][2]string{
		{`"buildType"`, `"buildKind"`}, {`"sha3_512":"`, `"sha3_512":"00`}, {`"invocationId":"run-7"`, `"invocationId":7`},
	} {
		if _, err := run(bytes.ReplaceAll(document, []byte(change[0]), []byte(change[1]))); err == nil {
			t.Errorf("accepted %s", change[1])
		}
	}
}
