package shard

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/mmaudit/mmaudit/internal/durable"
)

// Leave writes the part of s into the folder parts, made if missing, in place
// of any that an earlier try has left: whole, or not at all. It gives its name.
func Leave(parts string, s Shard, line []byte, write func(*Writer) error) (name string, err error) {
	if err := durable.MkdirAll(parts, 0o755); err != nil {
		return "", err
	}
	dir, err := os.OpenRoot(parts)
	if err != nil {
		return "", err
	}
	defer dir.Close()
	name = filepath.Join(parts, s.PartName())
	out, err := durable.NewStream(dir, ".", 0o644)
	if err != nil {
		return "", durable.Failed(name, err)
	}
	defer out.Abort()
	w, err := NewWriter(out, line)
	if err != nil {
		return "", durable.Failed(name, err)
	}
	if err := write(w); err != nil {
		return "", err
	}
	if err := w.End(); err != nil {
		return "", durable.Failed(name, err)
	}
	if err := out.Commit(s.PartName()); err != nil {
		return "", durable.Failed(name, err)
	}
	return name, nil
}

// Each calls read with the part of every shard in the folder parts, in order of
// the shards. An error of read gets the name of the part.
func Each(parts string, read func(s Shard, f io.Reader) error) error {
	dir, err := os.OpenRoot(parts)
	if err != nil {
		return err
	}
	defer dir.Close()
	shards, err := List(dir)
	if err != nil {
		return fmt.Errorf("%q: %w", parts, err)
	}
	for _, s := range shards {
		if err := readOne(dir, s, read); err != nil {
			return fmt.Errorf("%q: %w", filepath.Join(parts, s.PartName()), err)
		}
	}
	return nil
}

func readOne(dir *os.Root, s Shard, read func(s Shard, f io.Reader) error) error {
	switch info, err := dir.Stat(s.PartName()); {
	case err != nil:
		return err
	case !info.Mode().IsRegular(): // to open a pipe waits for a writer
		return fmt.Errorf("%w: not a file", ErrPart)
	}
	f, err := dir.Open(s.PartName())
	if err != nil {
		return err
	}
	defer f.Close()
	return read(s, f)
}

// ErrInside says that a folder of parts lies in the data that it is about: the
// parts would be taken for data.
var ErrInside = errors.New("lies inside the data")

// Outside demands that the folder parts, which need not exist yet, is none of
// folders and lies in none, symbolic links resolved.
func Outside(parts string, folders []string) error {
	at, err := resolve(parts)
	if err != nil {
		return err
	}
	for _, folder := range folders {
		root, err := resolve(folder)
		if err != nil {
			return err
		}
		if rel, err := filepath.Rel(root, at); err == nil && filepath.IsLocal(rel) {
			return fmt.Errorf("%q %w", parts, ErrInside)
		}
	}
	return nil
}

// resolve gives the place of name without symbolic links, as far as it exists.
func resolve(name string) (string, error) {
	abs, err := filepath.Abs(name)
	if err != nil {
		return "", err
	}
	for rest := ""; ; abs, rest = filepath.Dir(abs), filepath.Join(filepath.Base(abs), rest) {
		real, err := filepath.EvalSymlinks(abs)
		if err == nil || abs == filepath.Dir(abs) || !errors.Is(err, os.ErrNotExist) {
			return filepath.Join(real, rest), err
		}
	}
}
