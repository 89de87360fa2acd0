package fingerprint

import (
	"crypto/sha256"
	"crypto/sha3"
	"encoding/hex"
	"errors"
	"hash"
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

// newSHA3 is the one place that chooses how the bytes of files are hashed. An
// engine of many lanes takes its place: each reader writes to a hash of its
// own, and Write may block until the lanes beside it have a block too.
func newSHA3() hash.Hash { return sha3.New512() }

// A hasher computes the digests of one file after the other.
type hasher struct {
	sha3   hash.Hash
	sha256 hash.Hash // nil unless asked for
}

func newHasher(withSHA256 bool) *hasher {
	h := &hasher{sha3: newSHA3()}
	if withSHA256 {
		h.sha256 = sha256.New()
	}
	return h
}

func (h *hasher) reset() {
	h.sha3.Reset()
	if h.sha256 != nil {
		h.sha256.Reset()
	}
}

func (h *hasher) write(p []byte) {
	h.sha3.Write(p)
	if h.sha256 != nil {
		h.sha256.Write(p)
	}
}

// sums returns the digests of what was written.
func (h *hasher) sums() (d Digest, s [32]byte) {
	h.sha3.Sum(d[:0])
	if h.sha256 != nil {
		h.sha256.Sum(s[:0])
	}
	return d, s
}
