package fingerprint

import (
	"crypto/sha3"
	"encoding/hex"
	"errors"
)

// A Digest is a SHA3-512 value, of a file or of a node of a Merkle tree.
type Digest [64]byte

// String is the 128 lower-case hexadecimal digits that openssl prints.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// MarshalText implements encoding.TextMarshaler.
func (d Digest) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, d[:]), nil }

// UnmarshalText takes 128 lower-case hexadecimal digits and nothing else, so
// that equal digests have equal text.
func (d *Digest) UnmarshalText(text []byte) error { return parseHex(d[:], text) }

// ParseDigest reads what String writes.
func ParseDigest(s string) (Digest, error) {
	var d Digest
	return d, parseHex(d[:], []byte(s))
}

var errHex = errors.New("not a digest in lower-case hexadecimal digits")

func parseHex(dst, text []byte) error {
	if len(text) != hex.EncodedLen(len(dst)) {
		return errHex
	}
	for _, c := range text {
		if c >= 'A' && c <= 'F' {
			return errHex
		}
	}
	if _, err := hex.Decode(dst, text); err != nil {
		return errHex
	}
	return nil
}

func sum(b []byte) Digest { return sha3.Sum512(b) }
