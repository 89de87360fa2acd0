package dsse

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/audit/keys"
)

// edit gives an envelope changed by hand, as others write it.
func edit(t *testing.T, envelope []byte, change func(e *Envelope)) []byte {
	t.Helper()
	e := parseOK(t, envelope)
	change(e)
	type signature struct {
		KeyID string `json:"keyid"`
		Sig   []byte `json:"sig"`
	}
	out := struct {
		Payload     []byte      `json:"payload"`
		PayloadType string      `json:"payloadType"`
		Signatures  []signature `json:"signatures"`
	}{e.Payload, e.PayloadType, []signature{}}
	for _, s := range e.Signatures {
		out.Signatures = append(out.Signatures, signature(s))
	}
	b, err := json.Marshal(out)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.ReplaceAll(b, []byte(`\u002b`), []byte("+"))
}

// TestAttacks changes envelopes of two of three keys so that they seem to say
// or to weigh more. Each is read in both ways.
func TestAttacks(t *testing.T) {
	signers := generate(t, 4)
	a, b, c, stranger := signers[0], signers[1], signers[2], signers[3]
	trusted := public(a, b, c)
	good := sign(t, statement, a, b)
	one := sign(t, statement, a)
	other := sign(t, `{"another":"statement"}`, a, b)
	free := strings.Repeat("0", 64) // an ID before most others
	last := strings.Repeat("f", 64)
	byID := func(x, y Signature) int { return strings.Compare(x.KeyID, y.KeyID) }
	signature := func(k *keys.Private, message []byte) []byte {
		sig, err := k.Sign(message)
		if err != nil {
			t.Fatal(err)
		}
		return sig
	}
	for name, c := range map[string]struct {
		envelope          []byte
		ours, foreign     int // trusted keys that signed, as read by Parse and by ParseForeign
		refused, refusedF error
	}{
		"none":      {envelope: good, ours: 2, foreign: 2},
		"one key":   {envelope: one, ours: 1, foreign: 1},
		"a payload": {envelope: edit(t, good, func(e *Envelope) { e.Payload[7] ^= 1 })},
		"payloads swapped": {envelope: edit(t, good, func(e *Envelope) {
			e.Payload = parseOK(t, other).Payload
		})},
		"a signature of another statement": {envelope: edit(t, good, func(e *Envelope) {
			e.Signatures[0] = parseOK(t, other).Signatures[0]
		}), ours: 1, foreign: 1},
		"signatures swapped between keys": {envelope: edit(t, good, func(e *Envelope) {
			e.Signatures[0].Sig, e.Signatures[1].Sig = e.Signatures[1].Sig, e.Signatures[0].Sig
		}), foreign: 2},
		"a key twice under one ID": {envelope: edit(t, one, func(e *Envelope) {
			e.Signatures = append(e.Signatures, e.Signatures[0])
		}), refused: ErrNotCanonical, foreign: 1},
		"a key twice under two IDs": {envelope: edit(t, one, func(e *Envelope) {
			e.Signatures = append(e.Signatures, Signature{free, e.Signatures[0].Sig}, Signature{last, e.Signatures[0].Sig})
			slices.SortFunc(e.Signatures, byID)
		}), ours: 1, foreign: 1},
		"a key under the ID of another trusted one": {envelope: edit(t, one, func(e *Envelope) {
			e.Signatures = append(e.Signatures, Signature{b.Public().ID(), e.Signatures[0].Sig})
			slices.SortFunc(e.Signatures, byID)
		}), ours: 1, foreign: 1},
		"a key under another ID only": {envelope: edit(t, one, func(e *Envelope) { e.Signatures[0].KeyID = free }), foreign: 1},
		"the other s of ECDSA": {envelope: edit(t, sign(t, statement, b), func(e *Envelope) {
			e.Signatures[0].Sig = otherS(t, e.Signatures[0].Sig)
		}), ours: 1, foreign: 1},
		"both s of ECDSA": {envelope: edit(t, sign(t, statement, b), func(e *Envelope) {
			e.Signatures = append(e.Signatures, Signature{last, otherS(t, e.Signatures[0].Sig)})
		}), ours: 1, foreign: 1},
		"a stranger":               {envelope: sign(t, statement, stranger)},
		"a stranger beside":        {envelope: sign(t, statement, a, stranger), ours: 1, foreign: 1},
		"a stranger as trusted":    {envelope: edit(t, sign(t, statement, stranger), func(e *Envelope) { e.Signatures[0].KeyID = a.Public().ID() })},
		"the payload alone signed": {envelope: edit(t, one, func(e *Envelope) { e.Signatures[0].Sig = signature(a, e.Payload) })},
		"another version of PAE": {envelope: edit(t, one, func(e *Envelope) {
			e.Signatures[0].Sig = signature(a, bytes.Replace(PAE(PayloadType, e.Payload), []byte("DSSEv1"), []byte("DSSEv2"), 1))
		})},
		"a type that moves into the payload": {envelope: edit(t, one, func(e *Envelope) {
			e.Signatures[0].Sig = signature(a, PAE(PayloadType+" 7", e.Payload))
		})},
		"another type": {envelope: edit(t, one, func(e *Envelope) { e.PayloadType = "application/json" }), refused: ErrPayloadType},
		"another type, signed": {envelope: edit(t, one, func(e *Envelope) {
			e.PayloadType = "application/json"
			e.Signatures[0].Sig = signature(a, PAE(e.PayloadType, e.Payload))
		}), refused: ErrPayloadType, foreign: 1}, // so its reader must look at the type
		"no type":       {envelope: edit(t, one, func(e *Envelope) { e.PayloadType = "" }), refused: ErrPayloadType},
		"no signatures": {envelope: edit(t, one, func(e *Envelope) { e.Signatures = nil }), refused: ErrEnvelope, refusedF: ErrEnvelope},
		"null":          {envelope: bytes.Replace(one, one[bytes.Index(one, []byte("[{")):len(one)-1], []byte("null"), 1), refused: ErrEnvelope, refusedF: ErrEnvelope},
		"empty":         {envelope: edit(t, one, func(e *Envelope) { e.Signatures[0].Sig = []byte{} }), refused: ErrNotCanonical},
		"zeros":         {envelope: edit(t, one, func(e *Envelope) { clear(e.Signatures[0].Sig) })},
		"a byte more":   {envelope: edit(t, one, func(e *Envelope) { e.Signatures[0].Sig = append(e.Signatures[0].Sig, 0) })},
		"very many": {envelope: edit(t, one, func(e *Envelope) {
			e.Signatures = slices.Repeat(e.Signatures, MaxSignatures+1)
		}), refused: ErrEnvelope, refusedF: ErrEnvelope},
	} {
		for _, read := range []struct {
			how     string
			parse   func([]byte) (*Envelope, error)
			want    int
			refused error
		}{{"Parse", Parse, c.ours, c.refused}, {"ParseForeign", ParseForeign, c.foreign, c.refusedF}} {
			e, err := read.parse(c.envelope)
			if err != nil || read.refused != nil {
				if read.refused == nil || !errors.Is(err, read.refused) {
					t.Errorf("%s, %s: %v, want %v\n%s", name, read.how, err, read.refused, c.envelope)
				}
				continue
			}
			for threshold := 1; threshold <= 3; threshold++ {
				by, err := e.Verify(threshold, trusted...)
				if len(by) != read.want || errors.Is(err, ErrThreshold) != (read.want < threshold) {
					t.Errorf("%s, %s, threshold %d: %d keys, %v; want %d", name, read.how, threshold, len(by), err, read.want)
				}
			}
		}
	}
}

// TestThreshold has thresholds and trust that make no sense.
func TestThreshold(t *testing.T) {
	signers := generate(t, 3)
	a, b := signers[0].Public(), signers[1].Public()
	e := parseOK(t, sign(t, statement, signers...))
	slices.Reverse(e.Signatures)
	for name, c := range map[string]struct {
		threshold int
		trusted   []keys.Public
		want      int
	}{
		"zero":            {0, []keys.Public{a}, 0},
		"negative":        {-1, []keys.Public{a}, 0},
		"nobody":          {1, nil, 0},
		"no key":          {1, []keys.Public{{}}, 0},
		"more than keys":  {3, []keys.Public{a, b}, 0},
		"one key twice":   {2, []keys.Public{a, a}, 0},
		"one key often":   {1, []keys.Public{a, a, a}, 1},
		"two of two":      {2, []keys.Public{a, b}, 2},
		"one of two":      {1, []keys.Public{b, a}, 2},
		"a key and none":  {2, []keys.Public{a, {}}, 0},
		"a key and none1": {1, []keys.Public{a, {}}, 1},
	} {
		by, err := e.Verify(c.threshold, c.trusted...)
		if c.want == 0 {
			if never := name != "no key" && name != "a key and none"; !errors.Is(err, ErrThreshold) || strings.Contains(err.Error(), "never") != never {
				t.Errorf("%s: %v, %v", name, by, err)
			}
			continue
		}
		if err != nil || len(by) != c.want || !slices.IsSortedFunc(by, func(x, y keys.Public) int { return strings.Compare(x.ID(), y.ID()) }) {
			t.Errorf("%s: %v, %v", name, by, err)
		}
	}
}
