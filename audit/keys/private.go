package keys

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io"
)

// Private is a key that signs. It is safe for concurrent use, and prints as
// its public key. The zero value cannot be used.
type Private struct {
	key    crypto.Signer // ed25519.PrivateKey or *ecdsa.PrivateKey
	public Public
}

// Generate makes a key.
func Generate(a Algorithm) (*Private, error) {
	switch a {
	case Ed25519:
		_, key, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return nil, err
		}
		return privateOf(key)
	case ECDSAP256:
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, err
		}
		return privateOf(key)
	}
	return nil, fmt.Errorf("unknown algorithm %q of keys: there are %v", a, Algorithms)
}

func privateOf(key crypto.Signer) (*Private, error) {
	public, err := publicOf(key.Public())
	if err != nil {
		return nil, err
	}
	return &Private{key, public}, nil
}

// Public gives the public half.
func (k *Private) Public() Public { return k.public }

// Sign signs a message. The same message gets the same signature.
func (k *Private) Sign(message []byte) ([]byte, error) {
	if k.public.alg == Ed25519 {
		return k.key.Sign(nil, message, crypto.Hash(0))
	}
	sum := sha256.Sum256(message)
	return k.key.Sign(nil, sum[:], crypto.SHA256) // no source of randomness: RFC 6979
}

// Ed25519 gives the key itself, for the checkpoints of a log. ok is false if
// it is of another algorithm.
func (k *Private) Ed25519() (key ed25519.PrivateKey, ok bool) {
	key, ok = k.key.(ed25519.PrivateKey)
	return key, ok
}

// String names the key by its public half.
func (k *Private) String() string { return "private key of " + k.public.String() }

// Format is String under every verb: a secret must not end in a message.
func (k *Private) Format(f fmt.State, _ rune) { io.WriteString(f, k.String()) }
