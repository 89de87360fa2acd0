package verify

import (
	"context"
	"errors"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/fingerprint"
	"github.com/mmaudit/mmaudit/audit/query"
	"github.com/mmaudit/mmaudit/audit/store"
	"github.com/mmaudit/mmaudit/audit/trust"
	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/tlog"
)

// Options say what is verified.
type Options struct {
	// Anchor is what is known of the ledger from elsewhere; nil: nothing.
	Anchor *trust.Anchor
	// Against are older checkpoints, signed, that the ledger must continue.
	Against []Older
	// Network, if not nil, is asked what it has anchored of the ledger.
	Network Network
	// Lives reads the lives of all versions too.
	Lives bool
	// Both is the place of a ledger that should have the same records.
	Both string
	// NoDocuments leaves out the documents that records name, NoListings those
	// that list the files of data sets.
	NoDocuments, NoListings bool

	// Fingerprint says how Data and Artifact hash.
	Fingerprint fingerprint.Options

	Workers int                                   // at once; 0: the processors
	Pins    string                                // as in store.Options
	Tell    func(waited time.Duration, why error) // as in store.Options
	// Progress is called now and then, from several goroutines.
	Progress func(Progress)
}

// Older is a checkpoint, and where it came from.
type Older struct {
	Name       string
	Checkpoint []byte
}

// Progress says how far a stage of the verification is: "tree", "records" and
// "both" (in records), and "documents" (in bytes).
type Progress struct {
	Stage       string
	Done, Total int64
}

// Ledger verifies the ledger at a place, see store.Open. It is
// ledger.ErrNoLedger if there is none; any other error is one of ctx, or says that
// nothing could be looked at. What is wrong with the ledger is in the report.
func Ledger(ctx context.Context, place string, o Options) (*Report, error) {
	of := []Of{OfWhole}
	if _, ok := store.OnFabric(place); ok {
		of = append(of, OfNetwork)
	}
	v := newVerifier(ctx, place, o, of...)
	other, err := v.openOther()
	if err != nil {
		return nil, err
	}
	if other != nil {
		defer other.Close()
	}
	err = v.open(place)
	if err == nil && v.s != nil {
		defer v.s.Close()
		err = v.run(other)
	}
	if v.head.Note == nil {
		v.skip(checkBoth, "needs a ledger that can be read")
	}
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return nil, err
	}
	return v.finish(), nil
}

func newVerifier(ctx context.Context, place string, o Options, of ...Of) *verifier {
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if o.Progress == nil {
		o.Progress = func(Progress) {}
	}
	v := &verifier{ctx: ctx, o: o, dir: place, gathering: newReport(place, of...)}
	v.asked()
	return v
}

type verifier struct {
	*gathering
	ctx  context.Context
	o    Options
	dir  string          // of documents and keys
	s    *store.Store    // nil if it could not be opened
	head ledger.Head     // that all is verified under
	k    *trust.Keyring  // nil if not all of it can be known
	all  *recordsOutcome // of the pass over the records

	unsigned string // why the head bears no signature
}

// asked says what was not asked for.
func (v *verifier) asked() {
	if v.o.Anchor == nil {
		v.skip(checkAnchor, "no trust file was given: the keys come from the ledger itself")
		v.skip(checkWitnesses, "no trust file was given, which would name the witnesses")
	} else if v.o.Anchor.Witnesses == nil {
		v.skip(checkWitnesses, "the trust file names no witnesses")
	}
	if len(v.o.Against) == 0 {
		v.skip(checkAgainst, "no older checkpoint was given")
	}
	if v.o.Both == "" {
		v.skip(checkBoth, "no other place was given to compare with")
	}
	if !v.o.Lives {
		v.skip(checkLives, "was not asked for")
	}
	if v.o.NoDocuments {
		v.skip(checkDocuments, "was not asked for")
		v.skip(checkParams, "documents were not asked for")
		v.skip(checkSiteKey, "documents were not asked for")
	}
	if v.o.NoDocuments || v.o.NoListings {
		v.skip(checkListings, "was not asked for")
	}
}

func (v *verifier) path(name ...string) string {
	return filepath.Join(append([]string{v.dir}, name...)...)
}

const restore = "restore it from a backup; whoever could change it could change more"

// open opens the ledger, and judges the reasons for which it cannot be.
func (v *verifier) open(place string) error {
	s, err := store.Open(v.ctx, place, store.Options{Pins: v.o.Pins, Tell: v.o.Tell})
	switch {
	case err == nil:
		v.s, v.dir = s, s.Dir()
		v.Ledger.Origin = s.Config.Origin
		if s.Fabric() != nil {
			v.ok(checkFolder, "the first record names the ledger %q", s.Config.Origin)
			v.skip(checkLogKey, "there is none: organisations sign the heads of a ledger on Fabric")
		} else {
			v.ok(checkFolder, "ledger.json names the log %q", s.Config.Origin)
		}
		if seen := s.Marked(); seen > 0 {
			v.ok(checkRollback, "it continues the %d records that this user has seen of it", seen)
		} else if v.onFabric {
			v.skip(checkRollback, "this user had not seen it before: its organisations together may have made up another one")
		} else {
			v.skip(checkRollback, "this user had not seen it before: who has log.key may have taken records off its end, or forked it")
		}
		return nil
	case errors.Is(err, store.ErrPartial):
		v.wrong(checkFolder, v.path("ledger.json"), -1, "run the same `auditlog copy` again: it goes on where it was", "says that a copy into the folder was cut short")
	case errors.Is(err, store.ErrUnfinished):
		v.wrong(checkFolder, v.path("ledger.json"), -1, "restore ledger.json from a backup", "is missing beside a log")
	case errors.Is(err, store.ErrConfig):
		v.wrong(checkFolder, v.path("ledger.json"), -1, restore, "%s", strings.TrimPrefix(err.Error(), v.path("ledger.json")+": "))
	case errors.Is(err, store.ErrOrigin):
		v.wrong(checkFolder, "", -1, "if the channel has the right ledger, correct `origin` in the profile", "%v", err)
	case v.onFabric && errors.Is(err, ledger.ErrCorrupt) && !errors.Is(err, store.ErrFirst):
		v.wrong(checkPeers, "", -1, "a peer does not tell the truth: ask their operators, and keep what each says", "%v", err)
	case v.onFabric && errors.Is(err, ledger.ErrCorrupt):
		v.wrong(checkFolder, "", -1, "ask who runs the channel what its first record is", "%v", err)
	case errors.Is(err, ledger.ErrRollback):
		v.ok(checkFolder, "%s", v.foldersWord())
		v.wrong(checkRollback, "", -1, "an old copy was put back, or the ledger was forked: find the newer one, and ask who had access", "%v", err)
		v.skip(checkCheckpoint, "the ledger is not the one that was seen before")
	case errors.Is(err, ledger.ErrCorrupt):
		v.ok(checkFolder, "%s", v.foldersWord())
		v.wrong(checkCheckpoint, "", -1, restore, "%v", err)
		v.skip(checkRollback, "needs a checkpoint that can be believed")
	default:
		return err
	}
	return nil
}

// foldersWord says that what names the ledger could be read.
func (v *verifier) foldersWord() string {
	if v.onFabric {
		return "the first record names the ledger"
	}
	return "ledger.json can be read"
}

func (v *verifier) run(other *store.Store) error {
	if v.onFabric {
		if err := v.network(); err != nil {
			return err
		}
	} else if err := v.log(); err != nil || v.head.Note == nil {
		return err
	} else if err := v.keyring(); err != nil {
		return err
	}
	if err := v.records(); err != nil {
		return err
	}
	v.checkpoint()
	if !v.onFabric {
		v.logKey()
	}
	if !v.o.NoDocuments {
		if err := v.documents(); err != nil {
			return err
		}
		if err := v.leftovers(); err != nil {
			return err
		}
	}
	v.anchor()
	if err := v.anchors(); err != nil {
		return err
	}
	if err := v.against(); err != nil {
		return err
	}
	if err := v.both(other); err != nil {
		return err
	}
	return v.lives()
}

// log verifies hashes, records and index with each other.
func (v *verifier) log() error {
	r, err := v.s.Tiles().Verify(v.ctx, tlog.VerifyOptions{Progress: func(done, total int64) {
		v.o.Progress(Progress{"tree", done, total})
	}})
	if v.ctx.Err() != nil {
		return v.ctx.Err()
	}
	if err != nil {
		v.unknown(checkTree, "", -1, err)
	}
	for _, f := range r.Faults {
		check, path := checkTree, f.Path
		if rel, err := filepath.Rel(v.s.Tiles().Dir(), f.Path); err == nil {
			path = v.path("log", rel)
			switch top, _, _ := strings.Cut(filepath.ToSlash(rel), "/"); top {
			case "index":
				check = checkIndex
			case "checkpoint", "cosigned":
				check = checkCheckpoint
			}
		}
		hint := restore
		if check == checkIndex {
			hint = "the index is derived: remove the file, and the next append makes it again"
		}
		v.wrong(check, path, f.Index, hint, "%s", f.Problem)
	}
	if r.More > 0 {
		v.wrong(checkTree, "", -1, "", "%d more faults", r.More)
	}
	for _, n := range r.Notes {
		v.note(checkTree, "", -1, "%s", n)
	}
	v.head = r.Head
	v.Ledger.Size, v.Ledger.Root = v.head.Size, v.head.Root.String()
	v.ok(checkTree, "%s under the root %s", count(r.Head.Size, "record"), r.Head.Root)
	if v.good(checkTree) {
		v.ok(checkIndex, "it finds each record by what that says")
	}
	return nil
}

// keyring finds out which keys are trusted: by the index, if that was verified,
// else by reading all.
func (v *verifier) keyring() error {
	var err error
	if v.good(checkIndex) {
		v.k, err = trust.Load(v.ctx, v.s.Log, v.head.Size)
	} else {
		v.k, err = v.scanKeys()
	}
	switch {
	case v.ctx.Err() != nil:
		return v.ctx.Err()
	case errors.Is(err, ledger.ErrCorrupt):
		v.k = nil
		v.skip(checkKeys, "not all records can be read, and any of them may be about keys")
		return nil
	case err != nil:
		v.k = nil
		v.unknown(checkKeys, "", -1, err)
		return nil
	}
	v.genesis()
	return nil
}

// genesis judges how the ledger began.
func (v *verifier) genesis() {
	valid := 0
	for _, c := range v.k.Changes() {
		if c.Verdict.OK() {
			valid++
		} else if c.Index == 0 {
			for _, p := range c.Verdict.Problems {
				v.wrong(checkKeys, "", 0, "this is not how a ledger begins: it was made by something else, or made up", "%s", p)
			}
		}
	}
	if v.k.Genesis() == "" && v.status[checkKeys] != Wrong {
		v.wrong(checkKeys, "", -1, "`auditlog init` makes a ledger with its first record", "there is no first record that names keys")
	}
	v.ok(checkKeys, "they follow from %s about keys and policy", count(valid, "record"))
}

func (v *verifier) scanKeys() (*trust.Keyring, error) {
	k := trust.New(v.head.Origin)
	for e, err := range v.s.Log.Scan(v.ctx, v.head.Size, 0) {
		if err != nil {
			return nil, err
		}
		r, err := audit.Open(e.Record)
		if e.Index == 0 || err == nil && r.Predicate().Event.Scope() == audit.OfLedger {
			k.Add(e.Index, e.Record)
		}
	}
	return k, nil
}

// lives reads the lives of all versions.
func (v *verifier) lives() error {
	if !v.o.Lives {
		return nil
	}
	if v.k == nil || !v.good(checkIndex) {
		v.skip(checkLives, "needs an index that finds all records of a version, and all keys")
		return nil
	}
	view, err := query.Open(v.ctx, v.s.Log, query.Options{Judge: v.k, Documents: v.s.Blobs, Size: v.head.Size})
	if err != nil {
		return err
	}
	wrong := 0
	for _, version := range v.all.sortedVersions() {
		t, err := view.Version(v.ctx, version[0], version[1])
		if err != nil {
			if v.ctx.Err() != nil {
				return v.ctx.Err()
			}
			v.unknown(checkLives, "", -1, err)
			continue
		}
		v.Lives = append(v.Lives, Life{version[0], version[1], t.State, t.Counts})
		if t.Counts.Errors > 0 {
			wrong++
			v.wrong(checkLives, "", -1, "`auditlog query --model M --version V` shows them", "%q %q: %s in its life, %s", version[0], version[1], count(t.Counts.Errors, "error"), count(t.Counts.Warnings, "warning"))
		}
	}
	v.ok(checkLives, "%s without errors", count(len(v.Lives), "life", "lives"))
	return nil
}
