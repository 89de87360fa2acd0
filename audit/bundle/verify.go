package bundle

import (
	"archive/zip"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/trust"
	"github.com/mmaudit/mmaudit/internal/human"
	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/fabric/anchored"
	"github.com/mmaudit/mmaudit/ledger/fabric/endorsed"
	"github.com/mmaudit/mmaudit/ledger/tlog"
)

// The most bytes that members which are held in memory may have.
const (
	maxManifest    = 256 << 20
	maxCheckpoint  = 512 << 10 // endorsements are long
	maxProof       = 64 * 45
	maxConsistency = 2 * maxProof
	maxKey         = audit.MaxLogKey
	maxEndorsed    = endorsed.MaxSignature
)

// Verify checks a bundle, against what the verifier knows of the ledger from
// elsewhere; without an anchor it can at best be Consistent. What is wrong with
// the bundle is in the report; an error means that it could not be looked at.
// Nothing but the file is read. Its memory grows with the records, and not with
// documents.
func Verify(ctx context.Context, path string, anchor *trust.Anchor) (*Report, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%q is not a regular file", path)
	}
	r, err := verify(ctx, f, info.Size(), anchor)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", path, err)
	}
	return r, nil
}

func verify(ctx context.Context, f io.ReaderAt, size int64, anchor *trust.Anchor) (*Report, error) {
	v := &verifier{ctx: ctx, anchor: anchor, r: &Report{V: 1, Checks: []Check{}}}
	members, err := readZip(f, size)
	if errors.Is(err, errForm) {
		v.r.fail(checkArchive, "", "%v", err)
		return v.r.finish(false), nil
	}
	if err != nil {
		return nil, err
	}
	v.r.note(checkArchive, OK, "", "%s, stored, in order, and nothing else", human.Count(len(members), "member"))
	if err := v.read(members); err != nil {
		return nil, err
	}
	v.check()
	return v.r.finish(anchor != nil), ctx.Err()
}

// A verifier has what was read of a bundle, as far as it could be.
type verifier struct {
	ctx    context.Context
	anchor *trust.Anchor
	r      *Report

	raw     []byte            // bundle.json
	m       *Manifest         // the same; nil if it cannot be read
	files   []File            // all members but bundle.json, by name
	small   map[string][]byte // members that are evidence, without documents
	docs    map[string]measures
	head    ledger.Head // what the checkpoint says; no Note if it cannot be read
	records []indexed   // by index
	k       *trust.Keyring
}

// limit says how many bytes a member may have to be held in memory; 0 if it
// need not be.
func limit(name string) int64 {
	switch {
	case name == manifestFile:
		return maxManifest
	case name == checkpointFile:
		return maxCheckpoint
	case name == trustFile:
		return trust.MaxTrustFile
	case strings.HasPrefix(name, "records/"):
		return ledger.MaxRecord
	case strings.HasPrefix(name, "proofs/"):
		return maxProof
	case strings.HasPrefix(name, "keys/"):
		return maxKey
	case strings.HasPrefix(name, anchorFolder) && strings.HasSuffix(name, ".json"):
		return anchored.MaxEvidence
	case strings.HasPrefix(name, anchorFolder):
		return maxConsistency
	case strings.HasPrefix(name, endorsedFolder):
		return maxEndorsed
	}
	return 0
}

// read takes in the members and what they say, one by one.
func (v *verifier) read(members []*zip.File) error {
	v.small, v.docs = map[string][]byte{}, map[string]measures{}
	for _, f := range members {
		if err := v.ctx.Err(); err != nil {
			return err
		}
		in, err := f.Open()
		if err != nil {
			return err
		}
		var kept bytes.Buffer
		var from io.Reader = in
		if max := limit(f.Name); max > 0 {
			if int64(f.UncompressedSize64) > max {
				v.r.fail(checkContents, f.Name, "has %d bytes, at most %d", f.UncompressedSize64, max)
			} else {
				from = io.TeeReader(in, &kept)
				v.small[f.Name] = nil
			}
		}
		document := strings.HasPrefix(f.Name, "documents/")
		got, err := measure(from, document)
		in.Close()
		if errors.Is(err, zip.ErrChecksum) {
			v.r.fail(checkContents, f.Name, "its bytes do not have the checksum of the archive: the file is damaged")
		} else if err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
		if _, held := v.small[f.Name]; held {
			v.small[f.Name] = kept.Bytes()
		}
		if f.Name == manifestFile {
			v.raw = kept.Bytes()
			continue
		}
		v.files = append(v.files, File{f.Name, got.size, got.digest["sha3_512"]})
		if document {
			v.docs[f.Name] = got
		}
	}
	return nil
}

// check looks at all. What needs something that is broken is skipped.
func (v *verifier) check() {
	v.contents()
	v.checkpointText()
	v.inclusion()
	if v.head.Note != nil {
		v.keys()
	} else {
		v.r.note(checkKeys, Skipped, "", "needs a checkpoint that can be read")
	}
	if v.k != nil && v.k.Genesis() != "" {
		v.checkpoint()
		v.anchoring()
		v.anchors()
		v.signatures()
		v.keyFiles()
		v.trustFile()
	} else {
		for _, id := range []string{checkCheckpoint, checkAnchor, checkWitnesses, checkSignatures, checkKeyFiles} {
			v.r.note(id, Skipped, "", "needs a valid first record of the ledger")
		}
		if slices.ContainsFunc(v.files, func(f File) bool { return strings.HasPrefix(f.Name, anchorFolder) }) {
			v.r.note(checkNetwork, Skipped, "", "needs a valid first record of the ledger")
		}
	}
	v.documents()
	v.history()
	v.complete()
	v.life()
	v.manifest()
	v.rest()
}

// contents reads the manifest, and holds all members against it.
func (v *verifier) contents() {
	m, err := parseManifest(v.raw)
	if err != nil {
		v.r.fail(checkContents, manifestFile, "%v", err)
		return
	}
	v.m = m
	v.r.Question, v.r.Model, v.r.Version = m.Question, m.Model, m.Version
	listed := map[string]File{}
	for _, f := range m.Files {
		listed[f.Name] = f
	}
	for _, f := range v.files {
		want, ok := listed[f.Name]
		delete(listed, f.Name)
		switch {
		case !ok:
			v.r.fail(checkContents, f.Name, "is not listed in %s", manifestFile)
		case f != want:
			v.r.fail(checkContents, f.Name, "has %d bytes with the SHA3-512 %s; %s lists %d bytes with %s", f.Size, f.Digest, manifestFile, want.Size, want.Digest)
		}
		if !ourNames().MatchString(f.Name) && !slices.Contains(m.Extra, f.Name) {
			v.r.fail(checkContents, f.Name, "is neither a member of a bundle nor an extra file of this one")
		}
	}
	for name := range listed {
		v.r.fail(checkContents, name, "is listed in %s, and is not there", manifestFile)
	}
	if v.r.good(checkContents) {
		v.r.note(checkContents, OK, "", "%s: the digests are those that %s lists", human.Count(len(v.files), "member"), manifestFile)
	}
}

// parseManifest reads bundle.json. That it says what is so is for the caller to
// see.
func parseManifest(raw []byte) (*Manifest, error) {
	if raw == nil {
		return nil, errors.New("is missing")
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	m := &Manifest{}
	if err := d.Decode(m); err != nil {
		return nil, fmt.Errorf("cannot be read: %w", err)
	}
	if m.V != 1 || m.Type != Type {
		return nil, fmt.Errorf("is of version %d and type %q, want 1 and %q", m.V, m.Type, Type)
	}
	return m, nil
}

func (v *verifier) checkpointText() {
	data, ok := v.small[checkpointFile]
	if !ok {
		v.r.fail(checkCheckpoint, checkpointFile, "is missing")
		return
	}
	head, err := tlog.ReadCheckpoint(data)
	if err != nil {
		v.r.fail(checkCheckpoint, checkpointFile, "cannot be read: %v", err)
		return
	}
	v.head = head
	v.r.Ledger = Ledger{head.Origin, head.Size, head.Root.String()}
}

// indexOf reads the index in the name of a record.
func indexOf(name string) int64 {
	digits, _, _ := strings.Cut(strings.TrimPrefix(name, "records/"), ".")
	i, _ := strconv.ParseInt(digits, 10, 64) // it has 12 digits
	return i
}

func (v *verifier) inclusion() {
	proofs := 0
	for _, f := range v.files {
		if strings.HasPrefix(f.Name, "proofs/") {
			proofs++
			record := "records/" + strings.TrimSuffix(strings.TrimPrefix(f.Name, "proofs/"), ".txt") + ".dsse.json"
			if _, ok := v.small[record]; !ok {
				v.r.fail(checkRecords, f.Name, "is a proof for a record that is not there")
			}
		}
		if !strings.HasPrefix(f.Name, "records/") {
			continue
		}
		data, held := v.small[f.Name]
		if !held {
			continue // was said to be too large
		}
		r := openRecord(indexOf(f.Name), data)
		v.records = append(v.records, r)
		if v.head.Note == nil {
			continue
		}
		file, ok := v.small[proofFile(r.index)]
		if !ok {
			v.r.fail(checkRecords, f.Name, "has no proof: %s is missing", proofFile(r.index))
			continue
		}
		proof, err := parseProof(file)
		if err != nil {
			v.r.fail(checkRecords, proofFile(r.index), "is not a proof: %v", err)
		} else if err := ledger.CheckInclusion(proof, v.head.Size, v.head.Root, r.index, data); err != nil {
			v.r.fail(checkRecords, f.Name, "%v", err)
		}
	}
	switch {
	case v.head.Note == nil:
		v.r.note(checkRecords, Skipped, "", "needs a checkpoint that can be read")
	case len(v.records) == 0:
		v.r.fail(checkRecords, "", "there are no records")
	case v.r.good(checkRecords):
		v.r.note(checkRecords, OK, "", "%s in the tree of %d with the root %s", human.Count(len(v.records), "record"), v.head.Size, v.head.Root)
	}
}

// keys gathers who may sign what.
func (v *verifier) keys() {
	v.k = trust.New(v.head.Origin)
	for _, r := range v.records {
		if r.index == 0 || r.ofLedger() {
			v.k.Add(r.index, r.bytes)
		}
	}
	changes := v.k.Changes()
	if len(changes) == 0 || changes[0].Index != 0 {
		v.r.fail(checkKeys, recordFile(0), "is missing: the first record of the ledger names the keys")
		return
	}
	valid := 0
	for _, c := range changes {
		if c.Verdict.OK() {
			valid++
		}
		for _, p := range c.Verdict.Problems {
			if c.Index == 0 {
				v.r.fail(checkKeys, recordFile(0), "the first record of the ledger is not valid: %s", p)
			} else {
				v.r.note(checkKeys, Noted, recordFile(c.Index), "%s was tried and changed nothing: %s", cmp.Or(c.Event, "a change"), p)
			}
		}
	}
	if v.r.good(checkKeys) {
		v.r.note(checkKeys, OK, "", "%s about keys and policy", human.Count(valid, "valid record"))
	}
}

func (v *verifier) checkpoint() {
	known := v.k.LogVerifiersAt(v.head.Size)
	if _, err := tlog.OpenCheckpoint(v.head.Note, v.head.Origin, known...); err != nil {
		v.r.fail(checkCheckpoint, checkpointFile, "%v; the ledger's own key at that size is %s", err, trust.KeyNames(known))
		return
	}
	v.r.note(checkCheckpoint, OK, "", "the log signed size %d and root %s with %s", v.head.Size, v.head.Root, trust.KeyNames(known))
}

func (v *verifier) anchoring() {
	if v.anchor == nil {
		v.r.note(checkAnchor, Skipped, "", "no trust file was given: %s", trust.Unanchored)
		v.r.note(checkWitnesses, Skipped, "", "no trust file was given, which would name the witnesses")
		return
	}
	if err := v.anchor.Check(v.k); err != nil {
		for _, line := range strings.Split(err.Error(), "\n") {
			v.r.fail(checkAnchor, recordFile(0), "%s", line)
		}
	} else {
		v.r.note(checkAnchor, OK, "", "origin, first record and keys of the log are those of the trust file")
	}
	if v.anchor.Witnesses == nil {
		v.r.note(checkWitnesses, Skipped, "", "the trust file names no witnesses")
		return
	}
	got, err := v.anchor.CheckWitnesses(v.head.Note)
	if err != nil {
		v.r.fail(checkWitnesses, checkpointFile, "%v", err)
		return
	}
	var who []string
	for _, c := range got {
		who = append(who, c.Witness+" at "+audit.FormatTime(c.Time))
	}
	v.r.note(checkWitnesses, OK, "", "cosigned by %s", strings.Join(who, ", "))
}

func (v *verifier) signatures() {
	good := 0
	for _, r := range v.records {
		if r.err != nil {
			if !r.ofLedger() { // told among the keys
				v.r.fail(checkSignatures, recordFile(r.index), "cannot be read: %v", r.err)
			}
			continue
		}
		verdict := v.k.Judge(r.index, r.Record)
		v.r.Records = append(v.r.Records, Record{r.index, r.Record, verdict})
		if verdict.OK() {
			good++
		}
		if r.ofLedger() && r.index > 0 {
			continue // the same: it changed something or not
		}
		for _, p := range verdict.Problems {
			v.r.fail(checkSignatures, recordFile(r.index), "%s: %s", r.Predicate().Event, p)
		}
	}
	if v.r.good(checkSignatures) {
		v.r.note(checkSignatures, OK, "", "%s signed by keys that were trusted at that index", human.Count(good, "record"))
	}
}

func (v *verifier) keyFiles() {
	want, err := keyFiles(v.k, v.head.Note)
	if err != nil {
		v.r.fail(checkKeyFiles, recordFile(0), "%v", err)
		return
	}
	for _, f := range v.files {
		if !strings.HasPrefix(f.Name, "keys/") && !strings.HasPrefix(f.Name, endorsedFolder) {
			continue
		}
		data, ok := want[f.Name]
		delete(want, f.Name)
		carried := strings.HasPrefix(f.Name, endorsedFolder) || strings.HasPrefix(f.Name, "keys/ca-")
		switch same := ok && bytes.Equal(data, v.small[f.Name]); {
		case carried && !same:
			v.r.fail(checkKeyFiles, f.Name, "is not what the checkpoint carries")
		case !ok:
			v.r.fail(checkKeyFiles, f.Name, "no record of the ledger makes it trusted")
		case !same:
			v.r.fail(checkKeyFiles, f.Name, "is not the key of that name in the records")
		}
	}
	for name := range want {
		v.r.fail(checkKeyFiles, name, "is missing")
	}
	if v.r.good(checkKeyFiles) {
		v.r.note(checkKeyFiles, OK, "", "the files of all keys are those of the records")
	}
}

func (v *verifier) trustFile() {
	file, ok := v.small[trustFile]
	if !ok {
		return
	}
	a, err := trust.ParseAnchor(file)
	if err == nil {
		err = a.Check(v.k)
	}
	if err == nil {
		var again []byte
		if again, err = a.Marshal(); err == nil && !bytes.Equal(again, file) {
			err = errors.New("is not written as a trust file is")
		}
	}
	if err != nil {
		v.r.fail(checkTrustFile, trustFile, "%v", err)
		return
	}
	v.r.note(checkTrustFile, Noted, trustFile, "is of this ledger, but came with it: it is no anchor until somebody you trust confirms it")
}
