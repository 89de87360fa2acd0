// Package keys has the keys that sign records: what they are called, their
// files, and where the passphrase of a file comes from.
//
// Two algorithms, and nothing to choose within them:
//
//   - Ed25519, RFC 8032, signatures of 64 bytes;
//   - ECDSA on P-256 with SHA-256, signatures in DER, nonces by RFC 6979.
//
// Both are deterministic: one key and one message give one signature, hence
// one record. The reverse does not hold for ECDSA: whoever has a signature (r, s)
// knows (r, n-s), which is as good. Signatures of others have either, so both
// verify, and a record is known by what was signed, never by its signature.
//
// A key is known by its [Public.ID], which `openssl` prints. Files are PKCS#8 in
// PEM, encrypted with a passphrase, and open with `openssl pkey`; docs/formats.md
// has every byte.
package keys

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// An Algorithm is a way of signing.
type Algorithm string

// What keys can be.
const (
	Ed25519   Algorithm = "ed25519"
	ECDSAP256 Algorithm = "ecdsa-p256-sha256"
)

// Algorithms lists all, the default first.
var Algorithms = []Algorithm{Ed25519, ECDSAP256}

// What can be wrong with a key or a signature, for errors.Is.
var (
	ErrKeyFile          = errors.New("not a key file")
	ErrKeyType          = errors.New("key is neither Ed25519 nor ECDSA P-256")
	ErrPassphraseNeeded = errors.New("key is encrypted: a passphrase is needed")
	ErrPassphrase       = errors.New("wrong passphrase, or a damaged file")
	ErrExposed          = errors.New("unencrypted key that others can read")
	ErrSignature        = errors.New("signature is not of this key and message")
)

// Public is a public key. It is comparable: equal keys are ==. The zero value
// is no key, and verifies nothing.
type Public struct {
	alg Algorithm
	raw string // 32 bytes of Ed25519, or 65 of an uncompressed point of P-256
}

// The SubjectPublicKeyInfo of a key is one of these and the raw key (RFC 8410;
// RFC 5480 with a named curve). There is no other encoding, so a key has one ID.
var prefixes = map[Algorithm]struct {
	der  string
	size int
}{
	Ed25519:   {"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00", ed25519.PublicKeySize},
	ECDSAP256: {"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00", 65},
}

// Algorithm says how the key signs.
func (p Public) Algorithm() Algorithm { return p.alg }

// DER gives the key as SubjectPublicKeyInfo.
func (p Public) DER() []byte { return []byte(prefixes[p.alg].der + p.raw) }

// PEM gives the key as a block "PUBLIC KEY".
func (p Public) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: publicBlock, Bytes: p.DER()})
}

// ID names the key in envelopes and policies: SHA-256 of [Public.DER] in 64
// lower-case hexadecimal digits, which is what
// `openssl pkey -pubin -outform DER | openssl dgst -sha256` prints.
func (p Public) ID() string {
	sum := sha256.Sum256(p.DER())
	return hex.EncodeToString(sum[:])
}

// String gives algorithm and ID, for messages.
func (p Public) String() string {
	if p.alg == "" {
		return "no key"
	}
	return string(p.alg) + " " + p.ID()
}

// Verify returns nil if signature is one of message by the key, otherwise
// [ErrSignature]. A DER signature must be minimal and without trailing bytes.
func (p Public) Verify(message, signature []byte) error {
	ok := false
	switch p.alg {
	case Ed25519:
		ok = ed25519.Verify(ed25519.PublicKey(p.raw), message, signature)
	case ECDSAP256:
		key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), []byte(p.raw))
		if err != nil {
			return fmt.Errorf("%w: %w", ErrKeyFile, err)
		}
		sum := sha256.Sum256(message)
		ok = ecdsa.VerifyASN1(key, sum[:], signature)
	}
	if !ok {
		return ErrSignature
	}
	return nil
}

// publicOf takes a key of the standard library.
func publicOf(key crypto.PublicKey) (Public, error) {
	switch key := key.(type) {
	case ed25519.PublicKey:
		return Public{Ed25519, string(key)}, nil
	case *ecdsa.PublicKey:
		if key.Curve != elliptic.P256() {
			return Public{}, fmt.Errorf("%w: it is ECDSA %s", ErrKeyType, key.Curve.Params().Name)
		}
		raw, err := key.Bytes()
		return Public{ECDSAP256, string(raw)}, err
	case *rsa.PublicKey:
		return Public{}, fmt.Errorf("%w: it is RSA", ErrKeyType)
	}
	return Public{}, ErrKeyType
}

// ParsePublic reads a public key: a SubjectPublicKeyInfo in DER, or the one
// block "PUBLIC KEY" of a PEM file. That may be a file of a private key, if
// the public one stands in it, as in those that this package writes.
func ParsePublic(pemOrDER []byte) (Public, error) {
	if len(pemOrDER) > maxFile {
		return Public{}, fmt.Errorf("%w: larger than %d bytes", ErrKeyFile, maxFile)
	}
	if !bytes.Contains(pemOrDER, []byte("-----BEGIN ")) {
		return parseSPKI(pemOrDER)
	}
	private, public, err := blocks(pemOrDER)
	switch {
	case err != nil:
		return Public{}, err
	case public == nil && private != nil:
		return Public{}, fmt.Errorf("%w: it has a private key only; `openssl pkey -in FILE -pubout` prints the public one", ErrKeyFile)
	}
	return parseSPKI(public.Bytes)
}

func parseSPKI(der []byte) (Public, error) {
	for alg, prefix := range prefixes {
		raw, ok := strings.CutPrefix(string(der), prefix.der)
		if !ok || len(raw) != prefix.size {
			continue
		}
		switch alg {
		case Ed25519:
			if weak(raw) {
				return Public{}, fmt.Errorf("%w: a weak Ed25519 key, whose signatures prove nothing", ErrKeyFile)
			}
		case ECDSAP256:
			if _, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), []byte(raw)); err != nil {
				return Public{}, fmt.Errorf("%w: %w", ErrKeyFile, err)
			}
		}
		return Public{alg, raw}, nil
	}
	// Not ours. What is it then?
	key, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return Public{}, fmt.Errorf("%w: no public key in PEM or DER", ErrKeyFile)
	}
	if _, err = publicOf(key); err == nil {
		err = fmt.Errorf("%w: the encoding of the public key is not the usual one", ErrKeyFile)
	}
	return Public{}, err
}

// weakPoints are the y of the points of order 1, 2, 4 and 8 on edwards25519.
var weakPoints = []string{
	"0100000000000000000000000000000000000000000000000000000000000000",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"0000000000000000000000000000000000000000000000000000000000000000",
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
}

// weak reports whether an Ed25519 key has a small order, so that one signature
// fits many messages and its owner can deny them all; or a y beyond the field,
// which is a second encoding, hence a second ID, of some key.
func weak(raw string) bool {
	y := []byte(raw)
	y[31] &= 0x7f // the sign of x
	if y[0] >= 0xed && y[31] == 0x7f && bytes.Count(y[1:31], []byte{0xff}) == 30 {
		return true
	}
	return slices.Contains(weakPoints, hex.EncodeToString(y))
}
