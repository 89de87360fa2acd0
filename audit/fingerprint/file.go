package fingerprint

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"
)

// A FileDigest describes the content of one file.
type FileDigest struct {
	SHA3_512 Digest // as openssl dgst -sha3-512 prints it
	SHA256   [32]byte
	Size     uint64 // in bytes
}

// File reads one regular file, once, and gives both digests of it. A symbolic
// link stands for what it leads to. What Run refuses, File refuses: a file that
// changes meanwhile, cannot be read, or is not a regular file is a
// *ProblemError, and a folder EISDIR. Of o, Progress counts.
func File(ctx context.Context, path string, o Options) (FileDigest, error) {
	o = Options{Workers: 1, SHA256: true, Progress: o.Progress, hooks: o.hooks}
	var d FileDigest
	r, err := newRun(ctx, path, &o)
	if err != nil {
		return d, err
	}
	defer r.close()
	if r.only == "" {
		return d, &fs.PathError{Op: "read", Path: path, Err: syscall.EISDIR}
	}
	err = r.rows(ctx, func(f *row) error {
		if f.kind != 'f' {
			return fmt.Errorf("%q %w", path, ErrUnstable) // it has become a link
		}
		d = FileDigest{f.digest, f.sha256, f.stat.size}
		return nil
	})
	var pe *ProblemError
	if errors.As(err, &pe) {
		pe.First[0].Path = path
	}
	return d, err
}
