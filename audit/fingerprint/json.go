package fingerprint

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// Listings and proofs have one encoding only: fixed order of members, no white
// space, strings as in RFC 8785, 64-bit numbers as decimal strings. Readers
// decode freely, encode again and compare, so that no two texts mean the same.

var errCanonical = errors.New("not in canonical form")

// decodeCanonical decodes line into v and demands that again(v) gives it back.
func decodeCanonical[T any](line []byte, v *T, again func(b []byte, v *T) ([]byte, error)) error {
	if err := json.Unmarshal(line, v); err != nil {
		return err
	}
	b, err := again(make([]byte, 0, len(line)), v)
	if err != nil {
		return err
	}
	if !bytes.Equal(b, line) {
		return errCanonical
	}
	return nil
}

// appendName appends a path or target: as a string, or in base64 under
// nameB64 where it is not UTF-8.
func appendName(b []byte, member, name string) []byte {
	if utf8.ValidString(name) {
		return appendString(append(append(append(b, '"'), member...), `":`...), name)
	}
	b = append(append(append(b, '"'), member...), `B64":"`...)
	b = base64.StdEncoding.AppendEncode(b, []byte(name))
	return append(b, '"')
}

// wireName is a name as JSON has it.
type wireName struct{ text, b64 *string }

func (n wireName) name() (string, error) {
	switch {
	case n.text != nil && n.b64 == nil:
		return *n.text, nil
	case n.text == nil && n.b64 != nil:
		b, err := base64.StdEncoding.DecodeString(*n.b64)
		return string(b), err
	}
	return "", errCanonical
}

// appendString appends s, which is UTF-8, as RFC 8785 section 3.2.2.2 has it.
func appendString(b []byte, s string) []byte {
	const digits = "0123456789abcdef"
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c >= ' ':
			b = append(b, c)
		case c == '\b':
			b = append(b, `\b`...)
		case c == '\f':
			b = append(b, `\f`...)
		case c == '\n':
			b = append(b, `\n`...)
		case c == '\r':
			b = append(b, `\r`...)
		case c == '\t':
			b = append(b, `\t`...)
		default:
			b = append(b, `\u00`...)
			b = append(b, digits[c>>4], digits[c&15])
		}
	}
	return append(b, '"')
}

func appendUint(b []byte, member string, v uint64) []byte {
	b = append(append(append(b, `,"`...), member...), `":"`...)
	return append(strconv.AppendUint(b, v, 10), '"')
}

func appendDigest(b []byte, member string, d []byte) []byte {
	return fmt.Appendf(b, `,"%s":"%x"`, member, d)
}

// A Leaf is a leaf of the path tree, or of the content tree, which knows only
// Digest, Size and Copies.
type Leaf struct {
	Path   string // relative to the root, with slashes; bytes, not always UTF-8
	Type   Type
	Size   uint64
	Digest Digest
	Copies uint64 // files with this content; content tree only
}

type wireLeaf struct {
	Path    *string `json:"path"`
	PathB64 *string `json:"pathB64"`
	Type    Type    `json:"type"`
	Size    uint64  `json:"size,string"`
	Digest  Digest  `json:"sha3_512"`
	Copies  uint64  `json:"copies,string"`
}

func (l *Leaf) append(b []byte, kind treeKind) []byte {
	if kind == contentTree {
		b = fmt.Appendf(b, `{"sha3_512":"%s"`, l.Digest)
		b = appendUint(b, "size", l.Size)
		b = appendUint(b, "copies", l.Copies)
		return append(b, '}')
	}
	b = appendName(append(b, '{'), "path", l.Path)
	b = fmt.Appendf(b, `,"type":"%s"`, l.Type)
	b = appendUint(b, "size", l.Size)
	b = appendDigest(b, "sha3_512", l.Digest[:])
	return append(b, '}')
}

func (w *wireLeaf) leaf(kind treeKind) (Leaf, error) {
	l := Leaf{Type: w.Type, Size: w.Size, Digest: w.Digest, Copies: w.Copies}
	if kind == contentTree {
		return l, nil
	}
	var err error
	if l.Path, err = (wireName{w.Path, w.PathB64}).name(); err != nil {
		return l, err
	}
	if l.Type.code() == 0 {
		return l, fmt.Errorf("unknown type %q", l.Type)
	}
	return l, checkPathText(l.Path)
}
