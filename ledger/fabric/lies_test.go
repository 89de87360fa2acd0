package fabric

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/mmaudit/mmaudit/internal/fabricnet"
	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/fabric/chaincode"
	"github.com/mmaudit/mmaudit/ledger/fabric/internal/wire"
)

// A liar is a peer that changes its answers to one function.
type liar struct {
	transport
	function string
	change   func([]byte) []byte
	told     atomic.Int64 // answers that were changed
}

func (p *liar) evaluate(ctx context.Context, c call) ([]byte, error) {
	answer, err := p.transport.evaluate(ctx, c)
	if err == nil && c.function == p.function {
		answer = p.change(answer)
		p.told.Add(1)
	}
	return answer, err
}

// lie is a change of an answer that is JSON.
func lie[T any](change func(*T)) func([]byte) []byte {
	return func(text []byte) []byte {
		var answer T
		if err := json.Unmarshal(text, &answer); err != nil {
			panic(err)
		}
		change(&answer)
		text, err := json.Marshal(answer)
		if err != nil {
			panic(err)
		}
		return text
	}
}

// TestLies has one peer, or all, change what they answer: who asks is told, or
// gets what is true from another one.
func TestLies(t *testing.T) {
	n, _ := network(t, fabricnet.Options{BatchTimeout: 10 * time.Millisecond}, "lies")
	profile := profileOf(t, n, "lies", issue(t, n, 0, "writer", chaincode.Writer))
	profile.Timeouts.Grace = Duration(time.Minute) // each peer is heard
	writer := open(t, profile)
	writer.sealed.Store(1 << 40) // the test seals
	var s shadow
	for range 2 {
		if _, err := writer.AppendAll(t.Context(), s.next(t, wire.TileWidth)); err != nil {
			t.Fatal(err)
		}
		if _, err := writer.sealNext(t.Context(), writer.peers[0]); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := writer.AppendAll(t.Context(), s.next(t, 10)); err != nil {
		t.Fatal(err)
	}
	if _, err := writer.Head(t.Context()); err != nil { // both peers have all
		t.Fatal(err)
	}
	size := s.size()

	// What a client asks, each of which must be right or an error.
	head := func(l *Ledger) error {
		h, err := l.Head(t.Context())
		if err == nil && h.Root != s.root(t, size) {
			err = errors.New("another root")
		}
		return err
	}
	prove := func(l *Ledger) error {
		h, err := l.Head(t.Context())
		if err != nil {
			return err
		}
		for _, i := range []int64{0, 300} {
			p, err := l.ProveInclusion(t.Context(), size, i)
			if err != nil {
				return err
			}
			if err := ledger.CheckInclusion(p, size, h.Root, i, s.records[i]); err != nil {
				return err
			}
		}
		return nil
	}
	find := func(l *Ledger) error {
		got, err := indexes(t, l, size, third)
		if err == nil && int64(len(got)) != (size+2)/3 {
			err = fmt.Errorf("%d records", len(got))
		}
		return err
	}
	read := func(l *Ledger) error {
		e, err := l.Get(t.Context(), 300)
		if err == nil && string(e.Record) != string(s.records[300]) {
			err = errors.New("another record")
		}
		return err
	}
	again := func(l *Ledger) error {
		r, err := l.Append(t.Context(), s.records[300])
		if err == nil && (r.Index != 300 || !r.Known) {
			err = fmt.Errorf("%+v", r)
		}
		return err
	}
	rest := func(change func(*wire.Rest)) func([]byte) []byte { return lie(change) }
	page := func(change func(*wire.Page)) func([]byte) []byte { return lie(change) }

	const one, both = 1, 2
	for name, c := range map[string]struct {
		function string
		change   func([]byte) []byte
		liars    int
		ask      func(*Ledger) error
		want     error
	}{
		"another edge":         {wire.Tail, rest(func(r *wire.Rest) { r.Edge[0][0]++ }), one, head, ledger.ErrCorrupt},
		"no edge":              {wire.Tail, rest(func(r *wire.Rest) { r.Edge = nil }), one, head, ledger.ErrCorrupt},
		"an edge all agree on": {wire.Tail, rest(func(r *wire.Rest) { r.Edge[0][0]++ }), both, prove, ledger.ErrCorrupt},
		"a leaf":               {wire.Tail, rest(func(r *wire.Rest) { r.Log[0].Records[3].Hash = leaf("x") }), one, head, ledger.ErrCorrupt},
		"a name":               {wire.Tail, rest(func(r *wire.Rest) { r.Log[0].Records[3].ID = wire.IDOf("x") }), one, head, ledger.ErrCorrupt},
		"no key":               {wire.Tail, rest(func(r *wire.Rest) { r.Log[0].Records[3].Keys = nil }), one, head, ledger.ErrCorrupt},
		"a key too many": {wire.Tail, rest(func(r *wire.Rest) {
			for i := range r.Log[0].Records {
				r.Log[0].Records[i].Keys = append(r.Log[0].Records[i].Keys, wire.KeyOf(third))
			}
		}), both, find, ledger.ErrCorrupt},
		"a tile":           {wire.Tiles, lie(func(tiles *[][]byte) { (*tiles)[len(*tiles)-1][40]++ }), both, prove, ledger.ErrCorrupt},
		"a tile, by one":   {wire.Tiles, lie(func(tiles *[][]byte) { (*tiles)[len(*tiles)-1][40]++ }), one, prove, nil},
		"no tile":          {wire.Tiles, lie(func(tiles *[][]byte) { *tiles = nil }), both, prove, ledger.ErrCorrupt},
		"a tile too short": {wire.Tiles, lie(func(tiles *[][]byte) { (*tiles)[0] = (*tiles)[0][1:] }), one, prove, nil},
		"found one less":   {wire.Find, page(func(p *wire.Page) { p.Indexes = slices.Delete(p.Indexes, 4, 5) }), one, find, ledger.ErrCorrupt},
		"found nothing":    {wire.Find, page(func(p *wire.Page) { p.Indexes = nil }), one, find, ledger.ErrCorrupt},
		"found one more":   {wire.Find, page(func(p *wire.Page) { p.Indexes[4]-- }), both, find, ledger.ErrCorrupt},
		"found again":      {wire.Find, page(func(p *wire.Page) { p.Indexes[4] = p.Indexes[3] }), both, find, ledger.ErrCorrupt},
		"found in circles": {wire.Find, page(func(p *wire.Page) { p.Next = wire.TileWidth }), both, find, ledger.ErrCorrupt},
		"nothing sealed":   {wire.Find, page(func(p *wire.Page) { *p = wire.Page{Indexes: []int64{}} }), one, find, nil},
		"another record":   {wire.Get, lie(func(records *[][]byte) { (*records)[0] = s.records[1] }), both, read, ledger.ErrCorrupt},
		"another, by one":  {wire.Get, lie(func(records *[][]byte) { (*records)[0] = s.records[1] }), one, read, nil},
		"a record less":    {wire.Get, lie(func(records *[][]byte) { *records = nil }), both, read, ledger.ErrCorrupt},
		"another place":    {wire.Places, lie(func(places *[]wire.Place) { (*places)[0].Index++ }), both, again, ledger.ErrCorrupt},
		"no places":        {wire.Places, lie(func(places *[]wire.Place) { *places = nil }), both, again, ledger.ErrCorrupt},
		"the truth":        {"none", nil, both, func(l *Ledger) error { return errors.Join(head(l), prove(l), find(l), read(l), again(l)) }, nil},
	} {
		var liars []*liar
		l := forgetful(t, profile, func(peers []*endpoint) {
			for _, e := range peers[:c.liars] {
				liars = append(liars, &liar{transport: e.transport, function: c.function, change: c.change})
				e.transport = liars[len(liars)-1]
			}
		})
		if err := c.ask(l); !errors.Is(err, c.want) || err != nil && c.want == nil {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		for _, p := range liars {
			if c.change != nil && p.told.Load() == 0 && c.want == nil {
				t.Errorf("%s: the lie was not told", name)
			}
		}
	}
}

// TestBeyond has the first peer say that it has blocks which nobody has: a client
// must not wait for these while the true ones come.
func TestBeyond(t *testing.T) {
	n, _ := network(t, fabricnet.Options{BatchTimeout: 10 * time.Millisecond}, "beyond")
	profile := profileOf(t, n, "beyond", issue(t, n, 0, "writer", chaincode.Writer))
	profile.Timeouts.Grace = Duration(time.Minute)      // each peer is heard
	profile.Timeouts.Commit = Duration(2 * time.Second) // and the liar not for long
	profile.Timeouts.Evaluate = profile.Timeouts.Commit
	writer := open(t, profile)
	var s shadow
	if _, err := writer.AppendAll(t.Context(), s.next(t, 3)); err != nil {
		t.Fatal(err)
	}
	if _, err := writer.Head(t.Context()); err != nil { // both peers have all
		t.Fatal(err)
	}
	for _, more := range []uint64{3, 1 << 40} {
		l := forgetful(t, profile, func(peers []*endpoint) {
			peers[0].transport = &liar{transport: peers[0].transport, function: "GetChainInfo", change: func(text []byte) []byte {
				tip, err := parseTip(text)
				if err != nil {
					panic(err)
				}
				text = protowire.AppendVarint([]byte{1 << 3}, tip.height+more)
				return protowire.AppendBytes(append(text, 2<<3|2), tip.hash)
			}}
		})
		if h, err := l.Head(t.Context()); err == nil { // the liar cannot show what it says
			t.Errorf("%d blocks more: %+v", more, h)
		}
		if _, err := writer.AppendAll(t.Context(), s.next(t, 1)); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		if err := l.chain.until(ctx, func() bool { return l.chain.length() == s.size() }); err != nil {
			t.Errorf("%d blocks more: what comes is not read: %v", more, err)
		}
		cancel()
	}
}
