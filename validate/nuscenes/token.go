package nuscenes

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math/bits"
	"math/rand/v2"
	"sync"
	"sync/atomic"

	"github.com/mmaudit/mmaudit/internal/jsonrow"
)

// A digest is what texts are told apart by: the value of 32 hexadecimal digits, or
// the first half of the SHA-256 of any other text (Lyft's 64 digits, T4's free
// form).
type digest [2]uint64

// hash is another one in each process: nobody can write tokens that meet in one
// place.
func (k *digest) hash() uint64 {
	hi, lo := bits.Mul64(k[0]^seed[0], k[1]^seed[1])
	return hi ^ lo
}

var seed = digest{rand.Uint64(), rand.Uint64()}

// digestOf gives the digest of a text, and whether that is the text's own 32
// digits.
func digestOf(text []byte) (k digest, own bool) {
	if len(text) == 32 {
		if k[0], k[1], own = jsonrow.PlainHex(text); own {
			return k, true
		}
	}
	sum := sha256.Sum256(text)
	return digest{binary.LittleEndian.Uint64(sum[:]), binary.LittleEndian.Uint64(sum[8:])}, false
}

// texts gives each text a Token, and keeps it once: 16 bytes, and 4 to 11 to
// find them by. It is safe for concurrent use.
type texts struct {
	shards [shards]shard
	likely atomic.Int64 // about how many texts there will be
}

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

// room makes room for some more keys. If it must, it does so for as many as are
// likely.
func (s *shard) room(more int, likely int64) {
	most := int(s.n) + more
	if most*4 <= len(s.slots)*3 {
		return
	}
	n := max(len(s.slots), 64)
	for most = max(most, int(likely)); most*4 > n*3; {
		n *= 2
	}
	s.slots = make([]uint32, n)
	for n := uint32(1); n <= s.n; n++ {
		k := s.key(n)
		hash := k.hash()
		*s.find(k, hash) = uint32(hash>>56)<<24 | n
	}
	if s.keys == nil {
		s.keys = append(s.keys, new([keysPage]digest))
	}
}

// number gives the number of a key, for which there is room.
func (s *shard) number(k *digest, hash uint64) uint32 {
	slot := s.find(k, hash)
	if *slot == 0 {
		if s.n == number {
			panic("nuscenes: too many tokens") // four billion, of 16 bytes each
		}
		s.n++
		if s.n%keysPage == 0 {
			s.keys = append(s.keys, new([keysPage]digest))
		}
		*s.key(s.n) = *k
		*slot = uint32(hash>>56)<<24 | s.n
	}
	return *slot & number
}

// add gives the token of a key. other is its text, or nil if that is the key's
// own 32 digits.
func (t *texts) add(k digest, other []byte) Token {
	hash := k.hash()
	s := &t.shards[hash%shards]
	s.mu.Lock()
	defer s.mu.Unlock()
	s.room(1, t.likely.Load()/shards)
	n := s.number(&k, hash)
	if other != nil && s.other[n] == "" {
		if s.other == nil {
			s.other = map[uint32]string{}
		}
		s.other[n] = string(other)
	}
	return Token(n*shards + uint32(hash%shards))
}

// token gives the token of a text.
func (t *texts) token(text []byte) Token {
	if len(text) == 0 {
		return 0
	}
	k, own := digestOf(text)
	if own {
		return t.add(k, nil)
	}
	return t.add(k, text)
}

// addAll puts the token of keys[i] into out[i], for each i in order: keys of
// one shard. What is not 32 digits was added before. It spoils order.
func (t *texts) addAll(which int, keys []digest, order []uint32, out []Token) {
	s := &t.shards[which]
	s.mu.Lock()
	defer s.mu.Unlock()
	s.room(len(order), t.likely.Load()/shards)
	put := func(i, n uint32) { out[i] = Token(n*shards + uint32(which)) }

	// Tables name the same things in about the same order: behind a key that
	// was met before lie those that were met next then.
	near, left := uint32(0), order[:0]
	for _, i := range order {
		n := s.after(near, &keys[i])
		if n == 0 && near == 0 && s.n > 0 {
			if n = *s.find(&keys[i], keys[i].hash()) & number; n == 0 {
				near = s.n // nothing is behind it
			}
		}
		if n == 0 {
			left = append(left, i)
			continue
		}
		near = n
		put(i, n)
	}

	// Of the others, the slots of several, and then what these name, are read
	// without waiting for one another: each is a miss of the cache.
	const batch = 16
	var hashes [batch]uint64
	var seen [batch]uint32
	var differ [batch]uint64
	mask := uint64(len(s.slots) - 1)
	for len(left) > 0 {
		now := left[:min(batch, len(left))]
		left = left[len(now):]
		for j, i := range now {
			h := keys[i].hash()
			hashes[j%batch], seen[j%batch] = h, s.slots[h/shards&mask]
		}
		for j, i := range now {
			k, own, slot := s.key(seen[j%batch]&number), &keys[i], seen[j%batch]
			differ[j%batch] = (k[0] ^ own[0]) | (k[1] ^ own[1])
			if slot == 0 {
				differ[j%batch] = 1
			}
		}
		for j, i := range now {
			n := seen[j%batch] & number
			if differ[j%batch] != 0 {
				n = s.number(&keys[i], hashes[j%batch])
			}
			put(i, n)
		}
	}
}

// after gives the number of a key if it is one of the next few behind near,
// which is not 0; else 0.
func (s *shard) after(near uint32, k *digest) uint32 {
	if near > 0 {
		for n := near + 1; n <= min(near+3, s.n); n++ {
			if *s.key(n) == *k {
				return n
			}
		}
	}
	return 0
}

// span is more than any token so far.
func (t *texts) span() int {
	most := uint32(0)
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		most = max(most, s.n)
		s.mu.Unlock()
	}
	return (int(most) + 1) * shards
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
