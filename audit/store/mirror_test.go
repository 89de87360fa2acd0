package store

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/audittest"
	"github.com/mmaudit/mmaudit/audit/trust"
	"github.com/mmaudit/mmaudit/ledger"
)

// source is what a mirror of a store is made of.
func source(t testing.TB, s *Store) Source {
	t.Helper()
	head, err := s.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return Source{s.Log, head, s.Config.Log, s.Witnesses, s.Quorum}
}

// TestMirror follows a ledger through a change of its key, and becomes one.
func TestMirror(t *testing.T) {
	p := newFixture(t)
	s := p.init(t)
	dir := filepath.Join(filepath.Dir(p.dir), "mirror")
	o := Options{Pins: p.pins}
	follow := func(size int64) {
		t.Helper()
		if err := MirrorTo(t.Context(), dir, source(t, s), o, nil, nil); err != nil {
			t.Fatal(err)
		}
		m, err := Open(t.Context(), dir, o)
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		head, err := m.Head(t.Context())
		if err != nil || head.Size != size {
			t.Fatalf("head %+v, %v; want size %d", head, err, size)
		}
		if n, there, err := SizeAt(t.Context(), dir, s.Origin, o); n != size || !there || err != nil {
			t.Errorf("size %d, %v, %v", n, there, err)
		}
	}
	if n, there, err := SizeAt(t.Context(), dir, s.Origin, o); n != 0 || there || err != nil {
		t.Errorf("size %d, %v, %v", n, there, err)
	}
	follow(1)
	follow(1)
	if _, err := s.Append(t.Context(), p.seal(t, 1, nil)); err != nil {
		t.Fatal(err)
	}
	follow(2)
	for _, name := range []string{"log.key", "site.key"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			t.Errorf("a mirror has %s", name)
		}
	}
	if _, err := Open(t.Context(), dir, p.options()); !errors.Is(err, ErrMirror) || !errors.Is(err, ledger.ErrReadOnly) {
		t.Errorf("opened for appending: %v", err)
	}

	// The log gets another key.
	old, next, err := s.NextLogKey(nil, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Append(t.Context(), p.rotation(t, old, next, 2)); err != nil {
		t.Fatal(err)
	}
	s = p.open(t)
	if _, err := s.Append(t.Context(), p.seal(t, 3, nil)); err != nil {
		t.Fatal(err)
	}
	follow(4)

	// The mirror goes on by itself.
	if err := TakeOver(dir, nil, ""); !errors.Is(err, ErrNoSiteKey) {
		t.Errorf("without site.key: %v", err)
	}
	p.copySiteKey(t, dir)
	if err := TakeOver(dir, nil, ""); err != nil {
		t.Fatal(err)
	}
	m, err := Open(t.Context(), dir, p.options())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	if _, err := m.Append(t.Context(), p.seal(t, 4, nil)); !errors.Is(err, ErrMirror) {
		t.Errorf("a record before the change of keys: %v", err)
	}
	if err := MirrorTo(t.Context(), dir, source(t, s), o, nil, nil); !errors.Is(err, ledger.ErrExists) {
		t.Errorf("mirrored over a ledger that is about to go on: %v", err)
	}
	old, next, err = m.NextLogKey(nil, "")
	if err != nil || old != s.Config.Log[0] || next == old {
		t.Fatalf("keys %q, %q, %v", old, next, err)
	}
	if _, err := m.Append(t.Context(), p.rotation(t, old, next, 5)); err != nil {
		t.Fatal(err)
	}
	m2, err := Open(t.Context(), dir, p.options())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m2.Close() })
	if _, err := m2.Append(t.Context(), p.seal(t, 6, nil)); err != nil {
		t.Fatal(err)
	}
	ring, err := trust.Load(t.Context(), m2.Log, 6)
	if err != nil || ring.LogKey() != next || m2.Mirror != nil {
		t.Errorf("the log's key is %s, %v; mirror %v", ring.LogKey(), err, m2.Mirror)
	}
	if key, err := m2.SiteKey(); err != nil || len(key) != siteSize {
		t.Errorf("site.key: %v", err)
	}
	if err := MirrorTo(t.Context(), dir, source(t, s), o, nil, nil); !errors.Is(err, ledger.ErrExists) {
		t.Errorf("mirrored over a ledger: %v", err)
	}
}

func (p fixture) rotation(t testing.TB, old, next string, n int) []byte {
	t.Helper()
	return p.seal(t, n, func(q *audit.Predicate) {
		*q = *audittest.Event(audit.KeyRotated, "", "", "", n)
		q.Actor.KeyID = p.key.Public().ID()
		q.Key = &audit.KeyChange{Old: old, Log: next}
	})
}

func (p fixture) copySiteKey(t testing.TB, to string) {
	t.Helper()
	key, err := os.ReadFile(filepath.Join(p.dir, "site.key"))
	if err == nil {
		err = os.WriteFile(filepath.Join(to, "site.key"), key, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestTakeOverKilled: whatever of a takeover was done, the folder is read, and
// the next writer finishes it.
func TestTakeOverKilled(t *testing.T) {
	p := newFixture(t)
	s := p.init(t)
	dir := filepath.Join(filepath.Dir(p.dir), "mirror")
	if err := MirrorTo(t.Context(), dir, source(t, s), Options{Pins: p.pins}, nil, nil); err != nil {
		t.Fatal(err)
	}
	p.copySiteKey(t, dir)
	if err := TakeOver(dir, nil, ""); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(filepath.Join(dir, "ledger.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := TakeOver(dir, nil, ""); err != nil { // again: the same key
		t.Fatal(err)
	}
	if again, err := os.ReadFile(filepath.Join(dir, "ledger.json")); err != nil || !bytes.Equal(again, before) {
		t.Errorf("%s, %v", again, err)
	}
	m, err := Open(t.Context(), dir, p.options())
	if err != nil {
		t.Fatal(err)
	}
	old, next, err := m.NextLogKey(nil, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Append(t.Context(), p.rotation(t, old, next, 1)); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(m.Close(), os.WriteFile(filepath.Join(dir, "ledger.json"), before, 0o644)); err != nil {
		t.Fatal(err)
	}
	reader, err := Open(t.Context(), dir, Options{Pins: p.pins})
	if err != nil {
		t.Fatal(err)
	}
	reader.Close()
	m, err = Open(t.Context(), dir, p.options())
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if _, err := m.Append(t.Context(), p.seal(t, 2, nil)); err != nil || m.Mirror != nil || m.Config.Log[0] != next {
		t.Errorf("%v, %+v", err, m.Config)
	}
}

// TestMirrorCutShort: nothing is read of a mirror before it is whole.
func TestMirrorCutShort(t *testing.T) {
	p := newFixture(t)
	s := p.init(t)
	dir := filepath.Join(filepath.Dir(p.dir), "mirror")
	o := Options{Pins: p.pins}
	stop := errors.New("stop")
	if err := MirrorTo(t.Context(), dir, source(t, s), o, func(Blobs) error { return stop }, nil); !errors.Is(err, stop) {
		t.Fatal(err)
	}
	for _, write := range []bool{false, true} {
		if _, err := Open(t.Context(), dir, Options{Pins: p.pins, Write: write}); !errors.Is(err, ErrPartial) {
			t.Errorf("opened: %v", err)
		}
	}
	if n, there, err := SizeAt(t.Context(), dir, s.Origin, o); n != 0 || !there || err != nil {
		t.Errorf("size %d, %v, %v", n, there, err)
	}
	if _, err := Init(t.Context(), dir, InitOptions{Origin: "example.com/other", Genesis: p.genesis, Pins: p.pins}); !errors.Is(err, ledger.ErrExists) {
		t.Errorf("a ledger in the place of a mirror: %v", err)
	}
	var had bool
	if err := MirrorTo(t.Context(), dir, source(t, s), o, func(b Blobs) error {
		_, err := b.Put(t.Context(), "x", "text/plain", strings.NewReader("x"))
		had = true
		return err
	}, nil); err != nil || !had {
		t.Fatal(err)
	}
	if m, err := Open(t.Context(), dir, o); err != nil {
		t.Error(err)
	} else {
		m.Close()
	}
}

// TestMirrorElsewhere: a folder that has something else stays as it is.
func TestMirrorElsewhere(t *testing.T) {
	p := newFixture(t)
	s := p.init(t)
	other := newFixture(t)
	other.init(t)
	half := t.TempDir()
	if err := os.Mkdir(filepath.Join(half, "log"), 0o755); err != nil {
		t.Fatal(err)
	}
	foreign := t.TempDir()
	from := source(t, s)
	if err := MirrorTo(t.Context(), foreign, from, Options{Pins: p.pins}, nil, nil); err != nil {
		t.Fatal(err)
	}
	named := from
	named.Head.Origin = "example.com/b"
	for _, c := range []struct {
		dir  string
		from Source
		says string
	}{
		{other.dir, from, "is a ledger of its own"},
		{half, from, filepath.Join(half, "log")},
		{foreign, named, `is a mirror of "example.com/audit", not of "example.com/b"`},
	} {
		if err := MirrorTo(t.Context(), c.dir, c.from, Options{Pins: p.pins}, nil, nil); !errors.Is(err, ledger.ErrExists) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.dir, err)
		}
		if _, _, err := SizeAt(t.Context(), c.dir, c.from.Head.Origin, Options{Pins: p.pins}); !errors.Is(err, ledger.ErrExists) {
			t.Errorf("%s: size: %v", c.dir, err)
		}
	}
}
