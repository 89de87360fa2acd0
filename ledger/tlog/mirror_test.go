package tlog

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"iter"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	sumdb "golang.org/x/mod/sumdb/tlog"

	"github.com/mmaudit/mmaudit/ledger"
)

// headAt is the signed head that a log had at a size.
func headAt(t testing.TB, l *Log, size int64) ledger.Head {
	t.Helper()
	var h ledger.Head
	err := l.view(t.Context(), func(tr tree) error {
		root, err := sumdb.TreeHash(size, tr)
		if err != nil {
			return err
		}
		note, err := l.sign(size, root)
		h = ledger.Head{Origin: l.origin, Size: size, Root: root, Note: note}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// readers are the options of a mirror of a log.
func readers(o Options, pins string) Options {
	o.Signer, o.Pins = nil, pins
	return o
}

// TestMirror makes and extends mirrors over the ends of bundles and tiles, and
// wants the very files of a log that grew to that size, index included.
func TestMirror(t *testing.T) {
	const most = 1030
	dir := tempDir(t)
	o := options(t, "")
	grow(t, dir+"/source", most, 500, o)
	source := reopen(t, dir+"/source", o)
	for _, sizes := range [][]int64{{0, 1}, {1, 1, 2}, {255, 257}, {256}, {256, 1024}, {3, 1024, 1025}, {700, 1029, 1030}, {1023, 1030}, {most}} {
		name := filepath.Join(dir, fmt.Sprint(sizes))
		pins := name + ".pins"
		for i, size := range sizes {
			h := headAt(t, source, size)
			last := int64(-1)
			if err := mirror(t.Context(), name, readers(o, pins), source, h, func(n int64) { last = n }, unsynced); err != nil {
				t.Fatalf("%v to %d: %v", sizes, size, err)
			}
			if last != size {
				t.Errorf("%v: progress ended with %d of %d", sizes, last, size)
			}
			grown := fmt.Sprintf("%s.grown-%d", name, i)
			if size > 0 {
				grow(t, grown, int(size), 500, o)
				want, got := map[string]string{}, map[string]string{}
				for file, data := range imageOf(t, grown) {
					want[strings.TrimPrefix(file, grown)] = string(data)
				}
				for file, data := range imageOf(t, name) {
					got[strings.TrimPrefix(file, name)] = string(data)
				}
				if !maps.Equal(got, want) {
					t.Fatalf("%v to %d: files %q, want %q", sizes[:i+1], size, slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
				}
			}
			m := reopen(t, name, readers(o, pins))
			wholesome(t, m)
			if got := found(t, m, size, ledger.Key{Name: "third", Value: "0"}); len(got) != int(size+2)/3 {
				t.Errorf("%v: found %d records", sizes, len(got))
			}
			if got, err := m.Head(t.Context()); err != nil || !bytes.Equal(got.Note, h.Note) {
				t.Errorf("%v: head %+v, %v", sizes, got, err)
			}
			if _, err := m.Append(t.Context(), testRecord(5)); !errors.Is(err, ledger.ErrReadOnly) {
				t.Errorf("append to a mirror: %v", err)
			}
			m.Close()
		}
	}
}

// TestMirrorRefuses holds a source against what is there: nothing changes.
func TestMirrorRefuses(t *testing.T) {
	dir := tempDir(t)
	o := options(t, "")
	grow(t, dir+"/source", 300, 300, o)
	source := reopen(t, dir+"/source", o)
	forked := newTestLog(t, dir+"/forked", o)
	for i := range 300 {
		if i == 250 {
			i = 1000
		}
		if _, err := forked.Append(t.Context(), testRecord(i)); err != nil {
			t.Fatal(err)
		}
	}
	mirrored, pins := dir+"/mirror", dir+"/pins"
	if err := mirror(t.Context(), mirrored, readers(o, pins), source, headAt(t, source, 260), nil, unsynced); err != nil {
		t.Fatal(err)
	}
	im := imageOf(t, mirrored, pins)
	_, other, err := NewKey(origin, ed25519.NewKeyFromSeed(make([]byte, 32)))
	if err != nil {
		t.Fatal(err)
	}
	foreign := readers(o, pins)
	foreign.Verifiers = []note.Verifier{other}
	wrong := headAt(t, forked, 270)
	for _, c := range []struct {
		name string
		o    Options
		from ledger.Ledger
		head ledger.Head
		want error
		says string
	}{
		{"shorter", readers(o, pins), source, headAt(t, source, 259), ledger.ErrRollback, "it has 259 records"},
		{"forked", readers(o, pins), forked, headAt(t, forked, 300), ledger.ErrRollback, "its first 260 records are not those of the mirror"},
		{"forked, same size", readers(o, pins), forked, headAt(t, forked, 260), ledger.ErrRollback, "its first 260 records"},
		{"other key", foreign, source, headAt(t, source, 300), ledger.ErrCorrupt, "not signed by a key of log"},
		{"other head", readers(o, pins), source, ledger.Head{Size: 270, Root: wrong.Root, Note: headAt(t, source, 270).Note}, ledger.ErrInvalid, ""},
		{"head of others", readers(o, pins), source, wrong, ledger.ErrRollback, ""},
	} {
		err := mirror(t.Context(), mirrored, c.o, c.from, c.head, nil, unsynced)
		if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	// Records that are not those of the head are found out before the checkpoint is written.
	lying := swapped{source, forked}
	if err := mirror(t.Context(), dir+"/new", readers(o, ""), lying, headAt(t, source, 300), nil, unsynced); !errors.Is(err, ledger.ErrCorrupt) {
		t.Errorf("other records: %v", err)
	}
	if _, err := open(t.Context(), dir+"/new", readers(o, ""), unsynced); err == nil {
		t.Error("a mirror without a checkpoint was opened")
	}
	// What it left is no harm.
	if err := mirror(t.Context(), dir+"/new", readers(o, ""), source, headAt(t, source, 300), nil, unsynced); err != nil {
		t.Error(err)
	}
	wholesome(t, reopen(t, dir+"/new", readers(o, "")))
	if now := imageOf(t, mirrored, pins); !maps.EqualFunc(now, im, bytes.Equal) {
		t.Error("what was refused has left traces")
	}
	// The mark outside remembers a mirror that was taken away.
	im.restore(t, mirrored)
	empty := image{}
	empty.restore(t, mirrored)
	im2 := image{}
	for name, data := range im {
		if strings.HasPrefix(name, pins) {
			im2[name] = data
		}
	}
	im2.restore(t, pins)
	if err := mirror(t.Context(), mirrored, readers(o, pins), forked, headAt(t, forked, 300), nil, unsynced); !errors.Is(err, ledger.ErrRollback) {
		t.Errorf("a fork in the place of a mirror: %v", err)
	}
}

// swapped proves with one ledger and gives the records of another.
type swapped struct {
	ledger.Ledger
	records ledger.Ledger
}

func (s swapped) Scan(ctx context.Context, size, from int64) iter.Seq2[ledger.Entry, error] {
	return s.records.Scan(ctx, size, from)
}

// counting counts the records that are read of a ledger.
type counting struct {
	ledger.Ledger
	n int
}

func (c *counting) Scan(ctx context.Context, size, from int64) iter.Seq2[ledger.Entry, error] {
	return func(yield func(ledger.Entry, error) bool) {
		for e, err := range c.Ledger.Scan(ctx, size, from) {
			c.n++
			if !yield(e, err) {
				return
			}
		}
	}
}

// TestMirrorFaults lets every change to the disk fail in turn, in every way,
// while a mirror is made and extended. It is the old one or the new one, and
// the next mirroring completes it, with a source that has grown.
func TestMirrorFaults(t *testing.T) {
	dir := tempDir(t)
	o := options(t, "")
	const size = 1300
	grow(t, dir+"/source", size+1, 500, o)
	source := reopen(t, dir+"/source", o)
	old, head, later := headAt(t, source, 253), headAt(t, source, size), headAt(t, source, size+1)
	name, pins := dir+"/mirror", dir+"/pins"
	if err := mirror(t.Context(), name, readers(o, pins), source, old, nil, unsynced); err != nil {
		t.Fatal(err)
	}
	for _, im := range []image{imageOf(t, name, pins), {}} {
		for _, how := range []struct {
			name                string
			persist, dead, torn bool
		}{
			{"lost", false, false, false},
			{"persisted, then dead", true, true, false},
			{"torn, then dead", true, true, true},
		} {
			for at := 1; ; at += 2 {
				im.restore(t, name, pins)
				f := &faulty{at: at, persist: how.persist, dead: how.dead, torn: how.torn}
				what := fmt.Sprintf("%d files, change %d %s", len(im), at, how.name)
				err := mirror(t.Context(), name, readers(o, pins), source, head, nil, f.disk())
				if err != nil && !errors.Is(err, errInjected) {
					t.Fatalf("%s: %v", what, err)
				}
				if m, err := open(t.Context(), name, readers(o, pins), unsynced); err == nil {
					r, err := m.Verify(t.Context(), VerifyOptions{})
					if err != nil || len(r.Faults) > 0 || r.Head.Size != old.Size && r.Head.Size != size {
						t.Fatalf("%s: size %d, %v, %v", what, r.Head.Size, err, r.Faults)
					}
					m.Close()
				} else if len(im) > 0 {
					t.Fatalf("%s: %v", what, err)
				}
				c := &counting{Ledger: source}
				if err := mirror(t.Context(), name, readers(o, pins), c, later, nil, unsynced); err != nil {
					t.Fatalf("%s: again: %v", what, err)
				}
				m := reopen(t, name, readers(o, pins))
				// Needless tiles may be left, as by a writer that was killed while it tidied up.
				if r, err := m.Verify(t.Context(), VerifyOptions{}); err != nil || len(r.Faults) > 0 || r.Head.Size != size+1 {
					t.Fatalf("%s: size %d, %v, %v", what, r.Head.Size, err, r.Faults)
				}
				m.Close()
				if f.n < at {
					if at < 20 || c.n != 1 {
						t.Fatalf("%s: %d changes, and %d records read for one", what, f.n, c.n)
					}
					break
				}
				if how.name == "persisted, then dead" && at > 15 && c.n > size-1024+1 {
					t.Errorf("%s: %d records were read again", what, c.n)
				}
			}
		}
	}
}

// TestMirrorForeign has Tessera's fsck read a mirror.
func TestMirrorForeign(t *testing.T) {
	dir := tempDir(t)
	o := options(t, "")
	grow(t, dir+"/source", 600, 300, o)
	source := reopen(t, dir+"/source", o)
	for _, size := range []int64{257, 600} {
		if err := Mirror(t.Context(), dir+"/mirror", readers(o, ""), source, headAt(t, source, size), nil); err != nil {
			t.Fatal(err)
		}
		if out := fsck(t, dir+"/mirror", time.Minute); !strings.Contains(out, fmt.Sprintf("Successfully fsck'd log with size %d", size)) {
			t.Errorf("size %d: %s", size, out)
		}
	}
}
