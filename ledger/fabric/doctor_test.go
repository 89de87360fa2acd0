package fabric

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/internal/fabricnet"
	"github.com/mmaudit/mmaudit/ledger/fabric/chaincode"
)

// TestDiagnose breaks a network and a profile in one way after the other: what
// is wrong is told, and nothing else.
func TestDiagnose(t *testing.T) {
	n, cc := network(t, fabricnet.Options{}, "ill")
	us, them := n.Orgs[0], n.Orgs[1]
	writer := issue(t, n, 0, "writer", chaincode.Writer)
	good := n.Profile("ill", writer) + "timeouts: {evaluate: 30s, endorse: 60s}\n"

	// diagnose gives what failed, "CHECK OF", and all that was said.
	diagnose := func(profile string) (failed, all string) {
		t.Helper()
		p, err := ParseProfile([]byte(profile))
		if err != nil {
			t.Fatal(err)
		}
		var f, a []string
		if err := Diagnose(t.Context(), p, func(c Check) {
			a = append(a, strings.Join([]string{string(c.Status), c.Name, c.Of, c.Says, c.Hint}, " "))
			if c.Status == Failed {
				f = append(f, strings.TrimSpace(c.Name+" "+c.Of))
			}
		}); err != nil {
			t.Fatal(err)
		}
		return strings.Join(f, ", "), strings.Join(a, "\n")
	}
	expect := func(what, profile, want string, says ...string) {
		t.Helper()
		failed, all := diagnose(profile)
		if failed != want {
			t.Errorf("%s: failed: %s; want %s\n%s", what, failed, want, all)
		}
		for _, s := range says {
			if !strings.Contains(all, s) {
				t.Errorf("%s: nothing says %q:\n%s", what, s, all)
			}
		}
	}
	replaced := func(old, new string) string {
		t.Helper()
		if !strings.Contains(good, old) {
			t.Fatalf("no %q in\n%s", old, good)
		}
		return strings.Replace(good, old, new, 1)
	}
	ours, theirs := us.Peer.Address, them.Peer.Address

	expect("nothing", good, "",
		"may append", "2 of 2 sign heads", "vouches for the client", "ok chain "+theirs+" as that of peer", "version 1, sequence 1, approved by Org1MSP, Org2MSP",
		"ok endorsement Org1MSP", "ok endorsement Org2MSP", "ok endorsement  as the policy")
	expect("no organisations", good[:strings.Index(good, "organisations:")], "", "skipped organisations")
	expect("a reader", n.Profile("ill", issue(t, n, 1, "reader", "reader")), "", "reads: auditlog.role=reader")
	expect("another TLS CA", replaced(us.TLSRoot(), them.TLSRoot()), "tls "+ours, "signed by unknown authority", "skipped chain")
	expect("another name", replaced("  - address: "+ours, "  - name: nobody\n    address: "+ours), "tls "+ours, "must be one of peer0.org1.test, ")
	expect("no TLS file", replaced(us.TLSRoot(), "none.pem"), "peers", "open none.pem")
	expect("no such peer", replaced(ours, "127.0.0.1:1"), "reachable 127.0.0.1:1")
	expect("no such channel", replaced("channel: "+n.Channel, "channel: other"), "channel "+ours+", channel "+theirs, "peer channel list")
	expect("no such chaincode", replaced("chaincode: ill", "chaincode: well"), "chaincode "+ours+", chaincode "+theirs+", definition well", "skipped endorsement")
	expect("no peer but an orderer", replaced("address: "+ours+"\n    tls: "+us.TLSRoot(), "address: "+n.Orderers[0].Address+"\n    tls: "+n.Ordering.TLSRoot()),
		"channel "+n.Orderers[0].Address, "older than 2.4")
	expect("another organisation", replaced("msp: Org1MSP", "msp: Org3MSP"), "channel "+ours+", channel "+theirs, "access denied", "is identity.msp the organisation")
	expect("another key", replaced(writer.Key, issue(t, n, 0, "other", "").Key), "identity Org1MSP", "is not the key of the certificate", "skipped peers")
	expect("one CA for two", replaced("ca: "+us.CA(), "ca: "+them.CA()), "organisations")
	expect("another CA", strings.NewReplacer("ca: "+us.CA(), "ca: "+them.CA(), "ca: "+them.CA(), "ca: "+us.CA()).Replace(good), "authority Org1MSP")

	sdk, err := fabricnet.SDK(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	expect("through the SDK", good+"client: sdk\nsdk: "+sdk+"\n", "", "ok chain "+theirs, "ok endorsement Org2MSP", "ok endorsement  as the policy")
	expect("no SDK", good+"client: sdk\nsdk: /none\n", "peers", "/none", "Networks older than 2.4")

	stop := func(p *fabricnet.Process) {
		t.Helper()
		if err := p.Kill(); err != nil {
			t.Fatal(err)
		}
	}
	start := func(p *fabricnet.Process) {
		t.Helper()
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
		if err := n.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	stop(them.Peer.Process)
	expect("their peer down", good, "reachable "+theirs+", endorsement Org2MSP, endorsement", "connection refused", "no record can be written now")

	// Their peer comes back without histories.
	config := filepath.Join(n.Dir, "config", them.Peer.Name, "core.yaml")
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	without := strings.Replace(string(text), "enableHistoryDatabase: true", "enableHistoryDatabase: false", 1)
	if err := os.WriteFile(config, []byte(without), 0o644); err != nil || without == string(text) {
		t.Fatal("the history is not switched off", err)
	}
	start(them.Peer.Process)
	expect("no history", good, "chaincode "+theirs+", endorsement Org2MSP, endorsement", "enableHistoryDatabase: true in core.yaml")

	stop(cc)
	expect("chaincode down", good, "chaincode "+ours+", chaincode "+theirs, "the service of the chaincode does not run")
}
