//go:build !purego

package keccak

import (
	"unsafe"

	"github.com/cloudflare/circl/simd/keccakf1600"
	"golang.org/x/sys/cpu"
)

//go:generate go -C ../../tools run ./keccak -out ../internal/keccak/absorb8_amd64.s -stubs ../internal/keccak/absorb8_amd64.go -pkg keccak

// Engines lists the engines of this processor, the fastest first.
func Engines() []Engine {
	var all []Engine
	if cpu.X86.HasAVX512F {
		all = append(all, Engine{"avx512", 8, func() states { return new(avx512) }})
	}
	if keccakf1600.IsEnabledX4() {
		all = append(all, Engine{"avx2", 4, func() states { return newAVX2() }})
	}
	return append(all, Engine{"scalar", 1, newScalar})
}

// avx512 holds word w of lane l at [w][l].
type avx512 [25][8]uint64

func (s *avx512) absorb(in []*byte, blocks int) {
	absorb8((*[25][8]uint64)(s), (*[8]*byte)(in), blocks)
}

func (s *avx512) load(lane int) (words sponge) {
	for w := range words {
		words[w] = s[w][lane]
	}
	return words
}

func (s *avx512) store(lane int, words sponge) {
	for w, v := range words {
		s[w][lane] = v
	}
}

// avx2 is circl's permutation of four states: word w of lane l at [4w+l].
type avx2 struct {
	permutation keccakf1600.StateX4
	words       []uint64
}

func newAVX2() states {
	s := &avx2{}
	s.words = s.permutation.Initialize(false)
	return s
}

func (s *avx2) absorb(in []*byte, blocks int) {
	for b := range blocks {
		for l := range 4 {
			block := (*[Rate / 8]uint64)(unsafe.Add(unsafe.Pointer(in[l]), b*Rate)) // little endian, as amd64 is
			for w, v := range block {
				s.words[4*w+l] ^= v
			}
		}
		s.permutation.Permute()
	}
}

func (s *avx2) load(lane int) (words sponge) {
	for w := range words {
		words[w] = s.words[4*w+lane]
	}
	return words
}

func (s *avx2) store(lane int, words sponge) {
	for w, v := range words {
		s.words[4*w+lane] = v
	}
}
