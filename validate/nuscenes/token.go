package nuscenes

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math/bits"
	"sync"

	"github.com/mmaudit/mmaudit/internal/jsonrow"
)

// A digest is what texts are told apart by: the value of 32 hexadecimal digits, or
// the first half of the SHA-256 of any other text (Lyft's 64 digits, T4's free
// form).
type digest [2]uint64

func (k *digest) hash() uint64 {
	h := (k[0] ^ bits.RotateLeft64(k[1], 29)) * 0x9e3779b97f4a7c15
	return h ^ h>>32
}

// texts gives each text a Token, and keeps it once: 16 bytes, and 4 to 11 to
// find them by. It is safe for concurrent use.
type texts struct{ shards [shards]shard }

// A Token is the number of a key in its shard, and in its lowest byte the shard.
const shards = 256

type shard struct {
	mu    sync.Mutex          // guards what follows
	slots []uint32            // open addressing over numbers of keys, each below a byte of its hash; 0 is free
	keys  []*[keysPage]digest // key n is keys[n/keysPage][n%keysPage]
	n     uint32              // keys so far; number 0 is none
	other map[uint32]string   // texts that are not 32 digits
}

const keysPage = 1 << 8

func (s *shard) key(n uint32) *digest { return &s.keys[n/keysPage][n%keysPage] }

// number is the part of a slot that is not of a hash.
const number = 1<<24 - 1

// find gives the slot of a key: free, or with its number. Other keys are seldom
// looked at, since each look is a miss of the cache.
func (s *shard) find(k *digest, hash uint64) *uint32 {
	mask, top := uint64(len(s.slots)-1), uint32(hash>>56)
	for i := hash / shards & mask; ; i = (i + 1) & mask {
		if n := s.slots[i]; n == 0 || n>>24 == top && *s.key(n & number) == *k {
			return &s.slots[i]
		}
	}
}

// add gives the token of a key. other is its text, or nil if that is the key's
// own 32 digits.
func (t *texts) add(k digest, other []byte) Token {
	hash := k.hash()
	s := &t.shards[hash%shards]
	s.mu.Lock()
	defer s.mu.Unlock()
	if int(s.n) >= len(s.slots)*3/4 {
		s.grow()
	}
	slot := s.find(&k, hash)
	if *slot == 0 {
		s.n++
		if s.n%keysPage == 0 || s.keys == nil {
			s.keys = append(s.keys, new([keysPage]digest))
		}
		*s.key(s.n) = k
		*slot = uint32(hash>>56)<<24 | s.n
		if other != nil {
			if s.other == nil {
				s.other = map[uint32]string{}
			}
			s.other[s.n] = string(other)
		}
	}
	return Token(*slot&number*shards + uint32(hash%shards))
}

// token gives the token of a text.
func (t *texts) token(text []byte) Token {
	if len(text) == 0 {
		return 0
	}
	var k digest
	if len(text) == 32 {
		var ok bool
		if k[0], k[1], ok = jsonrow.PlainHex(text); ok {
			return t.add(k, nil)
		}
	}
	sum := sha256.Sum256(text)
	k = digest{binary.LittleEndian.Uint64(sum[:]), binary.LittleEndian.Uint64(sum[8:])}
	return t.add(k, text)
}

func (s *shard) grow() {
	s.slots = make([]uint32, max(2*len(s.slots), 64))
	for n := uint32(1); n <= s.n; n++ {
		k := s.key(n)
		hash := k.hash()
		*s.find(k, hash) = uint32(hash>>56)<<24 | n
	}
}

// text gives the text of a token other than the zero one.
func (t *texts) text(k Token) string {
	s, n := &t.shards[k%shards], uint32(k/shards)
	s.mu.Lock()
	defer s.mu.Unlock()
	if n == 0 || n > s.n {
		return ""
	}
	if text, ok := s.other[n]; ok {
		return text
	}
	key := s.key(n)
	b := binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, key[0]), key[1])
	return hex.EncodeToString(b)
}

// A tokenizer makes tokens for one worker. It remembers the last ones: rows
// name their neighbours, and what many rows have.
type tokenizer struct {
	texts *texts
	last  []remembered // by hash
	other map[string]Token
}

type remembered struct {
	key   digest
	token Token
}

const (
	rememberedKeys  = 1 << 12
	rememberedTexts = 256
)

func newTokenizer(t *texts) *tokenizer {
	return &tokenizer{texts: t, last: make([]remembered, rememberedKeys), other: map[string]Token{}}
}

// token gives the token of a text.
func (z *tokenizer) token(text []byte) Token {
	if len(text) == 32 {
		if k, ok := z.digits(text); ok {
			return k
		}
	}
	if k, ok := z.other[string(text)]; ok {
		return k
	}
	k := z.texts.token(text)
	if len(text) < 64 && len(z.other) < rememberedTexts {
		z.other[string(text)] = k
	}
	return k
}

// digits gives the token of the 32 lower-case hexadecimal digits at the front
// of text.
func (z *tokenizer) digits(text []byte) (t Token, ok bool) {
	var k digest
	if k[0], k[1], ok = jsonrow.PlainHex(text); !ok {
		return 0, false
	}
	e := &z.last[k.hash()%rememberedKeys]
	if e.key != k || e.token == 0 {
		*e = remembered{k, z.texts.add(k, nil)}
	}
	return e.token, true
}

// nibble gives the value of a lower-case hexadecimal digit; other bytes give
// 0xff.
var nibble = func() (t [256]byte) {
	for i := range t {
		t[i] = 0xff
	}
	for i, c := range "0123456789abcdef" {
		t[c] = byte(i)
	}
	return t
}()
