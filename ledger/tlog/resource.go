package tlog

import (
	"context"
	"fmt"
	"strings"

	sumdb "golang.org/x/mod/sumdb/tlog"

	"github.com/mmaudit/mmaudit/ledger"
)

// Resource returns what a server of C2SP tlog-tiles answers for a path:
// "checkpoint", "tile/L/NNN[.p/W]" or "tile/entries/NNN[.p/W]". Narrower tiles
// are cut from wider ones, so that clients with an older checkpoint are served
// too. A tile beyond the newest checkpoint is ErrNotFound.
func (l *Log) Resource(ctx context.Context, path string) (data []byte, err error) {
	if path == "checkpoint" {
		h, err := l.Head(ctx)
		return h.Note, err
	}
	want, ok := parseTilePath(path)
	if !ok {
		return nil, fmt.Errorf("%w: path %q", ledger.ErrInvalid, path)
	}
	err = l.view(ctx, func(t tree) error {
		if have := tileOf(want.L, want.N, t.head.Size); have.W < want.W { // also below 1, when it is beyond the end
			return fmt.Errorf("%w: %s; the ledger has %d records", ledger.ErrNotFound, path, t.head.Size)
		}
		data = nil
		if want.L < 0 {
			records, err := t.checked(want.N)
			if err != nil {
				return err
			}
			for _, r := range records[:want.W] {
				data = appendEntry(data, r)
			}
			return nil
		}
		data, err = sumdb.ReadTileData(want, t)
		return err
	})
	return data, err
}

// parseTilePath is the inverse of tilePath.
func parseTilePath(path string) (sumdb.Tile, bool) {
	rest, ok := strings.CutPrefix(path, "tile/")
	if !ok || strings.HasPrefix(rest, "data/") {
		return sumdb.Tile{}, false
	}
	if entries, ok := strings.CutPrefix(rest, "entries/"); ok {
		rest = "data/" + entries
	}
	// N beyond what a log may have would overflow below.
	t, err := sumdb.ParseTilePath("tile/8/" + rest)
	return t, err == nil && t.L <= 6 && t.N >= 0 && t.N <= maxSize
}
