//go:build unix

package fingerprint

import (
	"context"
	"time"
)

// The clocks that file systems set times by stand still for a while: a tick of
// the kernel, at most 10 ms, or a second where times are whole seconds.
const (
	tick       = 20 * time.Millisecond
	coarseTick = 2 * time.Second
)

// settle waits until whatever changes a file or folder must give it another
// ctime than it has in st: changed again within the same tick, it would look as
// if it had not.
func settle(ctx context.Context, st stat) error {
	wait := unsettled(st.ctime, time.Now().UnixNano())
	if wait == 0 {
		return nil
	}
	select {
	case <-time.After(wait):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// unsettled is the rest of the tick of ctime. A ctime in the future belongs to
// another clock, which nobody can wait for.
func unsettled(ctime, now int64) time.Duration {
	young := tick
	if ctime%int64(time.Second) == 0 {
		young = coarseTick
	}
	if age := time.Duration(now - ctime); age >= 0 && age < young {
		return young - age
	}
	return 0
}
