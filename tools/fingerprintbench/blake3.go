package main

import (
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"

	"github.com/zeebo/blake3"
)

// blake3Folder prints BLAKE3 of each file of a folder: what a hash can do that
// is not serial by nature, and nothing beside hashing.
func blake3Folder(dir, workers string) error {
	n, err := strconv.Atoi(workers)
	if err != nil {
		return err
	}
	paths := make(chan string, 1024)
	var wg sync.WaitGroup
	var mu sync.Mutex // guards what follows, and stdout
	var failed error
	for range n {
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
	err = files(dir, func(path string) error { paths <- path; return nil })
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
