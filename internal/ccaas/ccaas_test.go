package ccaas

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"math/big"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestPackageName holds the bytes: with others, networks would have to approve
// the same service again.
func TestPackageName(t *testing.T) {
	_, id, err := Service{Label: "auditlog-1", Address: "cc.example:9999"}.Package()
	const want = "auditlog-1:40ae03bf7ce23cc765e77f9ad8d50ef97008794b6aef6e8d382a8cce99dd6fda"
	if err != nil || id != want {
		t.Errorf("%s, %v, want %s", id, err, want)
	}
}

// TestOpens has the tar of the system open a package.
func TestOpens(t *testing.T) {
	tar, err := exec.LookPath("tar")
	if err != nil {
		t.Skip("needs tar")
	}
	cert, key := pair(t)
	pkg, _, err := Service{Label: "l", Address: "cc.example:9999", Root: cert, ClientCert: cert, ClientKey: key}.Package()
	if err != nil {
		t.Fatal(err)
	}
	read := func(pkg []byte, name string) []byte {
		t.Helper()
		cmd := exec.Command(tar, "-xzOf", "-", name)
		cmd.Stdin = strings.NewReader(string(pkg))
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	if got := string(read(pkg, "metadata.json")); got != `{"type":"ccaas","label":"l"}` {
		t.Errorf("metadata %s", got)
	}
	var connection map[string]any
	if err := json.Unmarshal(read(read(pkg, "code.tar.gz"), "connection.json"), &connection); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]any{
		"address": "cc.example:9999", "dial_timeout": "10s", "tls_required": true, "client_auth_required": true,
		"root_cert": string(cert), "client_cert": string(cert), "client_key": string(key),
	} {
		if connection[name] != want {
			t.Errorf("%s is %v, want %v", name, connection[name], want)
		}
	}
}

func TestRefuses(t *testing.T) {
	cert, key := pair(t)
	other, _ := pair(t)
	good := Service{Label: "l", Address: "h:1", Root: cert, ClientCert: cert, ClientKey: key}
	if _, _, err := good.Package(); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*Service){
		`label ""`:             func(s *Service) { s.Label = "" },
		`label "-l"`:           func(s *Service) { s.Label = "-l" },
		`label "a:b"`:          func(s *Service) { s.Label = "a:b" },
		`address "h"`:          func(s *Service) { s.Address = "h" },
		`address ":1"`:         func(s *Service) { s.Address = ":1" },
		`address "h:0"`:        func(s *Service) { s.Address = "h:0" },
		`address "h:65536"`:    func(s *Service) { s.Address = "h:65536" },
		"no certificate":       func(s *Service) { s.Root = []byte("x") },
		`"PRIVATE KEY", which`: func(s *Service) { s.Root = slices.Concat(cert, key) },
		"go together":          func(s *Service) { s.ClientKey = nil },
		"needs TLS":            func(s *Service) { s.Root = nil },
		"private key does not": func(s *Service) { s.ClientCert = other },
	} {
		s := good
		change(&s)
		if pkg, _, err := s.Package(); pkg != nil || !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// pair makes a certificate and its key.
func pair(t *testing.T) (cert, key []byte) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
}
