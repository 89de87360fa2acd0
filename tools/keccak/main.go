// Keccak writes the assembly of internal/keccak: Keccak-f[1600] over eight
// states at once, with AVX-512F.
//
//	go -C tools run ./keccak -out ../internal/keccak/absorb8_amd64.s
package main

import (
	"fmt"
	"math/bits"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

const (
	lanes  = 8
	word   = 8            // bytes
	vector = lanes * word // bytes of a word of all states
	rate   = 9            // words of a block of SHA3-512
	rounds = 24
)

// A state is where its 25 words are. Registers are renamed in place of moving
// words: after a round a word is where the one was that it was made of. The
// 24 rounds together move nothing.
type state struct {
	words [25]VecPhysical // word x+5y, of FIPS 202 section 3.1.2
	spare [7]VecPhysical
}

func main() {
	ConstraintExpr("!purego")
	constants := GLOBL("constants", RODATA|NOPTR)
	for i, c := range roundConstants() {
		DATA(word*i, U64(c))
	}

	TEXT("absorb8", NOSPLIT, "func(s *[25][8]uint64, in *[8]*byte, blocks int)")
	Pragma("noescape")
	Doc("absorb8 takes blocks of 72 bytes, one at least, into eight states: lane l from in[l] on.")
	words := Mem{Base: Load(Param("s"), RDI)}
	in := Mem{Base: Load(Param("in"), RSI)}
	left := Load(Param("blocks"), RCX)
	source := [lanes]Register{R8, R9, R10, R11, R12, R13, R15, RBX}
	for l, p := range source {
		MOVQ(in.Offset(word*l), p)
	}
	at, copied := RDX, RAX // offset of the block that is copied; a word of it
	XORQ(at, at)

	// The words of a block, transposed. While the rounds go over one block, the
	// next one is copied here: loads and stores of words cost next to nothing
	// beside them, and there is time for them to get to the cache.
	stage := AllocLocal(rate * vector)
	staged := func(i int) { // the copy of word i/lanes of lane i%lanes
		w, l := i/lanes, i%lanes
		MOVQ(Mem{Base: source[l], Index: at, Scale: 1, Disp: word * w}, copied)
		MOVQ(copied, stage.Offset(vector*w+word*l))
	}
	for i := range rate * lanes {
		staged(i)
	}

	var s state
	for i, z := range []VecPhysical{
		Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7, Z8, Z9, Z10, Z11, Z12, Z13, Z14, Z15, Z16, Z17, Z18, Z19, Z20, Z21, Z22, Z23, Z24,
	} {
		s.words[i] = z
		VMOVDQU64(words.Offset(vector*i), z)
	}
	s.spare = [7]VecPhysical{Z25, Z26, Z27, Z28, Z29, Z30, Z31}

	Label("block")
	for i := range rate {
		VPXORQ(stage.Offset(vector*i), s.words[i], s.words[i])
	}
	// After the last block there is none to copy: it is copied again, so that
	// nothing is read beyond it.
	LEAQ(Mem{Base: at, Disp: rate * word}, copied)
	CMPQ(left, Imm(1))
	CMOVQNE(copied, at)
	for r := range rounds {
		s.round(constants.Offset(word*r), func(i int) {
			staged(rate*lanes/rounds*r + i)
		})
	}
	DECQ(left)
	JNZ(LabelRef("block"))

	for i, z := range s.words {
		VMOVDQU64(z, words.Offset(vector*i))
	}
	VZEROUPPER()
	RET()
	Generate()
}

// round is a round of Keccak-p, FIPS 202 section 3.3. Its steps stand in the
// order in which chi needs words, row by row. Beside is called three times.
func (s *state) round(constant Mem, beside func(i int)) {
	a, t := &s.words, &s.spare

	// Theta: parities c of the columns, in t[0..4].
	for x := range 5 {
		VMOVDQA64(a[x], t[x])
		VPTERNLOGQ(U8(xor3), a[x+5], a[x+10], t[x])
		VPTERNLOGQ(U8(xor3), a[x+15], a[x+20], t[x])
	}
	beside(0)
	// d[x] = c[x-1] ^ c[x+1]<<<1, with two more registers in all: each takes the
	// place of a parity that nothing needs any more.
	c := [5]VecPhysical{t[0], t[1], t[2], t[3], t[4]}
	d := [5]VecPhysical{t[5], t[6], c[3], c[4], c[0]}
	VPROLQ(U8(1), c[1], d[0])
	VPXORQ(c[4], d[0], d[0])
	VPROLQ(U8(1), c[2], d[1])
	VPXORQ(c[0], d[1], d[1])
	VPROLQ(U8(1), c[0], d[4])
	VPXORQ(c[3], d[4], d[4])
	VPROLQ(U8(1), c[3], d[2])
	VPXORQ(c[1], d[2], d[2])
	VPROLQ(U8(1), c[4], d[3])
	VPXORQ(c[2], d[3], d[3])
	free := [2]VecPhysical{c[1], c[2]}

	var next [25]VecPhysical
	for y := range 5 {
		var row [5]VecPhysical
		for x := range 5 {
			// Pi: what comes to (x, y) was at (x', y') with x = y', y = 2x' + 3y'.
			fromX, fromY := (x+3*y)%5, x
			w := a[fromX+5*fromY]
			VPXORQ(d[fromX], w, w)
			if by := rotation(fromX, fromY); by > 0 {
				VPROLQ(U8(by), w, w)
			}
			row[x] = w
		}
		if y == 1 || y == 3 {
			beside(1 + y/2)
		}
		// Chi: row[x] ^= ^row[x+1] & row[x+2].
		VMOVDQA64(row[0], free[0])
		VMOVDQA64(row[1], free[1])
		VPTERNLOGQ(U8(chi), row[2], row[1], row[0])
		VPTERNLOGQ(U8(chi), row[3], row[2], row[1])
		VPTERNLOGQ(U8(chi), row[4], row[3], row[2])
		VPTERNLOGQ(U8(chi), free[0], row[4], row[3])
		VPTERNLOGQ(U8(chi), free[1], free[0], row[4])
		if y == 0 { // iota
			VPXORQ_BCST(constant, row[0], row[0])
		}
		copy(next[5*y:], row[:])
	}
	s.words = next
}

// Functions of three bits (a, b, c): bit 4a+2b+c of the number is the result.
const (
	xor3 = 0x96 // a ^ b ^ c
	chi  = 0xd2 // a ^ ^b & c
)

// rotation is the offset of rho, FIPS 202 section 3.2.2.
func rotation(x, y int) int {
	at, offset := [2]int{1, 0}, 0
	for t := range 24 {
		offset = (t + 1) * (t + 2) / 2 % 64
		if at == [2]int{x, y} {
			return offset
		}
		at = [2]int{at[1], (2*at[0] + 3*at[1]) % 5}
	}
	return 0
}

// roundConstants are those of iota, FIPS 202 section 3.2.5.
func roundConstants() (all [rounds]uint64) {
	bit := func(t int) uint64 { // algorithm 5: a linear feedback shift register
		r := uint8(1)
		for range t % 255 {
			carry := r >> 7
			r = r<<1 ^ carry*0x71
		}
		return uint64(r & 1)
	}
	for i := range all {
		for j := range 7 {
			all[i] |= bit(j+7*i) << (1<<j - 1)
		}
	}
	if bits.OnesCount64(all[0]) != 1 {
		panic(fmt.Sprintf("first round constant %x", all[0]))
	}
	return all
}
