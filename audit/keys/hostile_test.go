package keys

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ed25519"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"math"
	"strings"
	"testing"
)

// cheap gives an encrypted file that costs a test nothing.
func cheap(t testing.TB, k *Private, passphrase string) []byte {
	t.Helper()
	file, err := k.marshal([]byte(passphrase), 1)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// TestDamage flips each bit and cuts at each byte of key files. None must come
// out as another key.
func TestDamage(t *testing.T) {
	for _, alg := range Algorithms {
		k := generate(t, alg)
		plain, err := k.Marshal(nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range [][]byte{plain, cheap(t, k, "correct horse")} {
			if got, err := Parse(file, []byte("correct horse")); err != nil || got.Public() != k.Public() {
				t.Fatalf("%v, %v", got, err)
			}
			refused := 0
			for i := range file {
				for bit := range 8 {
					bad := bytes.Clone(file)
					bad[i] ^= 1 << bit
					got, err := Parse(bad, []byte("correct horse"))
					if err != nil {
						refused++
					} else if got.Public() != k.Public() {
						t.Fatalf("%s: bit %d of byte %d makes it another key:\n%s", alg, bit, i, bad)
					}
					if public, err := ParsePublic(bad); err == nil && public != k.Public() && !damagedPublic(file, i) {
						t.Fatalf("%s: bit %d of byte %d makes it another public key:\n%s", alg, bit, i, bad)
					}
				}
				if i < len(file)-1 {
					if got, err := Parse(file[:i], []byte("correct horse")); err == nil && bytes.Contains(file[:i], []byte("BEGIN PUBLIC")) {
						t.Fatalf("%s: the first %d bytes are %v", alg, i, got)
					}
				}
			}
			if refused < len(file)*4 { // most of PEM is neither case nor white space
				t.Errorf("%s: only %d of %d changes were refused", alg, refused, 8*len(file))
			}
		}
	}
}

// damagedPublic reports whether byte i is in the public block, which has no
// second one beside it when read alone.
func damagedPublic(file []byte, i int) bool {
	return i > bytes.Index(file, []byte("-----BEGIN PUBLIC"))
}

// TestWork gives encrypted files whose authors ask for too much, or for what
// is not read here. None must get so far that it costs anything.
func TestWork(t *testing.T) {
	oid := func(v ...int) asn1.ObjectIdentifier { return v }
	raw := func(v any) asn1.RawValue {
		der, err := asn1.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return asn1.RawValue{FullBytes: der}
	}
	sha256 := pkix.AlgorithmIdentifier{Algorithm: oidSHA256, Parameters: asn1.NullRawValue}
	cbc := pkix.AlgorithmIdentifier{Algorithm: oid(2, 16, 840, 1, 101, 3, 4, 1, 42), Parameters: raw(make([]byte, 16))}
	pbkdf2 := func(params any) pkix.AlgorithmIdentifier {
		return pkix.AlgorithmIdentifier{Algorithm: oidPBKDF2, Parameters: raw(params)}
	}
	scrypt := func(n, r, p int) pkix.AlgorithmIdentifier {
		return pkix.AlgorithmIdentifier{Algorithm: oidScrypt, Parameters: raw(scryptParams{make([]byte, 8), n, r, p})}
	}
	file := func(kdf, cipher pkix.AlgorithmIdentifier, data int) []byte {
		var k encryptedKey
		k.Algorithm.OID = oidPBES2
		k.Algorithm.Params.KDF, k.Algorithm.Params.Cipher = kdf, cipher
		k.Data = make([]byte, data)
		return raw(k).FullBytes
	}
	salt := make([]byte, 8)
	for name, der := range map[string][]byte{
		"accepted: iterations": file(pbkdf2(pbkdf2Params{salt, maxIterations, sha256}), cbc, 64),
		"accepted: no PRF":     file(pbkdf2(pbkdf2Params{salt, 1, pkix.AlgorithmIdentifier{}}), cbc, 64),
		"accepted: scrypt":     file(scrypt(1<<18, 8, 2), cbc, 64),
		"accepted: SHA-1":      file(pbkdf2(pbkdf2Params{salt, 1, pkix.AlgorithmIdentifier{Algorithm: oidSHA1, Parameters: asn1.NullRawValue}}), cbc, 64),
		"iterations":           file(pbkdf2(pbkdf2Params{salt, maxIterations + 1, sha256}), cbc, 64),
		"most iterations":      file(pbkdf2(pbkdf2Params{salt, math.MaxInt, sha256}), cbc, 64),
		"no iterations":        file(pbkdf2(pbkdf2Params{salt, 0, sha256}), cbc, 64),
		"negative":             file(pbkdf2(pbkdf2Params{salt, -1, sha256}), cbc, 64),
		"salt":                 file(pbkdf2(pbkdf2Params{make([]byte, maxSalt+1), 1, sha256}), cbc, 64),
		"keyLength": file(pbkdf2(struct {
			Salt               []byte
			Iterations, Length int
			PRF                pkix.AlgorithmIdentifier
		}{salt, 1, 32, sha256}), cbc, 64),
		"SHA-512":        file(pbkdf2(pbkdf2Params{salt, 1, pkix.AlgorithmIdentifier{Algorithm: oid(1, 2, 840, 113549, 2, 11), Parameters: asn1.NullRawValue}}), cbc, 64),
		"more":           file(pbkdf2(struct{ A, B, C, D int }{1, 2, 3, 4}), cbc, 64),
		"GCM":            file(pbkdf2(pbkdf2Params{salt, 1, sha256}), pkix.AlgorithmIdentifier{Algorithm: oid(2, 16, 840, 1, 101, 3, 4, 1, 46), Parameters: raw(make([]byte, 16))}, 64),
		"short IV":       file(pbkdf2(pbkdf2Params{salt, 1, sha256}), pkix.AlgorithmIdentifier{Algorithm: cbc.Algorithm, Parameters: raw(make([]byte, 15))}, 64),
		"no IV":          file(pbkdf2(pbkdf2Params{salt, 1, sha256}), pkix.AlgorithmIdentifier{Algorithm: cbc.Algorithm}, 64),
		"half a block":   file(pbkdf2(pbkdf2Params{salt, 1, sha256}), cbc, 63),
		"nothing":        file(pbkdf2(pbkdf2Params{salt, 1, sha256}), cbc, 0),
		"N":              file(scrypt(1<<30, 1, 1), cbc, 64),
		"N of no power":  file(scrypt(1<<14+2, 8, 1), cbc, 64),
		"no N":           file(scrypt(0, 8, 1), cbc, 64),
		"largest N":      file(scrypt(math.MaxInt, 8, 1), cbc, 64),
		"N and r":        file(scrypt(1<<22, 1<<10, 1), cbc, 64),
		"memory":         file(scrypt(1<<22, 1, 1), cbc, 64),
		"overflow":       file(scrypt(1<<20, 1<<44, 1), cbc, 64),
		"p":              file(scrypt(1<<14, 8, 1<<20), cbc, 64),
		"negative r":     file(scrypt(1<<14, -8, 1), cbc, 64),
		"negative p":     file(scrypt(1<<14, 8, -1), cbc, 64),
		"derivation":     file(pkix.AlgorithmIdentifier{Algorithm: oid(1, 2, 3)}, cbc, 64),
		"trailing bytes": append(file(pbkdf2(pbkdf2Params{salt, 1, sha256}), cbc, 64), 0),
		"no DER":         []byte("0"),
	} {
		_, err := parseEncrypted(der)
		if accepted := strings.HasPrefix(name, "accepted"); (err == nil) != accepted || !accepted && !errors.Is(err, ErrKeyFile) {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil {
			continue
		}
		pem := pem.EncodeToMemory(&pem.Block{Type: encryptedBlock, Bytes: der})
		if k, err := Parse(pem, []byte("x")); !errors.Is(err, ErrKeyFile) {
			t.Errorf("%s: %v, %v", name, k, err)
		}
	}
}

// TestPadding encrypts texts of every length around the blocks, and decrypts
// what nobody pads so.
func TestPadding(t *testing.T) {
	for n := range 3*aes.BlockSize + 1 {
		text := bytes.Repeat([]byte{1}, n) // as if it were padding
		der, err := encrypt(text, []byte("x"), 1)
		if err != nil {
			t.Fatal(err)
		}
		e, err := parseEncrypted(der)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := e.decrypt([]byte("x")); err != nil || !bytes.Equal(got, text) {
			t.Errorf("%d bytes: %x, %v", n, got, err)
		}
		file := pem.EncodeToMemory(&pem.Block{Type: encryptedBlock, Bytes: der})
		if k, err := Parse(file, []byte("x")); !errors.Is(err, ErrPassphrase) {
			t.Errorf("%d bytes that are no key: %v, %v", n, k, err)
		}
	}
	key := make([]byte, 32)
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	for _, end := range []string{"\x00", "\x11", "\xff", "\x01\x02", "\x02\x03\x03", "\x0f" + strings.Repeat("\x10", 15)} {
		e := &encrypted{derive: func([]byte) ([]byte, error) { return key, nil }, iv: make([]byte, aes.BlockSize)}
		e.data = []byte(strings.Repeat("a", aes.BlockSize-len(end)) + end)
		cipher.NewCBCEncrypter(block, e.iv).CryptBlocks(e.data, e.data)
		if got, err := e.decrypt(nil); !errors.Is(err, ErrPassphrase) {
			t.Errorf("%x: %x, %v", end, got, err)
		}
	}
}

// TestEncryption looks at what docs/formats.md says of our files.
func TestEncryption(t *testing.T) {
	file, err := generate(t, Ed25519).Marshal([]byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(file)
	var k encryptedKey
	var p pbkdf2Params
	if !decode(block.Bytes, &k) || !decode(k.Algorithm.Params.KDF.Parameters.FullBytes, &p) {
		t.Fatal("it is not understood")
	}
	if len(p.Salt) != 16 || p.Iterations != 600_000 || !p.PRF.Algorithm.Equal(oidSHA256) || k.Algorithm.Params.Cipher.Algorithm.String() != "2.16.840.1.101.3.4.1.42" {
		t.Errorf("%+v, %+v", p, k.Algorithm.Params.Cipher)
	}
}

// TestFiles gives PEM files that are not one key.
func TestFiles(t *testing.T) {
	k, other := generate(t, Ed25519), generate(t, Ed25519)
	plain, _ := k.Marshal(nil)
	private := plain[:bytes.Index(plain, []byte("-----BEGIN PUBLIC"))]
	body, _ := pem.Decode(private)
	for name, file := range map[string][]byte{
		"nothing":               nil,
		"text":                  []byte("hello"),
		"public only":           k.Public().PEM(),
		"two keys":              append(bytes.Clone(private), private...),
		"two keys, two kinds":   append(bytes.Clone(private), cheap(t, k, "x")...),
		"two public keys":       append(bytes.Clone(plain), k.Public().PEM()...),
		"another's public key":  append(bytes.Clone(private), other.Public().PEM()...),
		"certificate":           append(bytes.Clone(plain), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte{1}})...),
		"OpenSSH":               pem.EncodeToMemory(&pem.Block{Type: "OPENSSH PRIVATE KEY", Bytes: []byte{1}}),
		"headers":               pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED"}, Bytes: body.Bytes}),
		"torn":                  plain[:len(plain)-10],
		"too large":             append(bytes.Clone(plain), make([]byte, maxFile)...),
		"public key as private": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: k.Public().DER()}),
	} {
		if got, err := Parse(file, nil); !errors.Is(err, ErrKeyFile) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	if got, err := Parse(private, nil); err != nil || got.Public() != k.Public() {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := ParsePublic(private); !errors.Is(err, ErrKeyFile) || !strings.Contains(err.Error(), "-pubout") {
		t.Error(err)
	}
}

// TestWeakPublic: what a key of small order signed, it signed together with
// every other message. Go's Verify, like RFC 8032, lets such keys pass.
func TestWeakPublic(t *testing.T) {
	weak := append([]byte{1}, make([]byte, 31)...) // the neutral element
	anything := append(bytes.Clone(weak), make([]byte, 32)...)
	if !ed25519.Verify(weak, []byte("any message"), anything) {
		t.Error("the key of the test is not weak")
	}
	for _, y := range append(weakPoints, "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", "f5ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f") {
		for _, sign := range []byte{0, 0x80} {
			raw, err := hex.DecodeString(y)
			if err != nil || len(raw) != 32 {
				t.Fatal(y, err)
			}
			raw[31] |= sign
			if p, err := ParsePublic(append([]byte(prefixes[Ed25519].der), raw...)); !errors.Is(err, ErrKeyFile) {
				t.Errorf("%x: %v, %v", raw, p, err)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, k := range vectors(f) {
		plain, err := k.Marshal(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(plain)
		f.Add(cheap(f, k, "x"))
		f.Add(k.Public().PEM())
		f.Add(k.Public().DER())
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		if p, err := ParsePublic(file); err == nil {
			if again, err := ParsePublic(p.PEM()); err != nil || again != p {
				t.Errorf("%v, %v", again, err)
			}
		} else if p != (Public{}) {
			t.Errorf("%v beside %v", p, err)
		}
		if k, err := Parse(file, nil); Encrypted(file) && err == nil {
			t.Errorf("%v without its passphrase", k)
		}
		k, err := Parse(file, []byte("x"))
		if err != nil {
			if k != nil {
				t.Errorf("%v beside %v", k, err)
			}
			return
		}
		sig, err := k.Sign(file)
		if err != nil || k.Public().Verify(file, sig) != nil {
			t.Errorf("the key does not sign: %v", err)
		}
		if again, err := k.Marshal(nil); err != nil {
			t.Error(err)
		} else if back, err := Parse(again, nil); err != nil || back.Public() != k.Public() {
			t.Errorf("%v, %v", back, err)
		}
	})
}

// FuzzEncryption feeds the gate before the decryption with DER alone.
func FuzzEncryption(f *testing.F) {
	for _, k := range vectors(f) {
		block, _ := pem.Decode(cheap(f, k, "x"))
		f.Add(block.Bytes)
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		if _, err := parseEncrypted(der); err != nil {
			return
		}
		var k encryptedKey
		decode(der, &k)
		if again, err := asn1.Marshal(k); err != nil || !bytes.Equal(again, der) {
			t.Errorf("%x is read as %x", der, again)
		}
		if len(der) > maxFile/2 {
			return
		}
		// What passes may be dear, but must not panic: with an iteration or two.
		var p pbkdf2Params
		if decode(k.Algorithm.Params.KDF.Parameters.FullBytes, &p) && p.Iterations < 100 {
			Parse(pem.EncodeToMemory(&pem.Block{Type: encryptedBlock, Bytes: der}), []byte("x"))
		}
	})
}
