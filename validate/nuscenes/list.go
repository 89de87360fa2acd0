package nuscenes

import (
	"encoding/binary"
	"sync"
	"sync/atomic"
)

// A List stands for several tokens. The rows of a table have few different
// ones, so each is kept once. The zero List is empty; Tables.List gives the
// tokens.
type List uint32

// lists keeps lists. It is safe for concurrent use.
type lists struct {
	mu     sync.Mutex                // guards number, and who writes all
	number map[string]List           // by the tokens' bytes: position in all + 1
	all    atomic.Pointer[[][]Token] // grows behind what was seen
}

// add gives the List of tokens, which it does not keep.
func (s *lists) add(tokens []Token) List {
	if len(tokens) == 0 {
		return 0
	}
	key := make([]byte, 0, 64)
	for _, k := range tokens {
		key = binary.LittleEndian.AppendUint32(key, uint32(k))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if n, ok := s.number[string(key)]; ok {
		return n
	}
	var all [][]Token
	if old := s.all.Load(); old != nil {
		all = *old
	} else {
		s.number = map[string]List{}
	}
	all = append(all, append([]Token(nil), tokens...))
	s.all.Store(&all)
	s.number[string(key)] = List(len(all))
	return List(len(all))
}

// List gives the tokens that l stands for. They must not be changed.
func (t *Tables) List(l List) []Token {
	if l == 0 {
		return nil
	}
	return (*t.lists.all.Load())[l-1]
}
