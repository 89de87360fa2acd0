package verify

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/mmaudit/mmaudit/audit/canonical"
	"github.com/mmaudit/mmaudit/audit/fingerprint"
	"github.com/mmaudit/mmaudit/audit/hparams"
	"github.com/mmaudit/mmaudit/audit/store"
	"github.com/mmaudit/mmaudit/internal/ctxio"
)

// A reading is the state of the pass over documents.
type reading struct {
	siteKey []byte // nil if it is not to be had

	mu                  sync.Mutex // guards what follows
	documents, listings int        // that are as they should be
	params              int
	trees               []*claim       // of hyper-parameters whose tree site.key gives
	others              []*claim       // and those whose tree it does not give
	absent              map[string]int // by check: those that are with others, on Fabric
	done, total         int64
}

// documents reads every document that a record names.
func (v *verifier) documents() error {
	d := &reading{siteKey: v.siteKey(), absent: map[string]int{}}
	list := make([][64]byte, 0, len(v.all.claims))
	for sha3, claims := range v.all.claims {
		slices.SortFunc(claims, func(a, b *claim) int { return int(a.index - b.index) })
		list = append(list, sha3)
		if !v.leftOut(claims) {
			d.total += claims[0].size
		}
	}
	slices.SortFunc(list, func(a, b [64]byte) int { return bytes.Compare(a[:], b[:]) })
	g, ctx := errgroup.WithContext(v.ctx)
	g.SetLimit(v.o.Workers)
	for _, sha3 := range list {
		if ctx.Err() != nil {
			break
		}
		g.Go(func() error { return v.document(d, hex.EncodeToString(sha3[:]), v.all.claims[sha3]) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	if v.ctx.Err() != nil {
		return v.ctx.Err()
	}
	v.elsewhere(d)
	v.ok(checkDocuments, "%s of the size and digests that records say", count(d.documents, "document"))
	v.ok(checkListings, "%s with the trees that records say", count(d.listings, "list of files", "lists of files"))
	v.trees(d)
	v.ok(checkParams, "%s of hyper-parameters with the hash that records say", count(d.params, "set"))
	return nil
}

// elsewhere says which documents are not here, because on Fabric they are with
// who recorded them. Of those that are here, what is wrong is told all the same.
func (v *verifier) elsewhere(d *reading) {
	for _, check := range []string{checkDocuments, checkListings, checkParams} {
		if n := d.absent[check]; n > 0 {
			v.skip(check, "%d not in %s: who recorded them has them; what is there was read", n, v.dir)
		}
	}
}

func (v *verifier) siteKey() []byte {
	key, err := v.s.SiteKey()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		v.skip(checkSiteKey, "%s is not here: as it should be in a copy for others", v.path("site.key"))
	case errors.Is(err, fs.ErrPermission):
		v.skip(checkSiteKey, "%s may not be read by this user", v.path("site.key"))
	case err != nil:
		v.wrong(checkSiteKey, v.path("site.key"), -1, "restore it from a backup", "%v", err)
	}
	return key
}

// trees tells a wrong site.key from a wrong record: of a wrong key, no tree
// comes out right.
func (v *verifier) trees(d *reading) {
	shared := v.onFabric || v.s.WasOnFabric() // who records there has a site.key each
	switch {
	case d.siteKey == nil:
	case len(d.trees) == 0 && len(d.others) == 0:
		v.skip(checkSiteKey, "no hyper-parameters are kept to try it on")
	case len(d.trees) == 0 && shared:
		v.skip(checkSiteKey, "the hyper-parameters that are kept here were recorded with the key of somebody else")
	case len(d.trees) == 0:
		c := slices.MinFunc(d.others, func(a, b *claim) int { return int(a.index - b.index) })
		v.wrong(checkSiteKey, v.path("site.key"), -1, "restore the one of this ledger from a backup", "is not the key of this ledger: under it, the hyper-parameters of record %d have another tree", c.index)
	default:
		for _, c := range d.others {
			if shared {
				v.note(checkParams, "", c.index, "under this site.key, its hyper-parameters have another tree: somebody with another key recorded them")
				continue
			}
			v.wrong(checkParams, "", c.index, "", "params.tree is not that of the hyper-parameters under site.key, though that of others is")
		}
		v.ok(checkSiteKey, "under it, hyper-parameters have the trees of their records")
	}
}

func (v *verifier) leftOut(claims []*claim) bool {
	return v.o.NoListings && claims[0].tree != nil
}

// document reads one document, and holds it against all that records say of it.
func (v *verifier) document(d *reading, sha3 string, claims []*claim) error {
	if v.leftOut(claims) {
		return nil
	}
	c := claims[0]
	check := checkDocuments
	if c.tree != nil {
		check = checkListings
	}
	path := v.path("blobs", sha3[:2], sha3)
	size, sum, err := v.measure(d, sha3)
	switch {
	case v.ctx.Err() != nil:
		return v.ctx.Err()
	case errors.Is(err, fs.ErrNotExist) && v.onFabric:
		d.mu.Lock()
		defer d.mu.Unlock()
		d.absent[check]++
		if slices.ContainsFunc(claims, func(c *claim) bool { return c.params != nil }) {
			d.absent[checkParams]++
		}
		return nil
	case errors.Is(err, fs.ErrNotExist):
		v.wrong(check, path, c.index, "restore it from a backup, or from who has the document: it goes by its SHA3-512", "%s, %q of %d bytes, is missing", c.member, c.name, c.size)
		return nil
	case errors.Is(err, store.ErrDamaged):
		v.wrong(check, path, c.index, "restore it from a backup, or from who has the document", "%s, %q, was changed: it does not have the SHA3-512 by which it goes", c.member, c.name)
		return nil
	case err != nil:
		v.unknown(check, path, c.index, err)
		return nil
	}
	good := true
	for _, c := range claims {
		if c.size != size || c.sha256 != "" && c.sha256 != sum {
			good = false
			v.wrong(check, path, c.index, "the record contradicts itself: do not believe it", "%s, %q, has the SHA3-512 that the record says, but %d bytes and SHA-256 %s", c.member, c.name, size, sum)
			continue
		}
		if c.tree != nil {
			good = v.tree(sha3, path, c) && good
		}
		if c.params != nil {
			v.params(d, sha3, path, c)
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if good && check == checkListings {
		d.listings++
	} else if good {
		d.documents++
	}
	return nil
}

// measure reads a document, which its digest verifies, for its size and SHA-256.
func (v *verifier) measure(d *reading, sha3 string) (size int64, sum string, err error) {
	r, err := v.s.Blobs.Open(sha3)
	if err != nil {
		return 0, "", err
	}
	defer r.Close()
	h := sha256.New()
	size, err = io.Copy(h, io.TeeReader(ctxio.Reader(v.ctx, r), writerFunc(func(n int) {
		d.mu.Lock()
		d.done += int64(n)
		done := d.done
		d.mu.Unlock()
		v.o.Progress(Progress{"documents", done, d.total})
	})))
	return size, hex.EncodeToString(h.Sum(nil)), err
}

type writerFunc func(n int)

func (f writerFunc) Write(p []byte) (int, error) {
	f(len(p))
	return len(p), nil
}

// tree looks whether a list of files has the tree of its data set.
func (v *verifier) tree(sha3, path string, c *claim) bool {
	r, err := v.s.Blobs.Open(sha3)
	if err == nil {
		defer r.Close()
		// Whether it lists a file of no name is of no interest, but to know it,
		// the whole list is read and held against the tree.
		_, err = fingerprint.Prove(v.ctx, r, *c.tree, "")
	}
	if err != nil && !errors.Is(err, fingerprint.ErrPartial) {
		v.wrong(checkListings, path, c.index, "the record names a list of other files: `auditlog verify --data DIR` needs the right one", "%s, %q: %v", c.member, c.name, err)
		return false
	}
	return true
}

// params looks whether kept hyper-parameters are those of the record.
func (v *verifier) params(d *reading, sha3, path string, c *claim) {
	set, err := readSet(v.s.Blobs, sha3)
	var hash hparams.Hash
	if err == nil {
		hash, err = set.Hash()
	}
	if err == nil && hash != c.params.Hash {
		err = fmt.Errorf("they have the hash %x…", hash[:8])
	}
	if err != nil {
		v.wrong(checkParams, path, c.index, "the record contradicts itself: do not believe what it says of hyper-parameters", "are not the hyper-parameters of the record: %v", err)
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.params++
	if d.siteKey == nil {
		return
	}
	tree, err := set.Tree(store.ParamsSecret(d.siteKey, hash))
	if err == nil && tree.Root() == c.params.Tree {
		d.trees = append(d.trees, c)
	} else {
		d.others = append(d.others, c)
	}
}

func readSet(b store.Blobs, sha3 string) (*hparams.Set, error) {
	form, err := b.Read(sha3, canonical.MaxSize)
	if err != nil {
		return nil, err
	}
	var set hparams.Set
	return &set, json.Unmarshal(form, &set)
}

// leftovers notes the files among the documents that no record names.
func (v *verifier) leftovers() error {
	known := func(name string) bool {
		raw, err := hex.DecodeString(name)
		return err == nil && len(raw) == 64 && v.all.claims[[64]byte(raw)] != nil
	}
	n := 0
	first := ""
	err := filepath.WalkDir(v.path("blobs"), func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // there are no documents, or a writer is at work
		}
		if err != nil {
			v.unknown(checkDocuments, path, -1, err)
			return nil
		}
		name := e.Name()
		if !e.IsDir() && (!known(name) || filepath.Base(filepath.Dir(path)) != name[:2]) {
			if n++; first == "" {
				first = path
			}
		}
		return v.ctx.Err()
	})
	if err == nil && n > 0 && v.all.unread == 0 {
		v.note(checkDocuments, first, -1, "%s that no record names, left over by a record that was not made, or put there by somebody else; this is the first", count(n, "file"))
	}
	return err
}
