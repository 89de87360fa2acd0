package fabricnet

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hyperledger/fabric-gateway/pkg/client"
	"github.com/hyperledger/fabric-gateway/pkg/hash"
	"github.com/hyperledger/fabric-gateway/pkg/identity"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
)

// An Identity is who a client is: files of its certificate and key.
type Identity struct{ MSP, Cert, Key string }

// Claims is what a certificate says of a client. The zero value says that it
// is a client, valid for a day.
type Claims struct {
	Role     string // attribute auditlog.role, as Fabric CA writes it; none if empty
	NotAfter time.Time
}

// attributes is the extension of Fabric CA.
var attributesOID = asn1.ObjectIdentifier{1, 2, 3, 4, 5, 6, 7, 8, 1}

// Admin is the administrator of an organisation.
func (o *Org) Admin() Identity {
	name := "Admin@" + o.Domain
	msp := filepath.Join(o.Crypto, "users", name, "msp")
	return Identity{o.MSP, filepath.Join(msp, "signcerts", name+"-cert.pem"), filepath.Join(msp, "keystore", "priv_sk")}
}

// TLSRoot is the file of the certificate behind the TLS certificates of nodes.
func (o *Org) TLSRoot() string {
	return filepath.Join(o.Crypto, "tlsca", "tlsca."+o.Domain+"-cert.pem")
}

// CA is the file of the certificate of the authority of an organisation.
func (o *Org) CA() string { return filepath.Join(o.Crypto, "ca", "ca."+o.Domain+"-cert.pem") }

// Issue makes a client of an organisation, signed by its authority.
func (o *Org) Issue(name string, c Claims) (Identity, error) {
	caCert, err := os.ReadFile(o.CA())
	if err != nil {
		return Identity{}, err
	}
	caKey, err := os.ReadFile(filepath.Join(o.Crypto, "ca", "priv_sk"))
	if err != nil {
		return Identity{}, err
	}
	parent, err := identity.CertificateFromPEM(caCert)
	if err != nil {
		return Identity{}, err
	}
	signer, err := identity.PrivateKeyFromPEM(caKey)
	if err != nil {
		return Identity{}, err
	}
	return o.issue(name, c, parent, signer)
}

// Forge makes a client that says that it is of an organisation, signed by an
// authority that nobody knows.
func (o *Org) Forge(name string, c Claims) (Identity, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Identity{}, err
	}
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ca." + o.Domain}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, ca, ca, &key.PublicKey, key)
	if err != nil {
		return Identity{}, err
	}
	if ca, err = x509.ParseCertificate(der); err != nil {
		return Identity{}, err
	}
	return o.issue(name, c, ca, key)
}

func (o *Org) issue(name string, c Claims, parent *x509.Certificate, signer any) (Identity, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Identity{}, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 128))
	if err != nil {
		return Identity{}, err
	}
	if c.NotAfter.IsZero() {
		c.NotAfter = time.Now().Add(24 * time.Hour)
	}
	cert := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: name, OrganizationalUnit: []string{"client"}},
		NotBefore:    parent.NotBefore,
		NotAfter:     c.NotAfter,
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}
	if c.Role != "" {
		value, err := json.Marshal(map[string]any{"attrs": map[string]string{"auditlog.role": c.Role}})
		if err != nil {
			return Identity{}, err
		}
		cert.ExtraExtensions = []pkix.Extension{{Id: attributesOID, Value: value}}
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, parent, &key.PublicKey, signer)
	if err != nil {
		return Identity{}, err
	}
	dir := filepath.Join(o.Crypto, "clients")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return Identity{}, err
	}
	id := Identity{o.MSP, filepath.Join(dir, name+".crt"), filepath.Join(dir, name+".key")}
	_, err = writePair(id.Cert, id.Key, der, key)
	return id, err
}

// writePair writes a certificate, which it returns as PEM, and its key.
func writePair(certFile, keyFile string, der []byte, key *ecdsa.PrivateKey) ([]byte, error) {
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if err := os.WriteFile(certFile, cert, 0o644); err != nil {
		return nil, err
	}
	return cert, os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), 0o600)
}

// serverCertificate makes a certificate of a service on this machine, which
// nobody vouches for but who is given it.
func serverCertificate(certFile, keyFile string) ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	cert := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "chaincode"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	return writePair(certFile, keyFile, der, key)
}

// Profile is the profile (schemas/fabric.schema.json) of a client of
// a chaincode, with the peer of its organisation first.
func (n *Network) Profile(chaincode string, who Identity) string {
	peers := slices.Clone(n.Orgs)
	slices.SortStableFunc(peers, func(a, b *Org) int {
		switch who.MSP {
		case a.MSP:
			return -1
		case b.MSP:
			return 1
		}
		return 0
	})
	var b strings.Builder
	fmt.Fprintf(&b, "version: 1\nchannel: %s\nchaincode: %s\n", n.Channel, chaincode)
	fmt.Fprintf(&b, "identity:\n  msp: %s\n  certificate: %s\n  key: %s\npeers:\n", who.MSP, who.Cert, who.Key)
	for _, o := range peers {
		fmt.Fprintf(&b, "  - address: %s\n    tls: %s\n", o.Peer.Address, o.TLSRoot())
	}
	b.WriteString("organisations:\n")
	for _, o := range n.Orgs {
		fmt.Fprintf(&b, "  - {msp: %s, ca: %s}\n", o.MSP, o.CA())
	}
	fmt.Fprintf(&b, "orderers:\n  - {msp: %s, ca: %s}\n", n.Ordering.MSP, n.Ordering.CA())
	return b.String()
}

// A Connection is a client that speaks to the gateway of one peer.
type Connection struct {
	*client.Gateway
	conn *grpc.ClientConn
}

// Connect connects somebody to the peer of an organisation, be it theirs or not.
func (o *Org) Connect(who Identity) (*Connection, error) {
	root, err := os.ReadFile(o.TLSRoot())
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(root)
	certPEM, err := os.ReadFile(who.Cert)
	if err != nil {
		return nil, err
	}
	keyPEM, err := os.ReadFile(who.Key)
	if err != nil {
		return nil, err
	}
	cert, err := identity.CertificateFromPEM(certPEM)
	if err != nil {
		return nil, err
	}
	key, err := identity.PrivateKeyFromPEM(keyPEM)
	if err != nil {
		return nil, err
	}
	id, err := identity.NewX509Identity(who.MSP, cert)
	if err != nil {
		return nil, err
	}
	sign, err := identity.NewPrivateKeySign(key)
	if err != nil {
		return nil, err
	}
	conn, err := grpc.NewClient(o.Peer.Address, grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{RootCAs: roots})))
	if err != nil {
		return nil, err
	}
	gw, err := client.Connect(id, client.WithSign(sign), client.WithHash(hash.SHA256), client.WithClientConnection(conn),
		client.WithEvaluateTimeout(10*time.Second), client.WithEndorseTimeout(30*time.Second),
		client.WithSubmitTimeout(10*time.Second), client.WithCommitStatusTimeout(patience))
	if err != nil {
		conn.Close()
		return nil, err
	}
	return &Connection{gw, conn}, nil
}

// Close ends the connection.
func (c *Connection) Close() error {
	c.Gateway.Close()
	if err := c.conn.Close(); err != nil {
		return fmt.Errorf("closing a connection: %w", err)
	}
	return nil
}
