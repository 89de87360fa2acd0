package endorsed

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/msp"
	protos "github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/protobuf/encoding/protowire"
)

func refused(t *testing.T, what string, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%s: %v, want %q", what, err, want)
	}
}

// TestForgery changes what a network endorsed, without the key of any peer.
func TestForgery(t *testing.T) {
	r := load(t)
	if _, err := r.key.Answer(r.envelope, r.cas); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(open(t, r.envelope).seal(t), r.envelope) {
		t.Fatal("the generated code writes another envelope")
	}
	for _, c := range []struct {
		what, want string
		change     func(p *parts)
	}{
		{"another function", "is not valid", func(p *parts) { p.invocation.ChaincodeSpec.Input.Args[0] = []byte("anchored") }},
		{"another argument", "is not valid", func(p *parts) { p.invocation.ChaincodeSpec.Input.Args[1] = []byte("example.org") }},
		{"another argument, under the hash of the old one", "answer to another proposal", func(p *parts) {
			p.invocation.ChaincodeSpec.Input.Args[2], p.keepHash = []byte("2"), true
		}},
		{"an argument more", "is not valid", func(p *parts) {
			p.invocation.ChaincodeSpec.Input.Args = append(p.invocation.ChaincodeSpec.Input.Args, nil)
		}},
		{"the payload", "is not valid", func(p *parts) { p.result.Response.Payload[0] ^= 1 }},
		{"what was written", "is not valid", func(p *parts) { p.result.Results = append(p.result.Results, 0) }},
		{"the channel", `of channel "other"`, func(p *parts) { p.channel.ChannelId = "other" }},
		{"the chaincode of the header", `of chaincode "other"`, func(p *parts) { p.extension.ChaincodeId.Name = "other" }},
		{"the chaincode that is called", `of chaincode "other"`, func(p *parts) { p.invocation.ChaincodeSpec.ChaincodeId.Name = "other" }},
		{"the chaincode that answered", `of chaincode "other"`, func(p *parts) { p.result.ChaincodeId.Name = "other" }},
		{"the status", "status 500", func(p *parts) { p.result.Response.Status = 500 }},
		{"the time", "is not valid", func(p *parts) { p.channel.Timestamp.Seconds++ }},
		{"no time", "time-stamp", func(p *parts) { p.channel.Timestamp = nil }},
		{"a time that is none", "time-stamp", func(p *parts) { p.channel.Timestamp.Seconds = -1 }},
		{"nanoseconds that are none", "time-stamp", func(p *parts) { p.channel.Timestamp.Nanos = 1e9 }},
		{"the type", "of type 1", func(p *parts) { p.channel.Type = 1 }},
		{"the id of the transaction", "belongs to it", func(p *parts) { p.channel.TxId = strings.Repeat("0", 64) }},
		{"who asked", "belongs to it", func(p *parts) { p.author.Creator = append(p.author.Creator, 0) }},
		{"the nonce", "belongs to it", func(p *parts) { p.author.Nonce[0] ^= 1 }},
		{"an action more", "2 actions", func(p *parts) { p.tx.Actions = append(p.tx.Actions, p.tx.Actions[0]) }},
		{"no action", "0 actions", func(p *parts) { p.tx.Actions = p.tx.Actions[:0:0] }},
		{"no function", "call of no function", func(p *parts) { p.invocation.ChaincodeSpec.Input.Args = nil }},
		{"a call of Init", "chaincode input: field 3 is not known", func(p *parts) { p.invocation.ChaincodeSpec.Input.IsInit = true }},
		{"decorations", "chaincode input: field 2 is not known", func(p *parts) {
			p.invocation.ChaincodeSpec.Input.Decorations = map[string][]byte{"a": nil}
		}},
		{"transient data", "proposal: field 2 is not known", func(p *parts) { p.proposal.TransientMap = map[string][]byte{"a": nil} }},
		{"one endorsement only", `endorsed by 1 organisations ["Org1MSP"], want 2`, func(p *parts) { p.call.Action.Endorsements = p.call.Action.Endorsements[:1] }},
		{"none", "endorsed by 0 organisations", func(p *parts) { p.call.Action.Endorsements = nil }},
		{"one organisation twice", "endorsed by 1 organisations", func(p *parts) { p.call.Action.Endorsements[1] = p.call.Action.Endorsements[0] }},
		{"the signature of the other", "is not valid", func(p *parts) {
			p.call.Action.Endorsements[1].Signature = p.call.Action.Endorsements[0].Signature
		}},
		{"a high S", "high S", func(p *parts) {
			e := p.call.Action.Endorsements[1]
			e.Signature = highS(t, e.Signature)
		}},
		{"bytes behind a signature", "not one of ECDSA", func(p *parts) {
			e := p.call.Action.Endorsements[1]
			e.Signature = append(e.Signature, 0)
		}},
		{"no signature", "not one of ECDSA", func(p *parts) { p.call.Action.Endorsements[0].Signature = nil }},
		{"another organisation's name", "is of none of its certificate authorities", func(p *parts) {
			p.call.Action.Endorsements[1].Endorser = renamed(t, p.call.Action.Endorsements[0].Endorser, "Org2MSP")
		}},
		{"an endorser without certificate", "is not one certificate as PEM", func(p *parts) {
			p.call.Action.Endorsements[1].Endorser = marshal(t, &msp.SerializedIdentity{Mspid: "Org2MSP"})
		}},
	} {
		p := open(t, r.envelope)
		c.change(p)
		var sealed []byte
		if len(p.tx.Actions) == 1 {
			sealed = p.seal(t)
		} else {
			p.payload.Data = marshal(t, &p.tx)
			p.envelope.Payload = marshal(t, &p.payload)
			sealed = marshal(t, &p.envelope)
		}
		_, err := r.key.Answer(sealed, r.cas)
		refused(t, c.what, err, c.want)
	}
}

func renamed(t *testing.T, endorser []byte, to string) []byte {
	var id msp.SerializedIdentity
	unmarshal(t, endorser, &id)
	id.Mspid = to
	return marshal(t, &id)
}

// TestEndorsers has all kinds of people sign.
func TestEndorsers(t *testing.T) {
	w := newWorld(t)
	p := open(t, w.envelope)
	p.endorse(t, w.peer[0], w.peer[1])
	good := p.seal(t)
	a, err := w.key.Answer(good, w.cas)
	if err != nil || strings.Join(a.Organisations, " ") != "Org1MSP Org2MSP" || !bytes.Equal(a.Payload, w.text) {
		t.Fatalf("%+v, %v", a, err)
	}
	p.envelope.Signature = []byte("of a client, which is not looked at")
	if _, err := w.key.Answer(p.seal(t), w.cas); err != nil {
		t.Error(err)
	}

	unit := func(units ...string) func(*x509.Certificate) {
		return func(c *x509.Certificate) { c.Subject.OrganizationalUnit = units }
	}
	second := func(change func(*x509.Certificate)) somebody { return w.ca[1].issue(t, "Org2MSP", nil, change) }
	foreign := authority(t, "Org2MSP") // has the name of the true one
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	below := w.ca[1].issue(t, "Org2MSP", nil, func(c *x509.Certificate) {
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
	})
	absent := authority(t, "Org3MSP").issue(t, "Org3MSP", nil, nil)
	for _, c := range []struct {
		what, want string
		who        somebody
	}{
		{"a client", "units [\"client\"], want that of peer alone", second(unit("client"))},
		{"an administrator", "want that of peer alone", second(unit("admin"))},
		{"an orderer", "want that of peer alone", second(unit("orderer"))},
		{"nobody in particular", "want that of peer alone", second(unit())},
		{"a client and peer", "want that of peer alone", second(unit("peer", "client"))},
		{"a peer with another unit", "", second(unit("department1", "peer"))},
		{"a foreign authority", "is of none of its certificate authorities", foreign.issue(t, "Org2MSP", nil, nil)},
		{"nobody's certificate", "is of none of its certificate authorities", somebody{}.issue(t, "Org2MSP", nil, nil)},
		{"the authority of the other", "is of none of its certificate authorities", w.ca[0].issue(t, "Org2MSP", nil, nil)},
		{"an authority below, which the key does not name", "is of none of its certificate authorities", below.issue(t, "Org2MSP", nil, nil)},
		{"an expired certificate", "was not valid at", second(func(c *x509.Certificate) { c.NotAfter = moment.Add(-time.Second) })},
		{"one that is not valid yet", "was not valid at", second(func(c *x509.Certificate) { c.NotBefore = moment.Add(time.Second) })},
		{"one of just then", "", second(func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = moment.Truncate(time.Second), moment.Truncate(time.Second).Add(time.Second)
		})},
		{"an authority as peer", "is one of a certificate authority", second(func(c *x509.Certificate) { c.IsCA, c.BasicConstraintsValid = true, true })},
		{"the authority itself", "is one of a certificate authority", somebody{"Org2MSP", w.ca[1].cert, w.ca[1].key}},
		{"Ed25519", "want ECDSA", w.ca[1].issue(t, "Org2MSP", edKey, nil)},
		{"what is critical and not known", "unhandled critical extension", second(func(c *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3}, Critical: true}}
		})},
		{"another key than that of the certificate", "is not valid", somebody{"Org2MSP", w.peer[1].cert, w.peer[0].key}},
		{"another peer of the first organisation", "endorsed by 1 organisations", w.ca[0].issue(t, "Org1MSP", nil, nil)},
		{"an organisation that the key does not name", "endorsed by 1 organisations", absent},
	} {
		p := open(t, w.envelope)
		p.endorse(t, w.peer[0], c.who)
		_, err := w.key.Answer(p.seal(t), w.cas)
		if c.want == "" && err != nil {
			t.Errorf("%s: %v", c.what, err)
		} else if c.want != "" {
			refused(t, c.what, err, c.want)
		}
	}

	// Others may endorse besides, be it as it may.
	p.endorse(t, absent, w.peer[1], w.peer[0], w.ca[0].issue(t, "Org1MSP", nil, nil))
	p.call.Action.Endorsements[0].Signature = nil
	if a, err := w.key.Answer(p.seal(t), w.cas); err != nil || len(a.Organisations) != 2 {
		t.Errorf("%+v, %v", a, err)
	}
	// An authority that is below one counts if the key names itself.
	k := *w.key
	k.Organisations = slices.Clone(k.Organisations)
	k.Organisations[1].CAs = []string{Fingerprint(below.cert)}
	p.endorse(t, w.peer[0], below.issue(t, "Org2MSP", nil, nil))
	if _, err := k.Answer(p.seal(t), append(w.cas, below.cert)); err != nil {
		t.Error(err)
	}
	_, err = k.Answer(p.seal(t), w.cas)
	refused(t, "an authority that is not at hand", err, "no certificate authority of the organisation is at hand")

	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: w.peer[1].cert.Raw})
	for what, text := range map[string][]byte{
		"text before": append([]byte("a\n"), text...), "text after": append(slices.Clone(text), '\n'), "two": append(slices.Clone(text), text...),
		"another type": bytes.ReplaceAll(text, []byte("CERTIFICATE"), []byte("X509 CERTIFICATE")),
	} {
		p.endorse(t, w.peer[0], w.peer[1])
		id := marshal(t, &msp.SerializedIdentity{Mspid: "Org2MSP", IdBytes: text})
		p.call.Action.Endorsements[1] = &protos.Endorsement{Endorser: id, Signature: w.peer[1].sign(t, p.call.Action.ProposalResponsePayload, id)}
		_, err := w.key.Answer(p.seal(t), w.cas)
		refused(t, what, err, "is not one certificate as PEM")
	}
}

// within changes the message that field numbers lead to, the first of each.
func within(t *testing.T, b []byte, path []protowire.Number, change func([]byte) []byte) []byte {
	t.Helper()
	if len(path) == 0 {
		return change(slices.Clone(b))
	}
	var out []byte
	for found := false; len(b) > 0; {
		number, kind, n := protowire.ConsumeField(b)
		if n < 0 {
			t.Fatal(protowire.ParseError(n))
		}
		field := b[:n]
		b = b[n:]
		if number == path[0] && kind == protowire.BytesType && !found {
			found = true
			_, _, tag := protowire.ConsumeTag(field)
			value, _ := protowire.ConsumeBytes(field[tag:])
			field = appendBytes(nil, number, within(t, value, path[1:], change))
		}
		out = append(out, field...)
	}
	return out
}

// TestStrict has each message of an envelope say what could be read in two ways.
func TestStrict(t *testing.T) {
	r := load(t)
	t0 := &transaction{}
	whole := func(b []byte) error { _, err := r.key.Answer(b, r.cas); return err }
	p := open(t, r.envelope)
	proposal, result := p.call.ChaincodeProposalPayload, p.response.Extension
	for _, c := range []struct {
		what string
		in   []byte
		path []protowire.Number
		read func([]byte) error
	}{
		{"envelope", r.envelope, nil, whole},
		{"payload", r.envelope, []protowire.Number{1}, whole},
		{"header", r.envelope, []protowire.Number{1, 1}, whole},
		{"channel header", r.envelope, []protowire.Number{1, 1, 1}, whole},
		{"time-stamp", r.envelope, []protowire.Number{1, 1, 1, 3}, whole},
		{"extension of the channel header", r.envelope, []protowire.Number{1, 1, 1, 7}, whole},
		{"chaincode", r.envelope, []protowire.Number{1, 1, 1, 7, 2}, whole},
		{"signature header", r.envelope, []protowire.Number{1, 1, 2}, whole},
		{"transaction", r.envelope, []protowire.Number{1, 2}, whole},
		{"action", r.envelope, []protowire.Number{1, 2, 1}, whole},
		{"call", r.envelope, []protowire.Number{1, 2, 1, 2}, whole},
		{"endorsed action", r.envelope, []protowire.Number{1, 2, 1, 2, 2}, whole},
		{"response", r.envelope, []protowire.Number{1, 2, 1, 2, 2, 1}, whole},
		{"endorsement", r.envelope, []protowire.Number{1, 2, 1, 2, 2, 2}, whole},
		{"identity", r.envelope, []protowire.Number{1, 2, 1, 2, 2, 2, 1}, whole},
		{"proposal", proposal, nil, t0.readCall},
		{"invocation", proposal, []protowire.Number{1}, t0.readCall},
		{"chaincode specification", proposal, []protowire.Number{1, 1}, t0.readCall},
		{"chaincode", proposal, []protowire.Number{1, 1, 2}, t0.readCall},
		{"chaincode input", proposal, []protowire.Number{1, 1, 3}, t0.readCall},
		{"result", result, nil, t0.readResult},
		{"response of the chaincode", result, []protowire.Number{3}, t0.readResult},
		{"chaincode", result, []protowire.Number{4}, t0.readResult},
	} {
		for more, want := range map[string]string{
			"\xfa\x01\x00": ": field 31 is not known",
			"\x00\x00":     "invalid field number",
			"again":        " appears twice",
		} {
			if more == "again" && (c.what == "transaction" || c.what == "chaincode input") {
				continue // lists
			}
			changed := within(t, c.in, c.path, func(b []byte) []byte {
				if more != "again" {
					return append(slices.Clone(b), more...)
				}
				_, _, n := protowire.ConsumeField(b)
				return append(slices.Clone(b), b[:n]...)
			})
			err := c.read(changed)
			refused(t, c.what, err, c.what)
			refused(t, c.what, err, want)
		}
	}
	for n := range len(r.envelope) {
		if whole(r.envelope[:n]) == nil {
			t.Fatalf("%d of %d bytes are taken", n, len(r.envelope))
		}
	}
}

// TestOpenSSL has another program find that an endorsement is valid.
func TestOpenSSL(t *testing.T) {
	program, err := exec.LookPath("openssl")
	if err != nil {
		t.Skipf("needs openssl: %v", err)
	}
	r := load(t)
	p := open(t, r.envelope)
	dir := t.TempDir()
	write := func(name string, data []byte) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	openssl := func(args ...string) string {
		t.Helper()
		out, err := exec.Command(program, args...).CombinedOutput()
		if err != nil {
			t.Fatalf("openssl %s: %v: %s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	if n := len(p.call.Action.Endorsements); n != 2 {
		t.Fatalf("%d endorsements", n)
	}
	for i, e := range p.call.Action.Endorsements {
		var id msp.SerializedIdentity
		unmarshal(t, e.Endorser, &id)
		cert := write("cert.pem", id.IdBytes)
		key := write("key.pem", []byte(openssl("x509", "-in", cert, "-noout", "-pubkey")))
		sig := write("sig", e.Signature)
		data := write("data", slices.Concat(p.call.Action.ProposalResponsePayload, e.Endorser))
		if out := openssl("dgst", "-sha256", "-verify", key, "-signature", sig, data); !strings.Contains(out, "Verified OK") {
			t.Error(out)
		}
		ca := write("ca.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: r.cas[i].Raw}))
		openssl("verify", "-attime", strconv.FormatInt(p.channel.Timestamp.Seconds, 10), "-CAfile", ca, cert)
	}
	proposal := write("proposal", slices.Concat(p.payload.Header.ChannelHeader, p.payload.Header.SignatureHeader, p.call.ChaincodeProposalPayload))
	if out := openssl("dgst", "-sha256", "-r", proposal); !strings.HasPrefix(out, hex.EncodeToString(p.response.ProposalHash)) {
		t.Error(out)
	}
}

func FuzzAnswer(f *testing.F) {
	r := load(f)
	f.Add(r.envelope)
	p := open(f, r.envelope)
	p.call.Action.Endorsements = p.call.Action.Endorsements[:1]
	f.Add(p.seal(f))
	f.Add(r.envelope[:len(r.envelope)/2])
	want, err := r.key.Answer(r.envelope, r.cas)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, envelope []byte) {
		a, err := r.key.Answer(envelope, r.cas)
		if err == nil && (a.TxID != want.TxID || !bytes.Equal(a.Payload, want.Payload) || !slices.EqualFunc(a.Arguments, want.Arguments, bytes.Equal)) {
			t.Errorf("%+v was never endorsed", a)
		}
	})
}
