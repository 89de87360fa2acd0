package fabric

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/mmaudit/mmaudit/ledger/fabric/internal/message"
	"github.com/mmaudit/mmaudit/ledger/fabric/internal/wire"
)

// A Check is one thing that Diagnose looked at.
type Check struct {
	Name   string `json:"check"`
	Of     string `json:"of,omitempty"` // address of a peer, MSP id of an organisation
	Status Status `json:"status"`
	Says   string `json:"says"`           // what was found, or why it was skipped
	Hint   string `json:"hint,omitempty"` // what to do; also where it is ok, but not for long
}

// A Status is the outcome of a check.
type Status string

// Outcomes.
const (
	OK      Status = "ok"
	Failed  Status = "failed"
	Skipped Status = "skipped" // with its reason; never counts as passed
)

// Diagnose looks at all that a client of a profile depends on: its certificate
// and key, each peer, the chaincode, and whether the organisations whose word
// counts can endorse. It changes nothing on the network. What it finds is told to
// see as it is found; an error means that it could not go on.
func Diagnose(ctx context.Context, p *Profile, see func(Check)) error {
	d := doctor{p: p, see: see}
	if !d.identity() {
		d.skip("peers", "nobody to speak to them as")
		return nil
	}
	d.organisations()
	l, err := Open(p, nil)
	if err != nil {
		hint := ""
		if p.Client == "sdk" {
			hint = "docs/fabric.md, \"Networks older than 2.4\", says how to get the program"
		}
		d.fail("peers", "", err, hint)
		return nil
	}
	defer l.Close()
	d.l = l
	for i, e := range l.peers {
		if d.reachable(ctx, &p.Peers[i]) && d.channel(ctx, e) {
			d.chaincode(ctx, e)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	d.sameChain(ctx)
	d.definition(ctx)
	d.endorsement(ctx)
	d.skip("ordering", "nothing is written, and so no orderer is asked: a record shows whether they work")
	return ctx.Err()
}

type doctor struct {
	p   *Profile
	l   *Ledger
	see func(Check)

	joined  []joined    // peers that are on the channel
	serving []*endpoint // those of them on which the chaincode answers
}

type joined struct {
	peer *endpoint
	tip  tip
}

func (d *doctor) ok(name, of, hint, format string, args ...any) {
	d.see(Check{name, of, OK, fmt.Sprintf(format, args...), hint})
}

func (d *doctor) fail(name, of string, err error, hint string) {
	d.see(Check{name, of, Failed, plain(strings.TrimPrefix(err.Error(), d.p.file+": ")), hint})
}

func (d *doctor) skip(name, why string) { d.see(Check{Name: name, Status: Skipped, Says: why}) }

// renewal is the hint for a certificate that ends soon: within a month, or a
// third of its life.
func renewal(c *x509.Certificate) string {
	if left := time.Until(c.NotAfter); left < min(30*24*time.Hour, c.NotAfter.Sub(c.NotBefore)/3) {
		return fmt.Sprintf("%d days are left: renew it in time (docs/fabric.md, \"Certificates\")", int(left/(24*time.Hour)))
	}
	return ""
}

func (d *doctor) identity() bool {
	w, err := d.p.identity()
	if err != nil {
		hint := "identity.certificate is signcerts/cert.pem and identity.key the file in keystore/ of the MSP folder that `fabric-ca-client enroll` wrote"
		if strings.Contains(err.Error(), "expired on") {
			hint = "`fabric-ca-client reenroll` renews it"
		}
		d.fail("identity", d.p.Identity.MSP, err, hint)
		return false
	}
	d.ok("identity", d.p.Identity.MSP, renewal(w.cert), "%s, valid until %s", w.cert.Subject.CommonName, w.cert.NotAfter.UTC().Format(time.DateTime))
	switch role := roleOf(w.cert); role {
	case wire.Writer:
		d.ok("role", "", "", "may append: auditlog.role=writer")
	case "":
		d.ok("role", "", "", "reads: the certificate has no attribute auditlog.role=writer")
	default:
		d.ok("role", "", "", "reads: auditlog.role=%s", role)
	}
	return true
}

func (d *doctor) organisations() {
	key, err := d.p.Key(d.p.name())
	switch {
	case errors.Is(err, ErrNoKey):
		d.skip("organisations", "the profile names none: heads of the ledger will not be signed, and bundles cannot be made")
		return
	case err != nil:
		d.fail("organisations", "", err, "each needs the CA certificates of its MSP: the files in msp/cacerts")
		return
	}
	d.ok("organisations", "", "", "%d of %d sign heads", key.Need, len(key.Organisations))
	for _, o := range d.p.Organisations {
		if o.MSP != d.p.Identity.MSP {
			continue
		}
		cas, err := d.p.certificates(o.CA)
		if err == nil {
			err = d.vouched(cas)
		}
		if err != nil {
			d.fail("authority", o.MSP, err, "the certificate of the client, or the CA certificate of its organisation, is another one's")
		} else {
			d.ok("authority", o.MSP, "", "the organisation's CA vouches for the client")
		}
	}
}

// vouched reports whether one of these signed the client's certificate, or the
// authority that did.
func (d *doctor) vouched(cas []*x509.Certificate) error {
	w, err := d.p.identity()
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	for _, c := range cas {
		roots.AddCert(c)
	}
	_, err = w.cert.Verify(x509.VerifyOptions{Roots: roots, Intermediates: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	return err
}

// reachable opens a connection of its own, to tell one fault from another.
func (d *doctor) reachable(ctx context.Context, p *Peer) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(d.p.Timeouts.Evaluate))
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", p.Address)
	if err != nil {
		d.fail("reachable", p.Address, err, "is the peer running, and is its address one that this machine reaches?")
		return false
	}
	defer conn.Close()
	says := "takes connections"
	if at := conn.RemoteAddr().String(); at != p.Address {
		says += " at " + at
	}
	d.ok("reachable", p.Address, "", "%s", says)
	host, _, err := net.SplitHostPort(p.Address)
	if err != nil {
		d.fail("tls", p.Address, err, "")
		return false
	}
	config := &tls.Config{RootCAs: x509.NewCertPool(), ServerName: host, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2"}}
	if p.Name != "" {
		config.ServerName = p.Name
	}
	roots, err := os.ReadFile(d.p.path(p.TLS))
	if err != nil {
		d.fail("tls", p.Address, err, "")
		return false
	}
	config.RootCAs.AppendCertsFromPEM(roots) // Open has seen that there are some
	secure := tls.Client(conn, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		d.fail("tls", p.Address, err, handshakeHint(err))
		return false
	}
	leaf := secure.ConnectionState().PeerCertificates[0]
	d.ok("tls", p.Address, renewal(leaf), "%s, valid until %s", leaf.Subject.CommonName, leaf.NotAfter.UTC().Format(time.DateTime))
	return true
}

func handshakeHint(err error) string {
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &unknown):
		return "tls: of this peer must be the certificate of the TLS CA of its organisation (msp/tlscacerts); if it is, somebody else answers at this address"
	case errors.As(err, &host):
		names := slices.Clone(host.Certificate.DNSNames)
		for _, ip := range host.Certificate.IPAddresses {
			names = append(names, ip.String())
		}
		return "name: of this peer must be one of " + strings.Join(names, ", ")
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "the peer's operator must renew its TLS certificate; is the clock of this machine right?"
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "something takes connections there and does not answer: the peer hangs, or is none"
	}
	return "does the peer have TLS on, at this port?"
}

// channel asks the peer for its newest block.
func (d *doctor) channel(ctx context.Context, e *endpoint) bool {
	t, err := d.l.tip(ctx, e)
	if err != nil {
		d.fail("channel", e.address, err, d.gatewayHint(err))
		return false
	}
	d.ok("channel", e.address, "", "%s, its newest block is %d", d.p.Channel, t.height-1)
	d.joined = append(d.joined, joined{e, t})
	return true
}

func (d *doctor) gatewayHint(err error) string {
	if hint, _ := Advice(err); hint != "" {
		return hint
	}
	if strings.Contains(err.Error(), d.p.Channel) {
		return "`peer channel list` says which channels the peer has joined"
	}
	return ""
}

// nobody is a name that no record has.
var nobody = strings.Repeat("0", 64)

// chaincode asks for the history of a record that is not there: that says that
// the chaincode runs, that it is ours, and that the peer keeps histories.
func (d *doctor) chaincode(ctx context.Context, e *endpoint) {
	answer, err := d.l.evaluate(ctx, e, wire.History, []byte(nobody))
	var r *refusal
	switch {
	case err == nil && string(answer) == "[]":
		d.ok("chaincode", e.address, "", "%s answers here or through here, and has histories", d.p.Chaincode)
		d.serving = append(d.serving, e)
	case err == nil:
		d.fail("chaincode", e.address, fmt.Errorf("%s answers %.40q", d.p.Chaincode, answer), "is it auditlog-chaincode?")
	case strings.Contains(err.Error(), "history database"):
		d.fail("chaincode", e.address, err, "the peer needs ledger.history.enableHistoryDatabase: true in core.yaml; after a change it rebuilds by `peer node rebuild-dbs`")
	case errors.As(err, &r):
		d.fail("chaincode", e.address, err, "is it auditlog-chaincode, and as new as this program?")
	default:
		if hint, _ := Advice(err); hint != "" && !strings.Contains(err.Error(), "no peers available") {
			d.fail("chaincode", e.address, err, hint)
			return
		}
		d.fail("chaincode", e.address, err, "is it committed on the channel, installed on the peer, and is the service running where the package says? docs/fabric.md, \"Deploy\"")
	}
}

// sameChain compares the newest block of each peer with what the one that has
// most blocks has at that place.
func (d *doctor) sameChain(ctx context.Context) {
	if len(d.joined) < 2 {
		d.skip("chain", "takes two peers on the channel to compare")
		return
	}
	best := slices.MaxFunc(d.joined, func(a, b joined) int { return cmp.Compare(a.tip.height, b.tip.height) })
	for _, j := range d.joined {
		if j.peer == best.peer {
			continue
		}
		last := j.tip.height - 1
		text, err := d.l.evaluateOf(ctx, best.peer, "qscc", "GetBlockByNumber", []byte(d.p.Channel), []byte(strconv.FormatUint(last, 10)))
		if err != nil {
			d.fail("chain", j.peer.address, err, "")
			continue
		}
		b, err := parseBlock(text)
		if err == nil && !bytes.Equal(b.hash, j.tip.hash) {
			err = fmt.Errorf("block %d is another one than that of peer %s", last, best.peer.address)
		}
		if err != nil {
			d.fail("chain", j.peer.address, err, "these are not peers of one network: stop, and find out which is the true one")
			continue
		}
		behind := ""
		if n := best.tip.height - j.tip.height; n > 0 {
			behind = fmt.Sprintf(", %d blocks behind", n)
		}
		d.ok("chain", j.peer.address, "", "as that of peer %s%s", best.peer.address, behind)
	}
}

// definition asks for what the organisations have agreed on.
func (d *doctor) definition(ctx context.Context) {
	if len(d.joined) == 0 {
		d.skip("definition", "no peer is on the channel")
		return
	}
	ask := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), d.p.Chaincode)
	text, err := d.l.evaluateOf(ctx, d.joined[0].peer, "_lifecycle", "QueryChaincodeDefinition", ask)
	if err != nil {
		d.fail("definition", d.p.Chaincode, err, "`peer lifecycle chaincode querycommitted -C "+d.p.Channel+"` lists what is committed")
		return
	}
	// A lifecycle.QueryChaincodeDefinitionResult.
	var sequence uint64
	var version string
	var approvals [][]byte
	var by []string
	err = message.Decode(text, message.Fields{1: &sequence, 2: &version, 8: &approvals})
	for _, a := range approvals {
		var msp string
		var yes uint64
		err = errors.Join(err, message.Decode(a, message.Fields{1: &msp, 2: &yes}))
		if yes != 0 {
			by = append(by, msp)
		}
	}
	if err != nil {
		d.fail("definition", d.p.Chaincode, err, "")
		return
	}
	slices.Sort(by)
	d.ok("definition", d.p.Chaincode, "", "version %s, sequence %d, approved by %s", version, sequence, strings.Join(by, ", "))
}

// endorsement has each organisation endorse an answer that says nothing. It is
// not submitted.
func (d *doctor) endorsement(ctx context.Context) {
	if len(d.serving) == 0 {
		d.skip("endorsement", "the chaincode answers on no peer")
		return
	}
	endorse := func(organisations ...string) error {
		ctx, cancel := context.WithTimeout(ctx, time.Duration(d.p.Timeouts.Endorse))
		defer cancel()
		_, err := d.serving[0].endorse(ctx, call{d.p.Chaincode, wire.History, [][]byte{[]byte(nobody)}, organisations})
		return err
	}
	for _, o := range d.p.Organisations {
		if err := endorse(o.MSP); err != nil {
			hint, _ := Advice(err)
			d.fail("endorsement", o.MSP, err, cmp.Or(hint, "does a peer of the organisation run, with the chaincode installed and its service up?"))
			continue
		}
		d.ok("endorsement", o.MSP, "", "signs what the chaincode answers")
	}
	if err := endorse(); err != nil {
		d.fail("endorsement", "", err, "no record can be written now: the policy of the chaincode wants organisations that do not endorse")
		return
	}
	d.ok("endorsement", "", "", "as the policy of the chaincode has it")
}
