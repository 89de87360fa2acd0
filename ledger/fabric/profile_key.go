package fabric

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"

	"github.com/mmaudit/mmaudit/ledger/fabric/endorsed"
)

// ErrNoKey says that a profile names no organisations whose word counts.
var ErrNoKey = errors.New("the profile names no organisations, whose peers sign for the ledger")

// Key is the key of the ledger of this name on the channel, which stands where
// the verifier key of a local log stands. It is ErrNoKey if the profile does not
// say whose word counts.
func (p *Profile) Key(origin string) (*endorsed.Key, error) {
	k, _, err := p.key(origin)
	return k, err
}

// Authorities reads the certificates of the authorities that Key names.
func (p *Profile) Authorities() ([]*x509.Certificate, error) {
	_, cas, err := p.key(p.name())
	return cas, err
}

func (p *Profile) key(origin string) (*endorsed.Key, []*x509.Certificate, error) {
	if len(p.Organisations) == 0 {
		return nil, nil, fmt.Errorf("%s: %w", p.file, ErrNoKey)
	}
	k := &endorsed.Key{Name: origin, Channel: p.Channel, Chaincode: p.Chaincode, Need: p.Endorsements}
	if k.Need == 0 {
		k.Need = len(p.Organisations)/2 + 1
	}
	var cas []*x509.Certificate
	read := func(what string, from []Organisation) ([]endorsed.Organisation, error) {
		var all []endorsed.Organisation
		for i, o := range from {
			certs, err := p.certificates(o.CA)
			if err != nil {
				return nil, fmt.Errorf("%s: %s.%d.ca: %w", p.file, what, i, err)
			}
			one := endorsed.Organisation{MSP: o.MSP}
			for _, c := range certs {
				one.CAs = append(one.CAs, endorsed.Fingerprint(c))
			}
			cas = append(cas, certs...)
			all = append(all, one)
		}
		return all, nil
	}
	var err error
	if k.Organisations, err = read("organisations", p.Organisations); err != nil {
		return nil, nil, err
	}
	if k.Orderers, err = read("orderers", p.Orderers); err != nil {
		return nil, nil, err
	}
	k.Sort()
	if err := k.Check(); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", p.file, err)
	}
	return k, cas, nil
}

// certificates reads a file that holds nothing but certificates of authorities.
func (p *Profile) certificates(file string) ([]*x509.Certificate, error) {
	file = p.path(file)
	rest, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var all []*x509.Certificate
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("%s holds %.40q, want certificates only", file, block.Type)
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		if !c.IsCA {
			return nil, fmt.Errorf("%s: %q is not a certificate authority", file, c.Subject.CommonName)
		}
		all = append(all, c)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s holds no certificate", file)
	}
	return all, nil
}
