package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hyperledger/fabric-gateway/pkg/client"
	"github.com/hyperledger/fabric-protos-go-apiv2/gateway"
	"golang.org/x/mod/sumdb/note"
	sumdb "golang.org/x/mod/sumdb/tlog"
	"google.golang.org/grpc/status"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/audittest"
	"github.com/mmaudit/mmaudit/audit/trust/trusttest"
	"github.com/mmaudit/mmaudit/internal/fabricnet"
	"github.com/mmaudit/mmaudit/internal/fabricnet/nettest"
	"github.com/mmaudit/mmaudit/ledger"
)

// A local is a log that is kept elsewhere, in memory.
type local struct {
	t       testing.TB
	records [][]byte
	hashes  []ledger.Hash // in the order of sumdb.StoredHashIndex
	keys    []int64       // records about keys
}

func (l *local) ReadHashes(indexes []int64) (out []ledger.Hash, err error) {
	for _, i := range indexes {
		out = append(out, l.hashes[i])
	}
	return out, nil
}

func (l *local) add(p *audit.Predicate, by string) {
	l.t.Helper()
	record := trusttest.Seal(p, by)
	hashes, err := sumdb.StoredHashes(int64(len(l.records)), record, l)
	if err != nil {
		l.t.Fatal(err)
	}
	if p.Event.Scope() == audit.OfLedger {
		l.keys = append(l.keys, int64(len(l.records)))
	}
	l.records, l.hashes = append(l.records, record), append(l.hashes, hashes...)
}

// grow adds records to a size.
func (l *local) grow(size int, what string) {
	for len(l.records) < size {
		p := started(fmt.Sprint(what, len(l.records)))
		l.add(p, "alice")
	}
}

// fork gives a log that begins with the first size records.
func (l *local) fork(size int) *local {
	f := &local{t: l.t}
	for i, r := range l.records[:size] {
		hashes, err := sumdb.StoredHashes(int64(i), r, f)
		if err != nil {
			l.t.Fatal(err)
		}
		f.records, f.hashes = append(f.records, r), append(f.hashes, hashes...)
		if slices.Contains(l.keys, int64(i)) {
			f.keys = append(f.keys, int64(i))
		}
	}
	return f
}

func (l *local) genesis() string { return audit.DigestOf(l.records[0]) }

type sentRecord struct {
	Index  int64        `json:"index"`
	Record []byte       `json:"record"`
	Proof  ledger.Proof `json:"proof"`
}

// A request is an anchor as a client asks for it.
type request struct {
	Note        string       `json:"note"`
	From        int64        `json:"from"`
	Consistency ledger.Proof `json:"consistency"`
	Records     []sentRecord `json:"records"`
}

// request asks to anchor all of the log, signed by a key of it, after an anchor
// of a size.
func (l *local) request(key string, from int64, keys ...int64) *request {
	l.t.Helper()
	must := func(err error) {
		if err != nil {
			l.t.Fatal(err)
		}
	}
	size := int64(len(l.records))
	root, err := sumdb.TreeHash(size, l)
	must(err)
	signer, _ := trusttest.LogKey(trusttest.Origin, key)
	text, err := note.Sign(&note.Note{Text: fmt.Sprintf("%s\n%d\n%s\n", trusttest.Origin, size, root)}, signer)
	must(err)
	q := &request{Note: string(text), From: from, Consistency: ledger.Proof{}, Records: []sentRecord{}}
	if from > 0 && from <= size {
		p, err := sumdb.ProveTree(size, from, l)
		must(err)
		q.Consistency = ledger.Proof(p)
	}
	for _, i := range keys {
		p, err := sumdb.ProveRecord(size, i, l)
		must(err)
		q.Records = append(q.Records, sentRecord{i, l.records[i], ledger.Proof(p)})
	}
	return q
}

// An anchor is the answer of the chaincode.
type anchor struct {
	Genesis string      `json:"genesis"`
	Note    string      `json:"note"`
	Origin  string      `json:"origin"`
	Records []int64     `json:"records"`
	Root    ledger.Hash `json:"root"`
	Size    int64       `json:"size"`
	Time    string      `json:"time"`
	Tx      string      `json:"tx"`
}

// said is what the chaincode answered with another status than 200.
func said(err error) string {
	s, _ := status.FromError(err)
	for _, d := range s.Details() {
		if d, ok := d.(*gateway.ErrorDetail); ok {
			return strings.TrimPrefix(d.GetMessage(), "chaincode response ")
		}
	}
	return fmt.Sprint(err)
}

// TestAnchors has a network take checkpoints of logs that are kept elsewhere,
// and refuse what does not continue them.
func TestAnchors(t *testing.T) {
	t.Parallel()
	n := deployed(t)
	contract := func(org *fabricnet.Org, name string, c fabricnet.Claims) *client.Contract {
		t.Helper()
		who, err := org.Issue(name, c)
		if err != nil {
			t.Fatal(err)
		}
		conn, err := org.Connect(who)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn.GetNetwork(n.Channel).GetContract("auditlog")
	}
	writer, reader := contract(n.Orgs[0], "daemon", writes), contract(n.Orgs[1], "supervisor", fabricnet.Claims{})
	ask := func(function string, args ...string) (string, error) {
		answer, err := reader.Evaluate(function, client.WithArguments(args...))
		return string(answer), err
	}
	send := func(c *client.Contract, genesis string, q *request) (a anchor, err error) {
		t.Helper()
		text, err := json.Marshal(q)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := c.Submit("anchor", client.WithArguments(genesis, string(text)))
		if err == nil {
			if jsonErr := json.Unmarshal(answer, &a); jsonErr != nil {
				t.Fatalf("%s: %v", answer, jsonErr)
			}
		}
		return a, err
	}
	takes := func(name string, l *local, q *request) anchor {
		t.Helper()
		a, err := send(writer, l.genesis(), q)
		if err != nil {
			t.Fatalf("%s: %s", name, said(err))
		}
		// The other organisation's peer may have the block a moment later.
		for {
			text, err := ask("anchored", l.genesis())
			if err != nil && !strings.HasPrefix(said(err), "404") {
				t.Fatal(said(err))
			}
			var b anchor
			if err == nil {
				if err := json.Unmarshal([]byte(text), &b); err != nil {
					t.Fatal(err)
				}
			}
			if b.Tx == a.Tx {
				return a
			}
			if t.Context().Err() != nil {
				t.Fatal(t.Context().Err())
			}
		}
	}

	l := &local{t: t}
	l.add(genesis("alice"), "alice")
	l.grow(5, "r")
	first := takes("the first anchor", l, l.request("log", 0, 0))
	if first.Size != 5 || first.Genesis != l.genesis() || first.Origin != trusttest.Origin || !slices.Equal(first.Records, []int64{0}) || first.Time == "" || first.Tx == "" {
		t.Fatalf("%+v", first)
	}
	if again := takes("the same again", l, l.request("log", 5)); again.Tx != first.Tx {
		t.Errorf("%+v", again)
	}
	if again := takes("the same request again", l, l.request("log", 0, 0)); again.Tx != first.Tx {
		t.Errorf("%+v", again)
	}
	l.grow(9, "r")
	second := takes("a longer log", l, l.request("log", 5))
	if second.Size != 9 || second.Tx == first.Tx || !slices.Equal(second.Records, []int64{0}) {
		t.Errorf("%+v", second)
	}

	// Keys of the log change. A checkpoint is judged by all records that ever were sent.
	rotated := audittest.Event(audit.KeyRotated, "", "", "", 9)
	rotated.Key = &audit.KeyChange{Old: trusttest.VKey(trusttest.Origin, "log"), Log: trusttest.VKey(trusttest.Origin, "log2")}
	before := l.fork(9)
	l.add(rotated, "alice")
	at := int64(9)
	l.grow(12, "r")

	refused := func(name string, c *client.Contract, genesis string, q *request, want string) {
		t.Helper()
		before, _ := ask("anchored", genesis)
		_, err := send(c, genesis, q)
		if err == nil || !strings.Contains(said(err), want) {
			t.Errorf("%s: %v, want %q", name, said(err), want)
		}
		if after, _ := ask("anchored", genesis); after != before {
			t.Errorf("%s: it was refused, and changed the state: %s, was %s", name, after, before)
		}
		t.Logf("%s: %s", name, said(err))
	}
	refused("the new key without the record that names it", writer, l.genesis(), l.request("log2", 9), "400, checkpoint: is not signed")
	third := takes("the new key", l, l.request("log2", 9, at))
	if !slices.Equal(third.Records, []int64{0, at}) {
		t.Errorf("%+v", third)
	}
	longer := l.fork(12)
	longer.grow(14, "x")
	refused("the old key, its replacement left out", writer, l.genesis(), longer.request("log", 12), "400, checkpoint: is not signed")
	refused("a stranger's key", writer, l.genesis(), longer.request("mallory", 12), "400, checkpoint: is not signed")

	forked := before.fork(7)
	forked.grow(9, "other")
	forked.add(rotated, "alice")
	forked.grow(12, "other")
	refused("a fork of the same size", writer, l.genesis(), forked.request("log2", 12, at), "409, 12 records with the root")
	forked.grow(20, "other")
	refused("a longer fork", writer, l.genesis(), forked.request("log2", 12), "409, the tree of size 20 is not proven to continue that of size 12")
	refused("a longer fork, proven from before it", writer, l.genesis(), forked.request("log2", 7), "412, the proof begins at 7")
	refused("a longer fork as if nothing was anchored", writer, l.genesis(), forked.request("log2", 0, 0, at), "412, the proof begins at 0")
	back := l.fork(11)
	refused("an old copy", writer, l.genesis(), back.request("log2", 12), "409, the checkpoint has 11 records, and 12 are anchored")
	refused("an old request", writer, l.genesis(), before.request("log", 5), "409, the checkpoint has 9 records")
	other := before.fork(9)
	other.grow(10, "other")
	other.add(rotated, "alice")
	other.grow(16, "other")
	refused("other records about keys", writer, l.genesis(), other.request("log2", 12, 10), "409")

	next := l.fork(12)
	next.grow(15, "r")
	good := func() *request { return next.request("log2", 12) }
	q := good()
	q.Consistency[0][3] ^= 1
	refused("a wrong proof of consistency", writer, l.genesis(), q, "409, the tree of size 15 is not proven")
	q = good()
	q.Consistency = q.Consistency[1:]
	refused("a short proof of consistency", writer, l.genesis(), q, "409")
	q = next.request("log2", 12, 0)
	q.Records[0].Proof[1][0] ^= 1
	refused("a wrong proof of inclusion", writer, l.genesis(), q, "400, record 0 is not proven")
	q = next.request("log2", 12, 4)
	refused("a record that is not about keys", writer, l.genesis(), q, "400, record 4 is train.started")
	q = next.request("log2", 12, 0)
	q.Records[0].Index = 1
	refused("a record in another place", writer, l.genesis(), q, "400, record 1 is not proven")
	q = next.request("log2", 12, 0, at)
	slices.Reverse(q.Records)
	refused("records out of order", writer, l.genesis(), q, "400, record 0 is not in order")
	q = good()
	q.Note = strings.Replace(q.Note, "\n15\n", "\n16\n", 1)
	refused("a changed checkpoint", writer, l.genesis(), q, "400, checkpoint")
	q = good()
	q.Note = strings.Repeat("x", 70000)
	refused("a large checkpoint", writer, l.genesis(), q, "413, the checkpoint has 70000 bytes")
	refused("a reader", reader, l.genesis(), good(), "403")
	refused("no digest", writer, "log", good(), `400, "log" is not SHA3-512`)
	refused("another digest", writer, strings.Repeat("ab", 64), next.request("log2", 0, 0, at), "400, the first record is")
	refused("no first record", writer, strings.Repeat("ab", 64), good(), "400, the first record of the log is missing")
	for _, text := range []string{"", "{}", "null", `{"note":"","x":1}`, `{"note":"a\n1\n"} {}`, "[" + strings.Repeat("[", 100000)} {
		if _, err := writer.Submit("anchor", client.WithArguments(l.genesis(), text)); err == nil || !strings.HasPrefix(said(err), "400") {
			t.Errorf("%.40q: %v", text, said(err))
		}
	}

	// Another log of the same name has a place of its own, and does not disturb.
	foreign := &local{t: t}
	foreign.add(genesis("mallory", "alice"), "mallory")
	foreign.grow(30, "f")
	if a := takes("another log of the same name", foreign, foreign.request("log", 0, 0)); a.Size != 30 {
		t.Errorf("%+v", a)
	}
	refused("another log's checkpoint", writer, l.genesis(), foreign.request("log", 12), "400, checkpoint")
	refused("another log's checkpoint with its records", writer, l.genesis(), foreign.request("log", 12, 0), "409, record 0 is not the one")

	// Of those who anchor at the same time, each gets on when it asks again.
	l = next
	var wg sync.WaitGroup
	for d := range 2 {
		wg.Go(func() {
			for size := 16; size <= 24; {
				mine := l.fork(15)
				mine.grow(size, "r")
				var last anchor
				text, err := writer.Evaluate("anchored", client.WithArguments(l.genesis()))
				if err == nil {
					err = json.Unmarshal(text, &last)
				}
				if err != nil {
					t.Errorf("daemon %d: %v", d, said(err))
					return
				}
				if last.Size >= int64(size) {
					size = int(last.Size) + 1
					continue
				}
				text, _ = json.Marshal(mine.request("log2", last.Size))
				_, err = writer.Submit("anchor", client.WithArguments(l.genesis(), string(text)))
				var commit *client.CommitError
				if err != nil && !errors.As(err, &commit) && !strings.HasPrefix(said(err), "412") && !strings.HasPrefix(said(err), "409") {
					t.Logf("daemon %d at %d: %v", d, size, said(err))
				}
			}
		})
	}
	wg.Wait()

	text, err := writer.Evaluate("anchors", client.WithArguments(l.genesis()))
	var all []anchor
	if err == nil {
		err = json.Unmarshal(text, &all)
	}
	if err != nil {
		t.Fatal(said(err))
	}
	if len(all) < 4 || all[0].Size != 24 || all[len(all)-1].Tx != first.Tx {
		t.Errorf("%+v", all)
	}
	for i := 1; i < len(all); i++ {
		if all[i].Size >= all[i-1].Size {
			t.Errorf("anchor %d has %d records, the one after it %d", i, all[i].Size, all[i-1].Size)
		}
	}
	text, err = writer.Evaluate("anchors", client.WithArguments(l.genesis(), "12"))
	if err == nil {
		err = json.Unmarshal(text, &all)
	}
	if err != nil || len(all) != 2 || all[0].Tx != second.Tx {
		t.Errorf("%v, %+v", err, all)
	}
	if _, err := ask("anchored", strings.Repeat("00", 64)); err == nil || !strings.HasPrefix(said(err), "404") {
		t.Errorf("%v", said(err))
	}
}

// deployed starts a network with the true contract.
func deployed(t *testing.T) *fabricnet.Network {
	t.Helper()
	n := nettest.Start(t, fabricnet.Options{})
	nettest.Deploy(t, n, fabricnet.Chaincode{TLS: true}, "auditlog")
	return n
}
