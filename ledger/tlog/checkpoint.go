package tlog

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/mmaudit/mmaudit/internal/durable"
	"github.com/mmaudit/mmaudit/ledger"
)

// sign returns the signed checkpoint of a tree.
func (l *Log) sign(size int64, root ledger.Hash) ([]byte, error) {
	text := ledger.Head{Origin: l.origin, Size: size, Root: root}.Text()
	return note.Sign(&note.Note{Text: string(text)}, l.o.Signer)
}

// maxSize bounds what a checkpoint may claim, far from any overflow in the
// arithmetic of tiles.
const maxSize = 1 << 48

func parseSize(s string) (int64, error) {
	size, err := strconv.ParseInt(s, 10, 64)
	if err != nil || size < 0 || size > maxSize || strconv.FormatInt(size, 10) != s {
		return 0, fmt.Errorf("tree size %.30q", s)
	}
	return size, nil
}

// OpenCheckpoint reads a checkpoint of the log with this name that one of the
// verifiers finds signed. Extension lines and signatures of others (witnesses)
// are allowed, as in C2SP tlog-checkpoint. A verifier that has a method Check,
// which is Verify with a reason, is asked why a signature is not valid.
func OpenCheckpoint(data []byte, origin string, known ...note.Verifier) (ledger.Head, error) {
	return openCheckpoint(data, origin, note.VerifierList(known...))
}

func (l *Log) parseCheckpoint(data []byte) (ledger.Head, error) {
	return openCheckpoint(data, l.origin, l.verifiers)
}

func openCheckpoint(data []byte, origin string, known note.Verifiers) (ledger.Head, error) {
	n, err := note.Open(data, known)
	if unverified := (*note.UnverifiedNoteError)(nil); errors.As(err, &unverified) {
		return ledger.Head{}, fmt.Errorf("is not signed by a key of log %q that is known here", origin)
	}
	if bad := (*note.InvalidSignatureError)(nil); errors.As(err, &bad) {
		return ledger.Head{}, invalid(data, bad, known)
	}
	if err != nil {
		return ledger.Head{}, err
	}
	for _, s := range n.Sigs {
		// note.Open ignores the spare bits of the last digit; a flipped one is a flipped bit still.
		if _, err := base64.StdEncoding.Strict().DecodeString(s.Base64); err != nil {
			return ledger.Head{}, fmt.Errorf("signature of %s: %w", s.Name, err)
		}
	}
	h, err := ReadCheckpoint(data)
	if err == nil && h.Origin != origin {
		err = fmt.Errorf("of log %q, want %q", h.Origin, origin)
	}
	if err != nil {
		return ledger.Head{}, err
	}
	return h, nil
}

// invalid says what is wrong with a signature.
func invalid(data []byte, bad *note.InvalidSignatureError, known note.Verifiers) error {
	err := fmt.Errorf("the signature of %s by its key %08x is not valid", bad.Name, bad.Hash)
	v, _ := known.Verifier(bad.Name, bad.Hash)
	says, ok := v.(interface{ Check(msg, sig []byte) error })
	if !ok {
		return err
	}
	at := bytes.LastIndex(data, []byte("\n\n")) + 1
	for line := range strings.Lines(string(data[at+1:])) {
		name, text, _ := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(line, "— "), "\n"), " ")
		sig, decodeErr := base64.StdEncoding.DecodeString(text)
		if decodeErr != nil || name != bad.Name || len(sig) < 4 || binary.BigEndian.Uint32(sig) != bad.Hash {
			continue
		}
		if why := says.Check(data[:at], sig[4:]); why != nil {
			return fmt.Errorf("%w: %w", err, why)
		}
	}
	return err
}

// ReadCheckpoint reads what a checkpoint says and looks at no signature: for
// finding out whose it must have.
func ReadCheckpoint(data []byte) (ledger.Head, error) {
	text, _, ok := strings.Cut(string(data), "\n\n")
	lines := strings.SplitN(text, "\n", 4)
	if !ok || len(lines) < 3 {
		return ledger.Head{}, errors.New("fewer than three lines")
	}
	size, err := parseSize(lines[1])
	if err != nil {
		return ledger.Head{}, err
	}
	root, err := base64.StdEncoding.Strict().DecodeString(lines[2])
	if err != nil || len(root) != len(ledger.Hash{}) {
		return ledger.Head{}, fmt.Errorf("root hash %q", lines[2])
	}
	h := ledger.Head{Origin: lines[0], Size: size, Root: ledger.Hash(root), Note: data}
	if size == 0 && h.Root != ledger.EmptyRoot() {
		return ledger.Head{}, errors.New("a root for no records")
	}
	return h, nil
}

// load reads and checks the head of the log on disk: its signature, and that it
// continues what this process and this user have seen of the log.
func (l *Log) load() (tree, error) {
	// What was seen must be fetched before the checkpoint that is held against
	// it: a log may grow meanwhile, never shrink.
	l.mu.Lock()
	seen := l.opened
	l.mu.Unlock()
	data, err := l.readCheckpoint()
	if err != nil {
		return tree{}, err
	}
	if seen.Note != nil && bytes.Equal(data, seen.Note) {
		return tree{l, seen}, nil
	}
	head, err := l.parseCheckpoint(data)
	if err != nil {
		return tree{}, corrupt(l.path("checkpoint"), "%v", err)
	}
	pinned, err := l.pin.read(l, head)
	if err != nil {
		return tree{}, err
	}
	if data, err = l.readCheckpoint(); err != nil {
		return tree{}, err
	}
	if !bytes.Equal(data, head.Note) { // it has grown meanwhile
		if head, err = l.parseCheckpoint(data); err != nil {
			return tree{}, corrupt(l.path("checkpoint"), "%v", err)
		}
	}
	t := tree{l, head}
	if err := t.continues(seen, "seen by this process"); err != nil {
		return t, err
	}
	if l.pin != nil {
		if err := t.continues(pinned, l.pin.name); err != nil {
			return t, err
		}
		if pinned.Size < head.Size {
			if _, err := l.pin.raise(l, head, "", pinned); err != nil {
				return t, err
			}
		}
	}
	if seen.Note == nil {
		l.mu.Lock()
		l.marked = pinned.Size
		l.mu.Unlock()
	}
	l.saw(head)
	return t, nil
}

// saw remembers a checked head, of the same tree too: it may have got cosignatures.
func (l *Log) saw(h ledger.Head) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.opened.Note == nil || l.opened.Size <= h.Size {
		l.opened = h
	}
}

func (l *Log) readCheckpoint() ([]byte, error) {
	data, err := durable.ReadFile(l.path("checkpoint"))
	if !errors.Is(err, fs.ErrNotExist) {
		return data, err
	}
	if _, err := os.Lstat(l.path("tile")); err == nil {
		return nil, corrupt(l.path("checkpoint"), "is missing although there are tiles: it was deleted")
	}
	return nil, fmt.Errorf("%w: %w", ledger.ErrNoLedger, err)
}
