package bundle

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mmaudit/mmaudit/audit/trust"
	. "github.com/mmaudit/mmaudit/audit/trust/trusttest"
)

// A witness, after C2SP tlog-cosignature.
type witness string

func (w witness) key() (vkey string, id uint32, key ed25519.PrivateKey) {
	seed := sha256.Sum256([]byte(w))
	key = ed25519.NewKeyFromSeed(seed[:])
	public := append([]byte{4}, key.Public().(ed25519.PublicKey)...)
	sum := sha256.Sum256(append([]byte(w+"\n"), public...))
	id = binary.BigEndian.Uint32(sum[:])
	return fmt.Sprintf("%s+%08x+%s", w, id, base64.StdEncoding.EncodeToString(public)), id, key
}

// cosign adds a line to a checkpoint.
func (w witness) cosign(checkpoint []byte, at time.Time) []byte {
	_, id, key := w.key()
	text, _, _ := strings.Cut(string(checkpoint), "\n\n")
	sig := ed25519.Sign(key, fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s\n", at.Unix(), text))
	raw := binary.BigEndian.AppendUint32(nil, id)
	raw = append(binary.BigEndian.AppendUint64(raw, uint64(at.Unix())), sig...)
	return fmt.Appendf(checkpoint[:len(checkpoint):len(checkpoint)], "— %s %s\n", w, base64.StdEncoding.EncodeToString(raw))
}

func TestWitnesses(t *testing.T) {
	s := tell(t, Origin, "log").live()
	w1, w2, w3 := witness("w.example/1"), witness("w.example/2"), witness("w.example/3")
	var vkeys []string
	for _, w := range []witness{w1, w2, w3} {
		vkey, _, _ := w.key()
		vkeys = append(vkeys, vkey)
	}
	anchor, err := s.keyring().Anchor(&trust.Witnesses{Keys: vkeys, Quorum: 2})
	if err != nil {
		t.Fatal(err)
	}
	head, err := s.log.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	other := []byte(strings.Replace(string(head.Note), "\n13\n", "\n12\n", 1))
	line := func(cosigned []byte) []byte { return cosigned[strings.LastIndex(string(cosigned), "— "):] }
	for _, test := range []struct {
		name, want string
		note       []byte
	}{
		{"two", "cosigned by w.example/1 at 2026-03-02T00:00:00Z, w.example/3 at", w3.cosign(w1.cosign(head.Note, now), now)},
		{"one", "1 of its 3 witnesses cosigned the checkpoint, and 2 must have", w1.cosign(head.Note, now)},
		{"none", "0 of its 3 witnesses", head.Note},
		{"a stranger", "1 of its 3 witnesses", witness("w.example/x").cosign(w1.cosign(head.Note, now), now)},
		{"of another checkpoint", "cosignature of w.example/2", append(w1.cosign(head.Note, now), line(w2.cosign(other, now))...)},
	} {
		o := s.options()
		o.Head = head
		o.Head.Note = test.note
		r := check(t, s.write(o), anchor)
		good := test.name == "two"
		if (r.Outcome == Verified) != good || (failures(r) == "witnesses") == good || !strings.Contains(lines(r), test.want) {
			t.Errorf("%s:\n%s", test.name, lines(r))
		}
		if r := check(t, s.write(o), nil); r.Outcome != Consistent || status(r, checkWitnesses) != Skipped {
			t.Errorf("%s, not anchored:\n%s", test.name, lines(r))
		}
	}
}
