package bundle

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/dsse"
	"github.com/mmaudit/mmaudit/audit/trust"
	. "github.com/mmaudit/mmaudit/audit/trust/trusttest"
	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/tlog"
)

// A kit is an unpacked bundle, in the hands of somebody who packs it again
// after changing it, and does that well.
type kit map[string][]byte

func unpack(t testing.TB, file []byte) kit {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	k := kit{}
	for _, f := range z.File {
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if k[f.Name], err = io.ReadAll(in); err != nil {
			t.Fatal(err)
		}
	}
	return k
}

// pack zips the members as they are.
func (k kit) pack(t testing.TB) []byte {
	t.Helper()
	var members []member
	for _, name := range slices.Sorted(maps.Keys(k)) {
		members = append(members, memberOf(name, k[name]))
	}
	var b bytes.Buffer
	if err := writeZip(&b, members); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// forge makes the manifest fit the members, and zips them.
func (k kit) forge(t testing.TB) []byte {
	t.Helper()
	var m Manifest
	if err := json.Unmarshal(k[manifestFile], &m); err != nil {
		t.Fatal(err)
	}
	var records []indexed
	var files []File
	for _, name := range slices.Sorted(maps.Keys(k)) {
		if name == manifestFile {
			continue
		}
		files = append(files, File{name, int64(len(k[name])), audit.DigestOf(k[name])})
		if strings.HasPrefix(name, "records/") {
			records = append(records, openRecord(indexOf(name), k[name]))
		}
	}
	head, _ := tlog.ReadCheckpoint(k[checkpointFile])
	text, err := derive(m.Question, m.Model, m.Version, head, records, m.Extra, files).marshal()
	if err != nil {
		t.Fatal(err)
	}
	forged := maps.Clone(k)
	forged[manifestFile] = text
	return forged.pack(t)
}

// TestForge: forging without a change is no change.
func TestForge(t *testing.T) {
	s := tell(t, Origin, "log").live()
	file := s.write(s.options())
	k := unpack(t, file)
	if !bytes.Equal(k.pack(t), file) || !bytes.Equal(k.forge(t), file) {
		t.Error("a bundle that was packed again differs")
	}
}

// TestEveryByte: each byte of the file is proven, or is one of the words that
// prove nothing.
func TestEveryByte(t *testing.T) {
	s := tell(t, Origin, "log")
	s.add(Genesis(Origin, Signer("a", audit.Admin)), "a")
	s.add(s.event(audit.Incident, "3.2.0"), "a")
	o := s.options()
	o.Trust = s.anchor()
	file, anchor := s.write(o), s.anchor()
	if r := check(t, file, anchor); r.Outcome != Verified {
		t.Fatal(lines(r))
	}
	k := unpack(t, file)

	t.Run("on the way", func(t *testing.T) {
		t.Parallel()
		content := map[int]bool{} // bytes of members; one in 64 of them is enough, with a checksum for all
		z, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range z.File {
			at, _ := f.DataOffset()
			for i := range int(f.UncompressedSize64) {
				content[int(at)+i] = true
			}
		}
		damaged := bytes.Clone(file)
		for i := range file {
			if content[i] && i%64 != 0 || testing.Short() && i%7 != 0 {
				continue
			}
			damaged[i] ^= 1 << (i % 8)
			if r := check(t, damaged, anchor); r.Outcome != Failed {
				t.Errorf("byte %d of the file: %s", i, lines(r))
			}
			damaged[i] = file[i]
		}
	})
	for name, data := range k {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			step := 1
			switch name { // where bytes are all alike, some will do
			case readmeFile:
				step = 97
			case manifestFile:
				step = 3
			}
			if testing.Short() {
				step *= 23
			}
			k := maps.Clone(k)
			for i := 0; i < len(data); i += step {
				changed := bytes.Clone(data)
				changed[i] ^= 1 << (i % 8)
				k[name] = changed
				forge := k.forge
				if name == manifestFile {
					forge = k.pack
				}
				r := check(t, forge(t), anchor)
				words := name == readmeFile || name == "index.html"
				if name == manifestFile { // its question may become another, or no text at all
					words = r.Outcome != Failed && r.Question != o.Question
				}
				if (r.Outcome != Failed) != words {
					t.Errorf("byte %d: %s\n%s", i, r.Outcome, lines(r))
				}
			}
		})
	}
}

// An attack is what somebody does to a bundle, and the words for it.
type attack struct {
	name string
	do   func(t *testing.T) []byte
	fail string   // the checks that fail
	say  []string // parts of the report
}

// edited changes the members of a good bundle and forges its manifest.
func edited(edit func(k kit)) func(t *testing.T) []byte {
	return func(t *testing.T) []byte {
		s := tell(t, Origin, "log").live()
		k := unpack(t, s.write(s.options()))
		edit(k)
		return k.forge(t)
	}
}

// told bundles a ledger to which something was added after the life.
func told(more func(s *story)) func(t *testing.T) []byte {
	return func(t *testing.T) []byte {
		s := tell(t, Origin, "log").live()
		more(s)
		return s.write(s.options())
	}
}

func (k kit) remove(index int64) {
	delete(k, recordFile(index))
	delete(k, proofFile(index))
}

func TestAttacks(t *testing.T) {
	anchor := tell(t, Origin, "log").live().anchor()
	other := func(t *testing.T) kit {
		s := tell(t, "example.com/other", "log").live()
		return unpack(t, s.write(s.options()))
	}
	for _, a := range []attack{
		{"records swapped", edited(func(k kit) {
			k[recordFile(7)], k[recordFile(8)] = k[recordFile(8)], k[recordFile(7)]
		}), "inclusion history", []string{
			"inclusion: records/000000000007.dsse.json: record 7 is not proven to be in the tree of size 13",
			"inclusion: records/000000000008.dsse.json: record 8 is not proven",
		}},
		{"records and proofs swapped", edited(func(k kit) {
			k[recordFile(7)], k[recordFile(8)] = k[recordFile(8)], k[recordFile(7)]
			k[proofFile(7)], k[proofFile(8)] = k[proofFile(8)], k[proofFile(7)]
		}), "inclusion history", []string{"record 7 is not proven"}},
		{"record removed", edited(func(k kit) { k.remove(10) }), "history", []string{
			"records/000000000011.dsse.json: names record 10 as the one before, which was left out",
		}},
		{"proof removed", edited(func(k kit) { delete(k, proofFile(10)) }), "inclusion", []string{"has no proof: proofs/000000000010.txt is missing"}},
		{"record removed, proof left", edited(func(k kit) { delete(k, recordFile(11)) }), "inclusion", []string{"proofs/000000000011.txt: is a proof for a record that is not there"}},
		{"record of a key removed", edited(func(k kit) { k.remove(5) }), "signatures key-files history", []string{
			`approved: unknown-key: key fd6cbdec4c4cfd85… is not known to the ledger`, "below-threshold: approved needs 2 signatures",
			"no record of the ledger makes it trusted",
		}},
		{"genesis removed", edited(func(k kit) { k.remove(0) }), "keys history", []string{"records/000000000000.dsse.json: is missing: the first record of the ledger names the keys"}},
		{"foreign record inserted", edited(func(k kit) {
			p := (&story{n: 50}).event(audit.Incident, "3.2.0")
			k[recordFile(12)], k[proofFile(12)] = Seal(p, "e"), k[proofFile(11)]
		}), "inclusion", []string{"records/000000000012.dsse.json: record 12 is not proven to be in the tree of size 13"}},
		{"record beyond the tree", edited(func(k kit) {
			k[recordFile(13)], k[proofFile(13)] = Seal((&story{n: 50}).event(audit.Incident, "3.2.0"), "e"), nil
		}), "inclusion", []string{"record 13 is not proven"}},
		{"record that is none", edited(func(k kit) { k[recordFile(7)] = []byte("{}") }), "inclusion signatures history", []string{
			"signatures: records/000000000007.dsse.json: cannot be read: not a valid record",
		}},
		{"huge record", edited(func(k kit) { k[recordFile(7)] = make([]byte, ledger.MaxRecord+1) }), "contents inclusion history manifest", []string{"has 65536 bytes, at most 65535"}},
		{"forged signature", told(func(s *story) {
			e, _ := dsse.Parse(Seal(s.event(audit.Incident, "3.2.0"), "e"))
			e.Signatures[0].Sig[5] ^= 1
			record, _ := e.Marshal()
			s.ours = append(s.ours, s.append(record))
		}), "signatures", []string{`records/000000000013.dsse.json: incident: bad-signature: the signature of key d159fa61c443a0db… ("e") is not of this record`}},
		{"wrong key", told(func(s *story) { s.add(s.event(audit.Incident, "3.2.0"), "x") }), "signatures", []string{"incident: unknown-key: key 9a1c8ed4973d35f7… is not known to the ledger"}},
		{"wrong role", told(func(s *story) { s.add(s.event(audit.Rejected, "3.2.0"), "e") }), "signatures", []string{`rejected must be signed in the role "approver", which key d159fa61c443a0db… ("e") has not`}},
		{"threshold lowered for oneself", told(func(s *story) {
			p := s.event(audit.PolicyChanged, "")
			p.Policy = &audit.Policy{Threshold: map[audit.Event]int{audit.Approved: 1}}
			s.add(p, "p")
			s.add(s.event(audit.Approved, "3.2.0"), "p")
		}), "signatures", []string{
			`noted    keys: records/000000000013.dsse.json: policy.changed was tried and changed nothing: wrong-role`,
			`below-threshold: approved needs 2 signatures in the role "approver", has 1`,
		}},
		{"replayed record of another ledger", told(func(s *story) {
			theirs := tell(s.t, "example.com/other", "log")
			theirs.n = 1 // at another time
			theirs.live()
			theirs.add(theirs.event(audit.Incident, "3.2.0"), "e")
			e, err := theirs.log.Get(s.t.Context(), 13)
			if err != nil {
				s.t.Fatal(err)
			}
			p := s.event(audit.Incident, "3.2.0")
			s.add(p, "e")
			s.ours = append(s.ours, s.append(e.Record))
		}), "signatures history", []string{
			`records/000000000014.dsse.json: incident: wrong-origin: it was made for the ledger "example.com/other", this is "example.com/audit"`,
			"records/000000000014.dsse.json: names as the one before a record 11 with another SHA3-512 than the one here: it was written for another ledger",
		}},
		{"checkpoint of another log", func(t *testing.T) []byte {
			return edited(func(k kit) { k[checkpointFile] = other(t)[checkpointFile] })(t)
		}, "inclusion keys", []string{"wrong-origin: it was made for the ledger \"example.com/audit\", this is \"example.com/other\""}},
		{"checkpoint signed by another key", func(t *testing.T) []byte {
			s := tell(t, Origin, "mine").live() // of the same records, with the log key "log" in its genesis
			return s.write(s.options())
		}, "checkpoint", []string{"checkpoint: is not signed by a key of log \"example.com/audit\" that is known here; the ledger's own key at that size is example.com/audit+872b86ea"}},
		{"older checkpoint", func(t *testing.T) []byte {
			s := tell(t, Origin, "log")
			s.add(genesis(Origin), "a")
			head, err := s.log.Head(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return edited(func(k kit) { k[checkpointFile] = head.Note })(t)
		}, "inclusion", []string{"record 11 is not proven to be in the tree of size 1"}},
		{"checkpoint removed", edited(func(k kit) { delete(k, checkpointFile) }), "checkpoint", []string{"checkpoint: is missing", "skipped  inclusion"}},
		{"key added by no admin", told(func(s *story) {
			p := s.event(audit.KeyAdded, "")
			p.Key = &audit.KeyChange{New: Signer("x", audit.Admin, audit.Releaser, audit.Engineer)}
			s.add(p, "e")
			s.add(s.event(audit.Incident, "3.2.0"), "x")
		}), "signatures", []string{
			`noted    keys: records/000000000013.dsse.json: key.added was tried and changed nothing: wrong-role: key.added must be signed in the role "admin"`,
			"records/000000000014.dsse.json: incident: unknown-key",
		}},
		{"revoked key used after", told(func(s *story) {
			p := s.event(audit.KeyRevoked, "")
			p.Key = &audit.KeyChange{Old: ID("e")}
			s.add(p, "a")
			s.add(s.event(audit.Incident, "3.2.0"), "e")
		}), "signatures", []string{`incident: revoked-key: key d159fa61c443a0db… ("e") was revoked in record 13`}},
		{"key revoked since before", told(func(s *story) {
			p := s.event(audit.KeyRevoked, "")
			since := int64(7)
			p.Key = &audit.KeyChange{Old: ID("e"), Since: &since}
			s.add(p, "a")
		}), "signatures", []string{`records/000000000007.dsse.json: train.finished: revoked-key: key d159fa61c443a0db… ("e") was revoked in record 13, and is not believed from record 7 on`}},
		{"genesis replaced", func(t *testing.T) []byte {
			s := tell(t, Origin, "log")
			g := genesis(Origin)
			g.Ledger.Keys = append(g.Ledger.Keys, *Signer("x", audit.Admin))
			s.add(g, "x")
			s.add(s.event(audit.TrainStarted, "3.2.0"), "e")
			return s.write(s.options())
		}, "anchor", []string{
			"anchor: records/000000000000.dsse.json: the ledger is not the one of the trust file: its first record has the SHA3-512",
			"makes key 9a1c8ed4973d35f7", "an admin, which should not be one",
		}},
		{"log key replaced, old one used", func(t *testing.T) []byte {
			s := tell(t, Origin, "log").live()
			p := s.event(audit.KeyRotated, "")
			p.Key = &audit.KeyChange{Old: VKey(Origin, "log"), Log: VKey(Origin, "log2")}
			s.add(p, "a")
			s.add(s.event(audit.Incident, "3.2.0"), "e")
			return s.write(s.options())
		}, "checkpoint", []string{"is not signed by a key of log"}},
		{"document changed", edited(func(k kit) {
			for name, data := range k {
				if strings.HasPrefix(name, "documents/") {
					k[name] = bytes.Replace(data, []byte("20"), []byte("30"), 1)
				}
			}
		}), "documents", []string{`is not "params.json" of record 4 (params.form): its sha`}},
		{"document added", edited(func(k kit) { k["documents/"+audit.DigestOf([]byte("x"))] = []byte("x") }), "documents", []string{"no record names such a document"}},
		{"file that is not called extra", edited(func(k kit) { k["notes.html"] = nil }), "contents", []string{"notes.html: is neither a member of a bundle nor an extra file of this one"}},
		{"key file changed", edited(func(k kit) { k[keyFile(ID("e"))] = Key("x").Public().PEM() }), "key-files", []string{"is not the key of that name in the records"}},
		{"key file added", edited(func(k kit) { k[keyFile(ID("x"))] = Key("x").Public().PEM() }), "key-files", []string{"no record of the ledger makes it trusted"}},
		{"key file removed", edited(func(k kit) { delete(k, keyFile(ID("e"))) }), "key-files", []string{"is missing"}},
		{"trust file of another ledger", func(t *testing.T) []byte {
			s := tell(t, "example.com/other", "log").live()
			file, _ := s.anchor().Marshal()
			return edited(func(k kit) { k[trustFile] = file })(t)
		}, "trust-file", []string{`trust-file: trust.json: the ledger is not the one of the trust file: its name is "example.com/audit"`}},
		{"another version claimed", func(t *testing.T) []byte {
			s := tell(t, Origin, "log").live()
			o := s.options()
			o.Version = "9.9.9"
			return s.write(o)
		}, "history", []string{`no record is about "bev-seg", version "9.9.9", as it says`}},
		{"other manifest", func(t *testing.T) []byte {
			s := tell(t, Origin, "log").live()
			k := unpack(t, s.write(s.options()))
			k[manifestFile] = bytes.Replace(k[manifestFile], []byte(`"event": "approved"`), []byte(`"event": "rejected"`), 1)
			return k.pack(t)
		}, "manifest", []string{`is "\"event\": \"rejected\",", and should be "\"event\": \"approved\","`}},
		{"manifest removed", func(t *testing.T) []byte {
			s := tell(t, Origin, "log").live()
			k := unpack(t, s.write(s.options()))
			delete(k, manifestFile)
			return k.pack(t)
		}, "contents", []string{"contents: bundle.json: is missing"}},
		{"member that is not listed", func(t *testing.T) []byte {
			s := tell(t, Origin, "log").live()
			k := unpack(t, s.write(s.options()))
			k["notes.txt"] = nil
			return k.pack(t)
		}, "contents", []string{"contents: notes.txt: is not listed in bundle.json"}},
	} {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			r := check(t, a.do(t), anchor)
			text := lines(r)
			if failures(r) != a.fail || r.Outcome != Failed {
				t.Errorf("%q fail, want %q", failures(r), a.fail)
			}
			for _, say := range a.say {
				if !strings.Contains(text, say) {
					t.Errorf("does not say %q", say)
				}
			}
			if t.Failed() {
				t.Log("\n" + text)
			}
		})
	}
}

// TestHidden: what a bundle cannot show, it does not say.
func TestHidden(t *testing.T) {
	s := tell(t, Origin, "log").live()
	p := s.event(audit.KeyRevoked, "")
	p.Key = &audit.KeyChange{Old: ID("p")}
	revoked := s.add(p, "a")
	s.add(s.event(audit.Incident, "3.2.0"), "e")
	k := unpack(t, s.write(s.options()))
	k.remove(revoked)
	r := check(t, k.forge(t), s.anchor())
	if r.Outcome != Verified || status(r, "complete") != Skipped || !strings.Contains(lines(r), "cannot show that the others do not matter, such as a revoked key") {
		t.Error(lines(r))
	}
}

// TestJunk: a record that is none, among those about keys, changes nothing and
// is told; whoever could append it cannot spoil every bundle with it.
func TestJunk(t *testing.T) {
	s := tell(t, Origin, "log").live()
	e, _ := dsse.Parse(Seal(s.event(audit.KeyAdded, ""), "a"))
	e.Payload = bytes.Replace(e.Payload, []byte(`"v":1`), []byte(`"v":2`), 1)
	record, err := e.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	s.append(record)
	r := check(t, s.write(s.options()), s.anchor())
	if r.Outcome != Verified || !strings.Contains(lines(r), "noted    keys: records/000000000013.dsse.json: a change was tried and changed nothing: invalid-record: not a valid record") {
		t.Error(lines(r))
	}
}

// TestOwnTrustFile: a trust file that comes with the bundle is no anchor.
func TestOwnTrustFile(t *testing.T) {
	s := tell(t, Origin, "log").live()
	o := s.options()
	o.Trust = s.anchor()
	r := check(t, s.write(o), nil)
	if r.Outcome != Consistent || r.Meaning != trust.Unanchored || status(r, "trust-file") != Noted {
		t.Error(lines(r))
	}
}
