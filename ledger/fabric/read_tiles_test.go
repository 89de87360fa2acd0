package fabric

import (
	"encoding/json"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/mmaudit/mmaudit/ledger/fabric/internal/tree"
	"github.com/mmaudit/mmaudit/ledger/fabric/internal/wire"
)

// TestTileCache fills the cache beyond its bounds: what is used stays, and it
// never gives less than was asked for.
func TestTileCache(t *testing.T) {
	var c tileCache
	tile := func(n int64, width int) tlog.Tile { return tlog.Tile{H: wire.TileHeight, L: 1, N: n, W: width} }
	data := func(n int64, width int) []byte {
		b := make([]byte, width*tlog.HashSize)
		b[0] = byte(n)
		return b
	}
	const used = 3
	for n := range int64(5 * mostCached) {
		c.put(tile(n, 2), data(n, 2))
		if got := c.get(tile(n, 2)); len(got) != 2*tlog.HashSize || got[0] != byte(n) {
			t.Fatalf("tile %d: %x", n, got)
		}
		if n >= used && c.get(tile(used, 1)) == nil {
			t.Fatalf("a tile that is used is gone after %d others", n-used)
		}
	}
	if n := len(c.young) + len(c.old); n > 2*mostCached {
		t.Errorf("%d tiles", n)
	}
	if c.get(tile(0, 1)) != nil {
		t.Error("a tile that nobody uses is there")
	}
	if got := c.get(tile(used, 1)); len(got) != tlog.HashSize {
		t.Errorf("%d bytes of a narrow tile", len(got))
	}
	if c.get(tile(used, 3)) != nil {
		t.Error("a tile that is too narrow")
	}
	c.put(tile(used, 4), data(used, 4))
	c.put(tile(used, 1), data(used, 1)) // as an older tree has it
	if got := c.get(tile(used, 3)); len(got) != 3*tlog.HashSize {
		t.Errorf("%d bytes of a tile that has grown", len(got))
	}
}

// FuzzRest begins with what a peer may say of the log, and holds it against itself.
func FuzzRest(f *testing.F) {
	text, err := json.Marshal(wire.Rest{
		Sealed: wire.Sealed{Tiles: 1, ID: "t0", Within: 1}, Edge: tree.Edge{{}},
		Log: []wire.Transaction{{ID: "t0", Write: wire.Write{Records: []wire.Record{{ID: wire.IDOf("a"), Hash: leaf("a"), Keys: []string{"0123456789abcdef"}}}}}},
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"tiles":-1}`))
	f.Add([]byte(`{"tiles":9223372036854775807}`))
	f.Add([]byte(`{"tiles":3,"edge":["AAAA"]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var rest wire.Rest
		if json.Unmarshal(text, &rest) != nil {
			return
		}
		c := &chain{}
		began := c.begin(tip{height: 1}, nil, tip{height: 1}, rest, nil, "cc")
		if err := sameLog(rest, rest); err != nil && began == nil {
			t.Errorf("%s does not agree with itself: %v", text, err)
		}
		if _, _, _, err := c.head(); err != nil && began == nil {
			t.Errorf("%s has no head: %v", text, err)
		}
	})
}
