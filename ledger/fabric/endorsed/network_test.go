package endorsed

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/hyperledger/fabric-gateway/pkg/client"
	"github.com/hyperledger/fabric-protos-go-apiv2/gateway"
	"google.golang.org/protobuf/proto"

	"github.com/mmaudit/mmaudit/internal/fabricnet"
	"github.com/mmaudit/mmaudit/ledger/fabric/chaincode"
	"github.com/mmaudit/mmaudit/ledger/ledgertest"
)

// The test program is also the chaincode.
func TestMain(m *testing.M) {
	id := os.Getenv("CHAINCODE_ID")
	if id == "" {
		os.Exit(m.Run())
	}
	l, err := net.Listen("tcp", os.Getenv("CHAINCODE_SERVER_ADDRESS"))
	if err == nil {
		err = chaincode.Serve(context.Background(), l, id, chaincode.New(chaincode.Options{KeysOf: ledgertest.KeysOf}), nil)
	}
	fmt.Println(err)
	os.Exit(1)
}

func caOf(t *testing.T, o *fabricnet.Org) *x509.Certificate {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(o.Crypto, "ca", "ca."+o.Domain+"-cert.pem"))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	ca, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

// TestNetwork verifies what a real network endorses and commits.
func TestNetwork(t *testing.T) {
	if testing.Short() {
		t.Skip("runs a network")
	}
	t.Parallel()
	n, err := fabricnet.Start(t.Context(), fabricnet.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Stop(); err != nil {
			t.Error(err)
		}
	})
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.Deploy(t.Context(), fabricnet.Chaincode{Path: path}, "records"); err != nil {
		t.Fatal(err)
	}
	who, err := n.Orgs[0].Issue("writer", fabricnet.Claims{Attributes: map[string]string{chaincode.Role: chaincode.Writer}})
	if err != nil {
		t.Fatal(err)
	}
	c, err := n.Orgs[0].Connect(who)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	k := &Key{Name: "fabric/audit/records", Channel: n.Channel, Chaincode: "records", Need: 2}
	var cas []*x509.Certificate
	for _, o := range n.Orgs {
		ca := caOf(t, o)
		cas = append(cas, ca)
		k.Organisations = append(k.Organisations, Organisation{[]string{Fingerprint(ca)}, o.MSP})
	}
	ca := caOf(t, n.Ordering)
	cas = append(cas, ca)
	k.Orderers = append(k.Orderers, Organisation{[]string{Fingerprint(ca)}, n.Ordering.MSP})
	k.Sort()
	t.Log(k.String())
	proposal, err := c.GetNetwork(n.Channel).GetContract("records").NewProposal("append", client.WithBytesArguments(ledgertest.Record("a", "")))
	if err != nil {
		t.Fatal(err)
	}
	tx, err := proposal.EndorseWithContext(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b, _ := tx.Bytes()
	var prepared gateway.PreparedTransaction
	if err := proto.Unmarshal(b, &prepared); err != nil {
		t.Fatal(err)
	}
	envelope, _ := proto.Marshal(prepared.GetEnvelope())
	a, err := k.Answer(envelope, cas)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes %+v", len(envelope), a)
	commit, err := tx.SubmitWithContext(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := commit.StatusWithContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	block, err := c.GetNetwork(n.Channel).GetContract("qscc").EvaluateTransaction("GetBlockByTxID", n.Channel, a.TxID)
	if err != nil {
		t.Fatal(err)
	}
	got, err := k.Block(block, a.TxID, cas)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Answer(got.Envelope, cas); err != nil {
		t.Fatal(err)
	}
	got.Envelope = nil
	t.Logf("%d bytes %+v", len(block), got)
}
