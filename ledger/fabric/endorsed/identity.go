package endorsed

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"
)

// What a certificate says that its owner is, by an organisational unit
// (NodeOUs).
const (
	peer    = "peer"
	orderer = "orderer"
)

var roles = []string{peer, orderer, "client", "admin"}

// A member is somebody of an organisation.
type member struct {
	msp  string
	cert *x509.Certificate
	raw  []byte // SerializedIdentity
}

func readMember(raw []byte) (member, error) {
	m := member{raw: raw}
	var msp, text []byte
	if err := read("identity", raw, fields{1: &msp, 2: &text}); err != nil {
		return m, err
	}
	m.msp = string(msp)
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" || !bytes.Equal(pem.EncodeToMemory(block), text) {
		return m, fmt.Errorf("identity of %.80q is not one certificate as PEM", m.msp)
	}
	var err error
	if m.cert, err = x509.ParseCertificate(block.Bytes); err != nil {
		return m, fmt.Errorf("certificate of %.80q: %w", m.msp, err)
	}
	return m, nil
}

// of finds the organisation that a member says it is of.
func (m *member) of(all []Organisation) (Organisation, bool) {
	i := slices.IndexFunc(all, func(o Organisation) bool { return o.MSP == m.msp })
	if i < 0 {
		return Organisation{}, false
	}
	return all[i], true
}

// is says why a member is not in this role of an organisation at a time, if it
// is not.
func (m *member) is(role string, o Organisation, cas []*x509.Certificate, at time.Time) error {
	who := fmt.Sprintf("certificate %q of %s", m.cert.Subject.CommonName, o.MSP)
	if m.cert.IsCA {
		return fmt.Errorf("%s is one of a certificate authority", who)
	}
	for _, r := range roles {
		if slices.Contains(m.cert.Subject.OrganizationalUnit, r) != (r == role) {
			return fmt.Errorf("%s has the units %q, want that of %s alone", who, m.cert.Subject.OrganizationalUnit, role)
		}
	}
	roots := x509.NewCertPool()
	known := 0
	for _, ca := range cas {
		if slices.Contains(o.CAs, Fingerprint(ca)) {
			roots.AddCert(ca)
			known++
		}
	}
	if known == 0 {
		return fmt.Errorf("%s: no certificate authority of the organisation is at hand", who)
	}
	_, err := m.cert.Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: x509.NewCertPool(), CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	var invalid x509.CertificateInvalidError
	if errors.As(err, &invalid) && invalid.Reason == x509.Expired {
		return fmt.Errorf("%s was not valid at %s", who, at.UTC().Format(time.RFC3339))
	}
	if err != nil {
		return fmt.Errorf("%s is of none of its certificate authorities: %w", who, err)
	}
	return nil
}

// signed says why a signature is not this member's, if it is not: ECDSA over
// SHA-256, in DER, with a low S as Fabric demands, so that nobody can make
// another one of it.
func (m *member) signed(signature []byte, parts ...[]byte) error {
	key, ok := m.cert.PublicKey.(*ecdsa.PublicKey)
	if !ok {
		return fmt.Errorf("certificate %q of %.80q has a key of type %T, want ECDSA", m.cert.Subject.CommonName, m.msp, m.cert.PublicKey)
	}
	var rs struct{ R, S *big.Int }
	if rest, err := asn1.Unmarshal(signature, &rs); err != nil || len(rest) > 0 {
		return fmt.Errorf("signature of %q is not one of ECDSA", m.cert.Subject.CommonName)
	}
	if half := new(big.Int).Rsh(key.Params().N, 1); rs.S.Cmp(half) > 0 {
		return fmt.Errorf("signature of %q has a high S", m.cert.Subject.CommonName)
	}
	h := sha256.New()
	for _, p := range parts {
		h.Write(p)
	}
	if !ecdsa.VerifyASN1(key, h.Sum(nil), signature) {
		return fmt.Errorf("signature of %q of %.80q is not valid", m.cert.Subject.CommonName, m.msp)
	}
	return nil
}
