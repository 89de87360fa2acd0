package toolchain

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha3"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/mmaudit/mmaudit/internal/durable"
	"github.com/mmaudit/mmaudit/internal/remotefs"
)

// Digests remembers SHA3-512 digests of files by device, inode, size, mtime and
// ctime. A file that changed within two seconds before it was hashed is not
// remembered: it could change again without a trace. The zero value is empty;
// methods may be called concurrently.
//
// Load and Save keep them between runs: the libraries of a CUDA installation
// have gigabytes. What comes from there is marked [Cached]: it is as good as the
// folder of the cache is guarded. On network file systems nothing is saved.
type Digests struct {
	mu      sync.Mutex // guards the others
	m       map[fileID]remembered
	changed bool // since Load or Save
}

type fileID struct {
	dev, ino               uint64
	size, mtimeNS, ctimeNS int64
}

type remembered struct {
	digest string
	used   bool // in this process
	local  bool // the file may be remembered beyond it
}

// hash gives the digest of an open file. It fails if the file changes meanwhile.
func (d *Digests) hash(ctx context.Context, f *os.File) (digest string, method Method, err error) {
	id, err := identify(f)
	if err != nil {
		return "", "", err
	}
	d.mu.Lock()
	known, ok := d.m[id]
	if ok {
		known.used = true
		d.m[id] = known
	}
	d.mu.Unlock()
	if ok {
		return known.digest, Cached, nil
	}
	h := sha3.New512()
	buf := make([]byte, 256<<10)
	for {
		if err := ctx.Err(); err != nil {
			return "", "", err
		}
		n, err := f.Read(buf)
		h.Write(buf[:n])
		if err == io.EOF {
			break
		}
		if err != nil {
			return "", "", plain(err)
		}
	}
	after, err := identify(f)
	if err != nil {
		return "", "", err
	}
	if after != id {
		return "", "", errors.New("changed while it was read")
	}
	digest = hex.EncodeToString(h.Sum(nil))
	if time.Now().UnixNano()-max(id.mtimeNS, id.ctimeNS) > int64(2*time.Second) {
		d.mu.Lock()
		if d.m == nil {
			d.m = map[fileID]remembered{}
		}
		d.m[id] = remembered{digest: digest, used: true, local: remotefs.Kind(int(f.Fd())) == ""}
		d.changed = true
		d.mu.Unlock()
	}
	return digest, Observed, nil
}

// ErrDigests is a file of digests that is not used: damaged, or not guarded.
var ErrDigests = errors.New("cache of digests is not used")

const (
	digestsHeader = "auditlog/digests/v1 "
	// maxSaved bounds the digests that are kept; a line has at most 236 bytes.
	maxSaved = 20_000
	maxLine  = 5*21 + 128 + 1
)

// Load adds the digests that Save wrote. It is no error if there is no such
// file. One that is damaged, or that others than its owner may write, is left
// alone, with an error that is [ErrDigests]: the next Save replaces it.
func (d *Digests) Load(name string) error {
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() || info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("%w: %q may be written by others than its owner", ErrDigests, name)
	}
	const most = len(digestsHeader) + 129 + maxSaved*maxLine
	data, err := io.ReadAll(io.LimitReader(f, int64(most)+1))
	if err != nil {
		return err
	}
	loaded, ok := parseDigests(data)
	if !ok || len(data) > most {
		return fmt.Errorf("%w: %q is damaged", ErrDigests, name)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.m == nil {
		d.m = map[fileID]remembered{}
	}
	for id, digest := range loaded {
		if _, known := d.m[id]; !known {
			d.m[id] = remembered{digest: digest, local: true}
		}
	}
	return nil
}

// Save writes the digests, durably, for the user alone. Those that were not
// used since Load go first when there are too many. Without news it does nothing.
func (d *Digests) Save(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.changed {
		return nil
	}
	type entry struct {
		line string
		used bool
	}
	var entries []entry
	for id, r := range d.m {
		if r.local {
			entries = append(entries, entry{fmt.Sprintf("%d %d %d %d %d %s\n", id.dev, id.ino, id.size, id.mtimeNS, id.ctimeNS, r.digest), r.used})
		}
	}
	slices.SortFunc(entries, func(a, b entry) int {
		if a.used != b.used {
			if a.used {
				return -1
			}
			return 1
		}
		return cmp.Compare(a.line, b.line)
	})
	if len(entries) > maxSaved {
		entries = entries[:maxSaved]
	}
	var body strings.Builder
	for _, e := range entries {
		body.WriteString(e.line)
	}
	if err := durable.WriteFile(name, []byte(digestsHeader+sha3Text(body.String())+"\n"+body.String()), 0o600); err != nil {
		return err
	}
	d.changed = false
	return nil
}

// parseDigests reads what Save writes: a line with the digest of the rest, then
// lines of device, inode, size, mtime, ctime and digest.
func parseDigests(data []byte) (map[fileID]string, bool) {
	head, body, ok := bytes.Cut(data, []byte("\n"))
	if !ok || string(head) != digestsHeader+sha3Text(string(body)) {
		return nil, false
	}
	out := map[fileID]string{}
	for l := range bytes.Lines(body) {
		f := strings.Split(strings.TrimSuffix(string(l), "\n"), " ")
		if len(f) != 6 || len(f[5]) != 128 {
			return nil, false
		}
		var id fileID
		var errs [6]error
		id.dev, errs[0] = strconv.ParseUint(f[0], 10, 64)
		id.ino, errs[1] = strconv.ParseUint(f[1], 10, 64)
		id.size, errs[2] = strconv.ParseInt(f[2], 10, 64)
		id.mtimeNS, errs[3] = strconv.ParseInt(f[3], 10, 64)
		id.ctimeNS, errs[4] = strconv.ParseInt(f[4], 10, 64)
		_, errs[5] = hex.DecodeString(f[5])
		if errors.Join(errs[:]...) != nil {
			return nil, false
		}
		out[id] = f[5]
	}
	return out, true
}
