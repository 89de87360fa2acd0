package endorsed

import (
	"crypto/x509"
	"encoding/pem"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hyperledger/fabric-gateway/pkg/client"
	"github.com/hyperledger/fabric-protos-go-apiv2/gateway"
	"golang.org/x/mod/sumdb/note"
	"google.golang.org/protobuf/proto"

	"github.com/mmaudit/mmaudit/internal/fabricnet"
	"github.com/mmaudit/mmaudit/internal/fabricnet/nettest"
	"github.com/mmaudit/mmaudit/ledger/fabric/chaincode"
	"github.com/mmaudit/mmaudit/ledger/fabric/chaincode/cctest"
	"github.com/mmaudit/mmaudit/ledger/ledgertest"
)

var update = flag.Bool("update", false, "have a network make testdata anew")

const origin = "example.com/audit"

// The test program is also the chaincode.
func TestMain(m *testing.M) {
	if os.Getenv("CHAINCODE_ID") == "" {
		os.Exit(m.Run())
	}
	fmt.Println(cctest.Serve(chaincode.New(chaincode.Options{KeysOf: ledgertest.KeysOf})))
	os.Exit(1)
}

func readCAs(t testing.TB, files ...string) (all []*x509.Certificate) {
	t.Helper()
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
			ca, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, ca)
		}
	}
	return all
}

// endorse has peers answer a call, and gives the envelope.
func endorse(t *testing.T, c *client.Contract, function string, args ...string) (*client.Transaction, []byte) {
	t.Helper()
	proposal, err := c.NewProposal(function, client.WithArguments(args...))
	if err != nil {
		t.Fatal(err)
	}
	tx, err := proposal.EndorseWithContext(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	text, err := tx.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	var prepared gateway.PreparedTransaction
	if err := proto.Unmarshal(text, &prepared); err != nil {
		t.Fatal(err)
	}
	return tx, marshal(t, prepared.GetEnvelope())
}

func marshal(t testing.TB, m proto.Message) []byte {
	t.Helper()
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestNetwork verifies what a real network endorses and commits: the other tests
// start from what it once made.
func TestNetwork(t *testing.T) {
	t.Parallel()
	n := nettest.Start(t, fabricnet.Options{})
	nettest.Deploy(t, n, fabricnet.Chaincode{}, "records")
	who := nettest.Issue(t, n.Orgs[0], "writer", chaincode.Writer)
	c, err := n.Orgs[0].Connect(who)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	contract := c.GetNetwork(n.Channel).GetContract("records")

	k := &Key{Name: origin, Channel: n.Channel, Chaincode: "records", Need: 2}
	cas := readCAs(t, n.Orgs[0].CA(), n.Orgs[1].CA(), n.Ordering.CA())
	for i, o := range n.Orgs {
		k.Organisations = append(k.Organisations, Organisation{[]string{Fingerprint(cas[i])}, o.MSP})
	}
	k.Orderers = append(k.Orderers, Organisation{[]string{Fingerprint(cas[2])}, n.Ordering.MSP})
	k.Sort()

	// One transaction is committed, and found in its block.
	tx, envelope := endorse(t, contract, "append", "one\n\n")
	a, err := k.Answer(envelope, cas)
	if err != nil {
		t.Fatal(err)
	}
	if a.Function != "append" || len(a.Arguments) != 1 || string(a.Arguments[0]) != "one\n\n" || string(a.Payload) != `["stored"]` ||
		a.TxID != tx.TransactionID() || strings.Join(a.Organisations, " ") != "Org1MSP Org2MSP" {
		t.Errorf("%+v", a)
	}
	commit, err := tx.SubmitWithContext(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s, err := commit.StatusWithContext(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	block, err := c.GetNetwork(n.Channel).GetContract("qscc").EvaluateTransaction("GetBlockByTxID", n.Channel, tx.TransactionID())
	if err != nil {
		t.Fatal(err)
	}
	committed, err := k.Block(block, tx.TransactionID(), cas)
	if err != nil {
		t.Fatal(err)
	}
	if committed.Number != s.BlockNumber || committed.Code != 0 || strings.Join(committed.Orderers, " ") != "OrdererMSP" {
		t.Errorf("%+v", committed)
	}
	if again, err := k.Answer(committed.Envelope, cas); err != nil || again.TxID != a.TxID || again.Time != a.Time {
		t.Errorf("%+v, %v", again, err)
	}

	// A checkpoint is endorsed only.
	_, envelope = endorse(t, contract, "checkpoint", origin, "1")
	signed, err := k.Sign(envelope, cas)
	if err != nil {
		t.Fatal(err)
	}
	v, err := NewVerifier(k.String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := note.Open(signed, note.VerifierList(v)); err != nil {
		t.Fatal(err)
	}
	// Another function is endorsed as well, and is no checkpoint.
	_, envelope = endorse(t, contract, "tail")
	if _, err := k.Sign(envelope, cas); err == nil || !strings.Contains(err.Error(), `want "checkpoint"`) {
		t.Errorf("%v", err)
	}

	if !*update {
		return
	}
	var authorities []byte
	for _, ca := range cas {
		authorities = append(authorities, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Raw})...)
	}
	for name, data := range map[string][]byte{
		"key": []byte(k.String() + "\n"), "checkpoint": signed, "block": block,
		"txid": []byte(tx.TransactionID() + "\n"), "authorities.pem": authorities,
	} {
		if err := os.WriteFile(filepath.Join("testdata", name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
