package tlog

import (
	"bytes"
	"context"

	"github.com/mmaudit/mmaudit/ledger"
)

// Sound is Head, after what a writer looks at before it goes on: all tiles of
// the right edge against the root of the checkpoint, and the last bundle against
// its leaf hashes. It is for those who pass the head on, as a writer does.
func (l *Log) Sound(ctx context.Context) (h ledger.Head, err error) {
	err = l.view(ctx, func(t tree) error {
		edge, err := t.grow()
		if err == nil && t.head.Size%tileWidth != 0 {
			_, err = t.last(edge)
		}
		h = t.head
		h.Note = bytes.Clone(h.Note)
		return err
	})
	return h, err
}
