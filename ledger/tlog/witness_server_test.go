package tlog

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/mmaudit/mmaudit/ledger"
)

// testWitness is a witness by the letter of C2SP tlog-witness, in this process.
type testWitness struct {
	name string
	key  ed25519.PrivateKey
	log  note.Verifier
	url  string
	down atomic.Bool // aborts every request

	mu   sync.Mutex // guards what follows
	old  []int64    // what each request said of the size cosigned last
	size int64
	root ledger.Hash
	then func() // called once, before the next answer
}

func newTestWitness(t testing.TB, name string) *testWitness {
	t.Helper()
	seed := sha256.Sum256([]byte(name))
	w := &testWitness{name: name, key: ed25519.NewKeyFromSeed(seed[:]), log: options(t, "").Verifiers[0], root: ledger.EmptyRoot()}
	s := httptest.NewServer(w)
	t.Cleanup(s.Close)
	w.url = s.URL + "/some/prefix"
	return w
}

func (w *testWitness) config() Witness { return Witness{w.url, w.vkey()} }

func (w *testWitness) vkey() string {
	key := append([]byte{4}, w.key.Public().(ed25519.PublicKey)...)
	id := sha256.Sum256(append([]byte(w.name+"\n"), key...))
	return fmt.Sprintf("%s+%x+%s", w.name, id[:4], base64.StdEncoding.EncodeToString(key))
}

// sign is the signature line for a text.
func (w *testWitness) sign(text string) string {
	const at = 1679315147
	key := append([]byte{4}, w.key.Public().(ed25519.PublicKey)...)
	id := sha256.Sum256(append([]byte(w.name+"\n"), key...))
	sig := ed25519.Sign(w.key, fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", at, text))
	return "— " + w.name + " " + base64.StdEncoding.EncodeToString(slices.Concat(id[:4], binary.BigEndian.AppendUint64(nil, at), sig)) + "\n"
}

func (w *testWitness) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.down.Load() {
		panic(http.ErrAbortHandler)
	}
	if r.Method != http.MethodPost || r.URL.Path != "/some/prefix/add-checkpoint" {
		http.NotFound(rw, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	head, checkpoint, ok := strings.Cut(string(body), "\n\n")
	if err != nil || !ok {
		http.Error(rw, "bad request", http.StatusBadRequest)
		return
	}
	var old, size int64
	var proof ledger.Proof
	for i, line := range strings.Split(head, "\n") {
		if i == 0 {
			fmt.Sscanf(line, "old %d", &old)
			continue
		}
		h, err := base64.StdEncoding.DecodeString(line)
		if err != nil || len(h) != 32 {
			http.Error(rw, "bad proof", http.StatusBadRequest)
			return
		}
		proof = append(proof, ledger.Hash(h))
	}
	n, err := note.Open([]byte(checkpoint), note.VerifierList(w.log))
	if err != nil {
		http.Error(rw, err.Error(), http.StatusForbidden)
		return
	}
	lines := strings.Split(n.Text, "\n")
	fmt.Sscan(lines[1], &size)
	hash, _ := base64.StdEncoding.DecodeString(lines[2])
	root := ledger.Hash(hash)
	w.old = append(w.old, old)
	if old != w.size || old == size && root != w.root {
		rw.Header().Set("Content-Type", "text/x.tlog.size")
		rw.WriteHeader(http.StatusConflict)
		fmt.Fprintf(rw, "%d\n", w.size)
		return
	}
	if err := ledger.CheckConsistency(proof, size, root, old, w.root); err != nil {
		http.Error(rw, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	w.size, w.root = size, root
	if w.then != nil {
		w.then()
		w.then = nil
	}
	io.WriteString(rw, w.sign(n.Text)+"— stranger.example AAAAAAAAAAAA\n")
}

// requests returns what requests since the last call said.
func (w *testWitness) requests() []int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	old := w.old
	w.old = nil
	return old
}
