//go:build unix

package fingerprint

import (
	"cmp"
	"context"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/mmaudit/mmaudit/internal/keccak"
	"github.com/mmaudit/mmaudit/internal/remotefs"
)

// A run is one pass over a root.
type run struct {
	o    *Options
	root int    // descriptor of the folder
	real string // its path without symbolic links
	only string // name of the file in it, if the root is a file
	dev  uint64 // where the folder lies

	engine keccak.Engine // that hashes
	hooked sync.Mutex    // held while a hook looks on

	total, done, kept tally // found; dealt with; of these, from the cache
	entries, sealed   counter
	large             counter // files found that are large
	phase             phaseValue
	reading           atomic.Pointer[queue]
	cache             *cache
	cacheOff          string
	parts             *sorter // what shards have read, by path
	chunkSums         *sorter // of the files of this run, if asked for
	known             *known  // chunks that files are compared by

	folders, emptyFolders uint64
	partial, problems     Problems
}

func newRun(ctx context.Context, root string, o *Options) (*run, error) {
	o.defaults()
	r := &run{o: o, root: -1}
	engine, err := keccak.Best()
	if err != nil {
		return nil, err
	}
	r.engine = engine
	err = r.open(root)
	if err == nil && o.Cache != "" {
		err = r.openCache(ctx)
	}
	if err == nil && o.Chunks != nil {
		r.chunkSums = newSorter(ctx, o)
	}
	if err == nil && o.Parts != "" {
		err = r.openParts(ctx)
	}
	if err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

func (r *run) openCache(ctx context.Context) (err error) {
	if fs := cmp.Or(r.o.hooks.remote, remotefs.Kind(r.root)); fs != "" && !r.o.CacheRemote {
		r.cacheOff = fs
		return nil
	}
	if err := r.outside(r.o.Cache); err != nil {
		return err
	}
	of := filepath.Join(r.real, r.only)
	if r.o.shard.Count > 0 { // shards may run side by side
		of += "\x00" + r.o.shard.String()
	}
	r.cache, err = openCache(ctx, r.o, of)
	return err
}

func (r *run) close() {
	if r.root >= 0 {
		unixClose(r.root)
	}
	if r.cache != nil {
		r.cache.close()
	}
	for _, s := range [...]*sorter{r.parts, r.chunkSums} {
		if s != nil {
			s.close()
		}
	}
	if r.known != nil {
		r.known.close()
	}
}

// rows calls emit with a row for each leaf of the path tree, in order.
func (r *run) rows(ctx context.Context, emit func(*row) error) (err error) {
	stop := r.report()
	defer stop()
	found := newSorter(ctx, r.o)
	defer found.close()
	if err := r.scan(ctx, found); err != nil {
		return err
	}
	call(r.o.hooks.scanned)
	r.phase.set(Reading)
	hashed := newSorter(ctx, r.o)
	defer hashed.close()
	read := r.readAll
	if r.parts != nil {
		read = r.join
	}
	if err := read(ctx, found, hashed); err != nil {
		return err
	}
	found.close()
	call(r.o.hooks.hashed)
	r.phase.set(Sealing)
	if err := r.seal(ctx, hashed, emit); err != nil {
		return err
	}
	if r.problems.Count > 0 {
		return &ProblemError{r.problems}
	}
	if r.cache != nil {
		return r.cache.replace(hashed)
	}
	return nil
}

func call(f func()) {
	if f != nil {
		f()
	}
}
