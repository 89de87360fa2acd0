package fabric

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/mmaudit/mmaudit/ledger/fabric/internal/pipe"
)

// SDKProgram is the name of the program that is the client of networks whose
// peers have no Gateway service: those older than 2.4.
const SDKProgram = "auditlog-fabric-sdk"

// An sdkPeer is a transport through that program.
type sdkPeer struct {
	program *pipe.Program
	peer    int // in the profile
}

// prepareSDK finds the program, and prepares to have it speak to the peers of a
// profile. It is started when it is needed.
func prepareSDK(p *Profile, who *who) (peers []*endpoint, err error) {
	path, err := p.sdk()
	if err != nil {
		return nil, err
	}
	hello := pipe.Hello{
		Channel: p.Channel, MSP: p.Identity.MSP, Certificate: string(who.certPEM), Key: string(who.keyPEM),
		Submit: time.Duration(p.Timeouts.Submit).Milliseconds(),
		Commit: time.Duration(p.Timeouts.Commit).Milliseconds(),
	}
	for i := range p.Peers {
		roots, _, err := p.roots(&p.Peers[i])
		if err != nil {
			return nil, err
		}
		hello.Peers = append(hello.Peers, pipe.Peer{Address: p.Peers[i].Address, Roots: string(roots), Name: p.Peers[i].Name})
	}
	program := pipe.NewProgram(path, hello)
	for i := range p.Peers {
		peers = append(peers, &endpoint{address: p.Peers[i].Address, transport: &sdkPeer{program, i}})
	}
	return peers, nil
}

// sdk finds the program: as the profile names it, else beside the one that runs,
// else as the shell finds it. A name with a slash is relative to the profile.
func (p *Profile) sdk() (string, error) {
	name := p.SDK
	if strings.ContainsRune(name, filepath.Separator) {
		name = p.path(name)
	}
	if name == "" {
		name = SDKProgram
		if self, err := os.Executable(); err == nil {
			beside := filepath.Join(filepath.Dir(self), SDKProgram)
			if path, err := exec.LookPath(beside); err == nil {
				return path, nil
			}
		}
	}
	path, err := exec.LookPath(name)
	switch {
	case err != nil && p.SDK == "":
		return "", fmt.Errorf("%s: client: sdk needs the program %s, which is neither beside auditlog nor in PATH: build it (make sdk), or say sdk: FILE", p.file, SDKProgram)
	case err != nil:
		return "", fmt.Errorf("%s: sdk: %w", p.file, err)
	}
	return filepath.Abs(path)
}

func (s *sdkPeer) close() error { return s.program.Close() }

func (s *sdkPeer) evaluate(ctx context.Context, c call) ([]byte, error) {
	a, err := s.ask(ctx, s.question(pipe.Evaluate, c), nil)
	return a.Result, err
}

func (s *sdkPeer) endorse(ctx context.Context, c call) (*transaction, error) {
	a, err := s.ask(ctx, s.question(pipe.Endorse, c), nil)
	if err != nil {
		return nil, err
	}
	return &transaction{id: a.Transaction, result: a.Result, envelope: a.Envelope, commit: func(ctx context.Context) error {
		_, err := s.ask(ctx, pipe.Question{Do: pipe.Commit, Peer: s.peer, Transaction: a.Transaction, Envelope: a.Envelope}, nil)
		return err
	}}, nil
}

func (s *sdkPeer) blocks(ctx context.Context, from uint64) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		_, err := s.ask(ctx, pipe.Question{Do: pipe.Blocks, Peer: s.peer, From: from}, func(block []byte) bool { return yield(block, nil) })
		if err != nil {
			yield(nil, err)
		}
	}
}

func (s *sdkPeer) question(do string, c call) pipe.Question {
	return pipe.Question{Do: do, Peer: s.peer, Chaincode: c.chaincode, Function: c.function, Args: c.args, Organisations: c.organisations}
}

// ask asks the program, and gives its errors their kinds.
func (s *sdkPeer) ask(ctx context.Context, q pipe.Question, each func([]byte) bool) (pipe.Answer, error) {
	a, err := s.program.Ask(ctx, q, each)
	var e *pipe.Error
	if !errors.As(err, &e) {
		return a, err
	}
	switch e.Kind {
	case pipe.Refused:
		return a, &refusal{e.Status, e.Message}
	case pipe.Unavailable:
		return a, fail(errUnavailable, e.Message, e)
	case pipe.Final:
		return a, fail(errFinal, e.Message, e)
	}
	return a, fail(nil, e.Message, e)
}
