package validate

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"github.com/mmaudit/mmaudit/internal/shard"
	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/payload"
)

// PartFormat is the format that the first line of a part names.
const PartFormat = "mmvalidate/part/v1"

// A partHead is the first line of a part. Parts of one validation differ in the
// shard alone.
type partHead struct {
	Format  string   `json:"format"`
	Shard   string   `json:"shard"`
	Version string   `json:"version"` // of the tool: another may see headers otherwise
	Folders []string `json:"folders"` // as the user wrote them
}

// printable gives names as JSON can hold them.
func printable(folders []string) []string {
	out := make([]string, len(folders))
	for i, f := range folders {
		out[i] = strings.ToValidUTF8(f, "\uFFFD")
	}
	return out
}

func (h *partHead) line() ([]byte, error) { return json.Marshal(h) }

// A Part tells what the worker of one shard has done.
type Part struct {
	Name  string // of the file, in the folder of parts
	Files int    // payload files that it has inspected
}

// RunShard does one worker's share of a validation: it looks at the headers of
// the payload files of shard s and leaves what it saw as a part in the folder
// parts. Run with Options.Parts then gives the report of one run, without
// opening these files. Of o, Params, Policy, Jobs, Only, Sample, Progress and
// Version count; no rule runs.
//
// The tables of every data set are read, since they name the files.
func RunShard(ctx context.Context, folders []string, s shard.Shard, parts string, o Options) (*Part, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	if err := shard.Outside(parts, folders); err != nil {
		return nil, err
	}
	head := partHead{PartFormat, s.String(), o.Version, printable(folders)}
	line, err := head.line()
	if err != nil {
		return nil, err
	}
	p := &Part{}
	p.Name, err = shard.Leave(parts, s, line, func(w *shard.Writer) error {
		k := &keeper{w: w}
		if err := k.folders(ctx, folders, s, newSink(o.withDefaults())); err != nil {
			return err
		}
		p.Files = k.files
		return k.err
	})
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, err
	}
	return p, nil
}

// A keeper is the memo of a worker: it recalls nothing, and writes what is kept
// into its part.
type keeper struct {
	mu    sync.Mutex // guards what follows
	w     *shard.Writer
	buf   []byte
	files int
	err   error // the first of writing
}

func (k *keeper) folders(ctx context.Context, folders []string, own shard.Shard, s *sink) error {
	seen := places{}
	for _, folder := range folders {
		if err := k.folder(ctx, folder, own, s, seen); err != nil {
			return err
		}
	}
	return nil
}

func (k *keeper) folder(ctx context.Context, folder string, own shard.Shard, s *sink, seen places) error {
	det, err := s.o.detect(ctx, folder)
	if err != nil {
		return err
	}
	defer det.Close()
	seen.drop(det)
	for _, ds := range det.Datasets {
		ds.Memo, ds.PayloadOnly = k, true
		if _, err := read(ctx, ds, s.o.Jobs, &looker{newPass(ctx, s, ds, nil), own}); err != nil {
			// What is wrong with the data is the merge's to say.
			if ctx.Err() != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

// A looker is the emitter of a worker: it wants the headers of the payload
// files of its shard, and nothing else.
type looker struct {
	*pass
	own shard.Shard
}

func (l *looker) Emit(any)                 {}
func (l *looker) Skip(any, string, string) {}

func (l *looker) Wants(zero any) bool {
	switch zero.(type) {
	case *payload.ImageFile, *payload.CloudFile, *payload.LabelFile, *payload.BagFile:
		return true
	}
	return false
}

func (l *looker) Selected(path string) bool { return l.own.Has(path) && l.pass.Selected(path) }

// Recall implements dataset.Memo.
func (k *keeper) Recall(*dataset.Dataset, string, fs.FileInfo) []byte { return nil }

// Keep implements dataset.Memo.
func (k *keeper) Keep(ds *dataset.Dataset, name string, info fs.FileInfo, found []byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.buf = append(appendState(appendKey(k.buf[:0], ds, name), info), found...)
	if err := k.w.Add(k.buf); err != nil && k.err == nil {
		k.err = err
	}
	k.files++
}

// appendKey appends what a file is known by: the lengths of the root of its
// data set and of its name, as uvarints, and both.
func appendKey(b []byte, ds *dataset.Dataset, name string) []byte {
	b = binary.AppendUvarint(b, uint64(len(ds.Root)))
	b = binary.AppendUvarint(b, uint64(len(name)))
	return append(append(b, ds.Root...), name...)
}

// stateSize is the length of what appendState appends.
const stateSize = 4 + 3*8

// appendState appends what tells that a file is as it was: mode, size, and the
// times of modification and change in ns since 1970.
func appendState(b []byte, info fs.FileInfo) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(info.Mode()))
	b = binary.BigEndian.AppendUint64(b, uint64(info.Size()))
	b = binary.BigEndian.AppendUint64(b, uint64(info.ModTime().UnixNano()))
	return binary.BigEndian.AppendUint64(b, uint64(changed(info)))
}

// cutKey splits a record into its key and what follows.
func cutKey(record []byte) (key, rest []byte, ok bool) {
	root, n := binary.Uvarint(record)
	if n <= 0 {
		return nil, nil, false
	}
	name, m := binary.Uvarint(record[n:])
	if m <= 0 || root > shard.MaxRecord || name > shard.MaxRecord {
		return nil, nil, false
	}
	end := n + m + int(root) + int(name)
	if end+stateSize > len(record) {
		return nil, nil, false
	}
	return record[:end], record[end:], true
}

// parseHead reads the first line of a part, which has one form.
func parseHead(line []byte) (h partHead, s shard.Shard, err error) {
	if json.Unmarshal(line, &h) != nil || h.Format != PartFormat {
		return h, s, fmt.Errorf("%w: its first line does not name the format %s", shard.ErrPart, PartFormat)
	}
	if s, err = shard.Parse(h.Shard); err != nil {
		return h, s, fmt.Errorf("%w: its first line: %w", shard.ErrPart, err)
	}
	if again, err := h.line(); err != nil || string(again) != string(line) {
		return h, s, fmt.Errorf("%w: its first line is not in canonical form", shard.ErrPart)
	}
	return h, s, nil
}

var errParts = errors.New("made for another validation")

// check holds the first line of a part against the run that is to use it.
func (h *partHead) check(s shard.Shard, folders []string, version string) error {
	switch {
	case h.Shard != s.String():
		return fmt.Errorf("%w: it is the part of shard %s", shard.ErrParts, h.Shard)
	case h.Version != version:
		return fmt.Errorf("%w: %w: by version %q", shard.ErrParts, errParts, h.Version)
	case !slices.Equal(h.Folders, printable(folders)):
		return fmt.Errorf("%w: %w: of %q", shard.ErrParts, errParts, h.Folders)
	}
	return nil
}
