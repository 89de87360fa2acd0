package store

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/audittest"
	"github.com/mmaudit/mmaudit/audit/hparams"
	"github.com/mmaudit/mmaudit/audit/keys"
	"github.com/mmaudit/mmaudit/audit/trust"
	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/tlog"
	"github.com/mmaudit/mmaudit/schemas/draft2020"
)

// fixture is where a test has its ledger.
type fixture struct {
	dir, pins string
	key       *keys.Private
}

func newFixture(t testing.TB) fixture {
	t.Helper()
	k, err := keys.Generate(keys.Ed25519)
	if err != nil {
		t.Fatal(err)
	}
	base := t.TempDir()
	return fixture{filepath.Join(base, DirName), filepath.Join(base, "pins"), k}
}

func (p fixture) options() Options { return Options{Write: true, Pins: p.pins} }

func (p fixture) genesis(origin, logKey string) ([]byte, error) {
	g := audittest.Event(audit.LedgerCreated, "", "", "", 0)
	g.Actor.KeyID = p.key.Public().ID()
	public := p.key.Public()
	g.Ledger = &audit.Genesis{Origin: origin, Log: logKey, Keys: []audit.SignerKey{{
		ID: public.ID(), Algorithm: string(public.Algorithm()), Public: public.DER(), Name: "root", Roles: audit.Roles(),
	}}}
	return audit.Seal(g, p.key)
}

func (p fixture) init(t testing.TB) *Store {
	t.Helper()
	s, err := Init(t.Context(), p.dir, InitOptions{Origin: "example.com/audit", Genesis: p.genesis, Pins: p.pins})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func (p fixture) open(t testing.TB) *Store {
	t.Helper()
	s, err := Open(t.Context(), p.dir, p.options())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// seal makes the n-th record, of an incident unless change makes it another.
func (p fixture) seal(t testing.TB, n int, change func(*audit.Predicate)) []byte {
	t.Helper()
	q := audittest.Event(audit.Incident, "m", "1", "", n)
	q.Actor.KeyID = p.key.Public().ID()
	if change != nil {
		change(q)
	}
	record, err := audit.Seal(q, p.key)
	if err != nil {
		t.Fatal(err)
	}
	return record
}

func TestInitAndOpen(t *testing.T) {
	p := newFixture(t)
	if _, err := Open(t.Context(), p.dir, p.options()); !errors.Is(err, ledger.ErrNoLedger) {
		t.Errorf("open of nothing: %v", err)
	}
	s := p.init(t)
	if _, err := s.Append(t.Context(), p.seal(t, 1, nil)); err != nil {
		t.Fatal(err)
	}
	s = p.open(t)
	head, err := s.Log.Head(t.Context())
	if err != nil || head.Size != 2 || head.Origin != "example.com/audit" {
		t.Fatalf("head %+v, %v", head, err)
	}
	ring, err := trust.Load(t.Context(), s.Log, head.Size)
	if err != nil || ring.Genesis() == "" || ring.LogKey() != s.Config.Log[0] {
		t.Errorf("the first record does not say what the ledger is: %v", err)
	}
	for name, mode := range map[string]fs.FileMode{"site.key": 0o600, "log.key": 0o600, "ledger.json": 0o644} {
		plain := filepath.Join(t.TempDir(), "plain") // of the mode that the umask leaves
		if err := os.WriteFile(plain, nil, mode); err != nil {
			t.Fatal(err)
		}
		want, err := os.Stat(plain)
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(filepath.Join(p.dir, name))
		if err != nil || info.Mode() != want.Mode() {
			t.Errorf("%s: %v, %v; want %v", name, info.Mode(), err, want.Mode())
		}
	}
	if _, err := Init(t.Context(), p.dir, InitOptions{Origin: "example.com/audit", Genesis: p.genesis, Pins: p.pins}); !errors.Is(err, ledger.ErrExists) {
		t.Errorf("init of a ledger that is there: %v", err)
	}
	reader, err := Open(t.Context(), p.dir, Options{Pins: p.pins})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if _, err := reader.Append(t.Context(), p.seal(t, 2, nil)); !errors.Is(err, ledger.ErrReadOnly) {
		t.Errorf("append to a ledger opened for reading: %v", err)
	}
}

// TestInitFails leaves nothing behind, and nothing of others touched.
func TestInitFails(t *testing.T) {
	p := newFixture(t)
	broken := errors.New("no key today")
	_, err := Init(t.Context(), p.dir, InitOptions{Origin: "example.com/audit", Pins: p.pins, Genesis: func(string, string) ([]byte, error) { return nil, broken }})
	if !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
	_, err = Init(t.Context(), p.dir, InitOptions{Origin: "example.com/audit", Pins: p.pins, Genesis: func(string, string) ([]byte, error) { return []byte("{}"), nil }})
	if !errors.Is(err, ledger.ErrInvalid) {
		t.Errorf("a first record that is none: %v", err)
	}
	if _, err := os.Lstat(p.dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s was left: %v", p.dir, err)
	}
	for _, origin := range []string{"a b", "a+b", "ä", strings.Repeat("x", 257), "a\nb"} {
		if _, err := Init(t.Context(), p.dir, InitOptions{Origin: origin, Genesis: p.genesis, Pins: p.pins}); !errors.Is(err, ledger.ErrInvalid) {
			t.Errorf("origin %q: %v", origin, err)
		}
	}
	p.init(t) // it can still be made
}

func TestUnfinished(t *testing.T) {
	p := newFixture(t)
	p.init(t).Close()
	if err := os.Remove(filepath.Join(p.dir, "ledger.json")); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), p.dir, p.options()); !errors.Is(err, ErrUnfinished) {
		t.Errorf("%v", err)
	}
	if _, err := Init(t.Context(), p.dir, InitOptions{Origin: "example.com/audit", Genesis: p.genesis, Pins: p.pins}); !errors.Is(err, ledger.ErrExists) {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(filepath.Join(p.dir, "log", "checkpoint")); err != nil {
		t.Errorf("the log of somebody was removed: %v", err)
	}
}

// TestKeysOfAnother: a key of another log, or half a site key, is not used.
func TestKeysOfAnother(t *testing.T) {
	p, q := newFixture(t), newFixture(t)
	s := p.init(t)
	q.init(t)
	if key, err := s.SiteKey(); err != nil || len(key) != 32 {
		t.Errorf("%d bytes, %v", len(key), err)
	}
	if err := os.WriteFile(filepath.Join(p.dir, "site.key"), []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.SiteKey(); err == nil {
		t.Error("a site key of 5 bytes was taken")
	}
	key, err := os.ReadFile(filepath.Join(q.dir, "log.key"))
	if err == nil {
		err = os.WriteFile(filepath.Join(p.dir, "log.key"), key, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), p.dir, p.options()); !errors.Is(err, ErrConfig) {
		t.Errorf("%v", err)
	}
	r, err := Open(t.Context(), p.dir, Options{Pins: p.pins}) // reading needs no key
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
}

func TestFind(t *testing.T) {
	p := newFixture(t)
	p.init(t).Close()
	below := filepath.Join(filepath.Dir(p.dir), "a", "b")
	if err := os.MkdirAll(below, 0o755); err != nil {
		t.Fatal(err)
	}
	if got, err := Find(below); err != nil || got != p.dir {
		t.Errorf("Find = %q, %v", got, err)
	}
	if _, err := Find(t.TempDir()); !errors.Is(err, ledger.ErrNoLedger) {
		t.Errorf("%v", err)
	}
}

// TestRetry appends a record twice under one id, as a job that runs again does.
func TestRetry(t *testing.T) {
	p := newFixture(t)
	s := p.init(t)
	make := func(n int, change func(*audit.Predicate)) []byte {
		return p.seal(t, n, func(q *audit.Predicate) {
			q.ID = "job-17"
			q.Data = []audit.Dataset{audittest.Dataset("d", "train")}
			if change != nil {
				change(q)
			}
		})
	}
	first, err := s.Append(t.Context(), make(1, nil))
	if err != nil || first.Known || first.Index != 1 {
		t.Fatalf("%+v, %v", first, err)
	}
	for name, same := range map[string]func(*audit.Predicate){
		"later":     nil,
		"cached":    func(q *audit.Predicate) { q.Data[0].Fingerprint.Cached = 7 },
		"toolchain": func(q *audit.Predicate) { q.Toolchain = audittest.Toolchain(map[string]string{"cuda": "12"}) },
		"prev":      func(q *audit.Predicate) { q.Prev = &audit.Prev{Index: 0, Digest: audit.DigestOf(nil)} },
	} {
		again, err := s.Append(t.Context(), make(2, same))
		if err != nil || !again.Known || again.Index != 1 {
			t.Errorf("%s: %+v, %v", name, again, err)
		}
	}
	for name, other := range map[string]func(*audit.Predicate){
		"data":    func(q *audit.Predicate) { q.Data = []audit.Dataset{audittest.Dataset("e", "train")} },
		"role":    func(q *audit.Predicate) { q.Data[0].Role = "test" },
		"summary": func(q *audit.Predicate) { q.Incident.Summary = "another" },
		"version": func(q *audit.Predicate) { q.Version = "2" },
	} {
		if _, err := s.Append(t.Context(), make(3, other)); !errors.Is(err, ledger.ErrConflict) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if head, err := s.Log.Head(t.Context()); err != nil || head.Size != 2 {
		t.Errorf("size %d, %v", head.Size, err)
	}
}

func TestParamsSecret(t *testing.T) {
	key := bytes.Repeat([]byte{7}, 32)
	var h hparams.Hash
	got := hex.EncodeToString(ParamsSecret(key, h))
	if ssl, err := exec.LookPath("openssl"); err == nil {
		cmd := exec.Command(ssl, "dgst", "-sha3-256", "-mac", "HMAC", "-macopt", "hexkey:"+hex.EncodeToString(key))
		cmd.Stdin = io.MultiReader(strings.NewReader("auditlog/params-secret/v1\n"), bytes.NewReader(h[:]))
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(strings.TrimSpace(string(out)), got) {
			t.Errorf("openssl says %s, ParamsSecret %s", out, got)
		}
	} else {
		t.Log("no openssl to compare with")
	}
	h[0] = 1
	if hex.EncodeToString(ParamsSecret(key, h)) == got {
		t.Error("another set has the same secret")
	}
}

// TestRotate replaces the key of the log, and kills the process in thought
// after each step.
func TestRotate(t *testing.T) {
	p := newFixture(t)
	s := p.init(t)
	old, next, err := s.NextLogKey(nil, "")
	if err != nil {
		t.Fatal(err)
	}
	s.Close()

	// The key was made, the record was not: the old one goes on.
	s = p.open(t)
	if s.Config.Log[0] != old || s.Next == nil || s.Next.Log != next {
		t.Fatalf("%+v", s.Config)
	}
	if _, again, err := s.NextLogKey(nil, ""); err != nil || again != next {
		t.Errorf("the key that waits was not taken: %q, %v", again, err)
	}
	if _, err := s.Append(t.Context(), p.seal(t, 1, nil)); err != nil {
		t.Fatal(err)
	}
	record := p.seal(t, 2, func(q *audit.Predicate) {
		*q = *audittest.Event(audit.KeyRotated, "", "", "", 2)
		q.Actor.KeyID = p.key.Public().ID()
		q.Key = &audit.KeyChange{Old: old, Log: next}
	})

	// The record was appended, ledger.json does not say so yet.
	other := p.open(t)
	if _, err := s.appendOnce(t.Context(), record); err != nil {
		t.Fatal(err)
	}
	s.Close()
	s = p.open(t)
	if s.Config.Log[0] != next || s.Config.Log[1] != old || s.Next != nil {
		t.Fatalf("the next writer did not finish: %+v", s.Config)
	}
	// A writer that was open all the while signs with the new key too.
	for _, w := range []*Store{other, s} {
		if _, err := w.Append(t.Context(), p.seal(t, 3, func(q *audit.Predicate) { q.Note = w.Config.Log[0] })); err != nil {
			t.Fatal(err)
		}
		s := p.open(t)
		head, err := s.Log.Head(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ring, err := trust.Load(t.Context(), s.Log, head.Size)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tlog.OpenCheckpoint(head.Note, head.Origin, ring.LogVerifiersAt(head.Size)...); err != nil {
			t.Errorf("checkpoint of %d records: %v", head.Size, err)
		}
	}
}

// TestRotateByAppend has the new key sign after the append of its record, as
// when others had to sign that first.
func TestRotateByAppend(t *testing.T) {
	p := newFixture(t)
	s := p.init(t)
	old, next, err := s.NextLogKey([]byte("horse"), "env:LOG_PASSPHRASE")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Append(t.Context(), p.seal(t, 2, func(q *audit.Predicate) {
		*q = *audittest.Event(audit.KeyRotated, "", "", "", 2)
		q.Actor.KeyID = p.key.Public().ID()
		q.Key = &audit.KeyChange{Old: old, Log: next}
	})); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(p.dir, "ledger.json"))
	if err != nil {
		t.Fatal(err)
	}
	if c, err := ParseConfig(text); err != nil || c.Log[0] != next || c.Next != nil {
		t.Errorf("after the append: %+v, %v", c, err)
	}
	if _, err := Open(t.Context(), p.dir, p.options()); err == nil {
		t.Error("the encrypted key was opened without its passphrase")
	}
	t.Setenv("LOG_PASSPHRASE", "horse")
	s = p.open(t)
	if s.Config.Log[0] != next {
		t.Fatalf("%+v", s.Config)
	}
	if _, err := s.Append(t.Context(), p.seal(t, 3, nil)); err != nil {
		t.Fatal(err)
	}
}

// TestConfigMatchesSchema holds ParseConfig to the schema, both ways.
func TestConfigMatchesSchema(t *testing.T) {
	schema, err := draft2020.Compile("ledger.schema.json", "")
	if err != nil {
		t.Fatal(err)
	}
	p := newFixture(t)
	s := p.init(t)
	if _, _, err := s.NextLogKey(nil, ""); err != nil {
		t.Fatal(err)
	}
	valid, err := os.ReadFile(filepath.Join(p.dir, "ledger.json"))
	if err != nil {
		t.Fatal(err)
	}
	vkey := s.Config.Log[0]
	for _, c := range []struct {
		name, old, new string
		ok             bool
	}{
		{"as it is", "", "", true},
		{"version", `"v": 1`, `"v": 2`, false},
		{"member", `"v": 1`, `"v": 1, "w": 1`, false},
		{"origin", `"origin": "example.com/audit"`, `"origin": ""`, false},
		{"no file", `"file": "log.key"`, `"file": ""`, false},
		{"verifier key", vkey, vkey[1:2], false},
		{"no keys", `"log": [`, `"log": [], "x": [`, false},
		{"witness", `"v": 1`, `"v": 1, "witnesses": [{"key": "` + vkey + `"}], "quorum": 1`, true},
		{"witness without key", `"v": 1`, `"v": 1, "witnesses": [{"url": "http://w"}]`, false},
		{"quorum", `"v": 1`, `"v": 1, "quorum": -1`, false},
		{"mirror", `"logKey": {
    "file": "log.key"
  }`, `"mirror": {}`, true},
		{"unfinished mirror", `"logKey": {
    "file": "log.key"
  }`, `"mirror": {"unfinished": true}`, true},
		{"mirror with a key", `"v": 1`, `"v": 1, "mirror": {}`, false},
		{"mirror of what", `"logKey": {
    "file": "log.key"
  }`, `"mirror": {"of": 1}`, false},
	} {
		text := strings.Replace(string(valid), c.old, c.new, 1)
		if c.old != "" && text == string(valid) {
			t.Fatalf("%s: nothing was replaced in %s", c.name, valid)
		}
		var doc any
		if err := json.Unmarshal([]byte(text), &doc); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if err := schema.Validate(doc); (err == nil) != c.ok {
			t.Errorf("%s: the schema says %v", c.name, err)
		}
		if _, err := ParseConfig([]byte(text)); (err == nil) != c.ok || err != nil && !errors.Is(err, ErrConfig) {
			t.Errorf("%s: ParseConfig says %v", c.name, err)
		}
	}
}

func FuzzParseConfig(f *testing.F) {
	p := newFixture(f)
	p.init(f)
	valid, err := os.ReadFile(filepath.Join(p.dir, "ledger.json"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(valid)
	f.Add([]byte(`{"v":1,"origin":"a","log":["a+00000000+AQ=="],"logKey":{"file":"k"}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := ParseConfig(text)
		if err != nil {
			if !errors.Is(err, ErrConfig) {
				t.Errorf("%v", err)
			}
			return
		}
		again, err := c.marshal()
		if err != nil {
			t.Fatal(err)
		}
		if d, err := ParseConfig(again); err != nil || d.Origin != c.Origin || d.LogKey != c.LogKey {
			t.Errorf("%+v became %+v, %v", c, d, err)
		}
	})
}

// TestConcurrent appends from many goroutines and two openings.
func TestConcurrent(t *testing.T) {
	p := newFixture(t)
	stores := []*Store{p.init(t), p.open(t)}
	var wg sync.WaitGroup
	for n := range 40 {
		record := p.seal(t, n, nil)
		wg.Go(func() {
			if _, err := stores[n%2].Append(context.Background(), record); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if head, err := p.open(t).Log.Head(t.Context()); err != nil || head.Size != 41 {
		t.Errorf("size %d, %v", head.Size, err)
	}
}
