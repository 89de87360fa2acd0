package fabric

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/mmaudit/mmaudit/internal/fabricnet"
	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/fabric/chaincode"
	"github.com/mmaudit/mmaudit/ledger/fabric/internal/wire"
	"github.com/mmaudit/mmaudit/ledger/ledgertest"
	"github.com/mmaudit/mmaudit/ledger/tlog"
)

// A way is one of the two, for profiles to use.
type way func(*testing.T) func(*Profile) *Profile

func throughGateway(*testing.T) func(*Profile) *Profile {
	return func(p *Profile) *Profile { return p }
}

// throughSDK builds the program of the SDK.
func throughSDK(t *testing.T) func(*Profile) *Profile {
	t.Helper()
	path, err := fabricnet.SDK(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return func(p *Profile) *Profile {
		p.Client, p.SDK = "sdk", path
		return p
	}
}

// withoutGateway restarts peers as those of a network older than 2.4 are: they
// do not know the Gateway service.
func withoutGateway(t *testing.T, n *fabricnet.Network) {
	t.Helper()
	for _, o := range n.Orgs {
		if err := o.Peer.Kill(); err != nil {
			t.Fatal(err)
		}
		o.Peer.Setenv("CORE_PEER_GATEWAY_ENABLED=false")
		if err := o.Peer.Start(); err != nil {
			t.Fatal(err)
		}
	}
	if err := n.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestContractSDK holds the engine to the same contract where no peer has a
// gateway.
func TestContractSDK(t *testing.T) {
	var names []string
	for i := range ledgertest.Ledgers {
		names = append(names, fmt.Sprintf("ledger%02d", i))
	}
	n, _ := network(t, fabricnet.Options{BatchTimeout: 10 * time.Millisecond}, names...)
	withoutGateway(t, n)
	writer := issue(t, n, 0, "writer", chaincode.Writer)
	gateway := open(t, profileOf(t, n, names[0], writer))
	if _, err := gateway.Head(t.Context()); err == nil || !strings.Contains(err.Error(), "unknown service gateway.Gateway") {
		t.Fatalf("through the gateway: %v", err)
	}
	sdk := throughSDK(t)
	ledgertest.Run(t, func(t *testing.T) ledger.Ledger {
		name := names[0]
		names = names[1:]
		return open(t, sdk(profileOf(t, n, name, writer)))
	})
}

// TestKillSDK kills the program again and again while records are on their way.
// Each is stored once, where its receipt says, and none was known before. Then
// it closes the ledger: no process is left.
func TestKillSDK(t *testing.T) {
	n, _ := network(t, fabricnet.Options{BatchTimeout: 100 * time.Millisecond}, "killed")
	p := throughSDK(t)(profileOf(t, n, "killed", issue(t, n, 0, "writer", chaincode.Writer)))
	// Each process says which it is.
	pids := filepath.Join(t.TempDir(), "pids")
	script := filepath.Join(t.TempDir(), "sdk")
	if err := os.WriteFile(script, fmt.Appendf(nil, "#!/bin/sh\necho $$ >>%s\nexec %s\n", pids, p.SDK), 0o755); err != nil {
		t.Fatal(err)
	}
	p.SDK = script
	l, err := Open(p, ledgertest.KeysOf)
	if err != nil {
		t.Fatal(err)
	}
	started := func() (all []int) {
		text, _ := os.ReadFile(pids)
		for _, word := range strings.Fields(string(text)) {
			pid, err := strconv.Atoi(word)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, pid)
		}
		return all
	}

	const writers, each, kills = 8, 12, 5
	var written, killed atomic.Int32
	var mu sync.Mutex
	at := map[int64]string{}
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				record := ledgertest.Record(fmt.Sprintf("%d-%d", w, i), "content")
				r, err := l.Append(t.Context(), record)
				if err != nil || r.Known {
					t.Errorf("%+v, %v", r, err)
					return
				}
				mu.Lock()
				if at[r.Index] != "" {
					t.Errorf("two records at %d", r.Index)
				}
				at[r.Index] = string(record)
				mu.Unlock()
				if n := written.Add(1); n%(writers*each/(kills+1)) == 0 && killed.Load() < kills {
					// Others are being endorsed, ordered or waited for now.
					all := started()
					if err := syscall.Kill(all[len(all)-1], syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
						t.Error(err)
					}
					killed.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if len(started()) < 3 {
		t.Errorf("processes %v", started())
	}
	h, err := l.Head(t.Context())
	if err != nil || h.Size != writers*each || len(at) != writers*each {
		t.Fatalf("size %d, %d places, %v", h.Size, len(at), err)
	}
	for e, err := range l.Scan(t.Context(), h.Size, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if at[e.Index] != string(e.Record) {
			t.Errorf("record %d is %q, want %q", e.Index, e.Record, at[e.Index])
		}
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	for _, pid := range started() {
		if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
			t.Errorf("process %d: %v", pid, err)
		}
	}
}

// TestAttacksSDK has those in front of the door that must not come in, and an
// answer of each kind.
func TestAttacksSDK(t *testing.T) {
	n, _ := network(t, fabricnet.Options{}, "attacked")
	sdk := throughSDK(t)
	writer := open(t, sdk(profileOf(t, n, "attacked", issue(t, n, 0, "writer", chaincode.Writer))))
	if _, err := writer.Append(t.Context(), ledgertest.Record("a", "1")); err != nil {
		t.Fatal(err)
	}
	if _, err := writer.Append(t.Context(), ledgertest.Record("a", "2")); !errors.Is(err, ledger.ErrConflict) {
		t.Errorf("another record of the same name: %v", err)
	}
	before, err := writer.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}

	reader := open(t, sdk(profileOf(t, n, "attacked", issue(t, n, 1, "reader", "reader"))))
	if _, err := reader.Append(t.Context(), ledgertest.Record("b", "")); !errors.Is(err, ledger.ErrReadOnly) {
		t.Errorf("a reader writes: %v", err)
	}
	if e, err := reader.Get(t.Context(), 0); err != nil || !bytes.Equal(e.Record, ledgertest.Record("a", "1")) {
		t.Errorf("a reader reads: %q, %v", e.Record, err)
	}

	forged, err := n.Orgs[0].Forge("forged", fabricnet.Claims{Role: chaincode.Writer})
	if err != nil {
		t.Fatal(err)
	}
	foreign := open(t, sdk(profileOf(t, n, "attacked", forged)))
	if _, err := foreign.Append(t.Context(), ledgertest.Record("c", "")); !errors.Is(err, errFinal) || !strings.Contains(err.Error(), "access denied") {
		t.Errorf("a forged identity writes: %v", err)
	}
	if _, err := foreign.Head(t.Context()); !errors.Is(err, errFinal) {
		t.Errorf("a forged identity reads: %v", err)
	}

	// Peers that somebody else vouches for.
	p := sdk(profileOf(t, n, "attacked", issue(t, n, 0, "client", chaincode.Writer)))
	p.Peers[0].TLS, p.Peers[1].TLS = p.Peers[1].TLS, p.Peers[0].TLS
	wrong := open(t, p)
	if _, err := wrong.Append(t.Context(), ledgertest.Record("d", "")); !errors.Is(err, errFinal) || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("peers of others: %v", err)
	}
	after, err := writer.Head(t.Context())
	if err != nil || after.Size != before.Size || after.Root != before.Root {
		t.Errorf("%+v, %v, was %+v", after, err, before)
	}
}

// TestFindSDK looks for the program where a profile may say.
func TestFindSDK(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, SDKProgram)
	p := &Profile{file: filepath.Join(dir, "p.yaml"), Client: "sdk"}
	t.Setenv("PATH", t.TempDir())
	if _, err := p.sdk(); err == nil || !strings.Contains(err.Error(), "make sdk") {
		t.Errorf("there is none: %v", err)
	}
	p.SDK = "./" + SDKProgram
	if _, err := p.sdk(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("there is none: %v", err)
	}
	if err := os.WriteFile(program, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"./" + SDKProgram, program} {
		p.SDK = name
		if path, err := p.sdk(); err != nil || path != program {
			t.Errorf("%s is %s, %v", name, path, err)
		}
	}
	t.Setenv("PATH", dir)
	for _, name := range []string{"", SDKProgram} {
		p.SDK = name
		if path, err := p.sdk(); err != nil || path != program {
			t.Errorf("%q is %s, %v", name, path, err)
		}
	}
}

// TestSignSDK has a head signed, as the policy has it and by organisations that
// are named, and the network examined.
func TestSignSDK(t *testing.T) {
	n, _ := network(t, fabricnet.Options{}, "signed")
	sdk := throughSDK(t)
	profile := sdk(profileOf(t, n, "signed", issue(t, n, 0, "writer", chaincode.Writer)))
	l := open(t, profile)
	if _, err := l.Append(t.Context(), ledgertest.Record("a", "")); err != nil {
		t.Fatal(err)
	}
	const origin = "example.com/signed"
	key, err := profile.Key(origin)
	if err != nil {
		t.Fatal(err)
	}
	h, err := l.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	h.Origin = origin
	signed, err := l.Endorse(t.Context(), h)
	if err != nil {
		t.Fatal(err)
	}
	got, err := tlog.OpenCheckpoint(signed.Note, origin, key.Verifier())
	if err != nil || got.Size != 1 || got.Root != h.Root {
		t.Errorf("%+v, %v", got, err)
	}

	_, cas, err := profile.key(origin)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range l.peers {
		for _, organisations := range [][]string{{"Org1MSP"}, {"Org2MSP", "Org1MSP"}} {
			tx, err := e.endorse(t.Context(), call{"signed", wire.Checkpoint, [][]byte{[]byte(origin), []byte("1")}, organisations})
			if err != nil {
				t.Fatal(err)
			}
			// The key wants both.
			if _, err := key.Sign(tx.envelope, cas); (err == nil) != (len(organisations) == 2) {
				t.Errorf("%s asked for %s: %v", e.address, organisations, err)
			}
		}
		if _, err := e.endorse(t.Context(), call{"signed", wire.Checkpoint, nil, []string{"Absent"}}); err == nil || !strings.Contains(err.Error(), "Absent") {
			t.Errorf("an organisation without peers: %v", err)
		}
	}

	seen := 0
	if err := Diagnose(t.Context(), profile, func(c Check) {
		seen++
		if c.Status == Failed {
			t.Errorf("%+v", c)
		}
	}); err != nil || seen < 10 {
		t.Errorf("%d checks, %v", seen, err)
	}
}

// TestInvalid commits two transactions that were endorsed side by side and write
// the same record: of both clients, one commit of the two is an error.
func TestInvalid(t *testing.T) {
	n, _ := network(t, fabricnet.Options{}, "gateway", "sdk")
	writer := issue(t, n, 0, "writer", chaincode.Writer)
	for name, through := range map[string]way{"gateway": throughGateway, "sdk": throughSDK} {
		p := through(t)(profileOf(t, n, name, writer))
		p.Timeouts.Commit = Duration(time.Minute) // nobody sends it again
		l := open(t, p)
		record := ledgertest.Record("a", "")
		var txs []*transaction
		for range 2 {
			tx, err := l.endorse(t.Context(), l.peers[0], wire.Append, record)
			if err != nil {
				t.Fatal(err)
			}
			txs = append(txs, tx)
		}
		if txs[0].id == txs[1].id || len(txs[0].envelope) == 0 || string(txs[0].result) != `["stored"]` {
			t.Errorf("%s: %s and %s, %d bytes, %s", name, txs[0].id, txs[1].id, len(txs[0].envelope), txs[0].result)
		}
		if err := txs[0].commit(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := txs[1].commit(t.Context()); err == nil || !strings.Contains(err.Error(), "MVCC_READ_CONFLICT") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
