package fabricnet

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync/atomic"
)

// Ports come from a block below those that the kernel gives to connections, so
// that no client takes one between the time when it is found free and the time
// when it is bound, or while its process is dead.
const (
	lowest  = 10_000
	highest = 32_000
	block   = 80
)

// ports is a block of free ports. Its first one is listened on for as long as
// the block is in use: this is what keeps other networks off it.
type ports struct {
	lock  net.Listener
	taken atomic.Int32
}

func reserve() (*ports, error) {
	for range 100 {
		base := lowest + block*rand.IntN((highest-lowest)/block)
		lock, err := net.Listen("tcp", address(base))
		if err != nil {
			continue
		}
		if free(base+1, base+block) {
			return &ports{lock: lock}, nil
		}
		lock.Close()
	}
	return nil, errors.New("found no free ports")
}

func free(from, to int) bool {
	for port := from; port < to; port++ {
		l, err := net.Listen("tcp", address(port))
		if err != nil {
			return false
		}
		l.Close()
	}
	return true
}

// Port gives a port of this machine that no other network uses, for a service
// that belongs to this one. It may be called concurrently.
func (n *Network) Port() int { return n.ports.take() }

// take gives the next port of the block.
func (p *ports) take() int {
	taken := int(p.taken.Add(1))
	if taken >= block {
		panic("fabricnet: a network wants more ports than there are in a block")
	}
	return p.lock.Addr().(*net.TCPAddr).Port + taken
}

func (p *ports) release() error { return p.lock.Close() }

func address(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }
