package verify

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/fingerprint"
	"github.com/mmaudit/mmaudit/audit/lifecycle"
	"github.com/mmaudit/mmaudit/audit/trust"
	"github.com/mmaudit/mmaudit/internal/durable"
	"github.com/mmaudit/mmaudit/internal/human"
	"github.com/mmaudit/mmaudit/ledger"
)

// Record verifies one record with all that belongs to it: it is the one with an
// index, or, if that is negative, with the SHA3-512 digest. Its errors are those
// of Ledger; that there is no such record is in the report.
func Record(ctx context.Context, place string, index int64, digest string, o Options) (*Report, error) {
	v := newVerifier(ctx, place, o, OfOne)
	return v.part(place, func() ([]int64, error) {
		if index < 0 {
			return v.withDigest(digest)
		}
		if index >= v.head.Size {
			v.wrong(checkFound, "", -1, "`auditlog query --since 0` lists them", "there is no record %d: the ledger has %s", index, count(v.head.Size, "record"))
			return nil, nil
		}
		v.ok(checkFound, "record %d of %d", index, v.head.Size)
		return []int64{index}, nil
	})
}

// withDigest reads all records for the one with a digest: no index has it.
func (v *verifier) withDigest(digest string) ([]int64, error) {
	for e, err := range v.s.Log.Scan(v.ctx, v.head.Size, 0) {
		if err != nil {
			return nil, err
		}
		if audit.DigestOf(e.Record) == digest {
			v.ok(checkFound, "record %d has this digest", e.Index)
			return []int64{e.Index}, nil
		}
	}
	v.wrong(checkFound, "", -1, "it was never recorded here, or is of another ledger", "none of %s has the SHA3-512 %s", count(v.head.Size, "record"), digest)
	return nil, nil
}

// Artifact verifies the records that name a file, or a folder that a run left, by
// its content: those that produced, evaluated, exported or deployed it.
func Artifact(ctx context.Context, place, path string, o Options) (*Report, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	var keys []ledger.Key
	if info.IsDir() {
		r, err := fingerprint.Run(ctx, path, o.Fingerprint)
		if err != nil {
			return nil, err
		}
		keys = []ledger.Key{{Name: audit.KeySubject, Value: "sha3_512:" + r.Manifest.String()}}
	} else {
		d, err := fingerprint.File(ctx, path, o.Fingerprint)
		if err != nil {
			return nil, err
		}
		keys = []ledger.Key{
			{Name: audit.KeySubject, Value: "sha3_512:" + d.SHA3_512.String()},
			{Name: audit.KeySubject, Value: fmt.Sprintf("sha256:%x", d.SHA256)},
		}
	}
	v := newVerifier(ctx, place, o, OfOne)
	return v.part(place, func() ([]int64, error) {
		all, err := v.find(keys...)
		if err != nil {
			return nil, err
		}
		if len(all) == 0 {
			v.wrong(checkFound, path, -1, "it was changed since it was recorded, or never was; a folder is known by the digest of its manifest", "no record names a content with the %s", strings.Replace(keys[0].Value, "sha3_512:", "SHA3-512 ", 1))
		}
		v.ok(checkFound, "%s of it, by its digest", count(len(all), "record"))
		return all, nil
	})
}

// find lists the records that have one of the keys.
func (v *verifier) find(keys ...ledger.Key) ([]int64, error) {
	var all []int64
	for _, key := range keys {
		for e, err := range v.s.Log.Find(v.ctx, v.head.Size, 0, key) {
			if err != nil {
				return nil, err
			}
			all = append(all, e.Index)
		}
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// part verifies the records that find gives.
func (v *verifier) part(place string, find func() ([]int64, error)) (*Report, error) {
	v.skip(checkSiteKey, "one record is too little to tell a wrong key from a wrong record")
	err := v.open(place)
	if err == nil && v.s != nil {
		defer v.s.Close()
		err = v.theseRecords(find)
	}
	if err == nil {
		err = v.ctx.Err()
	}
	if err != nil {
		return nil, err
	}
	return v.finish(), nil
}

func (v *verifier) theseRecords(find func() ([]int64, error)) error {
	err := v.findHead()
	if err != nil {
		return err
	}
	switch v.k, err = trust.Load(v.ctx, v.s.Log, v.head.Size); {
	case err == nil:
		v.genesis()
	case errors.Is(err, ledger.ErrCorrupt):
		v.wrong(checkKeys, "", -1, "`auditlog verify` names every damaged file", "%v", err)
		v.k = nil
	default:
		return err
	}
	v.checkpoint()
	indices, err := find()
	if errors.Is(err, ledger.ErrCorrupt) {
		v.wrong(checkFound, "", -1, "`auditlog verify` names every damaged file", "%v", err)
	} else if err != nil {
		return err
	}
	v.all = &recordsOutcome{claims: map[[64]byte][]*claim{}}
	pointers := 0
	for _, i := range indices {
		n, err := v.one(i)
		if err != nil {
			return err
		}
		pointers += n
	}
	if len(indices) > 0 {
		if n := len(v.Records); n < len(indices) {
			v.unreadRecords("%d of %s could not be read", len(indices)-n, count(len(indices), "record"))
		}
		v.ok(checkInclusion, "%s under the root %s", count(len(indices), "record"), v.head.Root)
		v.ok(checkRecords, "%s with what their events must say", count(len(indices), "record"))
		if v.k == nil {
			v.skip(checkSignatures, "needs all keys of the ledger")
		}
		v.ok(checkSignatures, "%s signed by keys that were trusted there", count(len(indices), "record"))
		v.ok(checkHistory, "%s to the record before, each the right one", count(pointers, "pointer"))
		if !v.o.NoDocuments {
			if err := v.documents(); err != nil {
				return err
			}
		}
	}
	v.anchor()
	return nil
}

// one verifies one record, and counts what it says of the one before.
func (v *verifier) one(index int64) (pointers int, err error) {
	e, err := v.s.Log.Get(v.ctx, index)
	var proof ledger.Proof
	if err == nil {
		proof, err = v.s.Log.ProveInclusion(v.ctx, v.head.Size, index)
	}
	if err == nil {
		err = ledger.CheckInclusion(proof, v.head.Size, v.head.Root, index, e.Record)
	} else if !errors.Is(err, ledger.ErrCorrupt) {
		return 0, err
	}
	if err != nil {
		v.wrong(checkInclusion, "", index, "`auditlog verify` names every damaged file", "%v", err)
		return 0, nil
	}
	r, err := audit.Open(e.Record)
	if err != nil {
		v.wrong(checkRecords, "", index, "it was written by something else than auditlog, or made up", "%v", err)
		return 0, nil
	}
	p := r.Predicate()
	v.Records = append(v.Records, Line{index, r.Digest(), p.Event, p.Model, p.Version, lifecycle.Line(p)})
	v.judge(index, r)
	if !v.o.NoDocuments {
		for _, c := range v.claimsOf(index, p) {
			v.all.add(c)
		}
	}
	if p.Prev == nil {
		return 0, nil
	}
	before, err := v.s.Log.Get(v.ctx, p.Prev.Index)
	if errors.Is(err, ledger.ErrCorrupt) || errors.Is(err, ledger.ErrNotFound) || err == nil && audit.DigestOf(before.Record) != p.Prev.Digest {
		v.wrong(checkHistory, "", index, "its writer saw another history: a fork, or records that were swapped", "record %d is not the one that it points at", p.Prev.Index)
		err = nil
	}
	return 1, err
}

// Data hashes a folder again, and holds it against what a record says of a data
// set: of is the index of the record or the name of the data set; empty, it is
// looked up by what the folder holds. The list of files that was kept tells which
// files differ.
func Data(ctx context.Context, place, root, of string, o Options) (*Report, error) {
	if _, err := os.Stat(root); err != nil {
		return nil, err
	}
	v := newVerifier(ctx, place, o, OfOne, OfData)
	return v.part(place, func() ([]int64, error) {
		if of == "" {
			return v.unnamedData(root)
		}
		sets, err := v.datasets(of)
		if err != nil || len(sets) == 0 {
			return nil, err
		}
		v.ok(checkFound, "record %d says what %q was", sets[0].index, sets[0].Name)
		return []int64{sets[0].index}, v.compare(root, sets[0])
	})
}

// unnamedData looks up what a folder holds.
func (v *verifier) unnamedData(root string) ([]int64, error) {
	r, err := fingerprint.Run(v.ctx, root, v.o.Fingerprint)
	if err != nil {
		return nil, err
	}
	all, err := v.find(ledger.Key{Name: audit.KeyData, Value: r.Tree.Root.String()})
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		v.wrong(checkFound, root, -1, "name the record or the data set that it should be, by --of: then each file that differs is named", "no record names data with the tree %s", r.Tree.Root)
		return nil, nil
	}
	v.ok(checkFound, "%s of these data, by their tree", count(len(all), "record"))
	v.ok(checkData, "%s, %s, with the tree %s", count(int64(r.Files), "file"), human.Bytes(int64(r.Bytes)), r.Tree.Root)
	return all, nil
}

// dataset is what a record says of data.
type dataset struct {
	audit.Dataset
	index int64
}

// datasets lists the data sets of a record, by its index, or those with a name,
// the newest first. Several in one record must be told apart by name.
func (v *verifier) datasets(of string) ([]dataset, error) {
	word, name, named := strings.Cut(of, "/")
	if index := parseIndex(word); index >= 0 {
		if index >= v.head.Size {
			v.wrong(checkFound, "", -1, "", "there is no record %d: the ledger has %s", index, count(v.head.Size, "record"))
			return nil, nil
		}
		e, err := v.s.Log.Get(v.ctx, index)
		if err != nil {
			return nil, err
		}
		sets := setsOf(e, func(d audit.Dataset) bool { return !named || d.Name == name })
		if len(sets) != 1 {
			v.wrong(checkFound, "", index, "--of "+word+"/NAME tells them apart", "it names %s so: %s", count(len(sets), "data set"), namesOf(setsOf(e, func(audit.Dataset) bool { return true })))
			return nil, nil
		}
		return sets, nil
	}
	var all []dataset
	seen := map[string]bool{}
	for _, kind := range audit.Kinds() {
		if !slices.Contains(kind.Must, "data") {
			continue
		}
		for e, err := range v.s.Log.Find(v.ctx, v.head.Size, 0, ledger.Key{Name: audit.KeyEvent, Value: string(kind.Event)}) {
			if err != nil {
				return nil, err
			}
			all = append(all, setsOf(e, func(d audit.Dataset) bool { seen[d.Name] = true; return d.Name == of })...)
		}
	}
	slices.SortFunc(all, func(a, b dataset) int { return int(b.index - a.index) })
	if len(all) == 0 {
		names := []dataset{}
		for n := range seen {
			names = append(names, dataset{Dataset: audit.Dataset{Name: n}})
		}
		v.wrong(checkFound, "", -1, "it is one of "+namesOf(names), "no record names a data set %q", of)
	}
	return all, nil
}

func parseIndex(word string) int64 {
	n := int64(-1)
	if _, err := fmt.Sscanf(word, "%d", &n); err != nil || fmt.Sprint(n) != word {
		return -1
	}
	return n
}

func setsOf(e ledger.Entry, want func(audit.Dataset) bool) []dataset {
	r, err := audit.Open(e.Record)
	if err != nil {
		return nil
	}
	var all []dataset
	for _, d := range r.Predicate().Data {
		if want(d) {
			all = append(all, dataset{d, e.Index})
		}
	}
	return all
}

func namesOf(sets []dataset) string {
	var names []string
	for _, s := range sets {
		names = append(names, fmt.Sprintf("%q", s.Name))
	}
	slices.Sort(names)
	return strings.Join(names[:min(len(names), 20)], ", ")
}

// compare holds a folder against the list of files of a data set, or without one
// against its tree.
func (v *verifier) compare(root string, d dataset) error {
	var listing fs.File
	if d.Listing != nil {
		f, err := durable.Open(v.path("blobs", d.Listing.Digest["sha3_512"][:2], d.Listing.Digest["sha3_512"]))
		if err == nil {
			defer f.Close()
			listing = f
		} else if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	want := d.Fingerprint.Tree
	if listing == nil {
		r, err := fingerprint.Run(v.ctx, root, v.o.Fingerprint)
		if err != nil {
			return err
		}
		if r.Tree != want {
			v.wrong(checkData, root, -1, "which files differ only a list of them could tell, and none is kept", "has the tree %s and %s; the record says %s and %d", r.Tree.Root, count(int64(r.Files), "file"), want.Root, d.Fingerprint.Files)
		}
		v.ok(checkData, "%s, %s, with the tree %s", count(int64(r.Files), "file"), human.Bytes(int64(r.Bytes)), want.Root)
		return nil
	}
	c, err := fingerprint.Check(v.ctx, root, listing, v.o.Fingerprint)
	if err != nil {
		return err
	}
	if c.Tree != want {
		v.wrong(checkData, "", d.index, "the kept list is not the one of the record: `auditlog verify` says more", "the list of files has another tree than the record")
	}
	for _, x := range c.First {
		v.wrong(checkData, filepath.Join(root, filepath.FromSlash(x.Path)), -1, "", "is %s", changeWord(x.Change))
	}
	if more := c.Changed + c.Missing + c.Extra - uint64(len(c.First)); more > 0 {
		v.wrong(checkData, "", -1, "", "%d more: in all %d changed, %d missing, %d that were not there", more, c.Changed, c.Missing, c.Extra)
	}
	v.ok(checkData, "%s as recorded, each read again", count(int64(c.Same), "entry is", "entries are"))
	return nil
}

func changeWord(c fingerprint.Change) string {
	switch c {
	case fingerprint.Extra:
		return "not in the record"
	case fingerprint.Missing:
		return "missing"
	}
	return "changed"
}
