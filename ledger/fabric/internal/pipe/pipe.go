// Package pipe is how a ledger speaks to a client of Fabric in a process of its
// own: JSON, one message a line, questions on its stdin and answers on its
// stdout (docs/formats.md, "A client of Fabric in a process of its own").
//
// The first line each way is a hello. Then come questions, each with a number of
// its own, as many at a time as there are; each has one last answer. Questions
// are cancelled by number. Blocks are answers before the last: a client sends no
// more than [Window] that were not asked for. The process ends when its stdin
// does, so none is left behind.
package pipe

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
)

// Version is that of the protocol. Both ends must have the same.
const Version = 1

// Window is how many blocks may be on their way to one reader.
const Window = 8

// maxLine is the most bytes of a line: twice what peers let a message have. Only
// tests change it.
var maxLine = 200 << 20

// What a question asks for.
const (
	SayHello = "hello"    // Hello
	Evaluate = "evaluate" // Peer, Chaincode, Function, Args: a Result
	Endorse  = "endorse"  // the same and Organisations: a Result, Transaction, Envelope
	Commit   = "commit"   // Peer, Transaction, Envelope: nothing, once the peer has found it valid
	Blocks   = "blocks"   // Peer, From: many a Block, and nothing when the peer gives no more
	More     = "more"     // one more block may be sent; no answer of its own
	Cancel   = "cancel"   // the last answer may come early; none of its own
)

// A Question is a line to the client.
type Question struct {
	ID    uint64 `json:"id"` // of a hello 0; of More and Cancel that of the question they are about
	Do    string `json:"do"`
	Hello *Hello `json:"hello,omitempty"`

	Peer          int      `json:"peer,omitempty"` // place in Hello.Peers
	Chaincode     string   `json:"chaincode,omitempty"`
	Function      string   `json:"function,omitempty"`
	Args          [][]byte `json:"args,omitempty"`
	Organisations []string `json:"organisations,omitempty"` // MSP ids; as the policy has it if empty
	Transaction   string   `json:"transaction,omitempty"`   // its id
	Envelope      []byte   `json:"envelope,omitempty"`      // common.Envelope
	From          uint64   `json:"from,omitempty"`          // number of a block
}

// A Hello tells the client all that it needs: it reads no files.
type Hello struct {
	Version     int    `json:"version"`
	Channel     string `json:"channel"`
	MSP         string `json:"msp"`
	Certificate string `json:"certificate"` // PEM
	Key         string `json:"key"`         // PEM, PKCS#8
	Peers       []Peer `json:"peers"`
	Submit      int64  `json:"submit_ms"` // limits of the steps of Commit
	Commit      int64  `json:"commit_ms"`
}

// A Peer is one to speak to.
type Peer struct {
	Address string `json:"address"`        // HOST:PORT
	Roots   string `json:"roots"`          // PEM
	Name    string `json:"name,omitempty"` // in its certificate, if not HOST
}

// An Answer is a line from the client.
type Answer struct {
	ID          uint64 `json:"id"`
	Version     int    `json:"version,omitempty"` // of a hello
	Program     string `json:"program,omitempty"` // of a hello: what it is
	Result      []byte `json:"result,omitempty"`
	Transaction string `json:"transaction,omitempty"`
	Envelope    []byte `json:"envelope,omitempty"`
	Block       []byte `json:"block,omitempty"` // common.Block; the answer is not the last
	Error       *Error `json:"error,omitempty"`
}

// Kinds of errors. Of others nothing is known.
const (
	Refused     = "refused"     // by the chaincode, with a status
	Unavailable = "unavailable" // the peer cannot be reached; another may be
	Final       = "final"       // it would come again
)

// An Error is why a question has no other answer.
type Error struct {
	Kind    string `json:"kind,omitempty"`
	Status  int    `json:"status,omitempty"` // of a refusal
	Message string `json:"message"`
}

func (e *Error) Error() string { return e.Message }

// errProtocol: a line is not of this protocol.
var errProtocol = errors.New("not of the protocol")

// A reader reads lines.
type reader struct{ r *bufio.Reader }

func newReader(r io.Reader) reader { return reader{bufio.NewReaderSize(r, 64<<10)} }

// read reads the next line into a message. At the end of the last it is io.EOF.
func (r reader) read(to any) error {
	line, err := r.r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		var long []byte
		for errors.Is(err, bufio.ErrBufferFull) && len(long) <= maxLine {
			long = append(long, line...)
			line, err = r.r.ReadSlice('\n')
		}
		if line = append(long, line...); len(line) > maxLine {
			return fmt.Errorf("%w: a line of more than %d bytes", errProtocol, maxLine)
		}
	}
	if err == io.EOF && len(line) > 0 {
		return fmt.Errorf("%w: %.80q ends within a line", errProtocol, line)
	}
	if err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(to); err != nil {
		return fmt.Errorf("%w: %.80q: %w", errProtocol, line, err)
	}
	if _, err := d.Token(); err != io.EOF {
		return fmt.Errorf("%w: %.80q: more than one message", errProtocol, line)
	}
	return nil
}

// A writer writes lines. Its methods may be called concurrently.
type writer struct {
	mu sync.Mutex // guards w
	w  io.Writer
}

// write writes a message. Too long a line is an error, and nothing is written.
func (w *writer) write(message any) error {
	line, err := json.Marshal(message)
	if err != nil {
		return err
	}
	if len(line) >= maxLine {
		return &Error{Kind: Final, Message: fmt.Sprintf("a message of %d bytes", len(line))}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	_, err = w.w.Write(append(line, '\n'))
	return err
}
