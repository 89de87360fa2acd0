package bundle

import (
	"bytes"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/audittest"
	"github.com/mmaudit/mmaudit/audit/keys"
	. "github.com/mmaudit/mmaudit/audit/trust/trusttest"
)

// byHand unpacks a bundle and runs the commands of its README.
func byHand(t *testing.T, file []byte) (out string, ok bool) {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "b.zip")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(dir, "unpacked")
	if b, err := exec.Command("unzip", "-q", path, "-d", folder).CombinedOutput(); err != nil {
		t.Fatalf("unzip: %v: %s", err, b)
	}
	cmd := exec.Command("sh", "-c", `sed -n 's/^    | //p' README.txt | sh -e`)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "TMPDIR="+dir)
	b, err := cmd.CombinedOutput()
	return string(b), err == nil
}

// TestByHand: the commands of the README find what Verify finds, with openssl.
func TestByHand(t *testing.T) {
	for _, tool := range []string{"sh", "unzip", "openssl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("needs %s: %v", tool, err)
		}
	}
	if b, err := exec.Command("openssl", "version").Output(); err != nil || !bytes.HasPrefix(b, []byte("OpenSSL 3.")) {
		t.Skipf("needs openssl 3, this is %s", b)
	}
	s := tell(t, Origin, "log")
	s.add(genesis(Origin), "a")
	for range 4 { // an uneven tree
		s.add(s.event(audit.DataRegistered, ""), "e")
	}
	ec, err := keys.Generate(keys.ECDSAP256)
	if err != nil {
		t.Fatal(err)
	}
	p := s.event(audit.KeyAdded, "")
	p.Key = &audit.KeyChange{New: &audit.SignerKey{ID: ec.Public().ID(), Algorithm: string(keys.ECDSAP256), Public: ec.Public().DER(), Name: "ec", Roles: []audit.Role{audit.Engineer}}}
	s.add(p, "a")
	p = s.event(audit.TrainStarted, "3.2.0")
	p.Actor.KeyID = ec.Public().ID()
	record, err := audit.Seal(p, ec, Key("e"))
	if err != nil {
		t.Fatal(err)
	}
	last := s.append(record)
	s.ours = []int64{1, 3, last}
	file := s.write(s.options())
	if r := check(t, file, s.anchor()); r.Outcome != Verified {
		t.Fatal(lines(r))
	}

	out, ok := byHand(t, file)
	for _, want := range []string{
		"digest of ./checkpoint: OK", "digest of ./documents/" + audittest.Digests(params())["sha3_512"] + ": OK",
		"checkpoint signed by the log's key 872b86ea: OK",
		"record 0 is in the tree: OK", "record 3 is in the tree: OK", "record 5 is in the tree: OK", "record 6 is in the tree: OK",
		"records/000000000006.dsse.json signed by key " + ec.Public().ID() + ": OK",
		"records/000000000006.dsse.json signed by key " + ID("e") + ": OK",
		"keys/" + ec.Public().ID() + ".pem: OK", `{"_type":"https://in-toto.io/Statement/v1"`,
	} {
		if !ok || !strings.Contains(out, want) {
			t.Errorf("ok %v, lacks %q", ok, want)
		}
	}
	if t.Failed() {
		t.Fatal(out)
	}

	whole := unpack(t, file)
	for name, edit := range map[string]func(k kit) []byte{
		"member, not listed": func(k kit) []byte { k["index.html"] = []byte("x"); return k.pack(t) },
		"record":             func(k kit) []byte { k[recordFile(last)][100] ^= 1; return k.forge(t) },
		"proof":              func(k kit) []byte { k[proofFile(3)] = k[proofFile(5)]; return k.forge(t) },
		"size": func(k kit) []byte {
			k[checkpointFile] = bytes.Replace(k[checkpointFile], []byte("\n7\n"), []byte("\n8\n"), 1)
			return k.forge(t)
		},
		"key of a record": func(k kit) []byte { k[keyFile(ID("e"))] = Key("x").Public().PEM(); return k.forge(t) },
	} {
		k := maps.Clone(whole)
		for name := range k {
			k[name] = bytes.Clone(k[name])
		}
		changed := edit(k)
		if r := check(t, changed, s.anchor()); r.Outcome != Failed {
			t.Errorf("%s: Verify: %s", name, lines(r))
		}
		if out, ok := byHand(t, changed); ok {
			t.Errorf("%s: the commands find nothing: %s", name, out)
		}
	}
}
