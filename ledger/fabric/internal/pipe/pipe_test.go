package pipe

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// The test program is also the process at the other end: of this kind.
const kind = "PIPE_TEST_KIND"

func TestMain(m *testing.M) {
	maxLine = 1 << 20
	switch os.Getenv(kind) {
	case "":
		os.Exit(m.Run())
	case "good":
		if err := Serve(os.Stdin, os.Stdout, "test", newEcho); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	case "no hello":
		fmt.Println("Usage: something else")
		io.Copy(io.Discard, os.Stdin)
	case "stays": // says what it must not, and does not end
		fmt.Println("Usage: something else")
		time.Sleep(time.Hour)
	case "older":
		fmt.Println(`{"id":0,"version":0,"program":"test"}`)
		io.Copy(io.Discard, os.Stdin)
	case "ends":
		fmt.Fprintln(os.Stderr, "no such library")
		os.Exit(3)
	case "garbage":
		fmt.Println(`{"id":0,"version":1,"program":"test"}`)
		readLine()
		readLine()
		fmt.Println("2026/11/23 panic: something")
		io.Copy(io.Discard, os.Stdin)
	case "flood":
		fmt.Println(`{"id":0,"version":1,"program":"test"}`)
		readLine()
		readLine()
		for range 2 * Window {
			fmt.Println(`{"id":1,"block":"AA=="}`)
		}
		io.Copy(io.Discard, os.Stdin)
	case "deaf": // reads nothing, and does not end with its stdin
		fmt.Println(`{"id":0,"version":1,"program":"test"}`)
		time.Sleep(time.Hour)
	}
	os.Exit(0)
}

func readLine() {
	var b [1]byte
	for b[0] != '\n' {
		if _, err := os.Stdin.Read(b[:]); err != nil {
			return
		}
	}
}

// An echo answers each question with what it was asked.
type echo struct {
	hello   *Hello
	waiting atomic.Int32
}

func newEcho(h *Hello) (Client, error) {
	if h.Channel == "refused" {
		return nil, errors.New("no such channel")
	}
	return &echo{hello: h}, nil
}

func (e *echo) Evaluate(ctx context.Context, q Question) ([]byte, error) {
	switch q.Function {
	case "refuse":
		return nil, fmt.Errorf("wrapped: %w", &Error{Kind: Refused, Status: 409, Message: "no"})
	case "fail":
		return nil, errors.New("some error")
	case "wait":
		e.waiting.Add(1)
		defer e.waiting.Add(-1)
		<-ctx.Done()
		return nil, ctx.Err()
	case "waiting":
		return fmt.Append(nil, e.waiting.Load()), nil
	case "die":
		os.Exit(7)
	case "panic":
		panic("the SDK is at its end")
	case "large":
		return make([]byte, maxLine), nil
	}
	return []byte(q.Function + " of " + e.hello.Peers[q.Peer].Address + string(bytes.Join(q.Args, nil))), nil
}

func (e *echo) Endorse(_ context.Context, q Question) (Answer, error) {
	return Answer{Transaction: q.Chaincode, Result: q.Args[0], Envelope: []byte(strings.Join(q.Organisations, " "))}, nil
}

func (e *echo) Commit(_ context.Context, q Question) error {
	if q.Transaction != string(q.Envelope) {
		return fmt.Errorf("%s is not valid", q.Transaction)
	}
	return nil
}

func (e *echo) Blocks(ctx context.Context, _ int, from uint64) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for n := from; n < 1000; n++ {
			if !yield(fmt.Append(nil, n), nil) {
				return
			}
		}
		if from > 1 {
			<-ctx.Done()
			yield(nil, ctx.Err())
		}
	}
}

// program is one of a kind. Its process inherits what kind it is: no parallel tests.
func program(t *testing.T, of string) *Program {
	t.Helper()
	t.Setenv(kind, of)
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := NewProgram(path, Hello{Channel: "audit", Peers: []Peer{{Address: "a"}, {Address: "b"}}})
	t.Cleanup(func() { p.Close() })
	return p
}

func isKind(err error, want string) bool {
	var e *Error
	return errors.As(err, &e) && e.Kind == want
}

// TestAsk asks every kind of question, many at a time.
func TestAsk(t *testing.T) {
	p := program(t, "good")
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			arg := strings.Repeat("x", i*i*100) // some longer than a buffer
			a, err := p.Ask(t.Context(), Question{Do: Evaluate, Peer: 1, Function: "f", Args: [][]byte{[]byte(arg)}}, nil)
			if err != nil || string(a.Result) != "f of b"+arg {
				t.Errorf("%d bytes, %v", len(a.Result), err)
			}
		})
	}
	wg.Wait()
	a, err := p.Ask(t.Context(), Question{Do: Endorse, Chaincode: "cc", Args: [][]byte{{1}}, Organisations: []string{"A", "B"}}, nil)
	if want := (Answer{ID: a.ID, Transaction: "cc", Result: []byte{1}, Envelope: []byte("A B")}); err != nil || !reflect.DeepEqual(a, want) {
		t.Errorf("%+v, %v", a, err)
	}
	if _, err := p.Ask(t.Context(), Question{Do: Commit, Transaction: "t", Envelope: []byte("t")}, nil); err != nil {
		t.Error(err)
	}
	if _, err := p.Ask(t.Context(), Question{Do: Commit, Transaction: "t"}, nil); !isKind(err, "") || err.Error() != "t is not valid" {
		t.Errorf("%v", err)
	}
	var e *Error
	_, err = p.Ask(t.Context(), Question{Do: Evaluate, Function: "refuse"}, nil)
	if !errors.As(err, &e) || *e != (Error{Refused, 409, "no"}) {
		t.Errorf("%#v", err)
	}
	if _, err := p.Ask(t.Context(), Question{Do: Evaluate, Function: "large"}, nil); !isKind(err, Final) {
		t.Errorf("%v", err)
	}
	if _, err := p.Ask(t.Context(), Question{Do: Evaluate, Function: "f", Args: [][]byte{make([]byte, maxLine)}}, nil); !isKind(err, Final) {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	if _, err := p.Ask(ctx, Question{Do: Evaluate, Function: "wait"}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	for waiting := "1"; waiting != "0"; { // what was cancelled ends there too
		a, err := p.Ask(t.Context(), Question{Do: Evaluate, Function: "waiting"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		waiting = string(a.Result)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if _, err := p.Ask(t.Context(), Question{Do: Evaluate, Function: "f"}, nil); !isKind(err, Unavailable) {
		t.Errorf("%v", err)
	}
}

// TestBlocks reads streams to their end, or not so far, slowly and several at a
// time: none stands in the way of another question.
func TestBlocks(t *testing.T) {
	p := program(t, "good")
	want := 1
	_, err := p.Ask(t.Context(), Question{Do: Blocks, From: 1}, func(b []byte) bool {
		if string(b) != fmt.Sprint(want) {
			t.Fatalf("block %q, want %d", b, want)
		}
		want++
		// The reader is busy: the stream must wait, and others not.
		if _, err := p.Ask(t.Context(), Question{Do: Evaluate, Function: "f"}, nil); err != nil {
			t.Fatal(err)
		}
		return true
	})
	if err != nil || want != 1000 {
		t.Errorf("%d, %v", want, err)
	}
	seen := 0
	if _, err := p.Ask(t.Context(), Question{Do: Blocks, From: 1}, func([]byte) bool { seen++; return seen < 3 }); err != nil || seen != 3 {
		t.Errorf("%d, %v", seen, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err = p.Ask(ctx, Question{Do: Blocks, From: 990}, func(b []byte) bool {
		if string(b) == "999" {
			cancel()
		}
		return true
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// TestAgain has the process die in all ways: who asks is told, and the next one
// that asks finds another process.
func TestAgain(t *testing.T) {
	p := program(t, "good")
	works := func() {
		t.Helper()
		for {
			_, err := p.Ask(t.Context(), Question{Do: Evaluate, Function: "f"}, nil)
			if err == nil {
				return
			}
			if !isKind(err, Unavailable) {
				t.Fatal(err)
			}
			time.Sleep(time.Millisecond)
		}
	}
	works()
	if _, err := p.Ask(t.Context(), Question{Do: Evaluate, Function: "die"}, nil); !isKind(err, Unavailable) || !strings.Contains(err.Error(), "exit status 7") {
		t.Errorf("%v", err)
	}
	works()
	if _, err := p.Ask(t.Context(), Question{Do: Evaluate, Function: "panic"}, nil); !isKind(err, Unavailable) || !strings.Contains(err.Error(), "goroutine") {
		t.Errorf("%v", err)
	}
	works()
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() {
			if _, err := p.Ask(t.Context(), Question{Do: Evaluate, Function: "wait"}, nil); !isKind(err, Unavailable) {
				t.Errorf("%v", err)
			}
		})
	}
	p.mu.Lock()
	now := p.now
	p.mu.Unlock()
	for asked := 0; asked < 5; {
		now.mu.Lock()
		asked = len(now.calls)
		now.mu.Unlock()
		time.Sleep(time.Millisecond)
	}
	if err := now.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	works()
}

// TestStrangers starts what is not the program, or another version of it.
func TestStrangers(t *testing.T) {
	for _, c := range []struct{ of, kind, says string }{
		{"no hello", Final, "no client of Fabric of version 1"},
		{"stays", Final, "no client of Fabric of version 1"},
		{"older", Final, "version 0 of the protocol, not 1"},
		{"ends", Final, "exit status 3: no such library"},
		{"garbage", Unavailable, "panic: something"},
		{"flood", Unavailable, "more than 8 blocks"},
	} {
		t.Run(c.of, func(t *testing.T) {
			p := program(t, c.of)
			do, each := Evaluate, func([]byte) bool { return true }
			if c.of == "flood" {
				first := true
				each = func([]byte) bool {
					if first {
						first = false
						p.mu.Lock()
						ended := p.now.ended
						p.mu.Unlock()
						<-ended
					}
					return true
				}
				do = Blocks
			}
			_, err := p.Ask(t.Context(), Question{Do: do, Function: "f"}, each)
			if !isKind(err, c.kind) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v", err)
			}
		})
	}
	p := NewProgram(filepath.Join(t.TempDir(), "none"), Hello{})
	if _, err := p.Ask(t.Context(), Question{Do: Evaluate}, nil); !isKind(err, Final) {
		t.Errorf("%v", err)
	}
	p = program(t, "good")
	p.hello.Channel = "refused"
	if _, err := p.Ask(t.Context(), Question{Do: Evaluate}, nil); !isKind(err, Final) || !strings.Contains(err.Error(), "no such channel") {
		t.Errorf("%v", err)
	}
	p = program(t, "good")
	p.hello.Version = 2
	if _, err := p.Ask(t.Context(), Question{Do: Evaluate}, nil); !isKind(err, Final) || !strings.Contains(err.Error(), "version 1 of the protocol is spoken, not 2") {
		t.Errorf("%v", err)
	}
}

// TestDeaf ends questions to a process that does not read, and the process.
func TestDeaf(t *testing.T) {
	p := program(t, "deaf")
	if _, err := p.process(); err != nil { // is there, however late it is asked
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			_, err := p.Ask(ctx, Question{Do: Evaluate, Function: "f", Args: [][]byte{make([]byte, 1<<19)}}, nil)
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%v", err)
			}
		})
	}
	wg.Wait()
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if p.now.cmd.ProcessState == nil {
		t.Error("the process is left behind")
	}
}

// TestServe gives the process what it must not get: it ends, and says why.
func TestServe(t *testing.T) {
	const hello = `{"id":0,"do":"hello","hello":{"version":1,"channel":"c","msp":"","certificate":"","key":"","peers":[{"address":"a","roots":""}],"submit_ms":1,"commit_ms":1}}` + "\n"
	wait := `{"id":1,"do":"evaluate","function":"wait"}` + "\n"
	for name, c := range map[string]struct{ in, want string }{
		"nothing":          {"", ""},
		"hello alone":      {hello, ""},
		"no hello":         {wait, "begins with"},
		"no JSON":          {hello + "x\n", "not of the protocol"},
		"too long":         {hello + strings.Repeat(" ", maxLine) + "{}\n", "a line of more than"},
		"cut short":        {hello + `{"id":1`, "ends within a line"},
		"two in a line":    {hello + `{"id":1,"do":"cancel"} {"id":1,"do":"cancel"}` + "\n", "more than one message"},
		"unknown field":    {hello + `{"id":1,"do":"cancel","why":1}` + "\n", "why"},
		"unknown question": {hello + `{"id":1,"do":"delete"}` + "\n", "delete"},
		"hello again":      {hello + hello, "asks for"},
		"no such peer":     {hello + `{"id":1,"do":"evaluate","peer":1}` + "\n", "of peer 1"},
		"peer below zero":  {hello + `{"id":1,"do":"evaluate","peer":-1}` + "\n", "of peer -1"},
		"id twice":         {hello + wait + wait, "question 1"},
		"too many more":    {hello + wait + `{"id":1,"do":"more"}` + "\n", "more than 8"},
		"cancel nothing":   {hello + `{"id":1,"do":"cancel"}` + "\n" + `{"id":1,"do":"more"}` + "\n", ""},
	} {
		err := Serve(strings.NewReader(c.in), io.Discard, "test", newEcho)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// FuzzQuestions and FuzzAnswers read what may be anything: never a panic, and
// what was read is written so that it reads the same.
func FuzzQuestions(f *testing.F) {
	f.Add([]byte(`{"id":0,"do":"hello","hello":{"version":1,"channel":"c","msp":"M","certificate":"","key":"","peers":[],"submit_ms":1,"commit_ms":1}}` + "\n"))
	f.Add([]byte(`{"id":1,"do":"endorse","peer":1,"chaincode":"c","function":"f","args":["","YQ=="],"organisations":["A"]}` + "\n"))
	f.Add([]byte(`{"id":2,"do":"commit","transaction":"t","envelope":"YQ=="}` + "\n{"))
	f.Add([]byte("\n\n"))
	f.Fuzz(func(t *testing.T, data []byte) { again[Question](t, data) })
}

func FuzzAnswers(f *testing.F) {
	f.Add([]byte(`{"id":0,"version":1,"program":"p"}` + "\n" + `{"id":1,"result":"YQ==","transaction":"t","envelope":""}` + "\n"))
	f.Add([]byte(`{"id":1,"block":"YQ=="}` + "\n" + `{"id":1}` + "\n"))
	f.Add([]byte(`{"id":1,"error":{"kind":"refused","status":409,"message":"no"}}` + "\n"))
	f.Add([]byte(`{"id":18446744073709551616}` + "\n"))
	f.Fuzz(func(t *testing.T, data []byte) { again[Answer](t, data) })
}

func again[T any](t *testing.T, data []byte) {
	r := newReader(bytes.NewReader(data))
	for {
		var first, second T
		err := r.read(&first)
		if err != nil {
			if err != io.EOF && !errors.Is(err, errProtocol) {
				t.Fatal(err)
			}
			return
		}
		var b bytes.Buffer
		w := writer{w: &b}
		if err := w.write(first); err != nil {
			t.Fatal(err)
		}
		if err := newReader(&b).read(&second); err != nil {
			t.Fatal(err)
		}
		x, _ := json.Marshal(first)
		y, _ := json.Marshal(second)
		if !bytes.Equal(x, y) {
			t.Fatalf("%s is read as %s", x, y)
		}
	}
}
