package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/hyperledger/fabric-gateway/pkg/client"
	"google.golang.org/grpc/status"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/dsse"
	"github.com/mmaudit/mmaudit/audit/trust"
	"github.com/mmaudit/mmaudit/audit/trust/trusttest"
	"github.com/mmaudit/mmaudit/internal/fabricnet"
	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/fabric"
	"github.com/mmaudit/mmaudit/ledger/fabric/chaincode"
)

// The test program is also the command, and one that lies.
func TestMain(m *testing.M) {
	switch {
	case os.Getenv(liesIn) != "":
		if err := serveLiar(); err != nil {
			panic(err)
		}
		return
	case os.Getenv("RELAY") != "":
		os.Exit(serveRelay())
	case os.Getenv("CHAINCODE_ID") != "":
		os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

var writes = fabricnet.Claims{Role: chaincode.Writer}

// TestAttacks has a network with the true contract refuse what it must, and say
// why; the ledger stays as it is.
func TestAttacks(t *testing.T) {
	t.Parallel()
	n := deployed(t)
	dial := func(change func(profile string) string, who fabricnet.Identity, err error) (*fabric.Ledger, error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		profile := n.Profile("auditlog", who) + "timeouts: {append: 60s}\n"
		if change != nil {
			profile = change(profile)
		}
		p, err := fabric.ParseProfile([]byte(profile))
		if err != nil {
			return nil, err
		}
		l, err := fabric.Open(p, audit.KeysOf)
		if err == nil {
			t.Cleanup(func() { l.Close() })
		}
		return l, err
	}
	must := func(l *fabric.Ledger, err error) *fabric.Ledger {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	ours, theirs := n.Orgs[0], n.Orgs[1]

	who, err := ours.Issue("writer", writes)
	writer := must(dial(func(p string) string { return p + "origin: " + trusttest.Origin + "\n" }, who, err))
	conn, err := ours.Connect(who)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	checkpoint := func(origin, size string) (string, error) {
		text, err := conn.GetNetwork(n.Channel).GetContract("auditlog").EvaluateTransaction("checkpoint", origin, size)
		return string(text), err
	}
	if text, err := checkpoint(trusttest.Origin, "0"); err == nil {
		t.Errorf("before a record says the origin: %q", text)
	}
	first := started("r1")
	first.ID = "one"
	for _, record := range [][]byte{trusttest.Seal(genesis("alice"), "alice"), trusttest.Seal(first, "alice")} {
		if _, err := writer.Append(t.Context(), record); err != nil {
			t.Fatal(err)
		}
	}
	before, err := writer.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}

	want := fmt.Sprintf("%s\n%d\n%s\n", trusttest.Origin, before.Size, before.Root)
	if text, err := checkpoint(trusttest.Origin, "2"); err != nil || text != want {
		t.Errorf("checkpoint %q, %v, want %q", text, err, want)
	}
	if text, err := checkpoint("example.com/other", "2"); err == nil || !strings.Contains(fmt.Sprint(status.Convert(err).Details()), "the origin of this ledger is") {
		t.Errorf("another origin: %q, %v", text, err)
	}

	good := func(run string) []byte { return trusttest.Seal(started(run), "alice") }
	broken := []byte(strings.Replace(string(good("r2")), `"sig":"`, `"sig":"AAAA`, 1))
	overwrite := started("r1 again")
	overwrite.ID = "one"
	refused := func(name string, l *fabric.Ledger, record []byte, want error, message string) {
		t.Helper()
		began := time.Now()
		_, err := l.Append(t.Context(), record)
		if err == nil || want != nil && !errors.Is(err, want) || !strings.Contains(err.Error(), message) {
			t.Errorf("%s: %v, want %v, %q", name, err, want, message)
		}
		t.Logf("%s, after %v: %v", name, time.Since(began).Round(time.Millisecond), err)
	}
	refused("a broken signature", writer, broken, ledger.ErrInvalid, "signature")
	refused("a stranger's signature", writer, trusttest.Seal(started("r3"), "mallory"), ledger.ErrInvalid, "none of its signatures")
	refused("a second beginning", writer, trusttest.Seal(genesis("mallory"), "mallory"), ledger.ErrInvalid, "created before")
	p := started("r5")
	p.Actor.KeyID = trusttest.ID("alice")
	statement, err := p.Encode()
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string][2]string{
		"a member that the schema does not know": {`"runId":"r5"`, `"runId":"r5","spare":"x"`},
		"a run without its id":                   {`,"runId":"r5"`, ``},
	} {
		said := strings.Replace(string(statement), change[0], change[1], 1)
		record, err := dsse.Sign([]byte(said), trusttest.Key("alice"))
		if err != nil || said == string(statement) {
			t.Fatalf("%v: %s", err, said)
		}
		refused(name, writer, record, ledger.ErrInvalid, "not a valid record")
	}
	refused("an overwrite", writer, trusttest.Seal(overwrite, "alice"), ledger.ErrConflict, "")

	who, err = theirs.Issue("regulator", fabricnet.Claims{Role: "reader"})
	reader := must(dial(nil, who, err))
	refused("a reader", reader, good("r4"), ledger.ErrReadOnly, "auditlog.role=writer")
	who, err = theirs.Issue("nobody", fabricnet.Claims{})
	refused("no attribute", must(dial(nil, who, err)), good("r4"), ledger.ErrReadOnly, "auditlog.role=writer")
	who, err = ours.Forge("forger", writes)
	refused("a certificate of nobody's", must(dial(nil, who, err)), good("r4"), nil, "access denied")
	who, err = ours.Issue("foreigner", writes)
	who.MSP = "Org3MSP"
	refused("a foreign organisation", must(dial(nil, who, err)), good("r4"), nil, "access denied")
	who, err = ours.Issue("lured", writes)
	forged := func(p string) string { return strings.ReplaceAll(p, ours.TLSRoot(), theirs.TLSRoot()) }
	forgedAll := func(p string) string {
		return strings.ReplaceAll(forged(p), "tls: "+theirs.TLSRoot(), "tls: "+who.Cert)
	}
	refused("a forged profile", must(dial(forgedAll, who, err)), good("r4"), nil, "certificate")

	who, err = ours.Issue("late", fabricnet.Claims{Role: chaincode.Writer, NotAfter: time.Now().Add(-time.Minute)})
	if _, err := dial(nil, who, err); err == nil || !strings.Contains(err.Error(), "expired on") {
		t.Errorf("an expired certificate: %v", err)
	}

	// The regulator's organisation reads the same ledger, and judges it.
	after, err := reader.Head(t.Context())
	if err != nil || after.Size != before.Size || after.Root != before.Root {
		t.Fatalf("%+v, %v, want %+v", after, err, before)
	}
	ring, err := trust.Load(t.Context(), writer, after.Size)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for e, err := range reader.Find(t.Context(), after.Size, 0, ledger.Key{Name: audit.KeyRun, Value: "r1"}) {
		if err != nil {
			t.Fatal(err)
		}
		found++
		r, err := audit.Open(e.Record)
		if err != nil {
			t.Fatal(err)
		}
		if v := ring.Judge(e.Index, r); !v.OK() {
			t.Errorf("%+v", v)
		}
	}
	if found != 1 {
		t.Errorf("%d records of the run", found)
	}
	told(t, conn.GetNetwork(n.Channel), writer, after.Size)
}

// told reads the events of a channel, which tell of each record in its order, and
// asks for the history of each: one transaction, which is the event's.
func told(t *testing.T, network *client.Network, l *fabric.Ledger, size int64) {
	t.Helper()
	events, err := network.ChaincodeEvents(t.Context(), "auditlog", client.WithStartBlock(0))
	if err != nil {
		t.Fatal(err)
	}
	type listed struct{ ID, Hash string }
	index := int64(0)
	for index < size {
		e, ok := <-events
		if !ok {
			t.Fatalf("events end after %d records", index)
		}
		if e.EventName != "records" {
			continue
		}
		var payload struct{ Records []listed }
		if err := json.Unmarshal(e.Payload, &payload); err != nil {
			t.Fatal(err)
		}
		for _, got := range payload.Records {
			entry, err := l.Get(t.Context(), index)
			if err != nil {
				t.Fatal(err)
			}
			keys, err := audit.KeysOf(entry.Record)
			if err != nil {
				t.Fatal(err)
			}
			leaf := ledger.RecordHash(entry.Record)
			if want := (listed{fmt.Sprintf("%x", sha256.Sum256([]byte(keys.ID))), hex.EncodeToString(leaf[:])}); got != want {
				t.Errorf("the event of record %d has %+v, want %+v", index, got, want)
			}
			var moments []struct{ Tx, Time string }
			text, err := network.GetContract("auditlog").EvaluateTransaction("history", got.ID)
			if err == nil {
				err = json.Unmarshal(text, &moments)
			}
			if err != nil || len(moments) != 1 || moments[0].Tx != e.TransactionID {
				t.Errorf("the history of record %d is %s (%v), want transaction %s alone", index, text, err, e.TransactionID)
			}
			index++
		}
	}
}
