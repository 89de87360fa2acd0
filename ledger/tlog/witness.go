package tlog

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/note"

	"github.com/mmaudit/mmaudit/ledger"
)

// A Witness cosigns checkpoints: once it has seen proof that a checkpoint
// continues the one that it cosigned last, it signs that it has (C2SP
// tlog-witness and tlog-cosignature). So the log cannot show one past to some
// and another to others.
type Witness struct {
	// URL is where checkpoints are submitted: by POST to URL/add-checkpoint.
	// Empty: cosignatures by the key are looked for, but not asked for.
	URL string
	// Key is the verifier key as the witness tells it: name, id and an Ed25519
	// key for cosignatures (type 0x04), joined by "+".
	Key string
}

// A Cosignature is the word of a witness for a checkpoint.
type Cosignature struct {
	Witness string    // the name in its key
	Size    int64     // of the checkpoint
	Time    time.Time // by the clock of the witness; UTC, whole seconds
}

// Cosignatures returns the valid cosignatures that a checkpoint bears of
// witnesses, at most one for each and in their order. A witness without one is
// left out; a cosignature that is not valid is ErrCorrupt. Whether the log
// itself signed the checkpoint is not looked at.
func Cosignatures(checkpoint []byte, witnesses []Witness) ([]Cosignature, error) {
	var all []Cosignature
	for _, w := range witnesses {
		c, err := newCosigner(w)
		if err != nil {
			return nil, err
		}
		sig, err := c.open(checkpoint)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ledger.ErrCorrupt, err)
		}
		if sig == nil {
			continue
		}
		lines := strings.SplitN(string(checkpoint), "\n", 3)
		size, err := parseSize(lines[1])
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ledger.ErrCorrupt, err)
		}
		all = append(all, Cosignature{c.name, size, cosignedAt(sig)})
	}
	return all, nil
}

// cosigner is a witness, and the note.Verifier of its cosignatures.
type cosigner struct {
	name string
	id   uint32
	key  ed25519.PublicKey
	url  string // of add-checkpoint, or empty
}

const (
	cosignatureV1   = 0x04 // type of a key
	cosignatureSize = 8 + ed25519.SignatureSize
	witnessPatience = 10 * time.Second // with one request
	maxAnswer       = 1 << 16          // bytes of an answer that are read
)

func newCosigner(w Witness) (*cosigner, error) {
	bad := func(format string, args ...any) (*cosigner, error) {
		return nil, fmt.Errorf("%w: witness key %q: %s", ledger.ErrInvalid, w.Key, fmt.Sprintf(format, args...))
	}
	name, rest, _ := strings.Cut(w.Key, "+")
	id, key64, ok := strings.Cut(rest, "+")
	if !ok || name == "" || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsSpace) {
		return bad("want name+id+key")
	}
	key, err := base64.StdEncoding.Strict().DecodeString(key64)
	if err != nil || len(key) == 0 {
		return bad("the key is not in base64")
	}
	if key[0] != cosignatureV1 || len(key) != 1+ed25519.PublicKeySize {
		return bad("type 0x%02x with %d bytes, want an Ed25519 key for cosignatures, type 0x%02x", key[0], len(key)-1, cosignatureV1)
	}
	sum := sha256.Sum256(append([]byte(name+"\n"), key...))
	c := &cosigner{name: name, id: binary.BigEndian.Uint32(sum[:]), key: key[1:]}
	if c.hex() != id {
		return bad("id %q does not belong to name and key", id)
	}
	if w.URL != "" {
		u, err := url.Parse(w.URL)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
			return nil, fmt.Errorf("%w: witness %q: want an http or https address, not %q", ledger.ErrInvalid, name, w.URL)
		}
		c.url = u.JoinPath("add-checkpoint").String()
	}
	return c, nil
}

func (c *cosigner) hex() string     { return fmt.Sprintf("%08x", c.id) }
func (c *cosigner) Name() string    { return c.name }
func (c *cosigner) KeyHash() uint32 { return c.id }

// Verify implements note.Verifier: a cosignature is the time in eight bytes and
// a signature of that time and the text.
func (c *cosigner) Verify(text, sig []byte) bool {
	if len(sig) != cosignatureSize {
		return false
	}
	at := binary.BigEndian.Uint64(sig)
	msg := append([]byte("cosignature/v1\ntime "+strconv.FormatUint(at, 10)+"\n"), text...)
	return at <= math.MaxInt64 && ed25519.Verify(c.key, msg, sig[8:])
}

// cosignedAt is the time in a signature that was verified.
func cosignedAt(s *note.Signature) time.Time {
	b, _ := base64.StdEncoding.DecodeString(s.Base64)
	return time.Unix(int64(binary.BigEndian.Uint64(b[4:])), 0).UTC()
}

// open returns the witness's signature of a note, or nil if it has none. One
// that is not valid is an error.
func (c *cosigner) open(data []byte) (*note.Signature, error) {
	n, err := note.Open(data, note.VerifierList(c))
	if unverified := (*note.UnverifiedNoteError)(nil); errors.As(err, &unverified) {
		return nil, nil
	}
	if err == nil {
		_, err = base64.StdEncoding.Strict().DecodeString(n.Sigs[0].Base64)
	}
	if err != nil {
		return nil, fmt.Errorf("cosignature of %s: %w", c.name, err)
	}
	return &n.Sigs[0], nil
}

// errAhead is what a witness answers that has cosigned more records.
type errAhead struct {
	name         string
	known, given int64
}

func (e errAhead) Error() string {
	return fmt.Sprintf("witness %s says that it has cosigned %d records, but the log has %d: an old copy was put back, or the witness is wrong", e.name, e.known, e.given)
}

// ask has the witness cosign the checkpoint of a tree, and returns the
// cosignature, checked. old is the size that it cosigned last, as far as known.
func (c *cosigner) ask(ctx context.Context, client *http.Client, t tree, old int64) (*note.Signature, error) {
	for told := false; ; told = true {
		proof, err := t.consistency(t.head.Size, old)
		if err != nil {
			return nil, err
		}
		status, answer, err := c.post(ctx, client, addCheckpoint(old, proof, t.head.Note))
		if err != nil {
			return nil, fmt.Errorf("witness %s: %w", c.name, err)
		}
		switch status {
		case http.StatusOK:
			return c.accept(t.head.Note, answer)
		case http.StatusConflict:
			known, err := parseSize(strings.TrimSuffix(string(answer), "\n"))
			switch {
			case err != nil:
				return nil, fmt.Errorf("witness %s: conflict with a tree of unknown size: %w", c.name, err)
			case known > t.head.Size:
				return nil, errAhead{c.name, known, t.head.Size}
			case known == old: // and yet a conflict
				return nil, c.forked(old)
			case told:
				return nil, fmt.Errorf("witness %s: has cosigned %d records, and before that said %d", c.name, known, old)
			}
			old = known
		case http.StatusUnprocessableEntity:
			return nil, c.forked(old)
		case http.StatusNotFound:
			return nil, fmt.Errorf("witness %s: does not know log %q (404)", c.name, t.l.origin)
		case http.StatusForbidden:
			return nil, fmt.Errorf("witness %s: does not accept the key of log %q (403)", c.name, t.l.origin)
		default:
			return nil, fmt.Errorf("witness %s: answered %d %s: %.100q", c.name, status, http.StatusText(status), answer)
		}
	}
}

func (c *cosigner) forked(old int64) error {
	return fmt.Errorf("%w: witness %s has cosigned other records than the first %d of this log: the log was forked, or the witness is wrong", ledger.ErrRollback, c.name, old)
}

// addCheckpoint is the body of a request.
func addCheckpoint(old int64, proof ledger.Proof, checkpoint []byte) []byte {
	body := fmt.Appendf(nil, "old %d\n", old)
	for _, h := range proof {
		body = append(base64.StdEncoding.AppendEncode(body, h[:]), '\n')
	}
	return append(append(body, '\n'), checkpoint...)
}

// post sends a request and reads the answer, within bounds of time and size.
func (c *cosigner) post(ctx context.Context, client *http.Client, body []byte) (status int, answer []byte, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, witnessPatience, fmt.Errorf("no answer within %v", witnessPatience))
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			err = context.Cause(ctx)
		}
		return 0, nil, err
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err == nil && len(answer) > maxAnswer {
		err = fmt.Errorf("answer of more than %d bytes", maxAnswer)
	}
	return resp.StatusCode, answer, err
}

// witnessClient goes where it was told to and nowhere else.
func witnessClient() *http.Client {
	return &http.Client{
		Transport:     http.DefaultTransport.(*http.Transport).Clone(),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// accept returns the witness's signature in an answer: signature lines. Those
// of other keys are ignored.
func (c *cosigner) accept(checkpoint, answer []byte) (*note.Signature, error) {
	gap := []byte("\n\n")
	if bytes.HasPrefix(answer, gap[:1]) || bytes.Contains(answer, gap) { // would be taken for text
		return nil, fmt.Errorf("witness %s: an empty line in the answer", c.name)
	}
	text := checkpoint[:bytes.LastIndex(checkpoint, gap)+len(gap)]
	var sig *note.Signature
	var err error
	if len(answer) > 0 {
		sig, err = c.open(append(bytes.Clone(text), answer...))
	}
	if err == nil && sig == nil {
		err = fmt.Errorf("no cosignature by the key %s of %s in the answer", c.hex(), c.name)
	}
	if err != nil {
		return nil, fmt.Errorf("witness %s: %w", c.name, err)
	}
	return sig, nil
}
