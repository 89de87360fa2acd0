package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// anchorAttacks is what a ledger must withstand that is anchored on a network:
// somebody has log.key, the folder of the ledger, and no other. The trust file
// names the network. The anchor of 4 records is in an older backup, that of 5 in
// the folder. Beside them, cmd/auditlog-chaincode sends the network what this
// command would never send.
func anchorAttacks() []attack {
	const to, asks = "fabric:writer.yaml", "fabric:regulator.yaml"
	verify, anchor := []string{"verify", "--trust", "trust.json"}, []string{"anchor", "--to", to}
	live := append(verify[:3:3], "--network", asks)
	return []attack{
		{"nothing at all", func(*victim) {}, verify, verifies, []string{"ok       network     it continues the 5 records in block ", "endorsed by Org1MSP, Org2MSP", "verified: "}},
		{"nothing at all, and the network is asked", func(*victim) {}, live, verifies, []string{"ok       network     it continues the 5 records in block "}},

		{"restored backup", oldLog, verify, found, []string{"failed   network", "5 records anchored in block ", "and the ledger has only 4", "hint: records were removed or changed since, or the ledger was forked"}},
		{"restored backup, to be anchored", oldLog, anchor, found, []string{"ledger does not continue the one seen before: it has 4 records, and 5 are anchored (transaction "}},
		{"restored backup, with the evidence of then", oldFolder, verify, verifies, []string{"ok       network     it continues the 4 records in block "}},
		{"restored backup, with the evidence of then, and the network is asked", oldFolder, live, found, []string{"failed   network", "5 records anchored in block ", "and the ledger has only 4"}},
		{"restored backup, without evidence", without(oldFolder), verify, verifies, []string{"skipped  network     the folder holds no evidence of an anchor", "an old copy may have been put back without it"}},
		{"restored backup, without evidence, and the network is asked", without(oldFolder), live, found, []string{"failed   network", "and the ledger has only 4"}},

		{"forked log", forkAnchored(2), verify, found, []string{"failed   network", "the ledger does not continue the 5 records anchored in block "}},
		{"forked log, to be anchored", forkAnchored(2), anchor, found, []string{"its first 5 records are not those that are anchored", "hint: an old copy of the ledger was put back, or it was forked"}},
		{"forked log of as many records", forkAnchored(1), verify, found, []string{"failed   network", "the ledger does not continue the 5 records anchored in block "}},
		{"forked log without evidence, and the network is asked", without(forkAnchored(1)), live, found, []string{"failed   network", "the ledger does not continue the 5 records anchored in block "}},
		{"a log made anew under the same name", madeAnew, []string{"verify", "--network", asks}, found, []string{"failed   network", "the network has no anchor of a ledger with this first record"}},

		{"bit flip in the evidence", flip("anchors/*5.json", 4000), verify, found, []string{"failed   network", "000000000005.json: ", "not the evidence of an anchor", "hint: remove it, and `auditlog anchor` gets the evidence again"}},
		{"torn evidence", tear("anchors/*5.json"), verify, found, []string{"failed   network", "not the evidence of an anchor"}},
		{"evidence under the name of a larger tree", renamed, verify, found, []string{"failed   network", "its name says 9 records, and it is of 5"}},
		{"evidence of another ledger", evidence("other.json"), verify, found, []string{"failed   network", "it is of a log with the first record"}},
		{"evidence of another network with the same names", evidence("twin.json"), verify, verifies, []string{"skipped  network     the anchors in its folder are of no network that the trust file names"}},
		{"evidence of another network with the same names, which claims to be this one", claims, verify, found, []string{"failed   network", "not the evidence of an anchor"}},
		{"bit flip in the evidence, and a bundle", flip("anchors/*5.json", 4000), []string{"bundle", "--model", "bev", "--version", "1", "-o", "b.zip"}, found, []string{"not the evidence of an anchor"}},
		{"a bundle, anchored by another network", evidence("twin.json"), []string{"bundle", "--model", "bev", "--version", "1", "-o", "b.zip", "--trust", "trust.json"}, verifies, []string{"verified: "}},

		{"an anchor by who may only read", newRecord, []string{"anchor", "--to", asks}, failed, []string{"auditlog.role=writer"}},
		{"an anchor by a foreign organisation", newRecord, []string{"anchor", "--to", "fabric:foreign.yaml"}, failed, []string{"access denied"}},
		{"an anchor with an expired certificate", func(*victim) {}, []string{"anchor", "--to", "fabric:expired.yaml"}, refused, []string{"expired on"}},
		{"a damaged ledger, to be anchored", flip("log/tile/entries/000.p/*", -1), anchor, found, []string{"ledger is corrupt: ", "hint: `auditlog verify` names every damaged file"}},
	}
}

// TestAnchorAttacks does each of them to a copy of one ledger that is anchored,
// as somebody who has not seen it before.
func TestAnchorAttacks(t *testing.T) {
	if testing.Short() {
		t.Skip("runs a network")
	}
	n, twin := fabricNetwork(t, "anchors"), fabricNetwork(t, "anchors")
	_, auditlog := inLedger(t)
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, profile := range fabricProfiles(t, n) {
		write(name, profile("anchors"))
	}
	write("twin.yaml", fabricProfiles(t, twin)["writer.yaml"]("anchors"))
	ctx := t.Context()
	// anchored anchors a ledger, and puts the evidence aside.
	aside := func(ledger, profile, name string) {
		t.Helper()
		auditlog(ctx, 0, "anchor", "--ledger", ledger, "--to", "fabric:"+profile)
		all, err := filepath.Glob(ledger + "/anchors/*")
		if err != nil || len(all) != 1 {
			t.Fatalf("%q, %v", all, err)
		}
		if err := os.Rename(all[0], name); err != nil {
			t.Fatal(err)
		}
		write(name+".name", filepath.Base(all[0]))
	}
	auditlog(ctx, 0, "init", "other")
	aside("other", "writer.yaml", "other.json")
	auditlog(ctx, 0, "record", "data.registered", "--data", "data")
	auditlog(ctx, 0, "record", "train.started", "--model", "bev", "--version", "1", "--run", "r1", "--data", "data", "--params", "cfg.yaml")
	auditlog(ctx, 0, "record", "train.finished", "--model", "bev", "--version", "1", "--run", "r1", "--output", "model.pt")
	aside(".auditlog", "twin.yaml", "twin.json")
	auditlog(ctx, 0, "anchor", "--to", "fabric:writer.yaml")
	if err := os.CopyFS("backup", os.DirFS(".auditlog")); err != nil {
		t.Fatal(err)
	}
	auditlog(ctx, 0, anEvent...)
	auditlog(ctx, 0, "anchor", "--to", "fabric:writer.yaml")
	trustFile, _ := auditlog(ctx, 0, "keys", "show", "--trust-file", "--anchor", "fabric:regulator.yaml")
	write("trust.json", trustFile)
	whole, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range anchorAttacks() {
		a.do = anotherUser(a.do)
		t.Run(a.name, func(t *testing.T) { a.run(t, whole) })
	}
}

// oldLog puts the log of the backup in its place, oldFolder all of it.
func oldLog(v *victim) { v.copyTree("backup/log", v.log) }

func oldFolder(v *victim) {
	v.copyTree("backup", ".auditlog")
	v.must(os.Chmod(".auditlog/log.key", 0o600))
	v.must(os.Chmod(".auditlog/site.key", 0o600))
}

func newRecord(v *victim) { v.run(0, anEvent...) }

// without removes the evidence too.
func without(do func(*victim)) func(*victim) {
	return func(v *victim) {
		do(v)
		v.must(os.RemoveAll(".auditlog/anchors"))
	}
}

// forkAnchored has the log go on with other records after the fourth.
func forkAnchored(more int) func(*victim) {
	return func(v *victim) {
		oldLog(v)
		v.t.Setenv("XDG_STATE_HOME", filepath.Join(v.t.TempDir(), ".mallory"))
		v.must(os.Chmod(".auditlog/log.key", 0o600))
		for i := range more {
			v.run(0, append(anEvent[:len(anEvent):len(anEvent)], "--note", fmt.Sprint("another ", i))...)
		}
	}
}

// madeAnew makes a ledger of the same name, with the same key of the admin.
func madeAnew(v *victim) {
	v.must(os.RemoveAll(".auditlog"))
	v.t.Setenv("XDG_STATE_HOME", filepath.Join(v.t.TempDir(), ".mallory"))
	v.run(0, "init")
}

// evidence puts evidence that was kept aside in the place of that of the ledger.
func evidence(file string) func(*victim) {
	return func(v *victim) {
		name, err := os.ReadFile(file + ".name")
		v.must(err)
		text, err := os.ReadFile(file)
		v.must(err)
		v.must(os.RemoveAll(".auditlog/anchors"))
		v.must(os.Mkdir(".auditlog/anchors", 0o755))
		v.must(os.WriteFile(filepath.Join(".auditlog/anchors", string(name)), text, 0o644))
	}
}

func renamed(v *victim) {
	name := v.file("anchors/*5.json")
	v.must(os.Rename(name, strings.Replace(name, "5.json", "9.json", 1)))
}

// claims puts the key of this network into evidence of its twin.
func claims(v *victim) {
	ours := v.file("anchors/*5.json")
	text, err := os.ReadFile(ours)
	v.must(err)
	twin, err := os.ReadFile("twin.json")
	v.must(err)
	line := func(text []byte) []byte { return bytes.SplitAfter(text, []byte("\n"))[2] }
	if !bytes.Contains(line(text), []byte(`"network"`)) {
		v.t.Fatalf("%s", line(text))
	}
	v.must(os.WriteFile(ours, bytes.Replace(twin, line(twin), line(text), 1), 0o644))
}
