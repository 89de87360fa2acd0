package dsse

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/audit/canonical"
	"github.com/mmaudit/mmaudit/audit/keys"
)

const statement = `{"_type":"https://in-toto.io/Statement/v1","predicate":{"event":"train.started"},"predicateType":"https://example.com/p","subject":[{"digest":{"sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},"name":"run"}]}`

func generate(t testing.TB, n int) []*keys.Private {
	t.Helper()
	out := make([]*keys.Private, n)
	for i := range out {
		k, err := keys.Generate(keys.Algorithms[i%len(keys.Algorithms)])
		if err != nil {
			t.Fatal(err)
		}
		out[i] = k
	}
	return out
}

func sign(t testing.TB, payload string, signers ...*keys.Private) []byte {
	t.Helper()
	out, err := Sign([]byte(payload), signers...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func parseOK(t testing.TB, envelope []byte) *Envelope {
	t.Helper()
	e, err := Parse(envelope)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func public(signers ...*keys.Private) []keys.Public {
	out := make([]keys.Public, len(signers))
	for i, k := range signers {
		out[i] = k.Public()
	}
	return out
}

// The example of the specification, protocol.md.
func TestPAE(t *testing.T) {
	if got := string(PAE("http://example.com/HelloWorld", []byte("hello world"))); got != "DSSEv1 29 http://example.com/HelloWorld 11 hello world" {
		t.Error(got)
	}
	if got := string(PAE("é", nil)); got != "DSSEv1 2 é 0 " {
		t.Errorf("%q", got)
	}
}

func TestSign(t *testing.T) {
	for n := 1; n <= 4; n++ {
		signers := generate(t, n)
		envelope := sign(t, statement, signers...)
		if !canonical.IsCanonical(envelope) {
			t.Errorf("not canonical: %s", envelope)
		}
		e := parseOK(t, envelope)
		if string(e.Payload) != statement || e.PayloadType != PayloadType || len(e.Signatures) != n {
			t.Errorf("%+v", e)
		}
		if by, err := e.Verify(n, public(signers...)...); err != nil || len(by) != n {
			t.Errorf("%d of %d: %v, %v", n, n, by, err)
		}
		// In any order, and one after the other, it comes out the same.
		slices.Reverse(signers)
		if again := sign(t, statement, signers...); !bytes.Equal(again, envelope) {
			t.Errorf("%s\n%s", again, envelope)
		}
		step := sign(t, statement, signers[0])
		for _, k := range signers[1:] {
			var err error
			if step, err = Add(step, k); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(step, envelope) {
			t.Errorf("%s\n%s", step, envelope)
		}
		if _, err := Add(envelope, signers[0]); !errors.Is(err, ErrSigned) {
			t.Error(err)
		}
	}
	if _, err := Sign([]byte(statement)); err == nil {
		t.Error("signed by nobody")
	}
	k := generate(t, 1)
	if _, err := Sign(make([]byte, MaxSize*3/4), k...); !errors.Is(err, ErrSize) {
		t.Error(err)
	}
	if _, err := Sign([]byte(statement), k[0], k[0]); !errors.Is(err, ErrSigned) {
		t.Error(err)
	}
	if _, err := Sign([]byte(statement), generate(t, MaxSignatures+1)...); !errors.Is(err, ErrEnvelope) {
		t.Error(err)
	}
}

// TestOneForm changes an envelope in ways that say the same, and in others.
func TestOneForm(t *testing.T) {
	signers := generate(t, 2)
	good := string(sign(t, statement, signers...))
	payload := base64.StdEncoding.EncodeToString([]byte(statement))
	e := parseOK(t, []byte(good))
	first := fmt.Sprintf(`{"keyid":"%s","sig":"%s"}`, e.Signatures[0].KeyID, base64.StdEncoding.EncodeToString(e.Signatures[0].Sig))
	second := fmt.Sprintf(`{"keyid":"%s","sig":"%s"}`, e.Signatures[1].KeyID, base64.StdEncoding.EncodeToString(e.Signatures[1].Sig))
	if !strings.Contains(payload, "=") || strings.Count(good, first) != 1 || strings.Count(good, second) != 1 {
		t.Fatal("the test looks at nothing")
	}
	replace := func(old, new string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("no %q in the envelope", old)
		}
		return strings.Replace(good, old, new, 1)
	}
	for name, c := range map[string]struct {
		in   string
		want error
	}{
		"space":             {replace(`,"payloadType"`, `, "payloadType"`), ErrNotCanonical},
		"newline":           {good + "\n", ErrNotCanonical},
		"order of keys":     {`{"payloadType":"` + PayloadType + `","payload":"` + payload + `",` + good[strings.Index(good, `"signatures"`):], ErrNotCanonical},
		"order of signers":  {replace(first+","+second, second+","+first), ErrNotCanonical},
		"signer twice":      {replace(first, first+","+first), ErrNotCanonical},
		"escape":            {replace(PayloadType, `application\/vnd.in-toto+json`), ErrNotCanonical},
		"padding":           {replace(payload, strings.TrimRight(payload, "=")), ErrNotCanonical},
		"alphabet":          {string(sign(t, "\xfb\xff", signers[0]))[:0] + strings.Replace(string(sign(t, "\xfb\xff", signers[0])), "+/8=", "-_8=", 1), ErrNotCanonical},
		"further field":     {replace(`]}`, `],"x":1}`), ErrNotCanonical},
		"upper-case ID":     {replace(first, strings.Replace(first, e.Signatures[0].KeyID, strings.ToUpper(e.Signatures[0].KeyID), 1)), ErrNotCanonical},
		"other ID":          {replace(e.Signatures[0].KeyID, "key-1"), ErrNotCanonical},
		"no ID":             {replace(`"keyid":"`+e.Signatures[0].KeyID+`",`, ""), ErrNotCanonical},
		"line break":        {replace(payload, payload[:8]+`\n`+payload[8:]), ErrEnvelope},
		"raw line break":    {replace(payload, payload[:8]+"\n"+payload[8:]), ErrEnvelope},
		"bits after base64": {strings.Replace(string(sign(t, "a", signers[0])), "YQ==", "YR==", 1), ErrEnvelope},
		"key twice":         {replace(`]}`, `],"payload":"`+payload+`"}`), ErrEnvelope},
		"no signature":      {replace(first+","+second, ""), ErrEnvelope},
		"empty signature":   {replace(e64(e.Signatures[0].Sig), ""), ErrNotCanonical},
		"type":              {replace(PayloadType, "application/json"), ErrPayloadType},
		"type of a field":   {replace(`"payload":"`+payload+`"`, `"payload":7`), ErrEnvelope},
		"signatures":        {`{"payload":"","payloadType":"` + PayloadType + `","signatures":{}}`, ErrEnvelope},
		"signature":         {`{"payload":"","payloadType":"` + PayloadType + `","signatures":[7]}`, ErrEnvelope},
		"array":             {`[]`, ErrEnvelope},
		"nothing":           {``, ErrEnvelope},
		"too large":         {replace(`]}`, `]`+strings.Repeat(" ", MaxSize)+`}`), ErrSize},
	} {
		if c.in == good {
			t.Errorf("%s: the test changes nothing", name)
		}
		if e, err := Parse([]byte(c.in)); !errors.Is(err, c.want) || e != nil {
			t.Errorf("%s: %v, %v, want %v", name, e, err, c.want)
		}
		if c.want != ErrNotCanonical {
			continue
		}
		foreign, err := ParseForeign([]byte(c.in))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if by, err := foreign.Verify(1, public(signers...)...); err != nil {
			t.Errorf("%s: %v, %v", name, by, err)
		}
	}
	// Whatever is cut off or changed, no other bytes are the same envelope.
	for i := range good {
		if _, err := Parse([]byte(good[:i])); err == nil {
			t.Errorf("the first %d bytes are an envelope", i)
		}
		bad := []byte(good)
		bad[i] ^= 1
		if e, err := Parse(bad); err == nil {
			if by, err := e.Verify(2, public(signers...)...); !errors.Is(err, ErrThreshold) {
				t.Errorf("byte %d does not count: %v, %v", i, by, err)
			}
		}
	}
}

func e64(b []byte) string { return base64.StdEncoding.EncodeToString(b) }
