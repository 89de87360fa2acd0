package fabric

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/fabric/internal/wire"
)

// hashes reads hashes of the tree: the newest from memory, and others from tiles
// of the chain, each of which is checked against the tree.
func (l *Ledger) hashes(ctx context.Context) tlog.HashReader {
	return tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		out, missing, below, err := l.chain.hashes(indexes)
		if err != nil || len(missing) == 0 {
			return out, err
		}
		in := make([]int64, len(missing))
		for i, at := range missing {
			in[i] = indexes[at]
		}
		found, err := l.sealedHashes(ctx, below, in)
		if err != nil {
			return nil, err
		}
		for i, at := range missing {
			out[at] = found[i]
		}
		return out, nil
	})
}

// sealedHashes reads hashes of a tree of tiles. If one peer does not have it, or
// lies, another one is asked.
func (l *Ledger) sealedHashes(ctx context.Context, below tlog.Tree, indexes []int64) ([]tlog.Hash, error) {
	var errs []error
	for _, e := range l.ordered() {
		r := &tileReader{ctx: ctx, l: l, e: e}
		hashes, err := tlog.TileHashReader(below, r).ReadHashes(indexes)
		if err == nil {
			return hashes, nil
		}
		if r.failed != nil {
			err = r.failed
		} else {
			err = fmt.Errorf("%w: its tiles are not those of the first %d records", ledger.ErrCorrupt, below.N)
		}
		errs = append(errs, fmt.Errorf("peer %s: %w", e.address, err))
		if ctx.Err() != nil {
			break
		}
	}
	return nil, errors.Join(errs...)
}

// A tileReader reads tiles of one peer. It implements tlog.TileReader.
type tileReader struct {
	ctx    context.Context
	l      *Ledger
	e      *endpoint
	failed error // to read
}

func (r *tileReader) Height() int { return wire.TileHeight }

func (r *tileReader) SaveTiles(tiles []tlog.Tile, data [][]byte) {
	for i, t := range tiles {
		r.l.tiles.put(t, data[i])
	}
}

// mostTiles is how many tiles are asked for at once.
const mostTiles = 256

func (r *tileReader) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	out := make([][]byte, len(tiles))
	var missing []int
	for i, t := range tiles {
		if out[i] = r.l.tiles.get(t); out[i] == nil {
			missing = append(missing, i)
		}
	}
	for len(missing) > 0 && r.failed == nil {
		some := missing[:min(mostTiles, len(missing))]
		missing = missing[len(some):]
		var args [][]byte
		for _, at := range some {
			args = append(args, strconv.AppendInt(nil, int64(tiles[at].L), 10), strconv.AppendInt(nil, tiles[at].N, 10))
		}
		var read [][]byte
		if r.failed = r.l.ask(r.ctx, r.e, &read, wire.Tiles, args...); r.failed != nil {
			break
		}
		if len(read) != len(some) {
			r.failed = fmt.Errorf("%w: %d tiles, asked for %d", ledger.ErrCorrupt, len(read), len(some))
			break
		}
		for i, at := range some {
			want := tiles[at].W * tlog.HashSize
			if len(read[i]) < want {
				r.failed = fmt.Errorf("tile %d of level %d has %d bytes so far, not %d", tiles[at].N, tiles[at].L, len(read[i]), want)
				break
			}
			out[at] = read[i][:want]
		}
	}
	return out, r.failed
}

// A tileCache keeps tiles that were checked: those that were used last, up to
// twice mostCached. The zero value is empty.
type tileCache struct {
	mu         sync.Mutex // guards all
	young, old map[tlog.Tile][]byte
}

const mostCached = 512 // 4 MB

// place is a tile whatever its width.
func place(t tlog.Tile) tlog.Tile { return tlog.Tile{H: t.H, L: t.L, N: t.N} }

// get gives a tile, or nil if it is not there in its whole width.
func (c *tileCache) get(t tlog.Tile) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	data, ok := c.young[place(t)]
	if !ok {
		if data, ok = c.old[place(t)]; ok {
			c.add(t, data)
		}
	}
	if len(data) < t.W*tlog.HashSize {
		return nil
	}
	return data[:t.W*tlog.HashSize]
}

func (c *tileCache) put(t tlog.Tile, data []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(data) > len(c.young[place(t)]) {
		c.add(t, data)
	}
}

// add makes a tile one of the young. mu must be held.
func (c *tileCache) add(t tlog.Tile, data []byte) {
	if c.young == nil || len(c.young) >= mostCached {
		c.young, c.old = map[tlog.Tile][]byte{}, c.young
	}
	c.young[place(t)] = data
}
