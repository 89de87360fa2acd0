//go:build unix

package fingerprint

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"github.com/mmaudit/mmaudit/internal/merkle"
)

// Options say how to take a fingerprint. The zero value is what a record should use.
type Options struct {
	Workers int  // readers at once; default: the processors
	SHA256  bool // compute SHA-256 in the same read, for the listing

	// AllowUnreadable takes what cannot be read as leaves of type Unreadable
	// and makes the result partial. No absence can be proved from it.
	AllowUnreadable bool
	// CrossMounts reads other file systems that are mounted below the root.
	// Otherwise a mount point is an error.
	CrossMounts bool

	// Cache is a folder for what earlier runs found, made if missing. A file
	// whose identity, size and times are unchanged is not read again; it is
	// listed and counted as cached, and is no evidence of its content. A run
	// that was interrupted continues from there.
	Cache string
	// CacheRemote uses the cache also on network file systems, whose times
	// do not tell reliably whether a file has changed.
	CacheRemote bool

	TempDir string // for sorting on disk; default: os.TempDir
	Memory  int    // bytes for each of at most five sorts at once; default: 32 MiB

	// Manifest and Listing receive these documents, in order, if not nil. If
	// Run returns an error, what they received is incomplete or untrue.
	Manifest, Listing io.Writer

	// Progress is called about five times a second, and once at the end, from
	// one goroutine at a time.
	Progress func(Progress)

	hooks hooks
}

// hooks let tests act at moments that cannot be met from outside.
type hooks struct {
	scanned func()                                // everything is listed
	read    func(path string, attempt int)        // all bytes of a file were read
	hashed  func()                                // all files were read
	fail    func(during Phase, path string) error // in place of an error of the system
}

func (h *hooks) fault(during Phase, path string) error {
	if h.fail == nil {
		return nil
	}
	return h.fail(during, path)
}

// Status says how complete a fingerprint is.
type Status string

// What Run returns without an error.
const (
	Complete Status = "complete"
	Partial  Status = "partial" // some entries could not be read, which the caller allowed
)

// A Result is the fingerprint of a folder.
type Result struct {
	Status   Status `json:"status"`
	Tree     Head   `json:"tree"`           // of the leaves in order of path
	Content  Head   `json:"content"`        // of the contents in order of digest
	Manifest Digest `json:"manifestDigest"` // SHA3-512 of manifest-sha3512.txt

	Files        uint64 `json:"files,string"`
	Bytes        uint64 `json:"bytes,string"`
	Symlinks     uint64 `json:"symlinks,string"`
	Folders      uint64 `json:"folders,string"`      // the root not counted
	EmptyFolders uint64 `json:"emptyFolders,string"` // in no tree, as in git
	HardLinks    uint64 `json:"hardLinks,string"`    // files that have other names as well
	Cached       uint64 `json:"cached,string"`       // files that were not read in this run

	CacheOff   string   `json:"cacheOff,omitempty"` // kind of file system for which the cache was not used
	Unreadable Problems `json:"-"`                  // what makes it partial
}

// ErrInside says that a working folder lies below the root and would be hashed.
var ErrInside = errors.New("lies inside the data")

// Run takes the fingerprint of the folder root.
//
// A *ProblemError tells what stands against one. When ctx ends, Run stops
// within the time of one read and returns its error; with a cache, the next
// run continues after the files that are done.
func Run(ctx context.Context, root string, o Options) (*Result, error) {
	r, err := newRun(root, &o)
	if err != nil {
		return nil, err
	}
	defer r.close()
	b := newBuilder(&o)
	defer b.close()
	if err := r.rows(ctx, b.add); err != nil {
		return nil, err
	}
	res, err := b.finish()
	if err != nil {
		return nil, err
	}
	res.Folders, res.EmptyFolders = r.folders, r.emptyFolders
	res.CacheOff, res.Unreadable = r.cacheOff, r.partial
	if res.Tree.Unreadable > 0 {
		res.Status = Partial
	}
	return res, nil
}

// A run is one pass over a folder.
type run struct {
	o    *Options
	root int    // descriptor
	real string // the root without symbolic links
	dev  uint64

	total, done tally
	phase       phaseValue
	cache       *cache
	cacheOff    string

	folders, emptyFolders uint64
	partial, problems     Problems
}

func newRun(root string, o *Options) (*run, error) {
	o.defaults()
	fd, err := openRoot(root)
	if err != nil {
		return nil, err
	}
	r := &run{o: o, root: fd}
	if err := r.prepare(root); err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

// prepare learns where the root lies and opens the cache.
func (r *run) prepare(root string) (err error) {
	st, err := fstat(r.root)
	if err != nil {
		return err
	}
	r.dev = st.dev
	if r.real, err = resolve(root); err != nil {
		return err
	}
	if err := r.outside(r.o.TempDir); err != nil {
		return err
	}
	if r.o.Cache == "" {
		return nil
	}
	if fs := remote(r.root); fs != "" && !r.o.CacheRemote {
		r.cacheOff = fs
		return nil
	}
	if err := r.outside(r.o.Cache); err != nil {
		return err
	}
	r.cache, err = openCache(r.o)
	return err
}

func (o *Options) defaults() {
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if o.TempDir == "" {
		o.TempDir = os.TempDir()
	}
	if o.Memory <= 0 {
		o.Memory = 32 << 20
	}
}

func resolve(name string) (string, error) {
	abs, err := filepath.Abs(name)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(abs)
}

// outside demands that a folder that we write to, or the place where it will
// be made, does not lie below the root.
func (r *run) outside(dir string) error {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	for {
		real, err := filepath.EvalSymlinks(abs)
		if err == nil {
			if within(r.real, real) {
				return fmt.Errorf("%q %w", dir, ErrInside)
			}
			return nil
		}
		if !errors.Is(err, os.ErrNotExist) || abs == filepath.Dir(abs) {
			return err
		}
		abs = filepath.Dir(abs)
	}
}

func (r *run) close() {
	unixClose(r.root)
	if r.cache != nil {
		r.cache.close()
	}
}

// rows calls emit with a row for each leaf of the path tree, in order.
func (r *run) rows(ctx context.Context, emit func(*row) error) (err error) {
	stop := r.report()
	defer stop()
	found := newSorter(r.o)
	defer found.close()
	if err := r.scan(ctx, found); err != nil {
		return err
	}
	call(r.o.hooks.scanned)
	r.phase.set(Reading)
	hashed := newSorter(r.o)
	defer hashed.close()
	if err := r.readAll(ctx, found, hashed); err != nil {
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

// A builder makes documents and trees of the rows of a run.
type builder struct {
	o                 *Options
	manifest, listing *bufio.Writer
	digest            *hasher // of the manifest
	line              []byte
	paths             merkle.Tree[Digest]
	contents          *sorter
	res               Result
}

func newBuilder(o *Options) *builder {
	b := &builder{o: o, digest: newHasher(false), contents: newSorter(o), res: Result{Status: Complete}}
	b.manifest, b.listing = bufferTo(o.Manifest), bufferTo(o.Listing)
	b.line = append(b.line, listingHeader+"\n"...)
	b.listing.Write(b.line) // the writer keeps the first error, for finish
	return b
}

func bufferTo(w io.Writer) *bufio.Writer {
	if w == nil {
		w = io.Discard
	}
	return bufio.NewWriterSize(w, 64<<10)
}

func (b *builder) add(r *row) error {
	e := r.entry()
	b.line = append(e.append(b.line[:0]), '\n')
	if _, err := b.listing.Write(b.line); err != nil {
		return err
	}
	b.paths.Push(pathLeaf(&e.Leaf))
	switch e.Type {
	case Symlink:
		b.res.Symlinks++
	case Unreadable:
		b.res.Tree.Unreadable++
	case File:
		b.res.Files++
		b.res.Bytes += e.Size
		if r.stat.links > 1 {
			b.res.HardLinks++
		}
		if r.cached {
			b.res.Cached++
		}
		b.line = appendManifestLine(b.line[:0], e.Digest, e.Path)
		b.digest.write(b.line)
		if _, err := b.manifest.Write(b.line); err != nil {
			return err
		}
		return addContent(b.contents, &e.Leaf)
	}
	return nil
}

func (b *builder) finish() (*Result, error) {
	if err := errors.Join(b.manifest.Flush(), b.listing.Flush()); err != nil {
		return nil, err
	}
	var manifest row
	b.digest.sums(&manifest)
	b.res.Manifest = manifest.digest
	b.res.Tree.Leaves = b.paths.Len()
	b.res.Tree.Bytes = b.res.Bytes
	b.res.Tree.Root = b.paths.Root()
	var contents merkle.Tree[Digest]
	if err := eachContent(b.contents, func(l *Leaf, _ string) error {
		contents.Push(contentLeaf(l))
		return nil
	}); err != nil {
		return nil, err
	}
	b.res.Content = b.res.Tree
	b.res.Content.Leaves, b.res.Content.Root = contents.Len(), contents.Root()
	return &b.res, nil
}

func (b *builder) close() { b.contents.close() }
