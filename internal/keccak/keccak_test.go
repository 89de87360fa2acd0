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

// TestIdleLanes has lanes absorb in turns, any of them at once: those that have
// nothing stay as they are.
func TestIdleLanes(t *testing.T) {
	for _, e := range Engines() {
		t.Run(e.Name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(3, 4))
			l := e.New()
			messages, in := make([][]byte, e.Lanes), make([][]byte, e.Lanes)
			for range 300 {
				blocks, mask := 1+r.IntN(3), r.IntN(1<<e.Lanes)
				for i := range in {
					if in[i] = nil; mask>>i&1 == 1 {
						in[i] = make([]byte, blocks*Rate)
						for j := range in[i] {
							in[i][j] = byte(r.Uint32())
						}
						messages[i] = append(messages[i], in[i]...)
					}
				}
				l.Absorb(blocks, in)
			}
			for i := range in {
				var end [Rate]byte
				Pad(&end, 0)
				in[i] = end[:]
			}
			l.Absorb(1, in)
			for i, m := range messages {
				if got := l.Digest(i); got != sha3.Sum512(m) {
					t.Errorf("lane %d: %x", i, got)
				}
			}
		})
	}
}

// TestAbsorbBounds: what assembly would read beyond is refused before.
func TestAbsorbBounds(t *testing.T) {
	for _, e := range Engines() {
		l := e.New()
		for name, do := range map[string]func(){
			"no block":        func() { l.Absorb(0, make([][]byte, e.Lanes)) },
			"too many blocks": func() { l.Absorb(MaxBlocks+1, make([][]byte, e.Lanes)) },
			"too few lanes":   func() { l.Absorb(1, make([][]byte, e.Lanes-1)) },
			"too few bytes":   func() { in := make([][]byte, e.Lanes); in[0] = make([]byte, Rate); l.Absorb(2, in) },
		} {
			func() {
				defer func() {
					if recover() == nil {
						t.Errorf("%s: %s was taken", e.Name, name)
					}
				}()
				do()
			}()
		}
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
