package fabric

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/mmaudit/mmaudit/ledger/fabric/internal/wire"
)

// who is the identity of a profile, read.
type who struct {
	certPEM, keyPEM []byte
	cert            *x509.Certificate
	key             *ecdsa.PrivateKey
}

// identity reads who the client is, and says what would keep any peer from
// letting it in.
func (p *Profile) identity() (*who, error) {
	read := func(name, file string) (text, der []byte, err error) {
		if text, err = os.ReadFile(p.path(file)); err != nil {
			return nil, nil, fmt.Errorf("%s: identity.%s: %w", p.file, name, err)
		}
		b, _ := pem.Decode(text)
		if b == nil {
			return nil, nil, fmt.Errorf("%s: identity.%s: %s is not PEM", p.file, name, p.path(file))
		}
		return text, b.Bytes, nil
	}
	bad := func(name, file string, err error) error {
		return fmt.Errorf("%s: identity.%s: %s: %w", p.file, name, p.path(file), err)
	}
	var w who
	var der []byte
	var err error
	if w.certPEM, der, err = read("certificate", p.Identity.Certificate); err != nil {
		return nil, err
	}
	if w.cert, err = x509.ParseCertificate(der); err != nil {
		return nil, bad("certificate", p.Identity.Certificate, err)
	}
	if time.Now().After(w.cert.NotAfter) {
		return nil, fmt.Errorf("%s: identity.certificate: %s expired on %s", p.file, p.path(p.Identity.Certificate), w.cert.NotAfter.UTC().Format(time.DateTime))
	}
	if w.keyPEM, der, err = read("key", p.Identity.Key); err != nil {
		return nil, err
	}
	var key crypto.PrivateKey
	if key, err = x509.ParsePKCS8PrivateKey(der); err != nil {
		return nil, bad("key", p.Identity.Key, err)
	}
	var ok bool
	if w.key, ok = key.(*ecdsa.PrivateKey); !ok {
		return nil, bad("key", p.Identity.Key, errors.New("not a key of ECDSA"))
	}
	if !w.key.PublicKey.Equal(w.cert.PublicKey) {
		return nil, fmt.Errorf("%s: identity.key: %s is not the key of the certificate", p.file, p.path(p.Identity.Key))
	}
	return &w, nil
}

// roots reads the certificates that vouch for a peer's own.
func (p *Profile) roots(peer *Peer) (text []byte, roots *x509.CertPool, err error) {
	if text, err = os.ReadFile(p.path(peer.TLS)); err != nil {
		return nil, nil, fmt.Errorf("%s: tls of peer %s: %w", p.file, peer.Address, err)
	}
	roots = x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return nil, nil, fmt.Errorf("%s: tls of peer %s: %s holds no certificate", p.file, peer.Address, p.path(peer.TLS))
	}
	return text, roots, nil
}

// attributesOID is the extension in which Fabric CA writes attributes.
var attributesOID = asn1.ObjectIdentifier{1, 2, 3, 4, 5, 6, 7, 8, 1}

// MayAppend reports whether the client's certificate has the attribute by which
// the chaincode knows who may append. It is the chaincode that decides: this is
// for who would ask in vain.
func (p *Profile) MayAppend() (bool, error) {
	w, err := p.identity()
	return err == nil && roleOf(w.cert) == wire.Writer, err
}

// roleOf is the attribute by which the chaincode knows who may append.
func roleOf(c *x509.Certificate) string {
	for _, e := range c.Extensions {
		var v struct {
			Attrs map[string]string `json:"attrs"`
		}
		if e.Id.Equal(attributesOID) && json.Unmarshal(e.Value, &v) == nil {
			return v.Attrs[wire.Role]
		}
	}
	return ""
}
