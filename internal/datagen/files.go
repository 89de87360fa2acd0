package datagen

import (
	"os"
	"path/filepath"
	"sync"
)

// A sink takes the files of a data set as they are made. Names are
// slash-separated and relative to the data set's root.
type sink func(name string, content []byte) error

// toDisk gives a sink that writes below root.
func toDisk(root string) sink {
	made := map[string]bool{}
	return func(name string, content []byte) error {
		file := filepath.Join(root, filepath.FromSlash(name))
		if dir := filepath.Dir(file); !made[dir] {
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return err
			}
			made[dir] = true
		}
		return os.WriteFile(file, content, 0o644)
	}
}

// cached makes a Base whose files are computed once in a process, however
// many mutations start from it.
func cached(name string, make func(put sink) error) Base {
	type file struct {
		name    string
		content []byte
	}
	files := sync.OnceValues(func() (all []file, err error) {
		err = make(func(name string, content []byte) error {
			all = append(all, file{name, content})
			return nil
		})
		return all, err
	})
	return Base{Name: name, Generate: func(root string) error {
		all, err := files()
		if err != nil {
			return err
		}
		put := toDisk(root)
		for _, f := range all {
			if err := put(f.name, f.content); err != nil {
				return err
			}
		}
		return nil
	}}
}
