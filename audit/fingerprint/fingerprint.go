package fingerprint

import (
	"context"
	"io"
	"os"
	"runtime"
)

// Options say how to take a fingerprint. The zero value is what a record should use.
type Options struct {
	Workers int  // readers at once; default: the processors
	SHA256  bool // compute SHA-256 in the same read, for the listing

	// AllowUnreadable takes what cannot be read as leaves of type TypeUnreadable
	// and makes the result partial. No absence can be proved from it.
	AllowUnreadable bool
	// CrossMounts reads other file systems that are mounted below the root.
	// Otherwise a mount point is an error.
	CrossMounts bool

	// Cache is a folder for what earlier runs found, made if missing; it may
	// serve many roots. A file whose identity, size and times are unchanged is
	// not read again; it is listed and counted as cached, and is no evidence of
	// its content. A run that was interrupted continues from there, also in the
	// middle of a large file, which then counts as cached.
	Cache string
	// CacheRemote uses the cache also on network file systems, whose times
	// do not tell reliably whether a file has changed.
	CacheRemote bool

	// Parts is the folder in which RunShard has left the part of each shard. Run
	// and Check then read no file: they list the root, demand that every file is
	// as its shard found it, and take the digests from there. Files that they
	// take so count as cached. Not with Cache.
	Parts string

	TempDir string // for sorting on disk; default: $TMPDIR, else /var/tmp
	Memory  int    // bytes for each of at most six sorts at once; default: 32 MiB

	// Manifest and Listing receive these documents, in order, if not nil. If
	// Run returns an error, what they received is incomplete or untrue.
	Manifest, Listing io.Writer

	// Chunks receives the list of the chunks of large files, if not nil, with
	// the same reservation. Such files are then read though the cache has them.
	// Not with Parts.
	Chunks io.Writer
	// Known is such a list, for Check. Files that it names, whose size is still
	// the same, are compared by their chunks, side by side, and their whole
	// digests are not computed.
	Known io.Reader

	// Progress is called about five times a second, and once at the end, from
	// one goroutine at a time.
	Progress func(Progress)

	shard Shard // of RunShard
	sizes sizes
	hooks hooks
}

func (o *Options) defaults() {
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if o.TempDir == "" {
		o.TempDir = largeTemp()
	}
	if o.Memory <= 0 {
		o.Memory = 32 << 20
	}
	if o.sizes == (sizes{}) {
		o.sizes = sizes{chunk: ChunkSize, save: 256 << 20}
	}
}

// largeTemp is the folder for temporary files that may be large: /tmp is in
// memory on many systems.
func largeTemp() string {
	if info, err := os.Stat("/var/tmp"); os.Getenv("TMPDIR") == "" && err == nil && info.IsDir() {
		return "/var/tmp"
	}
	return os.TempDir()
}

// sizes are smaller in tests.
type sizes struct {
	chunk uint64
	save  uint64 // how far a file is read before the cache is told again
}

// hooks let tests act at moments that cannot be met from outside.
type hooks struct {
	scanned func()                                // everything is listed
	read    func(path string, attempt int)        // all bytes of a file were read; one call at a time
	saved   func(offset uint64)                   // the cache knows how far a file was read; one call at a time
	hashed  func()                                // all files were read
	fail    func(during Phase, path string) error // in place of an error of the system
	remote  string                                // kind of file system of the root
}

func (h *hooks) fault(during Phase, path string) error {
	if h.fail == nil {
		return nil
	}
	return h.fail(during, path)
}

// A Phase is a part of a run.
type Phase string

// The phases of a run, in order.
const (
	Scanning Phase = "scanning" // listing the folders: the totals still grow
	Reading  Phase = "reading"  // hashing the files: the totals are known
	Sealing  Phase = "sealing"  // looking at every entry a last time
)

// Progress tells how far a run is.
type Progress struct {
	Phase                    Phase
	Files, Bytes             uint64 // done, those from the cache included
	CachedFiles, CachedBytes uint64 // of these, from the cache: no measure of speed
	TotalFiles, TotalBytes   uint64 // found so far; all, once Phase is Reading
	// Alone is the size of the file that alone is being read, and that all else
	// waits for: one processor hashes it to its end, however many there are.
	// Else 0.
	Alone   uint64
	Entries uint64 // files, folders and links found so far
	Sealed  uint64 // of these, looked at a last time
}

// Status says how complete a fingerprint is.
type Status string

// What Run returns without an error.
const (
	Complete Status = "complete"
	Partial  Status = "partial" // some entries could not be read, which the caller allowed
)

// A Result is the fingerprint of a root.
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
	Cached       uint64 `json:"cached,string"`       // files that were not read in this run, or not whole

	CacheOff   string   `json:"cacheOff,omitempty"` // kind of file system for which the cache was not used
	Unreadable Problems `json:"-"`                  // what makes it partial
	// Alike are paths whose name differs from another of its folder in case or
	// Unicode normal form alone: a copy elsewhere may lose one of the two. In
	// folders of more than a million names it may not be all of them.
	Alike Names `json:"-"`
}

// Run takes the fingerprint of the folder root, or of a file: that is the
// fingerprint of a folder that holds this file alone. A root that is a symbolic
// link stands for what it leads to.
//
// A *ProblemError tells what stands against one. When ctx ends, Run stops
// within the time of one read and returns its error; with a cache, the next
// run continues after the files that are done.
func Run(ctx context.Context, root string, o Options) (*Result, error) {
	r, err := newRun(ctx, root, &o)
	if err != nil {
		return nil, err
	}
	defer r.close()
	b, err := newBuilder(ctx, &o)
	if err != nil {
		return nil, err
	}
	defer b.close()
	emit, finish := b.add, func() error { return nil }
	if o.Chunks != nil {
		emit, finish = r.listChunks(emit)
	}
	if err := r.rows(ctx, emit); err != nil {
		return nil, err
	}
	if err := finish(); err != nil {
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
