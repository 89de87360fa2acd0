package keccak

// Sums calls fn with the digest of each message, in any order. Messages whose
// lengths are alike stand best side by side: lanes are filled in their order.
// What lanes held before is lost.
func (l *Lanes) Sums(messages [][]byte, fn func(i int, d [Size]byte)) {
	type place struct {
		taken   bool
		message int
		left    []byte // of it
		ends    bool   // left is the last block, in end
		end     [Rate]byte
	}
	places, in := make([]place, l.width), make([][]byte, l.width)
	for next := 0; ; {
		blocks := MaxBlocks
		busy := false
		for i := range places {
			p := &places[i]
			in[i] = nil
			if !p.taken {
				if next == len(messages) {
					continue
				}
				p.taken, p.ends, p.message, p.left = true, false, next, messages[next]
				next++
				l.Reset(i)
			}
			if len(p.left) < Rate {
				Pad(&p.end, copy(p.end[:], p.left))
				p.left, p.ends = p.end[:], true
			}
			in[i], blocks, busy = p.left, min(blocks, len(p.left)/Rate), true
		}
		if !busy {
			return
		}
		l.Absorb(blocks, in)
		for i := range places {
			p := &places[i]
			if in[i] == nil {
				continue
			}
			if p.left = p.left[blocks*Rate:]; p.ends {
				fn(p.message, l.Digest(i))
				p.taken = false
			}
		}
	}
}
