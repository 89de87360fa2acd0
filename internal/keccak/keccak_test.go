package keccak

import (
	"crypto/sha3"
	"math/rand/v2"
	"testing"
)

func sums(e Engine, messages [][]byte) [][Size]byte {
	out := make([][Size]byte, len(messages))
	e.New().Sums(messages, func(i int, d [Size]byte) { out[i] = d })
	return out
}

// TestLengths hashes messages of every length up to six blocks, and of random
// ones, in lanes of different lengths, and compares with crypto/sha3.
func TestLengths(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var messages [][]byte
	for n := range 6*Rate + 2 {
		messages = append(messages, make([]byte, n))
	}
	for range 200 {
		messages = append(messages, make([]byte, r.IntN(200_000)))
	}
	r.Shuffle(len(messages), func(i, j int) { messages[i], messages[j] = messages[j], messages[i] })
	for _, m := range messages {
		for i := range m {
			m[i] = byte(r.Uint32())
		}
	}
	for _, e := range Engines() {
		t.Run(e.Name, func(t *testing.T) {
			for i, got := range sums(e, messages) {
				if want := sha3.Sum512(messages[i]); got != want {
					t.Fatalf("%d bytes: %x, want %x", len(messages[i]), got, want)
				}
			}
		})
	}
}

func BenchmarkAbsorb(b *testing.B) {
	for _, e := range Engines() {
		b.Run(e.Name, func(b *testing.B) {
			l := e.New()
			in := make([][]byte, e.Lanes)
			for i := range in {
				in[i] = make([]byte, 1820*Rate)
			}
			b.SetBytes(int64(e.Lanes * 1820 * Rate))
			for b.Loop() {
				l.Absorb(1820, in)
			}
		})
	}
	b.Run("crypto/sha3", func(b *testing.B) {
		m := make([]byte, 1820*Rate)
		b.SetBytes(int64(len(m)))
		for b.Loop() {
			sha3.Sum512(m)
		}
	})
}
