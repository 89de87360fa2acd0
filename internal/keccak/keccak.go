// Package keccak computes SHA3-512 (FIPS 202) of many messages side by side.
//
// One message is serial by nature: each block of 72 bytes waits for the one
// before. But a vector register holds a word of several states, and one
// instruction serves them all. A [Lanes] is as many states as the processor
// has room for: eight with AVX-512, four with AVX2, else one. Which is chosen
// once, by what the processor says; [Engines] lists all that it has.
package keccak

import (
	"encoding/binary"
	"fmt"
	"os"
	"strings"
)

// Rate is the number of bytes of a block.
const Rate = 72

// Size is the number of bytes of a digest.
const Size = 64

// An Engine is a way to compute. Engines differ in speed alone.
type Engine struct {
	Name  string // such as "avx512"
	Lanes int    // messages side by side
	make  func() states
}

// Best is the fastest engine of this processor, or the one that the environment
// names by AUDITLOG_SHA3, for tests and comparisons; it is an error if this
// processor does not have it.
func Best() (Engine, error) {
	all := Engines()
	name := os.Getenv("AUDITLOG_SHA3")
	if name == "" {
		return all[0], nil
	}
	var names []string
	for _, e := range all {
		if e.Name == name {
			return e, nil
		}
		names = append(names, e.Name)
	}
	return Engine{}, fmt.Errorf("AUDITLOG_SHA3 is %q; this processor has %s", name, strings.Join(names, ", "))
}

// A sponge is the state of one message, words in the order of FIPS 202.
type sponge [25]uint64

// states are those of an engine's lanes.
type states interface {
	// absorb takes blocks of 72 bytes into each lane, from in[lane] on.
	absorb(in []*byte, blocks int)
	// load and store copy the state of a lane.
	load(lane int) sponge
	store(lane int, s sponge)
}

// Lanes are the states of messages that are hashed side by side, with an engine.
// It is not safe for concurrent use.
type Lanes struct {
	states
	width int
	in    []*byte
	kept  []sponge
	alone *scalar // for a lane that alone has something to do
}

// New gives lanes, all empty.
func (e Engine) New() *Lanes {
	return &Lanes{e.make(), e.Lanes, make([]*byte, e.Lanes), make([]sponge, e.Lanes), nil}
}

// Width is the number of lanes.
func (l *Lanes) Width() int { return l.width }

// idle is what lanes absorb that have nothing to do.
var idle [MaxBlocks * Rate]byte

// MaxBlocks is the most blocks of one call of Absorb.
const MaxBlocks = 2048

// Absorb takes so many blocks, 1 to MaxBlocks, into each lane: the first
// blocks*Rate bytes of in[lane]. A lane for which there is nothing stays as it is.
func (l *Lanes) Absorb(blocks int, in [][]byte) {
	if blocks < 1 || blocks > MaxBlocks || len(in) != l.width {
		panic("keccak: wrong number of blocks or lanes")
	}
	busy, last := 0, 0
	for i, b := range in {
		if len(b) > 0 {
			busy, last = busy+1, i
			l.in[i] = &b[:blocks*Rate][0]
		}
	}
	if busy == 1 && l.width > 1 {
		l.absorbAlone(last, blocks)
		return
	}
	for i, b := range in {
		if len(b) == 0 {
			l.kept[i] = l.load(i)
			l.in[i] = &idle[0]
		}
	}
	l.absorb(l.in, blocks)
	for i, b := range in {
		l.in[i] = nil
		if len(b) == 0 {
			l.store(i, l.kept[i])
		}
	}
}

// absorbAlone is Absorb for one lane: by itself it would be slower than with
// crypto/sha3, by a quarter.
func (l *Lanes) absorbAlone(lane, blocks int) {
	if l.alone == nil {
		l.alone = newScalar().(*scalar)
	}
	l.alone.store(0, l.load(lane))
	l.alone.absorb(l.in[lane:lane+1], blocks)
	l.store(lane, l.alone.load(0))
	l.in[lane] = nil
}

// Reset begins another message in a lane.
func (l *Lanes) Reset(lane int) { l.store(lane, sponge{}) }

// Digest gives the digest of the message in a lane, whose last block was made
// by Pad.
func (l *Lanes) Digest(lane int) (d [Size]byte) {
	s := l.load(lane)
	for i := range Size / 8 {
		binary.LittleEndian.PutUint64(d[8*i:], s[i])
	}
	return d
}

// StateSize is the number of bytes of what a lane has absorbed.
const StateSize = 200

// State is what a lane has absorbed, for Continue: now or in another process,
// with any engine.
func (l *Lanes) State(lane int) (b [StateSize]byte) {
	for i, w := range l.load(lane) {
		binary.LittleEndian.PutUint64(b[8*i:], w)
	}
	return b
}

// Continue takes up in a lane the message of which b is the state.
func (l *Lanes) Continue(lane int, b *[StateSize]byte) {
	var s sponge
	for i := range s {
		s[i] = binary.LittleEndian.Uint64(b[8*i:])
	}
	l.store(lane, s)
}

// Pad makes the last block of a message, in place, from its last n bytes, less
// than Rate of them: FIPS 202, sections 5.1 and 6.1.
func Pad(block *[Rate]byte, n int) {
	clear(block[n:])
	block[n] = 0x06
	block[Rate-1] |= 0x80
}
