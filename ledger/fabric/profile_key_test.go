package fabric

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mmaudit/mmaudit/ledger/fabric/endorsed"
)

// authority makes a certificate as PEM.
func authority(t *testing.T, name string, isCA bool) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: isCA, BasicConstraintsValid: true,
		NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func TestProfileKey(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string][]byte{
		"a.pem": append(authority(t, "a1", true), authority(t, "a2", true)...),
		"b.pem": authority(t, "b", true), "c.pem": authority(t, "c", true),
		"leaf.pem": authority(t, "leaf", false), "empty.pem": nil,
		"key.pem": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY"}),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	load := func(more string) *Profile {
		file := filepath.Join(dir, "p.yaml")
		if err := os.WriteFile(file, []byte(good+more), 0o600); err != nil {
			t.Fatal(err)
		}
		p, err := LoadProfile(file)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	if _, err := load("").Key("x"); !errors.Is(err, ErrNoKey) {
		t.Errorf("%v", err)
	}
	const three = "organisations: [{msp: C, ca: c.pem}, {msp: A, ca: a.pem}, {msp: B, ca: b.pem}]\n"
	p := load(three + "orderers: [{msp: O, ca: c.pem}]\n")
	k, err := p.Key("example.com/audit")
	if err != nil {
		t.Fatal(err)
	}
	if k.Need != 2 || len(k.Organisations) != 3 || k.Organisations[0].MSP != "A" || len(k.Organisations[0].CAs) != 2 || len(k.Orderers) != 1 {
		t.Errorf("%+v", k)
	}
	if again, err := endorsed.ParseKey(k.String()); err != nil || again.String() != k.String() {
		t.Errorf("%v", err)
	}
	cas, err := p.Authorities()
	if err != nil || len(cas) != 5 {
		t.Errorf("%d authorities, %v", len(cas), err)
	}
	for _, ca := range cas {
		if !k.Names(ca) {
			t.Errorf("the key does not name %q", ca.Subject.CommonName)
		}
	}
	if k, err := load(three + "endorsements: 3\n").Key("x"); err != nil || k.Need != 3 {
		t.Errorf("%v", err)
	}
	for more, want := range map[string]string{
		three + "endorsements: 4\n":                                           "4 of 3 organisations cannot endorse",
		"organisations: [{msp: A, ca: none.pem}]\n":                           "organisations.0.ca",
		"organisations: [{msp: A, ca: empty.pem}]\n":                          "holds no certificate",
		"organisations: [{msp: A, ca: key.pem}]\n":                            "want certificates only",
		"organisations: [{msp: A, ca: leaf.pem}]\n":                           "is not a certificate authority",
		"organisations: [{msp: A, ca: a.pem}, {msp: A, ca: b.pem}]\n":         "there twice",
		"organisations: [{msp: A, ca: a.pem}]\norderers: [{msp: A, ca: x}]\n": "orderers.0.ca",
	} {
		if _, err := load(more).Key("x"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", more, err, want)
		}
	}
	if _, err := load(three).Key("a b"); err == nil {
		t.Error("a name with a space")
	}
}
