package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/hyperledger/fabric-gateway/pkg/client"
	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/gateway"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"golang.org/x/mod/sumdb/note"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/trust/trusttest"
	"github.com/mmaudit/mmaudit/internal/fabricnet"
	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/fabric"
	"github.com/mmaudit/mmaudit/ledger/fabric/anchored"
	"github.com/mmaudit/mmaudit/ledger/tlog"
)

var update = flag.Bool("update", false, "write the evidence of ledger/fabric/anchored/testdata anew")

// subject makes a log in a folder, with its first record.
func subject(t *testing.T, dir string) (fabric.Subject, *tlog.Log) {
	t.Helper()
	signer, verifier := trusttest.LogKey(trusttest.Origin, "log")
	l, err := tlog.Init(t.Context(), dir, tlog.Options{Verifiers: []note.Verifier{verifier}, Signer: signer, KeysOf: audit.KeysOf})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	first := trusttest.Seal(genesis("alice"), "alice")
	if _, err := l.Append(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	return subjectOf(l, first), l
}

func subjectOf(l ledger.Ledger, first []byte) fabric.Subject {
	return fabric.Subject{
		Genesis: audit.DigestOf(first), Log: l,
		Keys: func(ctx context.Context, size int64) (all []ledger.Entry, err error) {
			for e, err := range l.Find(ctx, size, 0, ledger.Key{Name: audit.KeyScope, Value: string(audit.OfLedger)}) {
				if err != nil {
					return nil, err
				}
				all = append(all, e)
			}
			return all, nil
		},
	}
}

func grow(t *testing.T, l ledger.Ledger, what string, n int) {
	t.Helper()
	for i := range n {
		if _, err := l.Append(t.Context(), trusttest.Seal(started(fmt.Sprint(what, i)), "alice")); err != nil {
			t.Error(err)
			return
		}
	}
}

// TestAnchorClient anchors a log that grows, keeps evidence, and verifies it
// with nothing but the key of the network.
func TestAnchorClient(t *testing.T) {
	t.Parallel()
	n := deployed(t)
	profile := func(n *fabricnet.Network, org int, name string, c fabricnet.Claims) *fabric.Profile {
		t.Helper()
		who, err := n.Orgs[org].Issue(name, c)
		if err != nil {
			t.Fatal(err)
		}
		p, err := fabric.ParseProfile([]byte(n.Profile("auditlog", who) + "timeouts: {append: 60s}\n"))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	open := func(p *fabric.Profile) *fabric.Ledger {
		t.Helper()
		l, err := fabric.Open(p, audit.KeysOf)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		return l
	}
	ours := profile(n, 0, "daemon", writes)
	writer, reader := open(ours), open(profile(n, 1, "supervisor", fabricnet.Claims{}))
	key, err := ours.Network()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	s, l := subject(t, filepath.Join(dir, "log"))

	if _, _, err := reader.Anchored(t.Context(), s.Genesis); !errors.Is(err, ledger.ErrNotFound) {
		t.Errorf("before the first: %v", err)
	}
	_, first, err := writer.Anchor(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	if first.Size != 1 || first.Genesis != s.Genesis || len(first.Organisations) != 2 || len(first.Orderers) != 1 || first.Block == 0 || first.Network != "fabric/audit/auditlog" {
		t.Errorf("%+v", first)
	}
	_, again, err := writer.Anchor(t.Context(), s)
	if err != nil || again.Tx != first.Tx || again.Block != first.Block {
		t.Errorf("the same again: %+v, %v", again, err)
	}

	// An old copy of the log, and a fork of it.
	if err := os.CopyFS(filepath.Join(dir, "copy"), os.DirFS(filepath.Join(dir, "log"))); err != nil {
		t.Fatal(err)
	}
	grow(t, l, "r", 5)
	if _, a, err := writer.Anchor(t.Context(), s); err != nil || a.Size != 6 || a.Tx == first.Tx {
		t.Fatalf("%+v, %v", a, err)
	}
	signer, verifier := trusttest.LogKey(trusttest.Origin, "log")
	copied, err := tlog.Open(t.Context(), filepath.Join(dir, "copy"), tlog.Options{Verifiers: []note.Verifier{verifier}, Signer: signer, KeysOf: audit.KeysOf})
	if err != nil {
		t.Fatal(err)
	}
	defer copied.Close()
	other := s
	other.Log = copied
	for _, want := range []string{"it has 1 records, and 6 are anchored", "its first 6 records are not those"} {
		if _, _, err := writer.Anchor(t.Context(), other); !errors.Is(err, ledger.ErrRollback) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
		grow(t, copied, "other", 9)
	}
	if _, _, err := reader.Anchor(t.Context(), subjectOf(copied, []byte("x"))); !errors.Is(err, ledger.ErrReadOnly) {
		t.Errorf("a reader: %v", err)
	}

	// Two who anchor at once, while others append.
	var wg sync.WaitGroup
	wg.Go(func() { grow(t, l, "s", 60) })
	for _, c := range []*fabric.Ledger{writer, open(profile(n, 1, "other", writes))} {
		wg.Go(func() {
			before := int64(0)
			for range 6 {
				_, a, err := c.Anchor(t.Context(), s)
				if err != nil {
					t.Error(err)
					return
				}
				if a.Size < before {
					t.Errorf("%d records after %d", a.Size, before)
				}
				before = a.Size
			}
		})
	}
	wg.Wait()
	evidence, _, err := writer.Anchor(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	_, last, err := reader.Anchored(t.Context(), s.Genesis)
	if err != nil || last.Size != 66 {
		t.Fatalf("%+v, %v", last, err)
	}

	file, err := evidence.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		for name, text := range map[string]string{"evidence.json": string(file), "network": key.String() + "\n", "genesis": s.Genesis + "\n"} {
			if err := os.WriteFile(filepath.Join("../../ledger/fabric/anchored/testdata", name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	check := func(file []byte) (*anchored.Anchor, error) {
		e, err := anchored.Parse(file)
		if err != nil {
			return nil, err
		}
		return e.Verify(key, s.Genesis)
	}
	if a, err := check(file); err != nil || a.Size != 66 || a.Tx != last.Tx || len(a.Organisations) != 2 {
		t.Errorf("%+v, %v", a, err)
	}
	// Each byte of it counts.
	for i := 0; i < len(file); i += 1 + len(file)/1500 {
		changed := bytes.Clone(file)
		changed[i] ^= 1 << (i % 7)
		if a, err := check(changed); !errors.Is(err, anchored.ErrEvidence) {
			t.Errorf("byte %d is %q instead of %q: %+v, %v", i, changed[i], file[i], a, err)
		}
	}
	if _, err := evidence.Verify(key, strings.Repeat("00", 64)); !errors.Is(err, anchored.ErrEvidence) {
		t.Errorf("of another log: %v", err)
	}

	// Parts of other evidence.
	older, _, err := writer.Anchored(t.Context(), s.Genesis)
	if err != nil {
		t.Fatal(err)
	}
	grow(t, l, "t", 1)
	newer, _, err := writer.Anchor(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	for name, e := range map[string]*anchored.Evidence{
		"an older answer":      {V: 1, Network: key.String(), CAs: newer.CAs, Answer: older.Answer, Block: newer.Block},
		"an older block":       {V: 1, Network: key.String(), CAs: newer.CAs, Answer: newer.Answer, Block: older.Block},
		"no authorities":       {V: 1, Network: key.String(), CAs: newer.CAs[:1], Answer: newer.Answer, Block: newer.Block},
		"authorities in a mix": {V: 1, Network: key.String(), CAs: [][]byte{newer.CAs[1], newer.CAs[0], newer.CAs[2]}, Answer: newer.Answer, Block: newer.Block},
	} {
		if a, err := e.Verify(key, s.Genesis); !errors.Is(err, anchored.ErrEvidence) {
			t.Errorf("%s: %+v, %v", name, a, err)
		}
	}

	// A network with the same names and other authorities.
	twin := deployed(t)
	theirs := profile(twin, 0, "daemon", writes)
	foreign, _, err := open(theirs).Anchor(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	if a, err := foreign.Verify(key, s.Genesis); !errors.Is(err, anchored.ErrEvidence) {
		t.Errorf("of a network with the same names: %+v, %v", a, err)
	}
	foreign.Network = key.String()
	if a, err := foreign.Verify(key, s.Genesis); !errors.Is(err, anchored.ErrEvidence) {
		t.Errorf("of a network with the same names, and our key: %+v, %v", a, err)
	}

	invalidated(t, n, s, key.String())
	preempted(t, n, s, writer)
}

// preempted has another writer anchor the log first, in a transaction of a time
// at which no certificate was valid. The log gets its evidence all the same.
func preempted(t *testing.T, n *fabricnet.Network, s fabric.Subject, writer *fabric.Ledger) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(said(err))
		}
	}
	who, err := n.Orgs[1].Issue("rival", writes)
	must(err)
	conn, err := n.Orgs[1].Connect(who)
	must(err)
	defer conn.Close()
	_, last, err := writer.Anchored(t.Context(), s.Genesis)
	must(err)
	grow(t, s.Log, "preempted", 1)
	head, err := s.Log.Head(t.Context())
	must(err)
	proof, err := s.Log.ProveConsistency(t.Context(), head.Size, last.Size)
	must(err)
	text, err := json.Marshal(request{Note: string(head.Note), From: last.Size, Consistency: proof, Records: []sentRecord{}})
	must(err)
	at := func(when *timestamppb.Timestamp) error {
		t.Helper()
		p, err := conn.GetNetwork(n.Channel).GetContract("auditlog").NewProposal("anchor", client.WithArguments(s.Genesis, string(text)))
		must(err)
		b, err := p.Bytes()
		must(err)
		var proposed gateway.ProposedTransaction
		var proposal peer.Proposal
		var header common.Header
		var channel common.ChannelHeader
		must(proto.Unmarshal(b, &proposed))
		must(proto.Unmarshal(proposed.GetProposal().GetProposalBytes(), &proposal))
		must(proto.Unmarshal(proposal.GetHeader(), &header))
		must(proto.Unmarshal(header.GetChannelHeader(), &channel))
		channel.Timestamp = when
		header.ChannelHeader, err = proto.Marshal(&channel)
		must(err)
		proposal.Header, err = proto.Marshal(&header)
		must(err)
		proposed.Proposal.ProposalBytes, err = proto.Marshal(&proposal)
		must(err)
		proposed.Proposal.Signature = nil // is made anew
		b, err = proto.Marshal(&proposed)
		must(err)
		p, err = conn.NewProposal(b)
		must(err)
		tx, err := p.Endorse()
		if err != nil {
			return err
		}
		commit, err := tx.Submit()
		must(err)
		status, err := commit.Status()
		must(err)
		if !status.Successful {
			t.Fatal(status.Code)
		}
		return nil
	}
	if err := at(&timestamppb.Timestamp{Seconds: 1 << 60}); err == nil || !strings.HasPrefix(said(err), "400") {
		t.Errorf("a time that is none: %v", said(err))
	}
	must(at(&timestamppb.Timestamp{Seconds: 1}))
	if _, a, err := writer.Anchor(t.Context(), s); err != nil || a.Size != head.Size || a.Time.Year() == 1970 {
		t.Errorf("%+v, %v", a, err)
	}
}

// invalidated has two anchors endorsed at the same time, of which one is found
// invalid: that one proves nothing, though a block holds it.
func invalidated(t *testing.T, n *fabricnet.Network, s fabric.Subject, vkey string) {
	t.Helper()
	who, err := n.Orgs[0].Issue("racer", writes)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := n.Orgs[0].Connect(who)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	contract := conn.GetNetwork(n.Channel).GetContract("auditlog")
	text, err := contract.Evaluate("anchored", client.WithArguments(s.Genesis))
	if err != nil {
		t.Fatal(err)
	}
	var last anchor
	if err := json.Unmarshal(text, &last); err != nil {
		t.Fatal(err)
	}
	var txs []*client.Transaction
	var sizes []int64
	for range 2 {
		grow(t, s.Log, fmt.Sprint("late", len(txs), "-"), 1)
		head, err := s.Log.Head(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		proof, err := s.Log.ProveConsistency(t.Context(), head.Size, last.Size)
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(request{Note: string(head.Note), From: last.Size, Consistency: proof, Records: []sentRecord{}})
		if err != nil {
			t.Fatal(err)
		}
		proposal, err := contract.NewProposal("anchor", client.WithArguments(s.Genesis, string(text)))
		if err != nil {
			t.Fatal(err)
		}
		tx, err := proposal.Endorse()
		if err != nil {
			t.Fatal(said(err))
		}
		txs, sizes = append(txs, tx), append(sizes, head.Size)
	}
	var valid []bool
	var blocks []uint64
	for _, tx := range txs {
		c, err := tx.Submit()
		if err != nil {
			t.Fatal(err)
		}
		status, err := c.Status()
		if err != nil {
			t.Fatal(err)
		}
		valid, blocks = append(valid, status.Successful), append(blocks, status.BlockNumber)
	}
	if !valid[0] || valid[1] {
		t.Fatalf("valid: %v", valid)
	}
	t.Logf("%d records in block %d, and %d in block %d, which was found invalid", sizes[0], blocks[0], sizes[1], blocks[1])
	reader, err := fabric.ParseProfile([]byte(n.Profile("auditlog", who)))
	if err != nil {
		t.Fatal(err)
	}
	l, err := fabric.Open(reader, audit.KeysOf)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	e, a, err := l.Anchored(t.Context(), s.Genesis)
	if err != nil || a.Size != sizes[0] || a.Tx != txs[0].TransactionID() {
		t.Fatalf("%+v, %v", a, err)
	}
	key, err := e.Key()
	if err != nil || key.String() != vkey {
		t.Fatalf("%v, %v", key, err)
	}
	block, err := conn.GetNetwork(n.Channel).GetContract("qscc").EvaluateTransaction("GetBlockByTxID", n.Channel, txs[1].TransactionID())
	if err != nil {
		t.Fatal(err)
	}
	authorities, err := reader.Authorities()
	if err != nil {
		t.Fatal(err)
	}
	got, err := key.Block(block, txs[1].TransactionID(), authorities)
	if err != nil || got.Code == 0 {
		t.Fatalf("%+v, %v", got, err)
	}
	// Its endorsed answer says that it was taken. It is in a block. It is no evidence.
	for name, answer := range map[string][]byte{"its own answer": got.Envelope, "the answer of the network": e.Answer} {
		if _, a, err := anchored.New(key, authorities, answer, block); !errors.Is(err, anchored.ErrEvidence) {
			t.Errorf("an invalid transaction with %s: %+v, %v", name, a, err)
		}
	}
}
