package endorsed

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/msp"
	protos "github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/protobuf/proto"
)

// real is what a network made: see TestNetwork, with -update.
type real struct {
	key      *Key
	cas      []*x509.Certificate
	text     []byte // of the checkpoint
	sig      []byte // its signature, behind the hash of the key
	note     []byte
	envelope []byte
	block    []byte
	txid     string
}

func load(t testing.TB) real {
	t.Helper()
	read := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	r := real{note: read("checkpoint"), block: read("block"), txid: strings.TrimSpace(string(read("txid")))}
	var err error
	if r.key, err = ParseKey(strings.TrimSpace(string(read("key")))); err != nil {
		t.Fatal(err)
	}
	r.cas = readCAs(t, "testdata/authorities.pem")
	text, line, _ := bytes.Cut(r.note, []byte("\n\n"))
	r.text = append(text, '\n')
	line = line[bytes.LastIndexByte(line, ' ')+1:]
	sig, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(line)))
	if err != nil {
		t.Fatal(err)
	}
	r.sig = sig[4:]
	if r.envelope, _, err = splitSignature(r.sig); err != nil {
		t.Fatal(err)
	}
	return r
}

// parts are the messages of an envelope, which the generated code reads and
// writes.
type parts struct {
	envelope     common.Envelope
	payload      common.Payload
	channel      common.ChannelHeader
	extension    protos.ChaincodeHeaderExtension
	author       common.SignatureHeader
	tx           protos.Transaction
	call         protos.ChaincodeActionPayload
	proposal     protos.ChaincodeProposalPayload
	invocation   protos.ChaincodeInvocationSpec
	response     protos.ProposalResponsePayload
	result       protos.ChaincodeAction
	keepHash     bool // do not make the hash of the proposal right
	keepResponse bool // do not change what was endorsed
}

func unmarshal(t testing.TB, b []byte, m proto.Message) {
	t.Helper()
	if err := proto.Unmarshal(b, m); err != nil {
		t.Fatal(err)
	}
}

func open(t testing.TB, envelope []byte) *parts {
	t.Helper()
	p := &parts{}
	unmarshal(t, envelope, &p.envelope)
	unmarshal(t, p.envelope.Payload, &p.payload)
	unmarshal(t, p.payload.Header.ChannelHeader, &p.channel)
	unmarshal(t, p.channel.Extension, &p.extension)
	unmarshal(t, p.payload.Header.SignatureHeader, &p.author)
	unmarshal(t, p.payload.Data, &p.tx)
	unmarshal(t, p.tx.Actions[0].Payload, &p.call)
	unmarshal(t, p.call.ChaincodeProposalPayload, &p.proposal)
	unmarshal(t, p.proposal.Input, &p.invocation)
	unmarshal(t, p.call.Action.ProposalResponsePayload, &p.response)
	unmarshal(t, p.response.Extension, &p.result)
	return p
}

// seal puts the parts together again, after the change to the inner ones.
func (p *parts) seal(t testing.TB) []byte {
	p.inner(t)
	p.tx.Actions[0].Payload = marshal(t, &p.call)
	p.payload.Data = marshal(t, &p.tx)
	p.envelope.Payload = marshal(t, &p.payload)
	return marshal(t, &p.envelope)
}

// inner writes everything down to what is endorsed.
func (p *parts) inner(t testing.TB) {
	p.channel.Extension = marshal(t, &p.extension)
	p.payload.Header.ChannelHeader = marshal(t, &p.channel)
	p.payload.Header.SignatureHeader = marshal(t, &p.author)
	p.tx.Actions[0].Header = p.payload.Header.SignatureHeader
	p.proposal.Input = marshal(t, &p.invocation)
	p.call.ChaincodeProposalPayload = marshal(t, &p.proposal)
	if !p.keepHash {
		sum := sha256.Sum256(bytes.Join([][]byte{p.payload.Header.ChannelHeader, p.payload.Header.SignatureHeader, p.call.ChaincodeProposalPayload}, nil))
		p.response.ProposalHash = sum[:]
	}
	p.response.Extension = marshal(t, &p.result)
	if !p.keepResponse {
		p.call.Action.ProposalResponsePayload = marshal(t, &p.response)
	}
}

// somebody has a certificate and its key.
type somebody struct {
	msp  string
	cert *x509.Certificate
	key  crypto.Signer
}

// an authority is somebody who issues certificates.
func authority(t testing.TB, name string) somebody {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return somebody{}.issue(t, name, key, func(c *x509.Certificate) {
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
		c.Subject = pkix.Name{CommonName: "ca." + name}
		c.NotBefore, c.NotAfter = moment.AddDate(-9, 0, 0), moment.AddDate(9, 0, 0)
	})
}

// moment is the time of the envelope that the tests change.
var moment time.Time

// issue makes a certificate of a peer, unless change makes it another one.
func (a somebody) issue(t testing.TB, msp string, key crypto.Signer, change func(*x509.Certificate)) somebody {
	t.Helper()
	if key == nil {
		var err error
		if key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			t.Fatal(err)
		}
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "peer0." + msp, OrganizationalUnit: []string{"peer"}},
		NotBefore: moment.Add(-time.Hour), NotAfter: moment.Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature,
	}
	if change != nil {
		change(c)
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	if c, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return somebody{msp, c, key}
}

func (s somebody) identity(t testing.TB) []byte {
	return marshal(t, &msp.SerializedIdentity{Mspid: s.msp, IdBytes: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.cert.Raw})})
}

// sign signs with a low S, as Fabric does, if it is ECDSA.
func (s somebody) sign(t testing.TB, data ...[]byte) []byte {
	t.Helper()
	text := bytes.Join(data, nil)
	sum := sha256.Sum256(text)
	key, ok := s.key.(*ecdsa.PrivateKey)
	if !ok {
		sig, err := s.key.Sign(rand.Reader, text, crypto.Hash(0))
		if err != nil {
			t.Fatal(err)
		}
		return sig
	}
	r, v, err := ecdsa.Sign(rand.Reader, key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	if n := key.Params().N; v.Cmp(new(big.Int).Rsh(n, 1)) > 0 {
		v.Sub(n, v)
	}
	return der(t, r, v)
}

func der(t testing.TB, r, s *big.Int) []byte {
	t.Helper()
	b, err := asn1.Marshal(struct{ R, S *big.Int }{r, s})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// highS gives the other signature that is valid if S may be high.
func highS(t testing.TB, sig []byte) []byte {
	t.Helper()
	var v struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(sig, &v); err != nil {
		t.Fatal(err)
	}
	return der(t, v.R, v.S.Sub(elliptic.P256().Params().N, v.S))
}

// endorse has somebody endorse, after everything inside was written.
func (p *parts) endorse(t testing.TB, by ...somebody) {
	p.inner(t)
	p.call.Action.Endorsements = nil
	for _, s := range by {
		id := s.identity(t)
		p.call.Action.Endorsements = append(p.call.Action.Endorsements, &protos.Endorsement{
			Endorser: id, Signature: s.sign(t, p.call.Action.ProposalResponsePayload, id),
		})
	}
}

// world is two organisations and those who run the orderers, whose keys a test
// has.
type world struct {
	real
	ca, peer [2]somebody
	orderer  somebody
}

func newWorld(t testing.TB) world {
	t.Helper()
	w := world{real: load(t)}
	a, err := w.key.Answer(w.envelope, w.cas)
	if err != nil {
		t.Fatal(err)
	}
	moment = a.Time
	k := *w.key
	k.Organisations, w.cas = nil, nil
	for i, msp := range []string{"Org1MSP", "Org2MSP"} {
		w.ca[i] = authority(t, msp)
		w.peer[i] = w.ca[i].issue(t, msp, nil, nil)
		w.cas = append(w.cas, w.ca[i].cert)
		k.Organisations = append(k.Organisations, Organisation{[]string{Fingerprint(w.ca[i].cert)}, msp})
	}
	ca := authority(t, "OrdererMSP")
	w.orderer = ca.issue(t, "OrdererMSP", nil, func(c *x509.Certificate) { c.Subject.OrganizationalUnit = []string{"orderer"} })
	w.cas = append(w.cas, ca.cert)
	k.Orderers = []Organisation{{[]string{Fingerprint(ca.cert)}, "OrdererMSP"}}
	w.key = &k
	return w
}
