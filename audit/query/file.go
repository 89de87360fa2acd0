package query

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/fingerprint"
	"github.com/mmaudit/mmaudit/audit/lifecycle"
	"github.com/mmaudit/mmaudit/ledger"
)

// A File is what a question is about: a content, or a path below the root of a
// data set.
type File struct {
	Digest string `json:"sha3_512,omitempty"`
	Path   string `json:"path,omitempty"`
}

// FileAnswer tells which data sets hold a file, and what was trained on them.
type FileAnswer struct {
	V      int                 `json:"v"` // 1
	Ledger *lifecycle.Snapshot `json:"ledger"`
	Asked  File                `json:"asked"`
	Data   []FileIn            `json:"data"` // in the order of their first records
}

// Has says whether a data set holds a file.
type Has string

// The answers.
const (
	Holds  Has = "contained"
	Lacks  Has = "absent"
	Unsure Has = "unknown" // it cannot be told, see FileIn.Reason
)

// FileIn is one data set and the file.
type FileIn struct {
	Name    string           `json:"name"`
	Tree    fingerprint.Head `json:"tree"`
	Content fingerprint.Head `json:"content"`
	Has     Has              `json:"has"`
	Reason  string           `json:"reason,omitempty"`
	// Proof is a fingerprint.Proof against Content, of a digest, or Tree, of a
	// path: of inclusion or of absence.
	Proof   json.RawMessage `json:"proof,omitempty"`
	First   lifecycle.Mark  `json:"first"`             // a record that names the data set
	Trained []Hit           `json:"trained,omitempty"` // on a data set that holds the file
}

// Unknown counts the data sets of which it cannot be told.
func (a *FileAnswer) Unknown() int {
	n := 0
	for _, d := range a.Data {
		if d.Has == Unsure {
			n++
		}
	}
	return n
}

// ContainsFile tells which data sets hold a file, by its digest or path: those of
// a version, or with model "" all that the ledger knows, for which every record
// that registers data or starts a training is read.
func (v *View) ContainsFile(ctx context.Context, f File, model, version string) (*FileAnswer, error) {
	var digest fingerprint.Digest
	if (f.Digest == "") == (f.Path == "") {
		return nil, fmt.Errorf("%w: a file is asked for by digest or by path", ledger.ErrInvalid)
	}
	if f.Digest != "" {
		var err error
		if digest, err = fingerprint.ParseDigest(f.Digest); err != nil {
			return nil, fmt.Errorf("%w: %w", ledger.ErrInvalid, err)
		}
	}
	sets, err := v.datasets(ctx, model, version)
	if err != nil {
		return nil, err
	}
	a := &FileAnswer{V: 1, Ledger: v.Snapshot(), Asked: f, Data: []FileIn{}}
	for _, s := range sets {
		fp := &s.Fingerprint
		in := FileIn{Name: s.Name, Tree: fp.Tree, Content: fp.Content, First: s.first}
		proof, err := v.prove(ctx, s, f, digest)
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil:
			in.Has, in.Reason = Unsure, err.Error()
		default:
			in.Proof, in.Has = proof.Marshal(), Lacks
			if proof.Found != nil {
				in.Has = Holds
				hits, err := v.TrainedOn(ctx, fp.Tree.Root.String())
				if err != nil {
					return nil, err
				}
				in.Trained = hits.Hits
			}
		}
		a.Data = append(a.Data, in)
	}
	return a, nil
}

// A set is a data set, with the digest of every list of its files that records
// name.
type set struct {
	audit.Dataset
	first    lifecycle.Mark
	listings []string
}

// sets collects data sets by the root of their trees.
type sets struct {
	list []*set
	at   map[fingerprint.Digest]*set
}

func (s *sets) add(index int64, p *audit.Predicate) {
	for _, d := range p.Data {
		root := d.Fingerprint.Tree.Root
		x := s.at[root]
		if x == nil {
			x = &set{Dataset: d, first: lifecycle.Mark{Index: index, Time: p.Time.Claimed}}
			if s.at == nil {
				s.at = map[fingerprint.Digest]*set{}
			}
			s.at[root] = x
			s.list = append(s.list, x)
		}
		if d.Listing != nil && !slices.Contains(x.listings, d.Listing.Digest["sha3_512"]) {
			x.listings = append(x.listings, d.Listing.Digest["sha3_512"])
		}
	}
}

// datasets lists the data sets of a version, or with model "" all.
func (v *View) datasets(ctx context.Context, model, version string) ([]*set, error) {
	var s sets
	if model != "" {
		life, _, err := v.life(ctx, model, version, records{})
		if err != nil {
			return nil, err
		}
		used := map[fingerprint.Digest]bool{}
		for _, r := range life.Records {
			if r.Record != nil {
				s.add(r.Index, r.Record.Predicate())
				for _, d := range r.Record.Predicate().Data {
					used[d.Fingerprint.Tree.Root] = used[d.Fingerprint.Tree.Root] || r.Record.Predicate().Model == model && r.Record.Predicate().Version == version
				}
			}
		}
		// A record about a data set of the version may name others too.
		return slices.DeleteFunc(s.list, func(x *set) bool { return !used[x.Fingerprint.Tree.Root] }), nil
	}
	all := map[int64]*audit.Predicate{}
	for _, event := range []audit.Event{audit.DataRegistered, audit.TrainStarted} {
		for e, err := range v.l.Find(ctx, v.Size, 0, ledger.Key{Name: audit.KeyEvent, Value: string(event)}) {
			if err != nil {
				return nil, err
			}
			if r, err := audit.Open(e.Record); err == nil {
				all[e.Index] = &audit.Predicate{Data: r.Predicate().Data, Time: r.Predicate().Time}
			}
		}
	}
	for _, index := range slices.Sorted(maps.Keys(all)) {
		s.add(index, all[index])
	}
	return s.list, nil
}

// errNoListing is why nothing can be told of a data set's files.
var errNoListing = errors.New("no list of its files is kept")

// open opens a list of a data set's files.
func (v *View) open(s *set) (io.ReadCloser, error) {
	err := errNoListing
	for _, digest := range s.listings {
		if v.o.Documents == nil {
			break
		}
		f, oops := v.o.Documents.Open(digest)
		if oops == nil {
			return f, nil
		}
		if !errors.Is(oops, fs.ErrNotExist) {
			err = oops
		}
	}
	return nil, err
}

// prove looks the file up in the list of a data set's files. Its error says why
// it cannot be told.
func (v *View) prove(ctx context.Context, s *set, f File, digest fingerprint.Digest) (*fingerprint.Proof, error) {
	listing, err := v.open(s)
	if err != nil {
		return nil, err
	}
	defer listing.Close()
	if f.Path != "" {
		return fingerprint.Prove(ctx, listing, s.Fingerprint.Tree, f.Path)
	}
	return fingerprint.ProveContent(ctx, listing, s.Fingerprint.Content, digest, fingerprint.Options{TempDir: v.o.TempDir})
}

// overlaps compares the files of the data sets for training with those for
// testing, and says what it could not compare.
func (v *View) overlaps(ctx context.Context, l *lifecycle.Life) ([]string, error) {
	var s sets
	for _, r := range l.Records {
		if r.Record != nil {
			s.add(r.Index, r.Record.Predicate())
		}
	}
	trained, tested := l.Splits()
	var remarks []string
	for _, a := range trained {
		for _, b := range tested {
			x, y := s.at[a.Fingerprint.Tree.Root], s.at[b.Fingerprint.Tree.Root]
			if x == y {
				continue
			}
			found, err := v.overlap(ctx, x, y)
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if err != nil {
				remarks = append(remarks, fmt.Sprintf("data sets %q and %q were not compared: %v", x.Name, y.Name, err))
				continue
			}
			l.Overlaps = append(l.Overlaps, lifecycle.Overlap{
				A: x.Fingerprint.Tree.Root.String(), B: y.Fingerprint.Tree.Root.String(),
				Contents: found.Contents, FilesA: found.FilesA, FilesB: found.FilesB,
			})
		}
	}
	return remarks, nil
}

func (v *View) overlap(ctx context.Context, x, y *set) (*fingerprint.Overlapping, error) {
	a, err := v.open(x)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", x.Name, err)
	}
	defer a.Close()
	b, err := v.open(y)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", y.Name, err)
	}
	defer b.Close()
	return fingerprint.Overlap(ctx, fingerprint.Source{Listing: a, Content: x.Fingerprint.Content},
		fingerprint.Source{Listing: b, Content: y.Fingerprint.Content}, fingerprint.Options{TempDir: v.o.TempDir}, nil)
}
