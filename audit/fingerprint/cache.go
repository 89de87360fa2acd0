//go:build unix

package fingerprint

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"iter"
	"os"
	"path/filepath"
	"sync"

	"github.com/mmaudit/mmaudit/internal/durable"
	"golang.org/x/sys/unix"
)

// ErrCacheBusy says that another run uses the cache.
var ErrCacheBusy = errors.New("cache is in use by another run")

// A cache remembers what was read, across runs. Every file that is done is
// appended to it at once, so that an interrupted run leaves what it did; a run
// that ends well replaces it. A record that is damaged, or torn by a kill, ends
// the cache: what follows is read again.
type cache struct {
	name string // path of the file, without its ending
	lock *os.File
	old  *sorter // records of earlier runs by path; of equal ones the last counts

	mu    sync.Mutex // guards what follows
	file  *os.File
	w     *bufio.Writer
	ahead uint64 // bytes hashed since the records were last written out
}

const (
	cacheFormat = "auditlog/cache/v1\n"
	cacheEnd    = ".cache"
	lockEnd     = ".lock"
	tempEnd     = ".tmp"
	maxRecord   = maxPath + 1<<16
	flushAfter  = 64 << 20
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// openCache opens the cache of one root. It has a file of its own for each, so
// that no root forgets for another.
func openCache(ctx context.Context, o *Options, root string) (*cache, error) {
	if err := durable.MkdirAll(o.Cache, 0o700); err != nil {
		return nil, err
	}
	c := &cache{name: filepath.Join(o.Cache, sum([]byte(root)).String()[:32]), old: newSorter(ctx, o)}
	if err := c.open(); err != nil {
		c.close()
		return nil, fmt.Errorf("%q: %w", o.Cache, err)
	}
	return c, nil
}

// open takes the lock and reads what earlier runs left.
func (c *cache) open() (err error) {
	// The lock's file is never unlinked: two runs could lock two files of one name.
	if c.lock, err = os.OpenFile(c.name+lockEnd, os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return err
	}
	if err := again(func() error { return unix.Flock(int(c.lock.Fd()), unix.LOCK_EX|unix.LOCK_NB) }); err != nil {
		if errors.Is(err, unix.EWOULDBLOCK) {
			return ErrCacheBusy
		}
		return err
	}
	if c.file, err = os.OpenFile(c.name+cacheEnd, os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return err
	}
	good, err := c.load(bufio.NewReaderSize(c.file, 256<<10))
	if err != nil {
		return fmt.Errorf("%q %w", c.file.Name(), err)
	}
	if err := c.file.Truncate(good); err != nil {
		return err
	}
	if _, err := c.file.Seek(good, io.SeekStart); err != nil {
		return err
	}
	c.w = bufio.NewWriter(c.file)
	if good == 0 {
		_, err = c.w.WriteString(cacheFormat)
	}
	return err
}

var errForeign = errors.New("is no cache of fingerprints: remove it, or name another folder")

// load sorts the records of a cache, and returns the length of its good part.
func (c *cache) load(r io.Reader) (good int64, err error) {
	head := make([]byte, len(cacheFormat))
	n, err := io.ReadFull(r, head)
	if string(head[:n]) != cacheFormat[:n] {
		return 0, errForeign
	}
	if err != nil {
		return 0, ignoreEOF(err)
	}
	good = int64(n)
	var size [4]byte
	var buf []byte
	for {
		if _, err := io.ReadFull(r, size[:]); err != nil {
			return good, ignoreEOF(err)
		}
		length := binary.BigEndian.Uint32(size[:])
		if length > maxRecord {
			return good, nil
		}
		n := int(length)
		if cap(buf) < n+4 {
			buf = make([]byte, n+4)
		}
		buf = buf[:n+4]
		if _, err := io.ReadFull(r, buf); err != nil {
			return good, ignoreEOF(err)
		}
		if crc32.Checksum(buf[:n], castagnoli) != binary.BigEndian.Uint32(buf[n:]) {
			return good, nil
		}
		k, used := binary.Uvarint(buf[:n])
		if used <= 0 || k > uint64(n-used) {
			return good, nil
		}
		body := buf[used:n]
		if _, err := parseRow(nil, body[k:]); err != nil {
			return good, nil
		}
		if err := c.old.add(body[:k], body[k:]); err != nil {
			return good, err
		}
		good += int64(len(size) + len(buf))
	}
}

func ignoreEOF(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}

// rows yields the newest record of each path, in order. A nil cache has none.
func (c *cache) rows() iter.Seq2[row, error] {
	return func(yield func(row, error) bool) {
		if c == nil {
			return
		}
		var last row
		has := false
		err := c.old.eachRow(func(r *row) error {
			if has && last.path != r.path && !yield(last, nil) {
				return errStop
			}
			last, has = *r, true
			return nil
		})
		switch {
		case err == nil && has:
			yield(last, nil)
		case err != nil && !errors.Is(err, errStop):
			yield(row{}, err)
		}
	}
}

// add appends what was read of a file. Records reach the system after 4 KiB of
// them, some 25 files, or 64 MiB of data: a kill loses no more work than that.
func (c *cache) add(r *row) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, err := c.w.Write(appendCached(nil, r)); err != nil {
		return err
	}
	c.ahead += r.stat.size
	if c.ahead < flushAfter {
		return nil
	}
	c.ahead = 0
	return c.w.Flush()
}

func appendCached(b []byte, r *row) []byte {
	plain := *r
	plain.cached = false
	start := len(b)
	b = append(b, 0, 0, 0, 0)
	b = binary.AppendUvarint(b, uint64(len(r.path)))
	b = plain.append(append(b, r.path...))
	body := b[start+4:]
	binary.BigEndian.PutUint32(b[start:], uint32(len(body)))
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(body, castagnoli))
}

// replace makes the files among rows the content of the cache. The rename is
// the commit.
func (c *cache) replace(rows *sorter) (err error) {
	// One name, which the lock guards: what a killed run left is overwritten.
	f, err := os.OpenFile(c.name+tempEnd, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	w := bufio.NewWriterSize(f, 256<<10)
	w.WriteString(cacheFormat) // the writer keeps the first error
	var b []byte
	if err := rows.eachRow(func(r *row) error {
		if r.kind != 'f' || r.trouble != none || r.byChunks {
			return nil
		}
		b = appendCached(b[:0], r)
		_, err := w.Write(b)
		return err
	}); err != nil {
		return err
	}
	if err := errors.Join(w.Flush(), f.Sync()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), c.name+cacheEnd); err != nil {
		return err
	}
	f.Close()
	return durable.SyncDir(filepath.Dir(c.name))
}

// close writes out what add holds. An error costs work, never truth.
func (c *cache) close() {
	if c.w != nil {
		_ = c.w.Flush()
	}
	for _, f := range [...]*os.File{c.file, c.lock} {
		if f != nil {
			f.Close()
		}
	}
	c.old.close()
}
