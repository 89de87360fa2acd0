package fabric

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const good = `version: 1
channel: audit
chaincode: auditlog
identity:
  msp: Org1MSP
  certificate: user.crt
  key: user.key
peers:
  - address: peer0.org1.test:7051
    tls: org1.pem
  - {address: "10.0.0.2:7051", tls: org2.pem, name: peer0.org2.test}
timeouts: {commit: 1m30s}
`

func TestProfile(t *testing.T) {
	p, err := ParseProfile([]byte(good))
	if err != nil {
		t.Fatal(err)
	}
	if p.Origin != "" || p.name() != "fabric/audit/auditlog" || len(p.Peers) != 2 || p.Peers[1].Name != "peer0.org2.test" ||
		time.Duration(p.Timeouts.Commit) != 90*time.Second || time.Duration(p.Timeouts.Evaluate) != 10*time.Second || time.Duration(p.Timeouts.Grace) != time.Second {
		t.Errorf("%+v", p)
	}
	file := filepath.Join(t.TempDir(), "p.yaml")
	if err := os.WriteFile(file, []byte(good), 0o600); err != nil {
		t.Fatal(err)
	}
	if p, err = LoadProfile(file); err != nil {
		t.Fatal(err)
	}
	if got := p.path("a/b"); got != filepath.Join(filepath.Dir(file), "a/b") {
		t.Errorf("a file beside the profile is looked for at %s", got)
	}
	if p.Dir() != strings.TrimSuffix(file, ".yaml")+".ledger" || p.File() != file {
		t.Errorf("the folder is %s", p.Dir())
	}
	p.Folder = "documents"
	if p.Dir() != filepath.Join(filepath.Dir(file), "documents") {
		t.Errorf("the folder is %s", p.Dir())
	}
	if _, err := Open(p, nil); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "identity.certificate") {
		t.Errorf("%v", err)
	}
	if _, err := LoadProfile(file + ".none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

// TestProfileErrors has each field wrong: the message says where and which.
func TestProfileErrors(t *testing.T) {
	for _, c := range []struct{ old, new, want string }{
		{"version: 1", "version: 2", "line 1: version"},
		{"version: 1\n", "", "missing properties: 'version'"},
		{"channel: audit", "channel: Audit", "line 2: channel"},
		{"timeouts:", "folder: ''\ntimeouts:", "folder: length must be"},
		{"timeouts:", "endorsements: 0\ntimeouts:", "line 12: endorsements"},
		{"timeouts:", "organisations: [{msp: a b, ca: c}]\ntimeouts:", "line 12: organisations.0.msp"},
		{"timeouts:", "orderers: [{msp: OrdererMSP}]\ntimeouts:", "missing properties: 'ca'"},
		{"timeouts:", "orderers: []\ntimeouts:", "line 12: orderers: minimum 1 items"},
		{"channel: audit", "channel: 7", "line 2: channel: expected string"},
		{"chaincode: auditlog", "chaincode: a b", "line 3: chaincode"},
		{"chaincode: auditlog", "chaincode: auditlog\norigin: a b", "line 4: origin"},
		{"  msp: Org1MSP\n", "", "missing properties: 'msp'"},
		{"  key: user.key", "  key: \"\"", "line 7: identity.key"},
		{"  key: user.key", "  key: pkcs11:token=hsm;object=ci?pin-source=pin", "line 7: identity.key: a key in a token (PKCS#11)"},
		{"  key: user.key", "  key: user.key\n  pin: 1", "'pin' not allowed"},
		{"address: peer0.org1.test:7051", "address: peer0.org1.test", "line 9: peers.0.address"},
		{`"10.0.0.2:7051", tls: org2.pem`, `"10.0.0.2:7051"`, "missing properties: 'tls'"},
		{"{commit: 1m30s}", "{commit: 90}", "line 12: timeouts.commit"},
		{"{commit: 1m30s}", "{commit: 0s}", "line 12: duration \"0s\" is not positive"},
		{"{commit: 1m30s}", "{commits: 1s}", "'commits' not allowed"},
		{good, "", "empty profile"},
		{good, "- a", "expected object"},
		{good, "a: [", "line 1"},
		{good, "? [x]\n: y\n", "invalid map key"},
		{"version: 1", "version: 1\nversion: 1", "already defined"},
	} {
		_, err := ParseProfile([]byte(strings.Replace(good, c.old, c.new, 1)))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q in place of %q: %v, want %q", c.new, c.old, err, c.want)
		}
	}
}

func FuzzProfile(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte("version: 1\npeers: [&a [*a]]\n"))
	f.Add([]byte("? {a: b}\n: c"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if p, err := ParseProfile(text); (p == nil) == (err == nil) {
			t.Errorf("%v, %v", p, err)
		}
	})
}
