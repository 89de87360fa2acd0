package endorsed

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/mmaudit/mmaudit/ledger/tlog"
)

// TestNote opens the note that a network has signed.
func TestNote(t *testing.T) {
	r := load(t)
	v := r.key.Verifier()
	n, err := note.Open(r.note, note.VerifierList(v))
	if err != nil || n.Text != string(r.text) || len(n.Sigs) != 1 {
		t.Fatalf("%+v, %v", n, err)
	}
	again, err := r.key.Sign(r.envelope, r.cas)
	if err != nil || !bytes.Equal(again, r.note) {
		t.Errorf("another note: %v", err)
	}
	slices.Reverse(r.cas)
	if again, err := r.key.Sign(r.envelope, append(r.cas, r.cas...)); err != nil || !bytes.Equal(again, r.note) {
		t.Errorf("another note from authorities in another order: %v", err)
	}
	a, err := r.key.signed(r.text, r.sig)
	if err != nil || a.Function != "checkpoint" || string(a.Arguments[0]) != origin || string(a.Arguments[1]) != "1" {
		t.Errorf("%+v, %v", a, err)
	}

	var cas []*x509.Certificate
	if a, cas, err = r.key.Open(r.note); err != nil || len(cas) != 2 || !bytes.Equal(a.Payload, r.text) || len(a.Endorsements) != 2 || a.Endorsements[0].MSP != "Org1MSP" {
		t.Errorf("%+v, %v", a, err)
	}
	if _, _, err := r.key.Open(bytes.Replace(r.note, []byte("\n1\n"), []byte("\n2\n"), 1)); err == nil {
		t.Error("a note of another size is signed")
	}

	// Others sign the same note with other keys.
	signer, vkey := generate(t)
	both, err := note.Sign(&note.Note{Text: n.Text, Sigs: n.Sigs}, signer)
	if err != nil {
		t.Fatal(err)
	}
	ed, err := NewVerifier(vkey)
	if err != nil {
		t.Fatal(err)
	}
	if n, err = note.Open(both, note.VerifierList(ed, v)); err != nil || len(n.Sigs) != 2 {
		t.Errorf("%+v, %v", n, err)
	}
}

func generate(t *testing.T) (note.Signer, string) {
	t.Helper()
	skey, vkey, err := note.GenerateKey(nil, origin)
	if err != nil {
		t.Fatal(err)
	}
	s, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	return s, vkey
}

// TestEveryByte flips a bit of each byte of text and signature.
func TestEveryByte(t *testing.T) {
	r := load(t)
	v := r.key.Verifier()
	if !v.Verify(r.text, r.sig) {
		t.Fatal(v.Check(r.text, r.sig))
	}
	for i := range r.text {
		r.text[i] ^= 1 << (i % 8)
		if v.Verify(r.text, r.sig) {
			t.Errorf("byte %d of the text can be another", i)
		}
		r.text[i] ^= 1 << (i % 8)
	}
	for i := range r.sig {
		r.sig[i] ^= 1 << (i % 8)
		if v.Verify(r.text, r.sig) {
			t.Errorf("byte %d of the signature can be another", i)
		}
		r.sig[i] ^= 1 << (i % 8)
	}
	for i := range r.sig {
		if v.Verify(r.text, r.sig[:i]) {
			t.Errorf("%d bytes of the signature are enough", i)
		}
	}
}

// TestNoteForgery makes notes of what was not endorsed as one.
func TestNoteForgery(t *testing.T) {
	w := newWorld(t)
	sign := func(change func(p *parts)) ([]byte, error) {
		t.Helper()
		p := open(t, w.envelope)
		if change != nil {
			change(p)
		}
		p.endorse(t, w.peer[0], w.peer[1])
		return w.key.Sign(p.seal(t), w.cas)
	}
	signed, err := sign(nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := note.Open(signed, note.VerifierList(w.key.Verifier())); err != nil {
		t.Fatal(err)
	}
	if _, err := note.Open(signed, note.VerifierList(load(t).key.Verifier())); err == nil {
		t.Error("it is signed for another key too")
	}
	for _, c := range []struct {
		what, want string
		change     func(p *parts)
	}{
		{"another function", `answer to "append"`, func(p *parts) { p.invocation.ChaincodeSpec.Input.Args[0] = []byte("append") }},
		{"an argument more", "with 3 arguments", func(p *parts) {
			p.invocation.ChaincodeSpec.Input.Args = append(p.invocation.ChaincodeSpec.Input.Args, nil)
		}},
		{"another ledger", `checkpoint of "example.org"`, func(p *parts) { p.invocation.ChaincodeSpec.Input.Args[1] = []byte("example.org") }},
		{"another size than was asked for", "not the checkpoint that was asked for", func(p *parts) { p.invocation.ChaincodeSpec.Input.Args[2] = []byte("2") }},
		{"another ledger's checkpoint", "not the checkpoint that was asked for", func(p *parts) {
			p.result.Response.Payload = bytes.Replace(p.result.Response.Payload, []byte(origin), []byte("example.org/a"), 1)
		}},
		{"no checkpoint", "not the checkpoint that was asked for", func(p *parts) { p.result.Response.Payload = []byte("{}") }},
	} {
		_, err := sign(c.change)
		refused(t, c.what, err, c.want)
	}

	r := load(t)
	for _, c := range []struct {
		what, want string
		sig        []byte
	}{
		{"a client's signature in the envelope", "field 2 is not known", append(appendBytes(nil, 1, appendBytes(slices.Clone(r.envelope), 2, []byte("x"))), r.sig[len(appendBytes(nil, 1, r.envelope)):]...)},
		{"an authority twice", "not in order", append(slices.Clone(r.sig), r.sig[len(appendBytes(nil, 1, r.envelope)):]...)},
		{"an authority that is not in the key", "is not one of the organisations", append(slices.Clone(r.sig), appendBytes(nil, 2, w.cas[0].Raw)...)},
		{"one of orderers", "is not one of the organisations", append(slices.Clone(r.sig), appendBytes(nil, 2, r.cas[2].Raw)...)},
		{"an authority that is none", "certificate authority: x509", append(slices.Clone(r.sig), appendBytes(nil, 2, []byte("x"))...)},
		{"no authorities", "no certificate authority of the organisation is at hand", appendBytes(nil, 1, r.envelope)},
		{"another field", "field 3 is not known", appendBytes(slices.Clone(r.sig), 3, nil)},
		{"too much", "at most", make([]byte, MaxSignature+1)},
	} {
		refused(t, c.what, r.key.Verifier().Check(r.text, c.sig), c.want)
	}
	refused(t, "another text", r.key.Verifier().Check(append(r.text, "more\n"...), r.sig), "another checkpoint than the one that was endorsed")
}

// TestReason: whoever opens a checkpoint hears why its signature is not valid.
func TestReason(t *testing.T) {
	r := load(t)
	h, err := tlog.OpenCheckpoint(r.note, origin, r.key.Verifier())
	if err != nil || h.Size != 1 {
		t.Fatalf("%+v, %v", h, err)
	}
	signer, _ := generate(t)
	both, err := note.Sign(&note.Note{Text: strings.Replace(string(r.text), "\n1\n", "\n2\n", 1)}, signer)
	if err != nil {
		t.Fatal(err)
	}
	_, line, _ := bytes.Cut(r.note, []byte("\n\n"))
	_, err = tlog.OpenCheckpoint(append(both, line...), origin, r.key.Verifier())
	refused(t, "another size", err, "is not valid: another checkpoint than the one that was endorsed")
}

func FuzzSignature(f *testing.F) {
	r := load(f)
	v := r.key.Verifier()
	if err := v.Check(r.text, r.sig); err != nil {
		f.Fatal(err)
	}
	f.Add(r.text, r.sig)
	f.Add([]byte(origin+"\n0\n"), appendBytes(nil, 1, r.envelope))
	f.Fuzz(func(t *testing.T, msg, sig []byte) {
		if v.Verify(msg, sig) && !bytes.Equal(msg, r.text) {
			t.Errorf("%q was never endorsed", msg)
		}
	})
}

// TestNewVerifier reads all kinds of keys.
func TestNewVerifier(t *testing.T) {
	r := load(t)
	for _, vkey := range []string{r.key.String(), second(generate(t))} {
		v, err := NewVerifier(vkey)
		if err != nil || v.Name() != origin || !strings.HasPrefix(vkey, origin+"+") {
			t.Errorf("%v, %v", v, err)
		}
		if IsKey(vkey) != (vkey == r.key.String()) {
			t.Errorf("what kind of key is %s?", vkey)
		}
	}
	for _, vkey := range []string{"", "a", "a+b+c", r.key.String() + "=", "a+00000000+" + base64.StdEncoding.EncodeToString([]byte(kind))} {
		if _, err := NewVerifier(vkey); err == nil {
			t.Errorf("%q is a key", vkey)
		}
	}
}

func second[A, B any](_ A, b B) B { return b }
