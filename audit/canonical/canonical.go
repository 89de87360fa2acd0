// Package canonical turns JSON into the one form whose bytes are hashed and
// signed: RFC 8785 (JCS), behind a gate that is stricter than the RFC.
//
// RFC 8785 sees numbers as IEEE 754 doubles. Two documents that differ only
// beyond the precision of a double (seeds 2^53 and 2^53+1, say) have one
// canonical form, hence one hash. The gate refuses such documents instead:
//
//   - an integer beyond ±(2^53-1), the safe range of RFC 7493 (I-JSON), whether
//     it is one as written or in canonical form; carry it as a string;
//   - a number that a double cannot carry as written: 0.10000000000000001,
//     1e400, 1e-400;
//   - NaN and Infinity, which are not JSON;
//   - an object that has a key twice, also where only escapes differ;
//   - text that is not UTF-8, half of a surrogate pair, a byte order mark;
//   - more than [MaxDepth] levels or [MaxSize] bytes.
//
// What the gate lets pass, canonicalises to bytes that pass it again and do not
// change. Nothing is normalised: two Unicode spellings of é are two strings.
package canonical

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/gowebpki/jcs"
)

const (
	// MaxDepth is how many arrays and objects may lie in one another.
	MaxDepth = 64
	// MaxSize bounds a document, in bytes.
	MaxSize = 16 << 20
)

// Transform gives the canonical form of a JSON document, or an *[Error] that
// says what the gate refused, and where.
func Transform(data []byte) ([]byte, error) {
	v, err := Parse(data)
	if err != nil {
		return nil, err
	}
	if err := v.checkNumbers(""); err != nil {
		return nil, err
	}
	out, err := jcs.Transform(data)
	if err != nil {
		return nil, fmt.Errorf("canonical form: %w", err)
	}
	return out, nil
}

// Marshal gives the canonical form of v as encoding/json sees it. An int64 or
// uint64 beyond 2^53-1 is refused: give such fields the option ",string".
func Marshal(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return Transform(buf.Bytes())
}

// Decode reads a JSON document into what v points at, and refuses what
// encoding/json lets pass: members that v does not have, or has in other letters
// (it minds neither case), or twice, anything after the document, and what would
// not be written again, such as null or an empty value of an optional member.
func Decode(data []byte, v any) error {
	is, err := Transform(data)
	if err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	as, err := Marshal(v)
	if err != nil {
		return err
	}
	if !bytes.Equal(as, is) {
		return ErrMember
	}
	return nil
}

// IsCanonical reports whether data is exactly its own canonical form. Whoever
// reads a hashed document should demand this, or two byte strings may claim to
// be one document.
func IsCanonical(data []byte) bool {
	out, err := Transform(data)
	return err == nil && bytes.Equal(out, data)
}

// Number gives the canonical text of a finite double, as ECMAScript prints it:
// the shortest that reads back as the same double. Negative zero is "0".
func Number(f float64) (string, error) { return jcs.NumberToJSON(f) }
