package tlog

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/mmaudit/mmaudit/ledger"
)

func names(cs []Cosignature) string {
	var s []string
	for _, c := range cs {
		s = append(s, fmt.Sprint(c.Witness, " ", c.Size))
	}
	return strings.Join(s, ", ")
}

// verified wants a log with or without a quorum.
func verified(t *testing.T, l *Log, witnessed int64, fault string) Report {
	t.Helper()
	r, err := l.Verify(t.Context(), VerifyOptions{})
	if err != nil || r.Witnessed != witnessed {
		t.Errorf("verify: %v, witnessed %d, want %d", err, r.Witnessed, witnessed)
	}
	if fault == "" && len(r.Faults) > 0 || fault != "" && (len(r.Faults) != 1 || !strings.Contains(r.Faults[0].String(), fault)) {
		t.Errorf("faults %v, want %q", r.Faults, fault)
	}
	return r
}

// TestWitness has two witnesses cosign a log that grows, one of which is down
// at first.
func TestWitness(t *testing.T) {
	dir := tempDir(t) + "/log"
	a, b := newTestWitness(t, "a.example"), newTestWitness(t, "b.example/witness")
	plain := options(t, "")
	o := plain
	o.Witnesses, o.Quorum = []Witness{a.config(), b.config()}, 2
	grow(t, dir, 0, 1, o)
	l := reopen(t, dir, o)
	if got, err := l.Witness(t.Context()); err != nil || got != nil || a.requests() != nil {
		t.Errorf("an empty log: %v, %v", got, err)
	}
	add := func(i int) {
		t.Helper()
		if _, err := l.Append(t.Context(), testRecord(i)); err != nil {
			t.Fatal(err)
		}
	}
	add(0)
	add(1)
	b.down.Store(true)
	got, err := l.Witness(t.Context())
	if names(got) != "a.example 2" || err == nil || !strings.HasPrefix(err.Error(), "witness b.example/witness: ") {
		t.Errorf("%v, %v", names(got), err)
	}
	if want := time.Unix(1679315147, 0); !got[0].Time.Equal(want) {
		t.Errorf("time %v", got[0].Time)
	}
	r := verified(t, l, 0, "2 witnesses must have cosigned its 2 records; so many have cosigned the first 0")
	if !slices.Contains(r.Notes, "witness b.example/witness has cosigned 0 of 2 records") || names(r.Cosignatures) != "a.example 2" {
		t.Errorf("%+v", r)
	}
	b.down.Store(false)
	if got, err := l.Witness(t.Context()); err != nil || names(got) != "a.example 2, b.example/witness 2" {
		t.Errorf("%v, %v", names(got), err)
	}
	if a, b := a.requests(), b.requests(); len(a) != 1 || len(b) != 1 {
		t.Errorf("requests %v, %v: who has cosigned need not be asked", a, b)
	}
	verified(t, l, 2, "")
	h, err := l.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if cs, err := Cosignatures(h.Note, o.Witnesses); err != nil || names(cs) != "a.example 2, b.example/witness 2" {
		t.Errorf("%v, %v", cs, err)
	}
	wholesome2 := func() {
		t.Helper()
		if r, err := reopen(t, dir, plain).Verify(t.Context(), VerifyOptions{}); err != nil || len(r.Faults) > 0 || len(r.Notes) != 4 || !strings.Contains(fmt.Sprint(r.Notes), "was not checked") {
			t.Errorf("without witnesses: %v, %+v", err, r)
		}
	}
	wholesome2()

	// The next append leaves them behind, but not lost.
	add(2)
	verified(t, l, 2, "2 witnesses must have cosigned its 3 records; so many have cosigned the first 2")
	l.Close()
	l = reopen(t, dir, o)
	if got, err := l.Witness(t.Context()); err != nil || len(got) != 2 {
		t.Errorf("%v, %v", got, err)
	}
	if a, b := a.requests(), b.requests(); len(a) != 1 || a[0] != 2 || len(b) != 1 || b[0] != 2 {
		t.Errorf("requests %v, %v, want one with the known size", a, b)
	}
	verified(t, l, 3, "")
	wholesome2()

	// Without the files, the checkpoint has them still, and the witness tells.
	if err := os.RemoveAll(dir + "/cosigned"); err != nil {
		t.Fatal(err)
	}
	verified(t, l, 3, "")
	add(3)
	if got, err := l.Witness(t.Context()); err != nil || len(got) != 2 || !slices.Equal(a.requests(), []int64{0, 3}) {
		t.Errorf("%v, %v", got, err)
	}
	verified(t, l, 4, "")

	// Readers can ask, too; and one that knows only the key looks.
	add(4)
	o.Signer = nil
	if got, err := reopen(t, dir, o).Witness(t.Context()); err != nil || len(got) != 2 {
		t.Errorf("%v, %v", got, err)
	}
	o.Witnesses[0].URL, o.Witnesses[1].URL = "", ""
	if got, err := reopen(t, dir, o).Witness(t.Context()); err != nil || len(got) != 2 {
		t.Errorf("%v, %v", got, err)
	}
}

// TestWitnessMovesOn appends while the witness is thinking: what it cosigned is
// kept beside the newer checkpoint.
func TestWitnessMovesOn(t *testing.T) {
	dir := tempDir(t) + "/log"
	w := newTestWitness(t, "w.example")
	o := options(t, "")
	o.Witnesses, o.Quorum = []Witness{w.config()}, 1
	grow(t, dir, 2, 1, o)
	l, other := reopen(t, dir, o), reopen(t, dir, o)
	w.then = func() {
		if _, err := other.Append(t.Context(), testRecord(2)); err != nil {
			t.Error(err)
		}
	}
	if got, err := l.Witness(t.Context()); err != nil || len(got) != 0 {
		t.Errorf("%v, %v", got, err)
	}
	verified(t, l, 2, "must have cosigned its 3 records; so many have cosigned the first 2")
	older, err := os.ReadFile(l.path(l.witnesses.cosigners[0].path()))
	if err != nil {
		t.Fatal(err)
	}
	// Now the other process is cosigned, and this one has not looked since.
	w.then = func() {
		for i := 3; i < 5; i++ {
			if _, err := other.Append(t.Context(), testRecord(i)); err != nil {
				t.Error(err)
			}
		}
	}
	if _, err := l.Witness(t.Context()); err != nil {
		t.Error(err)
	}
	if got, err := l.Witness(t.Context()); err != nil || names(got) != "w.example 5" {
		t.Errorf("%v, %v", got, err)
	}
	verified(t, l, 5, "")
	// A process that was slow comes with an answer of before.
	if h, err := l.attach(t.Context(), [][]byte{older}); err != nil || h.Size != 5 {
		t.Errorf("%+v, %v", h, err)
	}
	if h, _, err := l.cosigned(l.witnesses.cosigners[0]); err != nil || h.Size != 5 {
		t.Errorf("%+v, %v", h, err)
	}

	// A cosignature that was damaged is got anew.
	if err := os.RemoveAll(dir + "/cosigned"); err != nil {
		t.Fatal(err)
	}
	h, err := l.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	h.Note[len(h.Note)-9] ^= 1
	if err := os.WriteFile(dir+"/checkpoint", h.Note, 0o644); err != nil {
		t.Fatal(err)
	}
	l = reopen(t, dir, o)
	r, err := l.Verify(t.Context(), VerifyOptions{})
	if want := "/checkpoint: cosignature of w.example: invalid signature"; err != nil || !strings.Contains(fmt.Sprint(r.Faults), want) {
		t.Errorf("%v, %v, want %q", r.Faults, err, want)
	}
	if got, err := l.Witness(t.Context()); err != nil || len(got) != 1 {
		t.Errorf("%v, %v", got, err)
	}
	verified(t, l, 5, "")
}

// TestWitnessRollback puts back a backup of everything that this machine knows.
// The witness knows better.
func TestWitnessRollback(t *testing.T) {
	dir, pins := tempDir(t)+"/log", tempDir(t)
	w := newTestWitness(t, "w.example")
	o := options(t, pins)
	o.Witnesses = []Witness{w.config()}
	grow(t, dir, 3, 1, o)
	l := reopen(t, dir, o)
	if _, err := l.Witness(t.Context()); err != nil {
		t.Fatal(err)
	}
	backup := imageOf(t, dir, pins)
	appendMore(t, dir, 3, 5, 1, o)
	if _, err := l.Witness(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		fork int // records appended to the backup
		want string
	}{
		{0, "witness w.example says that it has cosigned 5 records, but the log has 3: an old copy was put back"},
		{1, "says that it has cosigned 5 records, but the log has 4"},
		{2, "witness w.example has cosigned other records than the first 5 of this log: the log was forked"},
		{9, "has cosigned other records than the first 5 of this log: the log was forked"},
	} {
		backup.restore(t, dir, pins)
		appendMore(t, dir, 100, 100+c.fork, 1, o)
		// As if it had been cosigned: the files in the folder do not count.
		if err := os.RemoveAll(dir + "/cosigned"); err != nil {
			t.Fatal(err)
		}
		if c.fork == 0 {
			if err := os.WriteFile(dir+"/checkpoint", backup[dir+"/checkpoint"], 0o644); err != nil {
				t.Fatal(err)
			}
		}
		_, err := reopen(t, dir, o).Witness(t.Context())
		if !errors.Is(err, ledger.ErrRollback) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%d records on: %v", c.fork, err)
		}
	}

	// The folder itself says so, if it is only the checkpoint that is old.
	backup.restore(t, dir, pins)
	appendMore(t, dir, 3, 5, 1, o)
	if _, err := reopen(t, dir, o).Witness(t.Context()); err != nil {
		t.Fatal(err)
	}
	im := imageOf(t, dir+"/cosigned")
	backup.restore(t, dir, pins)
	for name, data := range im {
		if err := os.WriteFile(name, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	r := verified(t, reopen(t, dir, o), 3, "has 3 records, but had 5")
	if len(r.Faults) == 1 && !strings.Contains(r.Faults[0].Path, "cosigned") {
		t.Errorf("%v", r.Faults)
	}
}

// TestWitnessHostile has witnesses do what they should not. Nothing of it gets
// into the log or stops it.
func TestWitnessHostile(t *testing.T) {
	dir := tempDir(t) + "/log"
	w, stranger := newTestWitness(t, "w.example"), newTestWitness(t, "stranger.example")
	o := options(t, "")
	grow(t, dir, 3, 1, o)
	before := imageOf(t, dir)
	text, _, _ := strings.Cut(string(before[dir+"/checkpoint"]), "\n\n")
	text += "\n"
	good := w.sign(text)
	damaged := strings.Replace(good, "w.example jK", "w.example jL", 1)
	if damaged == good {
		i := strings.LastIndexByte(good, '=')
		damaged = good[:i-9] + "AAAAAAAA" + good[i-1:]
	}
	answer := func(status int, body string) http.HandlerFunc {
		return func(rw http.ResponseWriter, r *http.Request) {
			rw.WriteHeader(status)
			io.WriteString(rw, body)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	calls := 0
	for _, c := range []struct {
		name    string
		handler http.HandlerFunc
		want    string
	}{
		{"nothing", answer(200, ""), "no cosignature by the key"},
		{"no signature", answer(200, "hello\n"), "malformed note"},
		{"without newline", answer(200, strings.TrimSuffix(good, "\n")), "malformed note"},
		{"damaged", answer(200, damaged), "invalid signature"},
		{"of other text", answer(200, w.sign(text+"x\n")), "invalid signature"},
		{"with other text", answer(200, "x\n\n"+w.sign(text+"\nx\n")), "an empty line in the answer"},
		{"with an empty line", answer(200, "\n"+w.sign(text+"\n")), "an empty line in the answer"},
		{"of another witness", answer(200, stranger.sign(text)), "no cosignature by the key"},
		{"as the log", answer(200, strings.ReplaceAll(good, w.name, origin)), "no cosignature by the key"},
		{"huge", func(rw http.ResponseWriter, r *http.Request) {
			for i := 0; i < 1<<30; i += 1 << 16 {
				if _, err := rw.Write(bytes.Repeat([]byte(good), 1<<16/len(good))); err != nil {
					return
				}
			}
		}, "answer of more than 65536 bytes"},
		{"unknown log", answer(404, "no"), `does not know log "example.com/log" (404)`},
		{"unknown key", answer(403, "no"), `does not accept the key of log "example.com/log" (403)`},
		{"ill", answer(500, "out of\norder"), `answered 500 Internal Server Error: "out of\norder"`},
		{"elsewhere", func(rw http.ResponseWriter, r *http.Request) {
			http.Redirect(rw, r, w.url, http.StatusTemporaryRedirect)
		}, "answered 307 Temporary Redirect"},
		{"conflict without size", answer(409, "many\n"), `conflict with a tree of unknown size: tree size "many"`},
		{"conflict with size -1", answer(409, "-1\n"), `conflict with a tree of unknown size: tree size "-1"`},
		{"conflict with 2^63", answer(409, "9223372036854775808\n"), "conflict with a tree of unknown size"},
		{"knows more", answer(409, "4\n"), "says that it has cosigned 4 records, but the log has 3"},
		{"of two minds", func(rw http.ResponseWriter, r *http.Request) {
			calls++
			answer(409, fmt.Sprintln(calls%2+1))(rw, r)
		}, "has cosigned 1 records, and before that said 2"},
		{"stubborn", answer(409, "0\n"), "has cosigned other records"},
		{"hanging", func(rw http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body) // else the server does not look whether the client is there
			cancel()
			<-r.Context().Done()
		}, "context canceled"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := httptest.NewServer(c.handler)
			defer s.Close()
			o := o
			o.Witnesses = []Witness{{s.URL, w.vkey()}}
			l := reopen(t, dir, o)
			got, err := l.Witness(ctx)
			if err == nil || len(got) > 0 || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, %v; want %q", got, err, c.want)
			}
			for name, data := range imageOf(t, dir) {
				if !bytes.Equal(before[name], data) {
					t.Errorf("%s has changed", name)
				}
			}
			verified(t, l, 0, "")
		})
	}
	l := reopen(t, dir, o)
	if _, err := l.Append(t.Context(), testRecord(3)); err != nil {
		t.Error(err)
	}
}

// TestOnWitness has the process ask by itself after an append.
func TestOnWitness(t *testing.T) {
	w := newTestWitness(t, "w.example")
	told := make(chan string, 9)
	o := options(t, "")
	o.Witnesses = []Witness{w.config()}
	o.OnWitness = func(got []Cosignature, err error) { told <- fmt.Sprint(names(got), " ", err) }
	l := newTestLog(t, t.TempDir()+"/log", o)
	for i := range 2 {
		if _, err := l.Append(t.Context(), testRecord(i)); err != nil {
			t.Fatal(err)
		}
		if got, want := <-told, fmt.Sprintf("w.example %d <nil>", i+1); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestWitnessFaults lets each change to the disk fail, in every way. Another
// call makes good.
func TestWitnessFaults(t *testing.T) {
	dir := tempDir(t) + "/log"
	w := newTestWitness(t, "w.example")
	o := options(t, "")
	o.Witnesses, o.Quorum = []Witness{w.config()}, 1
	grow(t, dir, 3, 1, o)
	im := imageOf(t, dir)
	for _, persist := range []bool{false, true} {
		for at := 1; ; at++ {
			im.restore(t, dir)
			f := &faulty{at: at, persist: persist}
			l, err := open(t.Context(), dir, o, f.disk())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := l.Witness(t.Context()); err != nil && !errors.Is(err, errInjected) {
				t.Errorf("change %d: %v", at, err)
			}
			l.Close()
			l = reopen(t, dir, o)
			if got, err := l.Witness(t.Context()); err != nil || len(got) != 1 {
				t.Errorf("change %d: %v, %v", at, got, err)
			}
			verified(t, l, 3, "")
			l.Close()
			if f.n < at {
				if at < 4 {
					t.Errorf("only %d changes", at-1)
				}
				break
			}
		}
	}
}

// TestWitnessEveryByte flips every byte of a log with cosignatures: of the
// witness's files too, it is told.
func TestWitnessEveryByte(t *testing.T) {
	dir, pins := tempDir(t)+"/log", tempDir(t)
	w := newTestWitness(t, "w.example")
	o := options(t, pins)
	o.Witnesses = []Witness{w.config()}
	grow(t, dir, 2, 1, o)
	l := reopen(t, dir, o)
	if _, err := l.Witness(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.Close()
	flips(t, dir, pins, 1, o)
}

func TestWitnessKeys(t *testing.T) {
	w := newTestWitness(t, "w.example")
	good := w.config()
	parts := strings.SplitN(good.Key, "+", 3)
	for _, c := range []struct {
		w    []Witness
		n    int
		want string
	}{
		{[]Witness{good, good}, 0, `witness "w.example" is listed twice`},
		{[]Witness{good}, 2, "a quorum of 2 among 1 witnesses"},
		{[]Witness{good}, -1, "a quorum of -1 among 1 witnesses"},
		{[]Witness{{"ftp://x/", good.Key}}, 0, `witness "w.example": want an http or https address, not "ftp://x/"`},
		{[]Witness{{"http://", good.Key}}, 0, "want an http or https address"},
		{[]Witness{{"http://x/?a", good.Key}}, 0, "want an http or https address"},
		{[]Witness{{"", ""}}, 0, "want name+id+key"},
		{[]Witness{{"", "a b+" + parts[1] + "+" + parts[2]}}, 0, "want name+id+key"},
		{[]Witness{{"", "other+" + parts[1] + "+" + parts[2]}}, 0, "does not belong to name and key"},
		{[]Witness{{"", parts[0] + "+" + strings.ToUpper(parts[1]) + "x+" + parts[2]}}, 0, "does not belong to name and key"},
		{[]Witness{{"", parts[0] + "+" + parts[1] + "+!"}}, 0, "not in base64"},
		{[]Witness{{"", vkeyOfLog(t)}}, 0, "type 0x01 with 32 bytes, want an Ed25519 key for cosignatures, type 0x04"},
	} {
		o := options(t, "")
		o.Witnesses, o.Quorum = c.w, c.n
		_, err := Init(t.Context(), t.TempDir()+"/log", o)
		if !errors.Is(err, ledger.ErrInvalid) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v", c.w, err)
		}
	}
	// The example of the specification.
	const checkpoint = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
	if cs, err := Cosignatures([]byte(checkpoint), []Witness{good}); err != nil || len(cs) != 0 {
		t.Errorf("%v, %v", cs, err)
	}
	text, _, _ := strings.Cut(checkpoint, "\n\n")
	if cs, err := Cosignatures([]byte(checkpoint+w.sign(text+"\n")), []Witness{good}); err != nil || names(cs) != "w.example 20852163" {
		t.Errorf("%v, %v", cs, err)
	}
	if cs, err := Cosignatures([]byte(checkpoint+w.sign(text)), []Witness{good}); !errors.Is(err, ledger.ErrCorrupt) {
		t.Errorf("%v, %v", cs, err)
	}
}

func vkeyOfLog(t testing.TB) string {
	t.Helper()
	vkey, err := note.NewEd25519VerifierKey(origin, testKey().Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	return vkey
}

// FuzzWitnessAnswer wants of every answer that is accepted: the checkpoint with
// its signature has the text of before, and the witness's name under it.
func FuzzWitnessAnswer(f *testing.F) {
	w := newTestWitness(f, "w.example")
	l, err := newLog(f.TempDir(), options(f, ""), unsynced)
	if err != nil {
		f.Fatal(err)
	}
	checkpoint, err := l.sign(3, ledger.RecordHash(nil))
	if err != nil {
		f.Fatal(err)
	}
	text, _, _ := strings.Cut(string(checkpoint), "\n\n")
	c, err := newCosigner(w.config())
	if err != nil {
		f.Fatal(err)
	}
	good := w.sign(text + "\n")
	for _, s := range []string{good, good + good, "", "\n" + good, "x\n\n" + good, "— a AAAAAAAA\n" + good, strings.TrimSpace(good)} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		sig, err := c.accept(checkpoint, answer)
		if err != nil {
			return
		}
		data, err := l.withSignatures(checkpoint, *sig)
		if err != nil {
			t.Fatal(err)
		}
		h, err := l.parseCheckpoint(data)
		if s, err2 := c.open(data); err != nil || err2 != nil || s == nil || h.Size != 3 || !strings.HasPrefix(string(data), text+"\n\n") {
			t.Errorf("%q: %v, %v", data, err, err2)
		}
	})
}

// FuzzWitnessKey wants no panic, and of a key that is accepted its parts.
func FuzzWitnessKey(f *testing.F) {
	w := newTestWitness(f, "w.example")
	f.Add(w.vkey())
	f.Add("w+00000000+BA==")
	f.Add("++")
	f.Fuzz(func(t *testing.T, key string) {
		c, err := newCosigner(Witness{Key: key})
		if err != nil {
			return
		}
		if again := c.name + "+" + c.hex() + "+" + base64.StdEncoding.EncodeToString(append([]byte{cosignatureV1}, c.key...)); again != key {
			t.Errorf("%q became %q", key, again)
		}
	})
}
