package keys

import (
	"bytes"
	"encoding/hex"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// openssl runs it in dir and gives what it prints.
func openssl(t *testing.T, dir string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("no openssl here")
	}
	cmd := exec.Command("openssl", args...)
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("openssl %s: %v\n%s%s", strings.Join(args, " "), err, out, stderr.String())
	}
	return string(out)
}

func write(t *testing.T, dir, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func readBack(t *testing.T, dir, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// How openssl signs and verifies by each algorithm; pkeyutl reads whole files.
var rawin = map[Algorithm][]string{
	Ed25519:   {"-rawin"},
	ECDSAP256: {"-rawin", "-digest", "sha256"},
}

// TestOpenSSLReadsOurs has openssl open our files, name our keys and verify
// our signatures.
func TestOpenSSLReadsOurs(t *testing.T) {
	for _, alg := range Algorithms {
		for _, passphrase := range []string{"", "correct horse"} {
			dir := t.TempDir()
			k := generate(t, alg)
			if passphrase != "" && alg != Ed25519 {
				write(t, dir, "key", cheap(t, k, passphrase))
			} else if err := Create(filepath.Join(dir, "key"), k, secret(passphrase)); err != nil {
				t.Fatal(err)
			}
			write(t, dir, "pass", []byte(passphrase+"\n"))
			write(t, dir, "message", []byte("what is signed"))
			sig, err := k.Sign([]byte("what is signed"))
			if err != nil {
				t.Fatal(err)
			}
			write(t, dir, "sig", sig)
			public := openssl(t, dir, "pkey", "-in", "key", "-passin", "file:pass", "-pubout")
			if public != string(k.Public().PEM()) {
				t.Errorf("%s: openssl reads %s, want %s", alg, public, k.Public().PEM())
			}
			write(t, dir, "public", []byte(public))
			openssl(t, dir, "pkey", "-pubin", "-in", "public", "-outform", "DER", "-out", "der")
			if id := openssl(t, dir, "dgst", "-sha256", "-r", "der"); !strings.HasPrefix(id, k.Public().ID()+" ") {
				t.Errorf("%s: openssl calls the key %s, we %s", alg, id, k.Public().ID())
			}
			// The public key can be had from our file without the passphrase.
			if got := openssl(t, dir, "pkey", "-pubin", "-in", "key", "-pubout"); got != public {
				t.Errorf("%s: from the key file openssl reads %s", alg, got)
			}
			openssl(t, dir, append([]string{"pkeyutl", "-verify", "-pubin", "-inkey", "public", "-in", "message", "-sigfile", "sig"}, rawin[alg]...)...)
		}
	}
}

// TestWeReadOpenSSL opens files that openssl wrote, and verifies what it signed.
func TestWeReadOpenSSL(t *testing.T) {
	for alg, how := range map[Algorithm][]string{
		Ed25519:   {"-algorithm", "ed25519"},
		ECDSAP256: {"-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"},
	} {
		dir := t.TempDir()
		write(t, dir, "pass", []byte("correct horse\n"))
		write(t, dir, "message", []byte("what is signed"))
		openssl(t, dir, append([]string{"genpkey", "-out", "plain"}, how...)...)
		openssl(t, dir, append([]string{"genpkey", "-out", "genpkey", "-aes256", "-pass", "file:pass"}, how...)...)
		topk8 := func(out string, args ...string) {
			openssl(t, dir, append([]string{"pkcs8", "-topk8", "-in", "plain", "-out", out, "-passout", "file:pass"}, args...)...)
		}
		topk8("default")
		topk8("aes128", "-v2", "aes128", "-iter", "5000")
		topk8("sha1", "-v2", "aes-192-cbc", "-v2prf", "hmacWithSHA1")
		topk8("scrypt", "-scrypt")
		public, err := ParsePublic([]byte(openssl(t, dir, "pkey", "-in", "plain", "-pubout")))
		if err != nil {
			t.Fatal(err)
		}
		openssl(t, dir, "pkey", "-in", "plain", "-pubout", "-outform", "DER", "-out", "der")
		if der, err := ParsePublic(readBack(t, dir, "der")); err != nil || der != public {
			t.Errorf("%s: from DER: %v, %v", alg, der, err)
		}
		for _, name := range []string{"plain", "default", "aes128", "sha1", "scrypt"} {
			k, err := Parse(readBack(t, dir, name), []byte("correct horse"))
			if err != nil {
				t.Errorf("%s, %s: %v", alg, name, err)
			} else if k.Public() != public || k.Public().Algorithm() != alg {
				t.Errorf("%s, %s: %v, want %v", alg, name, k, public)
			}
		}
		if _, err := Parse(readBack(t, dir, "genpkey"), []byte("correct horse")); err != nil {
			t.Errorf("%s: %v", alg, err)
		}
		for _, what := range []string{"des3", "sha512", "traditional", "sm2"} {
			switch what {
			case "des3":
				topk8(what, "-v2", "des3")
			case "sha512":
				topk8(what, "-v2", "aes256", "-v2prf", "hmacWithSHA512")
			case "traditional":
				if alg == Ed25519 {
					continue // it has none
				}
				openssl(t, dir, "pkey", "-in", "plain", "-traditional", "-out", what)
			default:
				continue
			}
			if _, err := Parse(readBack(t, dir, what), []byte("correct horse")); !errors.Is(err, ErrKeyFile) || !strings.Contains(err.Error(), "openssl") {
				t.Errorf("%s, %s: %v", alg, what, err)
			}
		}
		// Many, as half of ECDSA's have the larger s, and some are shorter.
		for range 8 {
			openssl(t, dir, append([]string{"pkeyutl", "-sign", "-inkey", "plain", "-in", "message", "-out", "sig"}, rawin[alg]...)...)
			if err := public.Verify([]byte("what is signed"), readBack(t, dir, "sig")); err != nil {
				t.Errorf("%s: signature %s of openssl: %v", alg, hex.EncodeToString(readBack(t, dir, "sig")), err)
			}
		}
	}
}

// TestOtherKeys names what is not ours.
func TestOtherKeys(t *testing.T) {
	for name, how := range map[string][]string{
		"RSA":      {"-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"},
		"P-384":    {"-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"},
		"X25519":   {"-algorithm", "X25519"},
		"Ed448":    {"-algorithm", "ED448"},
		"explicit": {"-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-pkeyopt", "ec_param_enc:explicit"},
	} {
		dir := t.TempDir()
		openssl(t, dir, append([]string{"genpkey", "-out", "key"}, how...)...)
		if k, err := Parse(readBack(t, dir, "key"), nil); !errors.Is(err, ErrKeyType) && !errors.Is(err, ErrKeyFile) {
			t.Errorf("%s: %v, %v", name, k, err)
		}
		public := []byte(openssl(t, dir, "pkey", "-in", "key", "-pubout"))
		if p, err := ParsePublic(public); !errors.Is(err, ErrKeyType) && !errors.Is(err, ErrKeyFile) {
			t.Errorf("%s: %v, %v", name, p, err)
		}
	}
}
