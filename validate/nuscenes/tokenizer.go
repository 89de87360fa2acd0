package nuscenes

import (
	"encoding/binary"
	"math/bits"

	"github.com/mmaudit/mmaudit/internal/jsonrow"
)

// A tokenizer makes tokens for one worker. They are provisional: numbers of
// what was met since the last settle, which looks up many at once. It remembers
// the last ones: rows name their neighbours, and what many rows have.
type tokenizer struct {
	texts   *texts
	pending []digest         // token k is that of pending[k-1]
	last    []remembered     // by hash
	other   map[string]Token // texts that are not 32 digits
	shared  map[string]Token // not provisional

	order   []uint32 // of pending, by shard
	settled []Token
}

type remembered struct {
	text  [4]uint64 // the 32 digits, not decoded
	token Token     // 0: nothing
}

const (
	rememberedBits  = 10 // of a hash
	rememberedTexts = 256
	enough          = 1 << 14 // pending tokens
)

func newTokenizer(t *texts) *tokenizer {
	return &tokenizer{
		texts: t, last: make([]remembered, 1<<rememberedBits),
		other: map[string]Token{}, shared: map[string]Token{}, settled: []Token{0},
	}
}

// token gives the provisional token of a text.
func (z *tokenizer) token(text []byte) Token {
	if len(text) == 0 {
		return 0
	}
	if len(text) == 32 {
		if k, ok := z.digits(text); ok {
			return k
		}
	}
	if k, ok := z.other[string(text)]; ok {
		return k
	}
	k, _ := digestOf(text)
	z.texts.add(k, text)
	z.pending = append(z.pending, k)
	t := Token(len(z.pending))
	if len(text) < 64 && len(z.other) < rememberedTexts {
		z.other[string(text)] = t
	}
	return t
}

// digits gives the provisional token of the 32 lower-case hexadecimal digits at
// the front of text.
func (z *tokenizer) digits(text []byte) (t Token, ok bool) {
	if len(text) < 32 {
		return 0, false
	}
	raw := [4]uint64{
		binary.LittleEndian.Uint64(text), binary.LittleEndian.Uint64(text[8:]),
		binary.LittleEndian.Uint64(text[16:]), binary.LittleEndian.Uint64(text[24:]),
	}
	h := (raw[0] ^ bits.RotateLeft64(raw[1], 23) ^ bits.RotateLeft64(raw[2], 37) ^ bits.RotateLeft64(raw[3], 51)) * 0x9e3779b97f4a7c15
	e := &z.last[h>>(64-rememberedBits)]
	if e.token > 0 && (raw[0]^e.text[0])|(raw[1]^e.text[1])|(raw[2]^e.text[2])|(raw[3]^e.text[3]) == 0 {
		return e.token, true
	}
	var k digest
	if k[0], k[1], ok = jsonrow.PlainHex(text); !ok {
		return 0, false
	}
	z.pending = append(z.pending, k)
	*e = remembered{raw, Token(len(z.pending))}
	return e.token, true
}

// known gives the token of a text that many rows have. It is not provisional.
func (z *tokenizer) known(text []byte) Token {
	t, ok := z.shared[string(text)]
	if !ok {
		t = z.texts.token(text)
		if len(text) <= 64 && len(z.shared) < rememberedTexts {
			z.shared[string(text)] = t
		}
	}
	return t
}

// text gives the text of a provisional token.
func (z *tokenizer) text(k Token) string {
	if k.Zero() {
		return ""
	}
	return z.texts.text(z.texts.add(z.pending[k-1], nil))
}

// settle gives the tokens of the provisional ones, by number, which are
// forgotten. It is valid until the next call.
func (z *tokenizer) settle() []Token {
	n := len(z.pending)
	if n == 0 {
		return z.settled[:1]
	}
	if cap(z.order) < n {
		z.order, z.settled = make([]uint32, n), make([]Token, n+1)
	}
	order, out := z.order[:n], z.settled[:n+1]
	var end [shards]int // of each shard in order
	for i := range z.pending {
		end[z.pending[i].hash()%shards]++
	}
	sum := 0
	for i, n := range end {
		end[i], sum = sum, sum+n
	}
	for i := range z.pending {
		e := &end[z.pending[i].hash()%shards]
		order[*e] = uint32(i)
		*e++
	}
	begin := 0
	for i, end := range end {
		if begin < end {
			z.texts.addAll(i, z.pending, order[begin:end], out[1:])
		}
		begin = end
	}
	z.pending = z.pending[:0]
	clear(z.last)
	clear(z.other)
	return out
}
