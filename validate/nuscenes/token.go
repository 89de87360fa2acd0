package nuscenes

import (
	"crypto/sha256"
	"encoding/binary"
	"sync"

	"github.com/mmaudit/mmaudit/internal/jsonrow"
)

// texts keeps the text of tokens that are not 32 hexadecimal digits, each
// once. It is safe for concurrent use.
type texts struct {
	shards [64]struct {
		mu sync.Mutex // guards m
		m  map[Token]string
	}
}

// token makes the Token of a text.
func (t *texts) token(text []byte) Token {
	if k, ok := unhex(text); ok && !k.Zero() {
		return k
	}
	if len(text) == 0 {
		return Token{}
	}
	sum := sha256.Sum256(text)
	k := Token(sum[:16])
	s := &t.shards[k[0]&63]
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.m[k]; !ok {
		if s.m == nil {
			s.m = map[Token]string{}
		}
		s.m[k] = string(text)
	}
	return k
}

func (t *texts) text(k Token) (string, bool) {
	if t == nil {
		return "", false
	}
	s := &t.shards[k[0]&63]
	s.mu.Lock()
	defer s.mu.Unlock()
	text, ok := s.m[k]
	return text, ok
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

// unhex decodes 32 lower-case hexadecimal digits.
func unhex(b []byte) (k Token, ok bool) {
	if len(b) != 32 {
		return k, false
	}
	lo, hi, ok := jsonrow.PlainHex(b)
	binary.LittleEndian.PutUint64(k[:], lo)
	binary.LittleEndian.PutUint64(k[8:], hi)
	return k, ok
}
