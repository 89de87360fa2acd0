package pipe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"sync"
)

// A Client does what questions ask. Its methods may be called concurrently and
// end soon after their context does. Errors are of a kind if they are an *Error.
type Client interface {
	Evaluate(context.Context, Question) (result []byte, err error)
	Endorse(context.Context, Question) (Answer, error)
	Commit(context.Context, Question) error
	Blocks(ctx context.Context, peer int, from uint64) iter.Seq2[[]byte, error]
}

// Serve answers questions until there are no more, which is no error. What is
// under way then is left alone: the process is to end. A hello of another
// version, or one that open refuses, is answered with an error before Serve
// returns it.
func Serve(in io.Reader, out io.Writer, program string, open func(*Hello) (Client, error)) error {
	s := &server{in: newReader(in), out: &writer{w: out}, calls: map[uint64]*serving{}}
	hello := Answer{Version: Version, Program: program}
	err := s.open(open)
	if err == io.EOF {
		return nil
	}
	if err != nil {
		hello.Error = &Error{Kind: Final, Message: err.Error()}
	}
	if err := errors.Join(err, s.out.write(hello)); err != nil {
		return err
	}
	for {
		var q Question
		if err := s.in.read(&q); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if err := s.take(q); err != nil {
			return err
		}
	}
}

type server struct {
	in     reader
	out    *writer
	client Client
	peers  int

	mu    sync.Mutex // guards calls
	calls map[uint64]*serving
}

// serving is a question that is being answered.
type serving struct {
	cancel context.CancelFunc
	more   chan struct{} // credits of blocks
}

func (s *server) open(open func(*Hello) (Client, error)) error {
	var q Question
	if err := s.in.read(&q); err != nil {
		return err
	}
	if q.Do != SayHello || q.Hello == nil || q.ID != 0 {
		return fmt.Errorf("%w: it begins with %.80q", errProtocol, q.Do)
	}
	if q.Hello.Version != Version {
		return fmt.Errorf("version %d of the protocol is spoken, not %d: install programs of one release", Version, q.Hello.Version)
	}
	var err error
	s.client, err = open(q.Hello)
	s.peers = len(q.Hello.Peers)
	return err
}

// take begins to answer a question.
func (s *server) take(q Question) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, known := s.calls[q.ID]
	switch q.Do {
	case Cancel:
		if known { // else its last answer is on its way
			c.cancel()
		}
		return nil
	case More:
		if known {
			select {
			case c.more <- struct{}{}:
			default:
				return fmt.Errorf("%w: question %d asks for more than %d blocks", errProtocol, q.ID, Window)
			}
		}
		return nil
	case Evaluate, Endorse, Commit, Blocks:
	default:
		return fmt.Errorf("%w: question %d asks for %.80q", errProtocol, q.ID, q.Do)
	}
	if known || q.Peer < 0 || q.Peer >= s.peers {
		return fmt.Errorf("%w: question %d, of peer %d", errProtocol, q.ID, q.Peer)
	}
	ctx, cancel := context.WithCancel(context.Background())
	c = &serving{cancel: cancel, more: make(chan struct{}, Window)}
	for range Window {
		c.more <- struct{}{}
	}
	s.calls[q.ID] = c
	go func() {
		answer, err := s.answer(ctx, q, c)
		cancel()
		if err != nil {
			answer = Answer{}
			if !errors.As(err, &answer.Error) {
				answer.Error = &Error{Message: err.Error()}
			}
		}
		answer.ID = q.ID
		s.mu.Lock()
		delete(s.calls, q.ID)
		s.mu.Unlock()
		var long *Error
		if err := s.out.write(answer); errors.As(err, &long) {
			s.out.write(Answer{ID: q.ID, Error: long})
		}
		// When nobody reads any more, nobody asks any more either.
	}()
	return nil
}

// answer finds the last answer to a question.
func (s *server) answer(ctx context.Context, q Question, c *serving) (a Answer, err error) {
	switch q.Do {
	case Evaluate:
		a.Result, err = s.client.Evaluate(ctx, q)
	case Endorse:
		a, err = s.client.Endorse(ctx, q)
	case Commit:
		err = s.client.Commit(ctx, q)
	case Blocks:
		for block, err := range s.client.Blocks(ctx, q.Peer, q.From) {
			if err == nil && len(block) == 0 {
				err = errors.New("the peer gave an empty block") // it would look like the last answer
			}
			if err != nil {
				return a, err
			}
			select {
			case <-c.more:
			case <-ctx.Done():
				return a, ctx.Err()
			}
			if err := s.out.write(Answer{ID: q.ID, Block: block}); err != nil {
				return a, err
			}
		}
	}
	return a, err
}
