package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
	"github.com/hyperledger/fabric-gateway/pkg/client"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/trust/trusttest"
	"github.com/mmaudit/mmaudit/internal/fabricnet"
	"github.com/mmaudit/mmaudit/ledger/fabric"
	"github.com/mmaudit/mmaudit/ledger/fabric/chaincode/cctest"
)

// relay is chaincode of somebody else: it calls another one, as often as its
// arguments say, each of which is the arguments of a call, in JSON.
type relay struct{}

func (relay) Init(shim.ChaincodeStubInterface) *peer.Response { return shim.Success(nil) }

func (relay) Invoke(stub shim.ChaincodeStubInterface) *peer.Response {
	var last *peer.Response
	for _, arg := range stub.GetArgs() {
		var call [][]byte
		if err := json.Unmarshal(arg, &call); err != nil {
			return shim.Error(err.Error())
		}
		if last = stub.InvokeChaincode("auditlog", call, ""); last.GetStatus() != shim.OK {
			return last
		}
	}
	return last
}

func serveRelay() int {
	fmt.Fprintln(os.Stderr, cctest.Serve(relay{}))
	return 1
}

// TestRelay has chaincode of somebody else call the contract, several times in
// one transaction: only the last would be in the log, because a transaction does
// not see what it has written. And a writer who calls that chaincode did not
// mean to append what it likes.
func TestRelay(t *testing.T) {
	if testing.Short() {
		t.Skip("runs a network")
	}
	t.Parallel()
	n := deployed(t)
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.Deploy(t.Context(), fabricnet.Chaincode{Path: path, Env: []string{"RELAY=1"}}, "relay"); err != nil {
		t.Fatal(err)
	}
	who, err := n.Orgs[0].Issue("writer", writes)
	if err != nil {
		t.Fatal(err)
	}
	p, err := fabric.ParseProfile([]byte(n.Profile("auditlog", who)))
	if err != nil {
		t.Fatal(err)
	}
	l, err := fabric.Open(p, audit.KeysOf)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	sealed := func(run string) []byte { return trusttest.Seal(started(run), "alice") }
	if _, err := l.Append(t.Context(), trusttest.Seal(genesis("alice"), "alice")); err != nil {
		t.Fatal(err)
	}
	conn, err := n.Orgs[0].Connect(who)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	call := func(args ...[]byte) []byte {
		text, err := json.Marshal(args)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	through := conn.GetNetwork(n.Channel).GetContract("relay")
	for name, calls := range map[string][][]byte{
		"two appends": {call([]byte("append"), sealed("a")), call([]byte("append"), sealed("b"))},
		"one append":  {call([]byte("append"), sealed("c"))},
		"a seal":      {call([]byte("seal"))},
		"an anchor":   {call([]byte("anchor"), []byte("x"), []byte("{}"))},
	} {
		tx, err := through.NewProposal(string(calls[0]), client.WithBytesArguments(calls[1:]...))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Endorse(); !strings.Contains(said(err), "403") {
			t.Errorf("%s: %v", name, said(err))
		}
	}
	// Whoever may read may do so in this way too.
	if text, err := through.EvaluateTransaction(string(call([]byte("checkpoint"), []byte(trusttest.Origin), []byte("1")))); err != nil {
		t.Errorf("%q, %v", text, said(err))
	}
	if h, err := l.Head(t.Context()); err != nil || h.Size != 1 {
		t.Errorf("%+v, %v", h, err)
	}
}
