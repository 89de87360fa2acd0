package main

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/mmaudit/mmaudit/internal/clikit"
)

// watchLimit is how many files --watch is willing to look at every second.
const watchLimit = 20_000

// watch runs once, and again whenever names, sizes or times below the folders
// change, until Ctrl-C. Its exit status is that of the last run.
func watch(ctx context.Context, j *job, e *env, once func(context.Context) error) error {
	last, err := stateOf(j.folders)
	if err != nil {
		return err
	}
	for {
		err := once(ctx)
		if ctx.Err() != nil {
			return err
		}
		if e2 := (*clikit.Error)(nil); err != nil && (!errors.As(err, &e2) || e2.Err != nil) {
			clikit.Finish(name, err, e.stderr)
		}
		fmt.Fprintf(e.stderr, "%s: watching; Ctrl-C ends\n", name)
		for now := last; now == last; {
			select {
			case <-ctx.Done():
				return err
			case <-time.After(time.Second):
			}
			if now, err = stateOf(j.folders); err != nil {
				return err
			}
			if now != last {
				last = now
				break
			}
		}
	}
}

// stateOf condenses names, sizes and times of everything below the folders.
func stateOf(folders []string) (uint64, error) {
	h, n := fnv.New64a(), 0
	for _, f := range folders {
		err := filepath.WalkDir(f, func(p string, d fs.DirEntry, err error) error {
			if err != nil {
				return nil // a rule reports what cannot be read
			}
			if n++; n > watchLimit {
				return clikit.Usagef("run mmvalidate without --watch, or on a part", "--watch: %s has more than %d files", f, watchLimit)
			}
			if info, err := d.Info(); err == nil && !d.IsDir() {
				fmt.Fprintf(h, "%s\x00%d\x00%d\x00", p, info.Size(), info.ModTime().UnixNano())
			}
			return nil
		})
		if err != nil {
			return 0, err
		}
	}
	return h.Sum64(), nil
}
