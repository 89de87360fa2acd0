package keys

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
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

// vectors gives the keys of RFC 8032, section 7.1, test 1, and of RFC 6979,
// appendix A.2.5.
func vectors(t testing.TB) map[Algorithm]*Private {
	t.Helper()
	ec, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), unhex(t, "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721"))
	if err != nil {
		t.Fatal(err)
	}
	out := map[Algorithm]*Private{}
	for alg, key := range map[Algorithm]crypto.Signer{
		Ed25519:   ed25519.NewKeyFromSeed(unhex(t, "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")),
		ECDSAP256: ec,
	} {
		if out[alg], err = privateOf(key); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	out, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestVectors signs what the RFCs sign.
func TestVectors(t *testing.T) {
	// docs/formats.md has it, and no software of ours computed it.
	if id := vectors(t)[Ed25519].Public().ID(); id != "06e3fd8fda29bb60ab59557de61edb0aecdb231134be30e75b455f8e1b792fa9" {
		t.Errorf("the ID is %s", id)
	}
	for alg, c := range map[Algorithm]struct{ message, signature string }{
		Ed25519: {"", "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"},
		ECDSAP256: {"sample", "3046022100efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716" +
			"022100f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"},
	} {
		k := vectors(t)[alg]
		if sig, err := k.Sign([]byte(c.message)); err != nil || hex.EncodeToString(sig) != c.signature {
			t.Errorf("%s: %x, %v", alg, sig, err)
		}
		if err := k.Public().Verify([]byte(c.message), unhex(t, c.signature)); err != nil {
			t.Errorf("%s: %v", alg, err)
		}
	}
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
		for _, bad := range [][]byte{append(p.DER(), 0), p.DER()[:len(p.DER())-1]} {
			if got, err := ParsePublic(bad); !errors.Is(err, ErrKeyFile) {
				t.Errorf("%s: a byte more or less: %v, %v", alg, got, err)
			}
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
	failed := errors.New("no terminal")
	for _, c := range []struct {
		alg        Algorithm
		passphrase string
	}{{Ed25519, ""}, {ECDSAP256, ""}, {Ed25519, "correct horse"}} {
		path := filepath.Join(t.TempDir(), "key")
		k := generate(t, c.alg)
		if err := Create(path, k, secret(c.passphrase)); err != nil {
			t.Fatal(err)
		}
		asked := 0
		ask := func() ([]byte, error) { asked++; return []byte(c.passphrase), nil }
		if got, err := Load(path, ask); err != nil || got.Public() != k.Public() {
			t.Errorf("%v, %v", got, err)
		}
		if (asked > 0) != (c.passphrase != "") {
			t.Errorf("passphrase %q was asked for %d times", c.passphrase, asked)
		}
		if p, err := LoadPublic(path); err != nil || p != k.Public() {
			t.Errorf("%v, %v", p, err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
			t.Errorf("mode %v, %v", info.Mode(), err)
		}
		// Nothing is replaced, and nothing left behind.
		before := readBack(t, path, "")
		if err := Create(path, generate(t, c.alg), nil); !errors.Is(err, fs.ErrExist) {
			t.Errorf("over an existing file: %v", err)
		}
		if !bytes.Equal(before, readBack(t, path, "")) {
			t.Error("the key is another")
		}
		if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
			t.Errorf("left behind: %v, %v", entries, err)
		}
		// Others may read what is encrypted.
		for mode, exposed := range map[os.FileMode]bool{0o600: false, 0o400: false, 0o640: true, 0o604: true, 0o620: true, 0o644: true} {
			if err := os.Chmod(path, mode); err != nil {
				t.Fatal(err)
			}
			_, err := Load(path, func() ([]byte, error) { return nil, failed })
			if errors.Is(err, ErrExposed) != (exposed && c.passphrase == "") || errors.Is(err, failed) != (c.passphrase != "") {
				t.Errorf("mode %v: %v", mode, err)
			}
		}
		if _, err := Load(path, nil); errors.Is(err, ErrPassphraseNeeded) != (c.passphrase != "") {
			t.Error(err)
		}
	}
	for _, alg := range Algorithms {
		if k, err := Parse(cheap(t, generate(t, alg), "correct horse"), []byte("wrong")); !errors.Is(err, ErrPassphrase) {
			t.Errorf("%v, %v", k, err)
		}
	}
	if _, err := Load(filepath.Join(t.TempDir(), "none"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if _, err := Load(t.TempDir(), nil); err == nil {
		t.Error("a folder is a key")
	}
	dir := t.TempDir()
	if err := Create(filepath.Join(dir, "key"), generate(t, Ed25519), []byte{}); err == nil {
		t.Error("encrypted with an empty passphrase")
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

// TestRace makes one file from many goroutines: one wins, and its key is kept.
func TestRace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	var wg sync.WaitGroup
	made := make([]*Private, 16)
	for i := range made {
		k := generate(t, Ed25519)
		wg.Go(func() {
			if err := Create(path, k, nil); err == nil {
				made[i] = k
			} else if !errors.Is(err, fs.ErrExist) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	made = slices.DeleteFunc(made, func(k *Private) bool { return k == nil })
	if len(made) != 1 {
		t.Fatalf("%d keys were written", len(made))
	}
	if k, err := Load(path, nil); err != nil || k.Public() != made[0].Public() {
		t.Errorf("%v, %v", k, err)
	}
}
