package keccak

import (
	"crypto/sha3"
	"encoding/binary"
	"unsafe"
)

// scalar computes with crypto/sha3, which has one state.
type scalar struct{ hash *sha3.SHA3 }

func newScalar() states { return &scalar{sha3.New512()} }

func (s *scalar) absorb(in []*byte, blocks int) {
	s.hash.Write(unsafe.Slice(in[0], blocks*Rate))
}

// The state of a hash is had, and set, by what it marshals: four bytes that name
// it, its rate, the state, and what a whole number of blocks leaves at zero.
// Should another version of Go write it otherwise, every test of this engine
// fails.
const spongeAt = 5

func (s *scalar) load(int) (words sponge) {
	text, err := s.hash.MarshalBinary()
	if err != nil {
		panic(err) // it cannot fail
	}
	for i := range words {
		words[i] = binary.LittleEndian.Uint64(text[spongeAt+8*i:])
	}
	return words
}

func (s *scalar) store(_ int, words sponge) {
	s.hash.Reset()
	if words == (sponge{}) {
		return
	}
	text, err := s.hash.MarshalBinary()
	if err == nil {
		for i, w := range words {
			binary.LittleEndian.PutUint64(text[spongeAt+8*i:], w)
		}
		err = s.hash.UnmarshalBinary(text)
	}
	if err != nil {
		panic(err) // it is what it has marshalled
	}
}
