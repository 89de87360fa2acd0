package tlog

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"os"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/mmaudit/mmaudit/ledger"
)

// TestWords damages a log of 300 records in each of the ways that the ledger
// must notice, and wants the words in which Verify and the next append say so.
// DIR is the folder of the log, PIN its high-water mark. An append that may go
// on says nothing: what is broken is neither under its hands nor signed anew.
//
// Tested elsewhere: kills at every change and system call (TestKill), errors of
// the disk at every change (TestFaults), a full and a read-only disk
// (TestSmallDisk), every byte of every file (TestEveryByte), two
// writers (TestSideBySide, TestKill), a clock moved back (TestClock), a replayed
// record (ledgertest), witnesses (TestWitnessRollback, TestWitnessHostile).
func TestWords(t *testing.T) {
	edit := func(name string, f func([]byte) []byte) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			t.Helper()
			data, err := os.ReadFile(dir + "/" + name)
			if err == nil {
				err = os.WriteFile(dir+"/"+name, f(bytes.Clone(data)), 0o644)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	half := func(b []byte) []byte { return b[:len(b)/2] }
	flip := func(old string) func([]byte) []byte {
		return func(b []byte) []byte {
			i := bytes.Index(b, []byte(old))
			b[i] ^= 1
			return b
		}
	}
	remove := func(name string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			if err := os.Remove(dir + "/" + name); err != nil {
				t.Fatal(err)
			}
		}
	}
	both := func(a, b func(*testing.T, string)) func(*testing.T, string) {
		return func(t *testing.T, dir string) { a(t, dir); b(t, dir) }
	}
	pins := tempDir(t)
	dir := tempDir(t) + "/log"
	o := options(t, pins)
	grow(t, dir, 270, 270, o)
	backup := imageOf(t, dir)
	appendMore(t, dir, 270, 300, 30, o)
	im := imageOf(t, dir, pins)
	pin := newPin(pins, dir, origin).name
	unpinned := options(t, "")
	stranger, strangersKey, err := NewKey(origin, ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, 32)))
	if err != nil {
		t.Fatal(err)
	}

	for _, c := range []struct {
		fault  string
		break_ func(*testing.T, string)
		verify string // one line a fault
		append string
	}{
		{
			"torn bundle", edit("tile/entries/000", half),
			"DIR/tile/entries/000: is torn: ends in record 132 of 256",
			"",
		},
		{
			"torn last bundle", edit("tile/entries/001.p/44", half),
			"DIR/tile/entries/001.p/44: is torn: ends in the length of record 23 of 44",
			"ledger is corrupt: DIR/tile/entries/001.p/44: is torn: ends in the length of record 23 of 44",
		},
		{
			"torn tile", edit("tile/0/000", half),
			"DIR/tile/0/000: has 4096 bytes, want 8192",
			"",
		},
		{
			"torn last tile", edit("tile/0/001.p/44", half),
			"DIR/tile/0/001.p/44: has 704 bytes, want 1408",
			"ledger is corrupt: DIR/tile/0/001.p/44: has 704 bytes, want 1408",
		},
		{
			"bit flip in a record", edit("tile/entries/000", flip("content 7")),
			"DIR/tile/entries/000: record 7 is not the one that was signed",
			"",
		},
		{
			"bit flip in a record of the last bundle", edit("tile/entries/001.p/44", flip("content 280")),
			"DIR/tile/entries/001.p/44: record 280 is not the one that was signed",
			"ledger is corrupt: DIR/tile/entries/001.p/44: record 280 is not the one that was signed",
		},
		{
			"bit flip in a length", edit("tile/entries/000", func(b []byte) []byte { b[1] ^= 1; return b }),
			"DIR/tile/entries/000: is torn: ends in record 2 of 256",
			"",
		},
		{
			"bit flip in a tile", edit("tile/0/000", func(b []byte) []byte { b[32*9] ^= 1; return b }),
			"DIR/tile/0/000: hash of record 9 is wrong; the record is as signed",
			"",
		},
		{
			"bit flip in a tile of the right edge", edit("tile/1/000.p/1", func(b []byte) []byte { b[3] ^= 1; return b }),
			"DIR/tile/1/000.p/1: hash 0, of records 0 to 255, is wrong",
			"ledger is corrupt: DIR/tile: tiles do not hash to the root that was signed for 300 records",
		},
		{
			"bit flip in the size", edit("checkpoint", flip("300")),
			"DIR/checkpoint: the signature of example.com/log by its key 29f0e694 is not valid",
			"ledger is corrupt: DIR/checkpoint: the signature of example.com/log by its key 29f0e694 is not valid",
		},
		{
			"bit flip in the signature", edit("checkpoint", func(b []byte) []byte { b[len(b)-9] ^= 1; return b }),
			"DIR/checkpoint: the signature of example.com/log by its key 29f0e694 is not valid",
			"ledger is corrupt: DIR/checkpoint: the signature of example.com/log by its key 29f0e694 is not valid",
		},
		{
			"bit flip in the index", edit("index/0/000", func(b []byte) []byte { b[200] ^= 1; return b }),
			"DIR/index/0/000: is damaged: checksum of bucket 0",
			"",
		},
		{
			"bit flip in the index of the last bundle", edit("index/tail.1", func(b []byte) []byte { b[40] ^= 1; return b }),
			"DIR/index/tail.1: is not derived from the last 44 records",
			"",
		},
		{
			"deleted checkpoint", remove("checkpoint"),
			"DIR/checkpoint: is missing although there are tiles: it was deleted",
			"ledger is corrupt: DIR/checkpoint: is missing although there are tiles: it was deleted",
		},
		{
			"deleted bundle", remove("tile/entries/000"),
			"DIR/tile/entries/000: is missing",
			"",
		},
		{
			"deleted last bundle", remove("tile/entries/001.p/44"),
			"DIR/tile/entries/001.p/44: is missing",
			"ledger is corrupt: DIR/tile/entries/001.p/44: is missing",
		},
		{
			"deleted tile", remove("tile/0/000"),
			"DIR/tile/0/000: is missing",
			"",
		},
		{
			"swapped records", edit("tile/entries/000", swapRecords),
			"DIR/tile/entries/000: record 3 is not the one that was signed\n" +
				"DIR/tile/entries/000: record 4 is not the one that was signed",
			"",
		},
		{
			"swapped records and their hashes", both(edit("tile/entries/000", swapRecords), edit("tile/0/000", swapHashes)),
			"DIR/tile/entries/000: records 0 to 255 are not those that were signed, and neither are their hashes in DIR/tile/0/000",
			"",
		},
		{
			"swapped last records and their hashes", both(edit("tile/entries/001.p/44", swapRecords), edit("tile/0/001.p/44", swapHashes)),
			"DIR/checkpoint: the records hash to another root than was signed",
			"ledger is corrupt: DIR/tile: tiles do not hash to the root that was signed for 300 records",
		},
		{
			"bit flips in a record and in its hash", both(edit("tile/entries/000", flip("content 7")), edit("tile/0/000", func(b []byte) []byte { b[32*7] ^= 1; return b })),
			"DIR/tile/entries/000: record 7 does not have the hash in DIR/tile/0/000, and neither is proven to be as signed",
			"",
		},
		{
			"torn bundle and torn tile", both(edit("tile/entries/000", half), edit("tile/0/000", half)),
			"DIR/tile/0/000: has 4096 bytes, want 8192\n" +
				"DIR/tile/entries/000: is torn: ends in record 132 of 256",
			"",
		},
		{
			"torn bundle and bit flip in its tile", both(edit("tile/entries/000", half), edit("tile/0/000", func(b []byte) []byte { b[32*7] ^= 1; return b })),
			"DIR/tile/0/000: does not hash to the signed root\n" +
				"DIR/tile/entries/000: is torn: ends in record 132 of 256",
			"",
		},
		{
			"restored old backup", func(t *testing.T, dir string) { backup.restore(t, dir) },
			"DIR/checkpoint: has 270 records, but had 300 (PIN): an old copy was put back",
			"ledger does not continue the one seen before: DIR/checkpoint: has 270 records, but had 300 (PIN): an old copy was put back",
		},
		{
			"restored old checkpoint", func(t *testing.T, dir string) {
				edit("checkpoint", func([]byte) []byte { return backup[dir+"/checkpoint"] })(t, dir)
			},
			"DIR/checkpoint: has 270 records, but had 300 (PIN): an old copy was put back",
			"ledger does not continue the one seen before: DIR/checkpoint: has 270 records, but had 300 (PIN): an old copy was put back",
		},
		{
			"forked log", func(t *testing.T, dir string) {
				backup.restore(t, dir)
				appendMore(t, dir, 1000, 1030, 30, unpinned)
			},
			"DIR/checkpoint: has another history than the one with 300 records (PIN): the log was forked",
			"ledger does not continue the one seen before: DIR/checkpoint: has another history than the one with 300 records (PIN): the log was forked",
		},
		{
			"forked log that is longer", func(t *testing.T, dir string) {
				backup.restore(t, dir)
				appendMore(t, dir, 1000, 1040, 40, unpinned)
			},
			"DIR/checkpoint: has another history than the one with 300 records (PIN): the log was forked",
			"ledger does not continue the one seen before: DIR/checkpoint: has another history than the one with 300 records (PIN): the log was forked",
		},
		{
			"forged signature", edit("checkpoint", func(b []byte) []byte {
				text, _, _ := strings.Cut(string(b), "\n\n")
				b, err := note.Sign(&note.Note{Text: text + "\n"}, stranger)
				if err != nil {
					t.Fatal(err)
				}
				return b
			}),
			`DIR/checkpoint: is not signed by a key of log "example.com/log" that is known here`,
			`ledger is corrupt: DIR/checkpoint: is not signed by a key of log "example.com/log" that is known here`,
		},
		{
			"another log in its place", func(t *testing.T, dir string) {
				o := unpinned
				o.Signer, o.Verifiers = stranger, []note.Verifier{strangersKey}
				os.RemoveAll(dir)
				grow(t, dir, 300, 300, o)
			},
			`DIR/checkpoint: is not signed by a key of log "example.com/log" that is known here`,
			`ledger is corrupt: DIR/checkpoint: is not signed by a key of log "example.com/log" that is known here`,
		},
		{
			"checkpoint that claims too much", both(edit("checkpoint", func([]byte) []byte {
				b, err := note.Sign(&note.Note{Text: origin + "\n281474976710655\n" + noRoot}, o.Signer)
				if err != nil {
					t.Fatal(err)
				}
				return b
			}), func(t *testing.T, dir string) { os.RemoveAll(pins) }),
			"DIR/tile/entries: has 1 bundles of the 1099511627776 that 281474976710655 records fill",
			"ledger is corrupt: DIR/tile/5/000.p/255: is missing",
		},
		{
			"damaged high-water mark", func(t *testing.T, dir string) {
				if err := os.WriteFile(pin, half(im[pin]), 0o644); err != nil {
					t.Fatal(err)
				}
			},
			"PIN: high-water mark: malformed note",
			"ledger is corrupt: PIN: high-water mark: malformed note",
		},
	} {
		im.restore(t, dir, pins)
		c.break_(t, dir)
		plain := strings.NewReplacer(dir, "DIR", pin, "PIN").Replace
		l, err := newLog(dir, o, unsynced) // Open would refuse some of them
		if err != nil {
			t.Fatal(err)
		}
		var verify []string
		r, err := l.Verify(t.Context(), VerifyOptions{})
		if err != nil {
			verify = append(verify, "error: "+plain(err.Error()))
		}
		for _, f := range r.Faults {
			verify = append(verify, plain(f.String()))
		}
		k, err := ledger.Derive(o.KeysOf, testRecord(5000))
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan outcome, 1)
		l.commit([]*request{{ctx: context.Background(), record: testRecord(5000), keys: k, done: done}})
		append := ""
		if err := (<-done).err; err != nil {
			append = plain(err.Error())
		}
		l.committer.index.close()
		if got := strings.Join(verify, "\n"); got != c.verify {
			t.Errorf("%s: verify says\n%s\nwant\n%s", c.fault, got, c.verify)
		}
		if append != c.append {
			t.Errorf("%s: append says\n%s\nwant\n%s", c.fault, append, c.append)
		}
	}
}

// swapRecords exchanges records 3 and 4 of a bundle.
func swapRecords(b []byte) []byte {
	var records [][]byte
	for i := 0; i < len(b); {
		n := 2 + (int(b[i])<<8 | int(b[i+1]))
		records = append(records, b[i:i+n])
		i += n
	}
	records[3], records[4] = records[4], records[3]
	return bytes.Join(records, nil)
}

// swapHashes exchanges hashes 3 and 4 of a tile.
func swapHashes(b []byte) []byte {
	return bytes.Join([][]byte{b[:3*32], b[4*32 : 5*32], b[3*32 : 4*32], b[5*32:]}, nil)
}
