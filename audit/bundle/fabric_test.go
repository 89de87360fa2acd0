package bundle

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/trust"
	. "github.com/mmaudit/mmaudit/audit/trust/trusttest"
	"github.com/mmaudit/mmaudit/internal/fabricnet"
	"github.com/mmaudit/mmaudit/internal/fabricnet/nettest"
	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/fabric"
	"github.com/mmaudit/mmaudit/ledger/fabric/chaincode"
	"github.com/mmaudit/mmaudit/ledger/fabric/chaincode/cctest"
	"github.com/mmaudit/mmaudit/ledger/fabric/endorsed"
)

// The test program is also the chaincode.
func TestMain(m *testing.M) {
	if os.Getenv("CHAINCODE_ID") == "" {
		os.Exit(m.Run())
	}
	fmt.Println(cctest.Serve(chaincode.New(chaincode.Options{KeysOf: audit.KeysOf})))
	os.Exit(1)
}

// organisations is a ledger on Fabric whose heads organisations sign.
type organisations struct{ *fabric.Ledger }

func (o organisations) Head(ctx context.Context) (ledger.Head, error) {
	h, err := o.Ledger.Head(ctx)
	if err != nil {
		return h, err
	}
	h.Origin = Origin
	return o.Endorse(ctx, h)
}

// train adds a run of version 3.2.0.
func (s *story) train() {
	s.add(s.event(audit.DataRegistered, ""), "e")
	s.add(s.event(audit.TrainStarted, "3.2.0"), "e")
	s.add(s.event(audit.TrainFinished, "3.2.0"), "e")
}

// rotate has the log sign with another key.
func (s *story) rotate(old, next string) {
	p := s.event(audit.KeyRotated, "")
	p.Key = &audit.KeyChange{Old: old, Log: next}
	s.add(p, "a")
}

// TestFabric writes bundles of ledgers on a network, stops it, and verifies them
// with nothing but a trust file.
func TestFabric(t *testing.T) {
	t.Parallel()
	n := nettest.Start(t, fabricnet.Options{})
	nettest.Deploy(t, n, fabricnet.Chaincode{}, "first", "second")
	who := nettest.Issue(t, n.Orgs[0], "writer", chaincode.Writer)
	begin := func(name string) (*story, string) {
		p, err := fabric.ParseProfile([]byte(n.Profile(name, who)))
		if err != nil {
			t.Fatal(err)
		}
		l, err := fabric.Open(p, audit.KeysOf)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		k, err := p.Key(Origin)
		if err != nil {
			t.Fatal(err)
		}
		return &story{t: t, log: organisations{l}, prev: map[string]*audit.Prev{}}, k.String()
	}

	// A ledger that organisations sign from its first record on.
	first, key := begin("first")
	g := genesis(Origin)
	g.Ledger.Log = key
	first.add(g, "a")
	first.train()
	file, anchor := first.write(first.options()), first.anchor()

	// One that was signed with a key of its own, then by organisations, and then
	// with another key of its own. The second time, somebody had signed too early.
	second, key2 := begin("second")
	second.add(genesis(Origin), "a")
	early, err := second.log.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	second.rotate(VKey(Origin, "log"), key2)
	second.train()
	rotated := second.write(second.options())
	head, err := second.log.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	second.rotate(key2, VKey(Origin, "next"))
	signer, _ := LogKey(Origin, "next")
	last, err := second.log.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	text, _, _ := strings.Cut(string(last.Note), "\n\n")
	if last.Note, err = note.Sign(&note.Note{Text: text + "\n"}, signer); err != nil {
		t.Fatal(err)
	}
	o := second.options()
	o.Head = last
	back := second.write(o)
	o.Head = early
	o.Indices = []int64{0}
	o.Model, o.Version = "", ""
	tooEarly := second.write(o)
	anchor2 := second.anchor()
	if err := n.Stop(); err != nil {
		t.Fatal(err)
	}

	for name, c := range map[string]struct {
		file   []byte
		anchor *trust.Anchor
	}{"first": {file, anchor}, "rotated": {rotated, anchor2}, "rotated back": {back, anchor2}} {
		if r := check(t, c.file, c.anchor); r.Outcome != Verified {
			t.Errorf("%s: %s", name, lines(r))
		}
		if members := unpack(t, c.file); members["keys/log-"+hashOf(key)+".json"] == nil && members["keys/log-"+hashOf(key2)+".json"] == nil {
			t.Errorf("%s: no file of the organisations' key", name)
		}
	}
	if r := check(t, tooEarly, anchor2); failures(r) != "checkpoint" {
		t.Errorf("organisations that signed before a record said so: %s", lines(r))
	}
	if r := check(t, file, anchor2); !strings.Contains(failures(r), "anchor") {
		t.Errorf("a trust file of another ledger: %s", lines(r))
	}
	for name, change := range map[string]func(k *endorsed.Key){
		"one organisation is enough":  func(k *endorsed.Key) { k.Need = 1 },
		"other authorities":           func(k *endorsed.Key) { k.Organisations[0].CAs = k.Orderers[0].CAs },
		"another chaincode":           func(k *endorsed.Key) { k.Chaincode = "other" },
		"organisations and no others": func(k *endorsed.Key) { k.Orderers = nil },
	} {
		k, err := endorsed.ParseKey(key)
		if err != nil {
			t.Fatal(err)
		}
		change(k)
		other := *anchor
		other.Log = []string{k.String()}
		if r := check(t, file, &other); failures(r) != "anchor" {
			t.Errorf("%s, says the trust file: %s", name, lines(r))
		}
	}

	whole := unpack(t, file)
	id := hashOf(key)
	one := endorsedFolder + id + "-Org1MSP"
	two := endorsedFolder + id + "-Org2MSP"
	edits := map[string]struct {
		want string // the checks that fail
		hand bool   // the commands of the README see it too
		edit func(k kit)
	}{
		"a larger tree": {"inclusion checkpoint key-files", true, func(k kit) {
			k[checkpointFile] = bytes.Replace(k[checkpointFile], []byte("\n4\n"), []byte("\n5\n"), 1)
		}},
		"the endorsement of another head": {"checkpoint key-files", true, func(k kit) {
			_, sig, _ := bytes.Cut(head.Note, []byte("\n\n"))
			own, _, _ := bytes.Cut(k[checkpointFile], []byte("\n\n"))
			k[checkpointFile] = append(append(own, "\n\n"...), sig...)
		}},
		"a byte of the signature": {"checkpoint key-files", false, func(k kit) {
			c := k[checkpointFile]
			c[len(c)-1000] ^= 1
		}},
		"no signature":                 {"checkpoint key-files", true, func(k kit) { k[checkpointFile], _, _ = bytes.Cut(k[checkpointFile], []byte("— ")) }},
		"a byte of what was endorsed":  {"key-files", true, func(k kit) { k[one+".signed"][100] ^= 1 }},
		"a byte of an endorsement":     {"key-files", true, func(k kit) { k[two+".sig"][20] ^= 1 }},
		"a byte of the proposal":       {"key-files", true, func(k kit) { k[endorsedFolder+id+".proposal"][200] ^= 1 }},
		"the certificate of the other": {"key-files", true, func(k kit) { k[one+".pem"] = k[two+".pem"] }},
		"the endorsement of the other": {"key-files", true, func(k kit) { k[one+".sig"] = k[two+".sig"] }},
		"one organisation less":        {"key-files", true, func(k kit) { delete(k, one+".pem"); delete(k, one+".sig"); delete(k, one+".signed") }},
		"one organisation twice":       {"key-files", true, func(k kit) { k[endorsedFolder+id+"-Org3MSP.pem"], k[two+".pem"] = k[one+".pem"], k[one+".pem"] }},
		"the authority of nobody":      {"key-files", true, func(k kit) { deleteCAs(k) }},
		"that one organisation is enough": {"key-files", true, func(k kit) {
			name := "keys/log-" + id + ".json"
			k[name] = bytes.Replace(k[name], []byte(`"need":2`), []byte(`"need":1`), 1)
		}},
		"something in the folder": {"archive", false, func(k kit) { k["endorsed/readme"] = []byte("x") }},
	}
	for name, c := range edits {
		k := maps.Clone(whole)
		for name := range k {
			k[name] = bytes.Clone(k[name])
		}
		c.edit(k)
		changed := k.forge(t)
		if r := check(t, changed, anchor); failures(r) != c.want {
			t.Errorf("%s: %q fails, want %q: %s", name, failures(r), c.want, lines(r))
		}
		if c.hand && hands(t) {
			if out, ok := byHand(t, changed); ok {
				t.Errorf("%s: the commands find nothing: %s", name, out)
			}
		}
	}
	if !hands(t) {
		t.Skip("the commands of the README need sh, unzip and openssl 3")
	}
	for name, file := range map[string][]byte{"first": file, "rotated": rotated} {
		out, ok := byHand(t, file)
		for _, want := range []string{"endorsed by a peer of Org1MSP: OK", "endorsed by a peer of Org2MSP: OK", "checkpoint signed by the log's key", "record 0 is in the tree: OK"} {
			if !ok || !strings.Contains(out, want) {
				t.Errorf("%s, by hand, lacks %q: %s", name, want, out)
			}
		}
	}
	if out, ok := byHand(t, back); !ok || !strings.Contains(out, "checkpoint signed by the log's key") {
		t.Errorf("by hand: %s", out)
	}
}

func hashOf(vkey string) string { return strings.SplitN(vkey, "+", 3)[1] }

func deleteCAs(k kit) {
	for name := range k {
		if ok, _ := filepath.Match("keys/ca-*.pem", name); ok {
			delete(k, name)
		}
	}
}

// hands reports whether there are the programs that the README needs.
func hands(t *testing.T) bool {
	for _, tool := range []string{"sh", "unzip", "openssl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Logf("needs %s: %v", tool, err)
			return false
		}
	}
	b, err := exec.Command("openssl", "version").Output()
	return err == nil && bytes.HasPrefix(b, []byte("OpenSSL 3."))
}
