package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/audittest"
	"github.com/mmaudit/mmaudit/audit/store"
	"github.com/mmaudit/mmaudit/audit/trust/trusttest"
	verifying "github.com/mmaudit/mmaudit/audit/verify"
	"github.com/mmaudit/mmaudit/internal/fabricnet"
	"github.com/mmaudit/mmaudit/ledger/fabric"
	"github.com/mmaudit/mmaudit/ledger/fabric/chaincode"
	"github.com/mmaudit/mmaudit/ledger/fabric/chaincode/cctest"
)

// liesIn names the file that says how a liar lies.
const liesIn = "AUDITLOG_LIES_IN"

// A liar is the contract as an organisation may run it that does not want others
// to know what its peer has.
type liar struct {
	shim.Chaincode
	lie string // file
}

// serveLiar serves the contract with lies: a line in the file names the first.
func serveLiar() error {
	truth := chaincode.New(chaincode.Options{KeysOf: audit.KeysOf, Verify: verify, Anchor: checkpointed})
	return cctest.Serve(liar{truth, os.Getenv(liesIn)})
}

// Invoke implements shim.Chaincode.
func (l liar) Invoke(stub shim.ChaincodeStubInterface) *peer.Response {
	args := stub.GetStringArgs()
	text, err := os.ReadFile(l.lie)
	if err != nil {
		return shim.Error(err.Error())
	}
	name := string(text)
	if args[0] == "lie" { // which one is in force
		return shim.Success(text)
	}
	r := l.Chaincode.Invoke(stub)
	i := slices.IndexFunc(lies, func(l lie) bool { return l.name == name })
	if i >= 0 && lies[i].of == args[0] && r.Status == shim.OK && (lies[i].only == "" || slices.Contains(args, lies[i].only)) {
		r.Payload = lies[i].tell(r.Payload)
	}
	return r
}

// A lie changes what one function answers, of calls with an argument.
type lie struct {
	name, of, only string
	tell           func([]byte) []byte
	one, all       string // the check that fails if one peer lies, and if all do; else it ends well
}

// changed is a lie in an answer that is JSON.
func changed(change func(answer any)) func([]byte) []byte {
	return func(text []byte) []byte {
		var answer any
		if err := json.Unmarshal(text, &answer); err != nil {
			panic(err)
		}
		change(answer)
		text, err := json.Marshal(answer)
		if err != nil {
			panic(err)
		}
		return text
	}
}

// log is the last record that the answer to tail has.
func logged(answer any) map[string]any {
	log := answer.(map[string]any)["log"].([]any)
	records := log[len(log)-1].(map[string]any)["records"].([]any)
	return records[len(records)-1].(map[string]any)
}

func nothingFound(answer any) { answer.(map[string]any)["indexes"] = []int{} }

var lies = []lie{
	{"the truth", "", "", nil, "", ""},
	{"a version without records", "find", "version", changed(nothingFound), "index", "index"},
	{"runs without records", "find", "run", changed(nothingFound), "index", "index"},
	{"a record without keys", "tail", "", changed(func(a any) { logged(a)["keys"] = []string{} }), "peers", "index"},
	{"a record with the keys of another", "tail", "", changed(func(a any) {
		keys := logged(a)["keys"].([]any)
		keys[0] = "0000000000000000"
	}), "peers", "index"},
	{"another record", "tail", "", changed(func(a any) { logged(a)["hash"] = strings.Repeat("00", 32) }), "peers", "tree"},
	{"another head", "checkpoint", "", func(text []byte) []byte {
		lines := strings.Split(string(text), "\n")
		lines[2] = "JZFs4kqU9ykBVgbY4SBnnB3RjHqNzB8l6y45jLqVRMg="
		return []byte(strings.Join(lines, "\n"))
	}, "peers", "peers"},
	{"records in the place of others", "get", "", changed(func(a any) {
		records := a.([]any)
		slices.Reverse(records)
	}), "", "tree"},
}

// TestLiars has peers that lie, one and then all of a profile, and verifies the
// ledger: the check that a lie is about must fail.
func TestLiars(t *testing.T) {
	if testing.Short() {
		t.Skip("runs a network")
	}
	t.Parallel()
	n := deployed(t)
	who, err := n.Orgs[0].Issue("writer", writes)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	both := filepath.Join(dir, "both.yaml")
	if err := os.WriteFile(both, []byte(n.Profile("auditlog", who)), 0o644); err != nil {
		t.Fatal(err)
	}
	p, err := fabric.LoadProfile(both)
	if err != nil {
		t.Fatal(err)
	}
	records := [][]byte{trusttest.Seal(genesis("alice"), "alice")}
	for i := range 300 {
		e := audittest.Event(audit.TrainStarted, "model", fmt.Sprint(i%7), fmt.Sprint("run", i), i)
		records = append(records, trusttest.Seal(e, "alice"))
	}
	l, err := fabric.Open(p, audit.KeysOf)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := l.AppendAll(t.Context(), records); err != nil {
		t.Fatal(err)
	}
	conn, err := n.Orgs[1].Connect(who)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ask := func(what string, ready func(answer string) bool, args ...string) {
		t.Helper()
		for t.Context().Err() == nil {
			text, _ := conn.GetNetwork(n.Channel).GetContract("auditlog").EvaluateTransaction(args[0], args[1:]...)
			if ready(string(text)) {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Fatalf("%s: %v", what, t.Context().Err())
	}
	ask("sealing", func(s string) bool { return strings.Contains(s, `"tiles":1`) }, "find", "event", "train.started")

	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	says := filepath.Join(dir, "lie")
	tell := func(what string) {
		t.Helper()
		if err := os.WriteFile(says, []byte(what), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	service := fabricnet.Chaincode{Path: path, Env: []string{liesIn + "=" + says}}
	for i, liars := range []string{"one", "all"} {
		tell("the truth")
		if _, err := n.Move(t.Context(), n.Orgs[1-i], service, "auditlog"); err != nil {
			t.Fatal(err)
		}
		if i == 1 {
			if conn, err = n.Orgs[0].Connect(who); err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
		}
		ask("the liar", func(s string) bool { return s == "the truth" }, "lie")
		for _, lie := range lies {
			tell(lie.name)
			want := lie.one
			if liars == "all" {
				want = lie.all
			}
			r, err := verifying.Ledger(t.Context(), store.FabricPrefix+both, verifying.Options{Pins: t.TempDir(), NoDocuments: true})
			if err != nil {
				t.Errorf("%s, told by %s: %v", lie.name, liars, err)
				continue
			}
			var failed []string
			for _, c := range r.Checks {
				if c.Status == verifying.Wrong || c.Status == verifying.Unknown {
					failed = append(failed, c.ID)
				}
			}
			if ok := want == "" && len(failed) == 0 || slices.Contains(failed, want) && r.Outcome == verifying.Failed; !ok {
				t.Errorf("%s, told by %s: %s, fails %q, want %q: %+v", lie.name, liars, r.Outcome, failed, want, r.Findings)
			}
			t.Logf("%s, told by %s: %s, fails %q", lie.name, liars, r.Outcome, failed)
		}
	}
}
