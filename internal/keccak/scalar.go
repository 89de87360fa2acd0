package keccak

import (
	"crypto/sha3"
	"unsafe"
)

// scalar computes with crypto/sha3, which has one state. The state of a lane
// must be had before the hash pads by itself, so the message ends here as it
// does with other engines, by a block that Pad made: what is in the sponge then
// is read out of the marshalled state.
type scalar struct{ hash *sha3.SHA3 }

func newScalar() states { return &scalar{sha3.New512()} }

func (s *scalar) absorb(in []*byte, blocks int) {
	s.hash.Write(unsafe.Slice(in[0], blocks*Rate))
}

func (s *scalar) reset(int) { s.hash.Reset() }

func (s *scalar) digest(int) [Size]byte {
	state, err := s.hash.MarshalBinary()
	if err != nil {
		panic(err) // it cannot fail
	}
	return [Size]byte(state[stateAt:])
}

// stateAt is where the sponge stands in a marshalled state: after four bytes
// that name the hash, and its rate. Should another version of Go write it
// otherwise, every test of this engine fails.
const stateAt = 5
