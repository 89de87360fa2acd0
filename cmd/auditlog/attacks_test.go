package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/audittest"
	"github.com/mmaudit/mmaudit/audit/keys"
	"github.com/mmaudit/mmaudit/audit/store"
	"github.com/mmaudit/mmaudit/internal/durable"
	"github.com/mmaudit/mmaudit/ledger/tlog"
)

var updateDocs = flag.Bool("update-docs", false, "rewrite docs/attacks.md")

// A victim is a ledger of a small life, in the working folder, with two keys: of
// an admin who has all roles (the default key), and of an engineer (eng.pem).
type victim struct {
	t   *testing.T
	log string // folder of the log
}

// An attack is something that somebody does to a ledger or its data, or that
// happens to them, and what the command then says.
type attack struct {
	name   string
	do     func(*victim)
	args   []string // of the command that meets it
	status int
	says   []string // on stdout or stderr
}

const (
	verifies = 0
	found    = 1 // something is wrong
	refused  = 2 // wrong use
	failed   = 3 // could not run
)

var anEvent = []string{"record", "incident", "--model", "bev", "--version", "1", "--severity", "low", "--summary", "s"}

// attacks is the list of faults and attacks that a ledger must withstand. Beside
// them, ledger/tlog kills writers and flips every byte of a log, audit/verify
// flips every byte of all other files, and audit/fingerprint hashes 10 GB of
// holes.
func attacks() []attack {
	return []attack{
		{"nothing at all", func(*victim) {}, []string{"verify"}, verifies, []string{"consistent: internally consistent, held against no trust file"}},

		{"bit flip in a record", flip("log/tile/entries/000.p/*", 3000), []string{"verify"}, found, []string{"failed   tree", "tile/entries/000.p/", "record 1 is not the one that was signed", "hint: restore it from a backup"}},
		{"bit flip in a record, and an append", flip("log/tile/entries/000.p/*", -1), anEvent, found, []string{"ledger is corrupt: ", "hint: `auditlog verify` names every damaged file"}},
		{"bit flip in a hash", flip("log/tile/0/000.p/*", 40), []string{"verify"}, found, []string{"failed   tree", "hash of record 1 is wrong; the record is as signed"}},
		{"bit flip in the checkpoint", flip("log/checkpoint", 25), []string{"verify"}, found, []string{"failed   checkpoint", "log/checkpoint"}},
		{"bit flip in the index", flip("log/index/tail.0", 50), []string{"verify"}, found, []string{"failed   index", "index/tail.0", "hint: the index is derived"}},
		{"bit flip in a document", flip("blobs/*/*", 20), []string{"verify"}, found, []string{"was changed: it does not have the SHA3-512 by which it goes"}},
		{"bit flip in ledger.json", flip("ledger.json", 30), []string{"verify"}, found, []string{"failed   folder", "ledger.json: not the description of a ledger"}},
		{"bit flip in log.key", flip("log.key", 60), []string{"verify"}, found, []string{"failed   log-key", "hint: restore it from a backup"}},
		{"bit flip in site.key", flip("site.key", 5), []string{"verify"}, found, []string{"failed   site-key", "site.key: is not the key of this ledger"}},

		{"torn tile", tear("log/tile/0/000.p/*"), []string{"verify"}, found, []string{"failed   tree", " bytes, want "}},
		{"torn tile, and an append", tear("log/tile/0/000.p/*"), anEvent, found, []string{"ledger is corrupt: "}},
		{"torn bundle of records", tear("log/tile/entries/000.p/*"), []string{"verify"}, found, []string{"failed   tree", "tile/entries/000.p/"}},
		{"deleted tile", remove("log/tile/0/000.p/*"), []string{"verify"}, found, []string{"failed   tree", "is missing"}},
		{"deleted checkpoint", remove("log/checkpoint"), []string{"verify"}, found, []string{"failed   checkpoint", "is missing although there are tiles: it was deleted"}},
		{"deleted checkpoint, and an append", remove("log/checkpoint"), anEvent, found, []string{"is missing although there are tiles: it was deleted"}},
		{"deleted checkpoint, and init", remove("log/checkpoint"), []string{"init"}, failed, []string{"a ledger exists here"}},
		{"deleted ledger.json", remove("ledger.json"), []string{"verify"}, found, []string{"failed   folder", "ledger.json: is missing beside a log"}},

		{"restored backup", restoreBackup, []string{"verify"}, found, []string{"failed   rollback", "ledger does not continue the one seen before", "hint: an old copy was put back, or the ledger was forked"}},
		{"restored backup, and an append", restoreBackup, anEvent, found, []string{"ledger does not continue the one seen before"}},
		{"restored backup, seen by another user", anotherUser(restoreBackup), []string{"verify", "--against", "newest"}, found, []string{"failed   against", "newest: has 6 records, and the ledger only 5"}},
		{"restored backup, seen by another user who has a trust file alone", anotherUser(restoreBackup), []string{"verify", "--trust", "trust.json"}, verifies, []string{"skipped  rollback    this user had not seen it before: who has log.key may have taken records off its end, or forked it", "verified: the ledger is the one of the trust file"}},
		{"forked log", fork, []string{"verify"}, found, []string{"failed   rollback", "ledger does not continue the one seen before"}},
		{"forked log, seen by another user", anotherUser(fork), []string{"verify", "--against", "newest"}, found, []string{"failed   against", "the ledger does not continue it"}},

		{"swapped records", swap, []string{"verify"}, found, []string{"failed   tree", "record 2 is not the one that was signed", "record 3 is not the one that was signed"}},
		{"swapped records, signed by who has log.key", swapAndSign, []string{"verify"}, found, []string{"failed   history", "record 3: says that the record before it is 3", "hint: its writer saw another ledger"}},
		{"swapped records, signed by who has log.key, and an older checkpoint", swapAndSign, []string{"verify", "--against", "newest"}, found, []string{"failed   against"}},
		{"a ledger made up, with keys of its own", madeUp, []string{"verify", "--ledger", "other", "--trust", "trust.json"}, found, []string{"failed   anchor", "hint: it is another ledger, or a forged one"}},

		{"forged signature", appendForged, []string{"verify"}, found, []string{"failed   signatures", "record 5: incident: bad-signature: the signature of key", "hint: it is forged"}},
		{"forged signature, to be appended", forgeFile, []string{"append", "forged.json"}, refused, []string{"nobody would believe this record: the signature of key", "is not of this record"}},
		{"wrong key", appendAs("stranger.pem", audit.Incident), []string{"verify"}, found, []string{"failed   signatures", "record 5: incident: unknown-key: key"}},
		{"wrong key, at the command", newKey("stranger.pem"), append(slices.Clone(anEvent), "--key", "stranger.pem"), refused, []string{"may not sign in this ledger", "hint: `auditlog keys show` lists the keys that may"}},
		{"key without the role", appendAs("eng.pem", audit.Approved), []string{"verify"}, found, []string{"record 5: approved: wrong-role: approved must be signed in the role \"approver\""}},
		{"key without the role, at the command", func(*victim) {}, []string{"record", "approved", "--model", "bev", "--version", "1", "--key", "eng.pem"}, refused, []string{`key "eng" may not sign approved: that is for the role approver`}},
		{"an admin that nobody made one", appendAs("eng.pem", audit.KeyRevoked), []string{"verify"}, found, []string{"record 5: key.revoked: wrong-role"}},

		{"replayed record", recordFile, []string{"append", "event.json"}, verifies, []string{"it was recorded before, as record 5; nothing was added"}},
		{"replayed record of another ledger", ofOtherLedger, []string{"append", "event.json"}, refused, []string{"nobody would believe this record: key", "is not known to the ledger"}},
		{"replayed record of another ledger of the same people", ofSandbox, []string{"append", "event.json"}, refused, []string{"nobody would believe this record: it was made for the ledger \"example.com/sandbox\""}},
		{"an id taken by a forged copy of the record", takenID, []string{"append", "event.json"}, found, []string{"not recorded: record 5 has the id \"r-1\", and nobody believes it: the signature of key", "hint: give another --id"}},
		{"a key revoked while its holder trains", revokedMeanwhile, []string{"verify"}, verifies, []string{"consistent: internally consistent, held against no trust file"}},
		{"clock moved back", clockBack, []string{"query", "--model", "bev", "--version", "1"}, verifies, []string{"time-backwards", "before record "}},

		{"a data file changed while it is hashed", changing, []string{"record", "data.registered", "--data", "data"}, failed, []string{"changed while being read", "hint: nobody may write while it is read"}},
		{"a symbolic link out of the tree", func(v *victim) { v.must(os.Symlink("../cfg.yaml", "data/link")) }, []string{"record", "data.registered", "--data", "data"}, failed, []string{"symbolic link leads out of the folder", "hint: copy what the link leads to"}},
		{"a path with a newline", newline, []string{"verify", "--data", "data", "--of", "data"}, found, []string{"data/a?::error::b: is changed"}},

		{"missing document", removeDocument("params.json"), []string{"verify"}, found, []string{"failed   documents", `params.form, "params.json" of `, "is missing", "hint: restore it from a backup"}},
		{"a pipe in the place of a document", become("blobs/*/*", "mkfifo"), []string{"verify"}, failed, []string{"could not be looked at whole", "is no regular file"}},
		{"a device in the place of the checkpoint", become("log/checkpoint", "ln", "-s", "/dev/zero"), []string{"status"}, failed, []string{"log/checkpoint: is no regular file"}},
		{"missing list of files", removeDocument("data.listing.jsonl"), []string{"verify"}, found, []string{"failed   listings", `data[0].listing, "data.listing.jsonl" of `, "is missing"}},
		{"missing list of files, which is not asked for", removeDocument("data.listing.jsonl"), []string{"verify", "--no-listings"}, verifies, []string{"skipped  listings    was not asked for"}},
		{"a file among the documents that nobody named", func(v *victim) { v.must(os.WriteFile(".auditlog/blobs/x", nil, 0o644)) }, []string{"verify"}, verifies, []string{"note: ", "1 file that no record names"}},
	}
}

// TestAttacks does each of them to a copy of one ledger. Nothing is recorded by a
// command that does not end with 0.
func TestAttacks(t *testing.T) {
	_, auditlog := inLedger(t)
	ctx := t.Context()
	auditlog(ctx, 0, "keys", "new", "--no-passphrase", "--key", "eng.pem")
	auditlog(ctx, 0, "keys", "add", "eng:engineer=eng.pem.pub")
	auditlog(ctx, 0, "record", "data.registered", "--data", "data", "--key", "eng.pem")
	auditlog(ctx, 0, "record", "train.started", "--model", "bev", "--version", "1", "--run", "r1", "--data", "data", "--params", "cfg.yaml", "--key", "eng.pem")
	auditlog(ctx, 0, "record", "train.finished", "--model", "bev", "--version", "1", "--run", "r1", "--output", "model.pt", "--key", "eng.pem")
	trustFile, _ := auditlog(ctx, 0, "keys", "show", "--trust-file")
	if err := os.WriteFile("trust.json", []byte(trustFile), 0o644); err != nil {
		t.Fatal(err)
	}
	whole, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range attacks() {
		t.Run(a.name, func(t *testing.T) { a.run(t, whole) })
	}
}

// run makes an attack on a copy of a folder with a ledger.
func (a attack) run(t *testing.T, whole string) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(whole)); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	for _, secret := range []string{".auditlog/log.key", ".auditlog/site.key", "eng.pem", ".config/auditlog/key.pem"} {
		if err := os.Chmod(secret, 0o600); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(dir, ".config"))
	t.Setenv("XDG_STATE_HOME", filepath.Join(dir, ".state"))
	v := &victim{t, filepath.Join(dir, ".auditlog", "log")}
	v.run(0, "status") // this user has seen it
	a.do(v)
	before := v.checkpoint()
	said := v.run(a.status, a.args...)
	for _, word := range a.says {
		if !strings.Contains(said, word) {
			t.Errorf("auditlog %q does not say %q:\n%s", a.args, word, said)
		}
	}
	if a.status != 0 && v.checkpoint() != before {
		t.Error("something was recorded")
	}
	if left, _ := filepath.Glob(".*.tmp"); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

func (v *victim) must(err error) {
	v.t.Helper()
	if err != nil {
		v.t.Fatal(err)
	}
}

// run runs the command, and gives all that it says.
func (v *victim) run(want int, args ...string) string {
	v.t.Helper()
	var out, stderr bytes.Buffer
	if got := run(v.t.Context(), args, strings.NewReader(""), &out, &stderr); got != want {
		v.t.Fatalf("auditlog %q: exit status %d, want %d:\n%s%s", args, got, want, &out, &stderr)
	}
	return out.String() + stderr.String()
}

// checkpoint is what the log has signed last; empty if that is gone.
func (v *victim) checkpoint() string {
	text, err := durable.ReadFile(filepath.Join(v.log, "checkpoint"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, durable.ErrNotRegular) {
		v.t.Fatal(err)
	}
	return string(text)
}

// file finds one file of the ledger by a pattern.
func (v *victim) file(pattern string) string {
	v.t.Helper()
	all, err := filepath.Glob(filepath.Join(".auditlog", pattern))
	if err != nil || len(all) == 0 {
		v.t.Fatalf("no file %s: %v", pattern, err)
	}
	v.must(os.Chmod(all[0], 0o600))
	return all[0]
}

// flip flips a bit of the byte at an offset; of the last one if that is -1.
func flip(pattern string, at int) func(*victim) {
	return func(v *victim) {
		name := v.file(pattern)
		data, err := os.ReadFile(name)
		v.must(err)
		data[(at+len(data))%len(data)] ^= 4
		v.must(os.WriteFile(name, data, 0o600))
	}
}

func tear(pattern string) func(*victim) {
	return func(v *victim) {
		name := v.file(pattern)
		info, err := os.Stat(name)
		v.must(err)
		v.must(os.Truncate(name, info.Size()/2))
	}
}

func remove(pattern string) func(*victim) {
	return func(v *victim) { v.must(os.Remove(v.file(pattern))) }
}

// become has a command put something else in the place of a file.
func become(pattern string, command ...string) func(*victim) {
	return func(v *victim) {
		file := v.file(pattern)
		v.must(os.Remove(file))
		v.must(exec.Command(command[0], append(slices.Clone(command[1:]), file)...).Run())
	}
}

// removeDocument removes the document that records call by a name.
func removeDocument(name string) func(*victim) {
	return func(v *victim) {
		v.records(func(_ int64, r *audit.Record) {
			for _, d := range r.Predicate().Documents() {
				if d.Name == name {
					hex := d.Digest["sha3_512"]
					if err := os.Remove(filepath.Join(".auditlog", "blobs", hex[:2], hex)); !errors.Is(err, fs.ErrNotExist) {
						v.must(err)
					}
				}
			}
		})
	}
}

// open opens the ledger for writing, whatever it is to be written.
func (v *victim) open(dir string) *store.Store {
	v.t.Helper()
	s, err := store.Open(v.t.Context(), dir, store.Options{Write: true})
	v.must(err)
	return s
}

// records calls f for each record.
func (v *victim) records(f func(int64, *audit.Record)) {
	v.t.Helper()
	s := v.open(".auditlog")
	defer s.Close()
	head, err := s.Log.Head(v.t.Context())
	v.must(err)
	for e, err := range s.Log.Scan(v.t.Context(), head.Size, 0) {
		v.must(err)
		r, err := audit.Open(e.Record)
		v.must(err)
		f(e.Index, r)
	}
}

// inject appends a record past all that the command asks of one.
func (v *victim) inject(record []byte) {
	v.t.Helper()
	s := v.open(".auditlog")
	_, err := s.Log.Append(v.t.Context(), record)
	v.must(errors.Join(err, s.Close()))
}

// seal signs an event with the key in a file, which is made if it is not there.
func (v *victim) seal(key string, e audit.Event, at time.Time) []byte {
	v.t.Helper()
	newKey(key)(v)
	k, err := keys.Load(key, nil)
	v.must(err)
	p := audittest.Event(e, "bev", "1", "r1", 0)
	if e != audit.TrainFinished {
		p.Run = ""
	}
	s := v.open(".auditlog")
	p.Origin = s.Origin
	v.must(s.Close())
	p.Time.Claimed = audit.FormatTime(at)
	p.Actor = audit.Actor{ID: "mallory", KeyID: k.Public().ID()}
	record, err := audit.Seal(p, k)
	v.must(err)
	return record
}

func newKey(file string) func(*victim) {
	return func(v *victim) {
		if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
			v.run(0, "keys", "new", "--no-passphrase", "--key", file)
		}
	}
}

func appendAs(key string, e audit.Event) func(*victim) {
	return func(v *victim) { v.inject(v.seal(key, e, time.Now())) }
}

// takenID makes a record with an id in a file, and puts a copy with signatures of
// another one into the ledger before it.
func takenID(v *victim) {
	v.run(0, append(slices.Clone(anEvent), "--id", "r-1", "--out", "event.json")...)
	record, err := os.ReadFile("event.json")
	v.must(err)
	v.inject(v.signedAs(record, v.seal(".config/auditlog/key.pem", audit.Incident, time.Now())))
}

// revokedMeanwhile has the command that the engineer runs revoke his key.
func revokedMeanwhile(v *victim) {
	said := v.run(failed, "exec", "--model", "bev", "--version", "2", "--run", "r2", "--data", "data", "--params", "cfg.yaml", "--key", "eng.pem", "--", name, "keys", "revoke", "eng", "--reason", "stolen")
	for _, word := range []string{"the end of run r2 was not recorded: nobody would believe this record: key", "the signed record is in auditlog-r2.json"} {
		if !strings.Contains(said, word) {
			v.t.Errorf("exec does not say %q:\n%s", word, said)
		}
	}
}

// forged is a record whose payload is not what was signed.
func (v *victim) forged() []byte {
	now := time.Now()
	return v.signedAs(v.seal(".config/auditlog/key.pem", audit.Incident, now), v.seal(".config/auditlog/key.pem", audit.Incident, now.Add(time.Second)))
}

// signedAs is a record with the signatures of another.
func (v *victim) signedAs(record, another []byte) []byte {
	var good, other struct {
		Payload     string `json:"payload"`
		PayloadType string `json:"payloadType"`
		Signatures  []any  `json:"signatures"`
	}
	v.must(json.Unmarshal(record, &good))
	v.must(json.Unmarshal(another, &other))
	good.Signatures = other.Signatures
	forged, err := json.Marshal(good)
	v.must(err)
	return forged
}

func appendForged(v *victim) { v.inject(v.forged()) }

func forgeFile(v *victim) { v.must(os.WriteFile("forged.json", v.forged(), 0o644)) }

// recordFile makes a record in a file, and appends it.
func recordFile(v *victim) {
	v.run(0, append(slices.Clone(anEvent), "--out", "event.json")...)
	v.run(0, "append", "event.json")
}

// ofOtherLedger makes a record of another ledger, of other people, in a file.
func ofOtherLedger(v *victim) {
	newKey("other.pem")(v)
	v.run(0, "init", "other", "--key", "other.pem")
	v.run(0, append(slices.Clone(anEvent), "--out", "event.json", "--ledger", "other", "--key", "other.pem")...)
}

// ofSandbox makes a record of another ledger by the key that this one trusts.
func ofSandbox(v *victim) {
	v.run(0, "init", "sandbox", "--origin", "example.com/sandbox")
	v.run(0, append(slices.Clone(anEvent), "--out", "event.json", "--ledger", "sandbox")...)
}

func madeUp(v *victim) { ofOtherLedger(v) }

func clockBack(v *victim) {
	v.inject(v.seal(".config/auditlog/key.pem", audit.Incident, time.Now().AddDate(0, 0, -2)))
}

// newest keeps the checkpoint.
func (v *victim) newest() { v.must(os.WriteFile("newest", []byte(v.checkpoint()), 0o644)) }

func (v *victim) copyTree(from, to string) {
	v.t.Helper()
	v.must(os.RemoveAll(to))
	v.must(os.CopyFS(to, os.DirFS(from)))
}

// restoreBackup puts the log back as it was before an event.
func restoreBackup(v *victim) {
	v.copyTree(v.log, "backup")
	v.run(0, anEvent...)
	v.newest()
	v.copyTree("backup", v.log)
}

// fork appends one event where it is seen, and another to a copy, which then
// takes the place of the log.
func fork(v *victim) {
	restoreBackup(v)
	state := os.Getenv("XDG_STATE_HOME")
	v.t.Setenv("XDG_STATE_HOME", filepath.Join(filepath.Dir(state), ".mallory"))
	v.run(0, append(slices.Clone(anEvent), "--note", "another")...)
	v.run(0, append(slices.Clone(anEvent), "--note", "and one more")...)
	v.t.Setenv("XDG_STATE_HOME", state)
}

func anotherUser(do func(*victim)) func(*victim) {
	return func(v *victim) {
		do(v)
		v.t.Setenv("XDG_STATE_HOME", filepath.Join(v.t.TempDir(), ".state"))
	}
}

// swapped gives the records with two changed for each other.
func (v *victim) swapped() [][]byte {
	var all [][]byte
	v.records(func(_ int64, r *audit.Record) { all = append(all, r.Bytes) })
	all[2], all[3] = all[3], all[2]
	return all
}

// swap changes two records for each other in their bundle.
func swap(v *victim) {
	var bundle []byte
	for _, r := range v.swapped() {
		bundle = append(append(bundle, byte(len(r)>>8), byte(len(r))), r...)
	}
	v.must(os.WriteFile(v.file("log/tile/entries/000.p/*"), bundle, 0o600))
}

// swapAndSign makes the log anew from swapped records, with the key of the log,
// for a user who has not seen it before.
func swapAndSign(v *victim) {
	v.newest()
	all := v.swapped()
	// The run's end comes before its beginning, to which it points.
	all[3], all[4] = all[4], all[3]
	k, err := keys.Load(".auditlog/log.key", nil)
	v.must(err)
	key, _ := k.Ed25519()
	s := v.open(".auditlog")
	signer, verifier, err := tlog.NewKey(s.Config.Origin, key)
	v.must(errors.Join(err, s.Close(), os.RemoveAll(v.log)))
	l, err := tlog.Init(v.t.Context(), v.log, tlog.Options{Signer: signer, Verifiers: []note.Verifier{verifier}, KeysOf: audit.KeysOf, KeysVersion: audit.KeysVersion})
	v.must(err)
	for _, r := range all {
		_, err := l.Append(v.t.Context(), r)
		v.must(err)
	}
	v.must(l.Close())
	v.t.Setenv("XDG_STATE_HOME", filepath.Join(v.t.TempDir(), ".state"))
}

// changing has a data file written to until the test ends.
func changing(v *victim) {
	f, err := os.Create("data/growing")
	v.must(err)
	v.must(f.Truncate(64 << 20)) // long enough for the writer to have its turn on a busy machine
	stop, begun := make(chan struct{}), make(chan struct{})
	var writer sync.WaitGroup
	writer.Go(func() {
		defer f.Close()
		for i := 0; ; i++ {
			f.WriteAt([]byte(fmt.Sprint(i)), int64(i%100))
			if i == 0 {
				close(begun)
			}
			select {
			case <-stop:
				return
			default:
			}
		}
	})
	<-begun
	v.t.Cleanup(func() { close(stop); writer.Wait() })
}

// newline records data with a name that would forge a line of a report.
func newline(v *victim) {
	name := "data/a\n::error::b"
	v.must(os.WriteFile(name, []byte("before"), 0o644))
	v.run(0, "record", "data.registered", "--data", "data")
	v.run(0, "verify", "--data", "data")
	v.must(os.WriteFile(name, []byte("after"), 0o644))
}

// elsewhere are the faults and attacks that other tests make.
var elsewhere = [][3]string{
	{"kill -9 at any moment of an append, a thousand times", "no acknowledged record is lost", "`TLOG_TEST_KILLS=1000 go test ./ledger/tlog -run 'TestKill$'`"},
	{"every file operation of an append fails, or is the last one", "the old log or the new, and the next append goes on", "`go test ./ledger/tlog -run Fault`"},
	{"a bit flip in every byte of a log", "found by verify, and nothing is signed over it", "`go test ./ledger/tlog -run TestEveryByte`"},
	{"a bit flip in every byte of all other files of a ledger", "found by verify", "`go test ./audit/verify -run TestEveryFile`"},
	{"a bit flip in every byte of a bundle", "found by verify", "`go test ./audit/bundle`"},
	{"a fork, a rollback, wrong proofs and keys, sent to a network past this command", "refused, and the state stays", "`go test ./cmd/auditlog-chaincode -run TestAnchors`"},
	{"an anchor whose transaction was found invalid, though it is in a block", "no evidence", "`go test ./cmd/auditlog-chaincode -run TestAnchorClient`"},
	{"a bit flip in the evidence of an anchor, sampled; parts of other evidence", "found by verify", "`go test ./cmd/auditlog-chaincode -run TestAnchorClient`"},
	{"a bundle of a fork or an old copy, with the evidence of the true ledger", "found by verify", "`go test ./audit/bundle -run TestAnchors`"},
	{"full disk, read-only disk", "exit status 3, nothing recorded, the ledger stays whole", "`go test ./cmd/auditlog -run TestDisk`"},
	{"two writers", "every record is there, once", "`go test ./cmd/auditlog -run TestWriters`"},
	{"a 10 GB sparse file", "its digest is that of openssl", "`FINGERPRINT_TEST_LARGE=1 go test ./audit/fingerprint -run TestLargeFile`"},
	{"on Fabric: a foreign organisation, a forged or expired certificate, a reader that writes, a forged profile, an unknown key, an overwrite", "refused in words, the ledger as it was", "`go test ./cmd/auditlog -run TestFabric/scripts/attacks`"},
	{"on Fabric, by other clients than ours: a broken signature, an overwrite, a second beginning", "refused by the chaincode", "`go test ./cmd/auditlog-chaincode -run TestAttacks`"},
	{"on Fabric: an anchor that does not extend the last", "refused by the chaincode, and told by the command", "`go test ./cmd/auditlog-chaincode -run TestAnchor`, `go test ./cmd/auditlog -run TestFabric/scripts/anchor`"},
	{"on Fabric: any process killed or stopped, an orderer that loses what it accepted", "every acknowledged record is there once, on every peer", "`go test ./ledger/fabric -run 'Fault|Lost|Outage|Suspended|Killed'`"},
	{"on Fabric: peers that lie about tiles, index or places", "found out", "`go test ./ledger/fabric -run TestLies`"},
	{"every byte of an endorsed head; forged endorsers, envelopes, blocks", "no verifier takes it", "`go test ./ledger/fabric/endorsed`"},
}

// write writes the row of the documentation.
func (a attack) write(b *strings.Builder) {
	says := strings.ReplaceAll(strings.Join(a.says, " … "), "`", "'")
	fmt.Fprintf(b, "| %s | `%s` | %d | `%s` |\n", a.name, strings.Join(a.args, " "), a.status, says)
}

// TestAttacksDocumented holds docs/attacks.md to the tables.
func TestAttacksDocumented(t *testing.T) {
	const file = "../../docs/attacks.md"
	var b strings.Builder
	b.WriteString("# Faults and attacks\n\nWhat happens to a ledger or its data, the command that meets it, its exit status and words. This page is written by `go test ./cmd/auditlog -run TestAttacksDocumented -update-docs` from the table by which `TestAttacks` does each of them.\n\n| what happens | auditlog | exit | it says |\n|---|---|---|---|\n")
	for _, a := range attacks() {
		a.write(&b)
	}
	b.WriteString("\n## Anchored on a network\n\nSomebody has the folder of the ledger and log.key, and the one who verifies has not seen it before. The trust file names the network, which has taken the first 5 records; a backup has the evidence of 4. `TestAnchorAttacks` does each of them on two networks.\n\n| what happens | auditlog | exit | it says |\n|---|---|---|---|\n")
	for _, a := range anchorAttacks() {
		a.write(&b)
	}
	b.WriteString("\n## Elsewhere\n\n| what happens | outcome | shown by |\n|---|---|---|\n")
	for _, row := range elsewhere {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", row[0], row[1], row[2])
	}
	b.WriteString("\nWhat cannot be found: a ledger that was made up whole, by who has no trust file and no older checkpoint; and that records were taken off its end, or others put there, by who has a trust file, but has not seen the ledger before, and has neither an older checkpoint nor witnesses nor a network to ask.\n")
	if *updateDocs {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != b.String() {
		t.Errorf("docs/attacks.md is not up to date: %v", err)
	}
}

// TestVerifyInterrupted ends the context as Ctrl-C does.
func TestVerifyInterrupted(t *testing.T) {
	_, auditlog := inLedger(t)
	auditlog(t.Context(), 0, append(slices.Clone(anEvent), "--id", "1")...)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, args := range [][]string{{"verify"}, {"verify", "data"}, {"verify", "--record", "1"}, {"bundle", "--model", "bev", "--version", "1", "-o", "b.zip"}, {"query", "--since", "0"}} {
		if stdout, stderr := auditlog(ctx, 130, args...); stdout != "" || !strings.HasPrefix(stderr, "auditlog: error: ") {
			t.Errorf("auditlog %q: %s%s", args, stdout, stderr)
		}
	}
	if _, err := os.Stat("b.zip"); err == nil {
		t.Error("half a bundle was written")
	}
}

// TestWriters appends from several processes at once: each record is there, once.
func TestWriters(t *testing.T) {
	_, auditlog := inLedger(t)
	const writers, each = 2, 5
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := range each {
				cmd := exec.CommandContext(t.Context(), name, append(slices.Clone(anEvent), "--id", fmt.Sprintf("%d-%d", w, i))...)
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Errorf("%v: %s", err, out)
				}
			}
		})
	}
	all.Wait()
	stdout, _ := auditlog(t.Context(), 0, "verify")
	if want := fmt.Sprintf("\nsize        %d\n", 1+writers*each); !strings.Contains(stdout, want) {
		t.Errorf("want%s\n%s", want, stdout)
	}
}
