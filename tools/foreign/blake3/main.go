// Command blake3 prints BLAKE3 of each file of a folder: what a hash can do that
// is not serial by nature, and nothing beside hashing.
//
//	blake3 DIR WORKERS
package main

import (
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/zeebo/blake3"
)

func main() {
	workers, err := 0, error(nil)
	if len(os.Args) == 3 {
		workers, err = strconv.Atoi(os.Args[2])
	}
	if err != nil || workers < 1 {
		fmt.Fprintln(os.Stderr, "usage: blake3 DIR WORKERS")
		os.Exit(2)
	}
	if err := hashFolder(os.Args[1], workers); err != nil {
		fmt.Fprintln(os.Stderr, "blake3:", err)
		os.Exit(1)
	}
}

func hashFolder(dir string, workers int) error {
	paths := make(chan string, 1024)
	var wg sync.WaitGroup
	var mu sync.Mutex // guards what follows, and stdout
	var failed error
	for range workers {
		wg.Go(func() {
			h, buf := blake3.New(), make([]byte, 128<<10)
			for path := range paths {
				h.Reset()
				err := hashFile(h, path, buf)
				mu.Lock()
				if err != nil {
					failed = err
				} else {
					fmt.Println(hex.EncodeToString(h.Sum(nil)), path)
				}
				mu.Unlock()
			}
		})
	}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			paths <- path
		}
		return err
	})
	close(paths)
	wg.Wait()
	if err == nil {
		err = failed
	}
	return err
}

func hashFile(h io.Writer, path string, buf []byte) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.CopyBuffer(h, struct{ io.Reader }{f}, buf)
	return err
}
