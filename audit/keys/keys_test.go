package keys

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

func generate(t testing.TB, alg Algorithm) *Private {
	t.Helper()
	k, err := Generate(alg)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func secret(s string) []byte {
	if s == "" {
		return nil
	}
	return []byte(s)
}

func TestSign(t *testing.T) {
	for _, alg := range Algorithms {
		k, other := generate(t, alg), generate(t, alg)
		message := []byte("what is signed")
		sig, err := k.Sign(message)
		if err != nil {
			t.Fatal(err)
		}
		if again, _ := k.Sign(message); !bytes.Equal(sig, again) {
			t.Errorf("%s: two signatures of one message", alg)
		}
		p := k.Public()
		if err := p.Verify(message, sig); err != nil {
			t.Error(err)
		}
		for i := range sig {
			bad := bytes.Clone(sig)
			bad[i] ^= 1
			if err := p.Verify(message, bad); !errors.Is(err, ErrSignature) {
				t.Errorf("%s: byte %d changed: %v", alg, i, err)
			}
		}
		for name, err := range map[string]error{
			"another message":   p.Verify([]byte("what was signed"), sig),
			"another key":       other.Public().Verify(message, sig),
			"no key":            Public{}.Verify(message, sig),
			"no signature":      p.Verify(message, nil),
			"a trailing byte":   p.Verify(message, append(bytes.Clone(sig), 0)),
			"a byte less":       p.Verify(message, sig[:len(sig)-1]),
			"another algorithm": generate(t, map[Algorithm]Algorithm{Ed25519: ECDSAP256, ECDSAP256: Ed25519}[alg]).Public().Verify(message, sig),
		} {
			if !errors.Is(err, ErrSignature) {
				t.Errorf("%s: %s: %v", alg, name, err)
			}
		}
		if _, ok := k.Ed25519(); ok != (alg == Ed25519) {
			t.Errorf("%s is ed25519: %v", alg, ok)
		}
	}
}

func TestPublic(t *testing.T) {
	seen := map[Public]bool{}
	for _, alg := range Algorithms {
		k := generate(t, alg)
		p := k.Public()
		for _, in := range [][]byte{p.DER(), p.PEM(), append([]byte("a key of ours\n"), p.PEM()...)} {
			if got, err := ParsePublic(in); err != nil || got != p {
				t.Errorf("%v, %v", got, err)
			}
		}
		file, err := k.Marshal(nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := ParsePublic(file); err != nil || got != p {
			t.Errorf("from the private key's file: %v, %v", got, err)
		}
		for i := range p.DER() {
			bad := p.DER()
			bad[i] ^= 1
			if got, err := ParsePublic(bad); err == nil && got == p {
				t.Errorf("byte %d does not count", i)
			}
		}
		seen[p] = true
	}
	if len(seen) != len(Algorithms) {
		t.Error("keys are not told apart")
	}
}

// TestSecrets looks for the secret wherever a key may be printed.
func TestSecrets(t *testing.T) {
	k := generate(t, Ed25519)
	secret, _ := k.Ed25519()
	for _, form := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		for _, v := range []any{k, struct{ Key *Private }{k}} {
			out := fmt.Sprintf(form, v)
			if strings.Contains(out, fmt.Sprintf("%x", secret[:4])) || strings.Contains(out, fmt.Sprintf("%d %d %d", secret[0], secret[1], secret[2])) {
				t.Errorf("%s of %T prints it: %s", form, v, out)
			}
		}
	}
}

func TestFile(t *testing.T) {
	for _, alg := range Algorithms {
		for _, passphrase := range []string{"", "correct horse"} {
			path := filepath.Join(t.TempDir(), "key")
			k := generate(t, alg)
			if err := Create(path, k, secret(passphrase)); err != nil {
				t.Fatal(err)
			}
			asked := 0
			ask := func(p string) func() ([]byte, error) {
				return func() ([]byte, error) { asked++; return []byte(p), nil }
			}
			if got, err := Load(path, ask(passphrase)); err != nil || got.Public() != k.Public() {
				t.Errorf("%v, %v", got, err)
			}
			if (asked > 0) != (passphrase != "") {
				t.Errorf("passphrase %q was asked for %d times", passphrase, asked)
			}
			if p, err := LoadPublic(path); err != nil || p != k.Public() {
				t.Errorf("%v, %v", p, err)
			}
			if err := Create(path, generate(t, alg), nil); !errors.Is(err, fs.ErrExist) {
				t.Errorf("over an existing file: %v", err)
			}
			if got, err := Load(path, ask(passphrase)); err != nil || got.Public() != k.Public() {
				t.Errorf("afterwards: %v, %v", got, err)
			}
			if passphrase == "" {
				continue
			}
			if _, err := Load(path, nil); !errors.Is(err, ErrPassphraseNeeded) {
				t.Error(err)
			}
			if _, err := Load(path, ask("wrong")); !errors.Is(err, ErrPassphrase) {
				t.Error(err)
			}
		}
	}
}
