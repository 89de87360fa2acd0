// Package ctxio makes long reads end with their context. Parsers ask a context
// between records; a file may hold gigabytes without one.
package ctxio

import (
	"context"
	"io"
)

// Reader reads from r until ctx ends, and then gives its error.
func Reader(ctx context.Context, r io.Reader) io.Reader { return reader{ctx, r} }

type reader struct {
	ctx context.Context
	r   io.Reader
}

func (r reader) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(b)
}
