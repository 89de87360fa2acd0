// Package ccaas makes the packages by which peers of Hyperledger Fabric know a
// chaincode that runs as a service: where it listens, and by which certificates
// both know each other. There is no code in them.
//
// A package is a gzipped tar of metadata.json and code.tar.gz, in which
// connection.json lies. Peers name it by its label and SHA-256. The same service
// gives the same bytes, whichever version of Go compiled this: organisations
// approve a package by its name.
package ccaas

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strconv"
)

// A Service is what a package says of a chaincode service.
type Service struct {
	Label   string // begins the name of the package
	Address string // HOST:PORT, as peers reach it

	// TLS. Without a root peers connect in the clear.
	Root                  []byte // certificates that vouch for the service's own, PEM
	ClientCert, ClientKey []byte // what peers show to the service, PEM; both or neither
}

// ErrInvalid says what of a service is wrong.
var ErrInvalid = errors.New("invalid chaincode package")

// label is what peers accept.
var label = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.+-]*$`)

// Package gives the bytes of the package, and the name that peers give to it.
func (s Service) Package() (pkg []byte, id string, err error) {
	if err := s.check(); err != nil {
		return nil, "", fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	// The members are those of ChaincodeServerUserData in Fabric's
	// core/container/externalbuilder.
	connection, err := json.Marshal(struct {
		Address    string `json:"address"`
		Timeout    string `json:"dial_timeout"`
		TLS        bool   `json:"tls_required"`
		ClientAuth bool   `json:"client_auth_required"`
		ClientKey  string `json:"client_key,omitempty"`
		ClientCert string `json:"client_cert,omitempty"`
		Root       string `json:"root_cert,omitempty"`
	}{s.Address, "10s", s.Root != nil, s.ClientKey != nil, string(s.ClientKey), string(s.ClientCert), string(s.Root)})
	if err != nil {
		return nil, "", err
	}
	metadata, err := json.Marshal(struct {
		Type  string `json:"type"`
		Label string `json:"label"`
	}{"ccaas", s.Label})
	if err != nil {
		return nil, "", err
	}
	code, err := tgz(file{"connection.json", connection})
	if err == nil {
		pkg, err = tgz(file{"metadata.json", metadata}, file{"code.tar.gz", code})
	}
	if err != nil {
		return nil, "", err
	}
	return pkg, fmt.Sprintf("%s:%x", s.Label, sha256.Sum256(pkg)), nil
}

func (s Service) check() error {
	if !label.MatchString(s.Label) {
		return fmt.Errorf("label %q: want letters, digits and _.+- behind a letter or digit", s.Label)
	}
	host, port, err := net.SplitHostPort(s.Address)
	if err != nil {
		return fmt.Errorf("address %q: want HOST:PORT", s.Address)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || host == "" {
		return fmt.Errorf("address %q: want HOST:PORT, a port from 1 to 65535", s.Address)
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		return fmt.Errorf("address %q: that is where a service listens, and not where peers reach it", s.Address)
	}
	if s.Root != nil {
		if err := certificates(s.Root); err != nil {
			return fmt.Errorf("the root of the service's TLS: %w", err)
		}
	}
	switch {
	case (s.ClientCert == nil) != (s.ClientKey == nil):
		return errors.New("the client certificate of peers and its key go together")
	case s.ClientCert == nil:
		return nil
	case s.Root == nil:
		return errors.New("a client certificate needs TLS")
	}
	if _, err := tls.X509KeyPair(s.ClientCert, s.ClientKey); err != nil {
		return fmt.Errorf("the client certificate of peers: %w", err)
	}
	return nil
}

// certificates holds PEM to certificates alone: a file may have the private key
// behind them, and packages are handed out.
func certificates(text []byte) error {
	n := 0
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			return fmt.Errorf("it holds %.40q, which does not belong into a package", block.Type)
		}
		n++
	}
	if n == 0 || !x509.NewCertPool().AppendCertsFromPEM(text) {
		return errors.New("no certificate in PEM")
	}
	return nil
}

type file struct {
	name    string
	content []byte
}

// tgz makes an archive with neither times nor owners. It does not compress:
// compressors may change what they make of the same bytes.
func tgz(files ...file) ([]byte, error) {
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.NoCompression)
	if err != nil {
		return nil, err
	}
	t := tar.NewWriter(z)
	for _, f := range files {
		if err := t.WriteHeader(&tar.Header{Name: f.name, Mode: 0o644, Size: int64(len(f.content)), Format: tar.FormatUSTAR}); err != nil {
			return nil, err
		}
		if _, err := t.Write(f.content); err != nil {
			return nil, err
		}
	}
	if err := errors.Join(t.Close(), z.Close()); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
