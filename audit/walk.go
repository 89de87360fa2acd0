package audit

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// These read a part of a canonical document without building the rest: there
// are no spaces in one, and what is skipped is not looked into. What they make
// of a document that is not canonical is arbitrary, though always the same, and
// never a panic.

var errWalk = fmt.Errorf("%w: not canonical JSON", ErrInvalid)

// next splits the value at the front from what follows it.
func next(b []byte) (value, rest []byte, err error) {
	if len(b) == 0 {
		return nil, nil, errWalk
	}
	switch b[0] {
	case '"':
		n := quoted(b)
		if n < 0 {
			return nil, nil, errWalk
		}
		return b[:n], b[n:], nil
	case '{', '[':
		depth := 0
		for i := 0; i < len(b); {
			switch b[i] {
			case '"':
				n := quoted(b[i:])
				if n < 0 {
					return nil, nil, errWalk
				}
				i += n
				continue
			case '{', '[':
				depth++
			case '}', ']':
				if depth--; depth == 0 {
					return b[:i+1], b[i+1:], nil
				}
			}
			i++
		}
		return nil, nil, errWalk
	default:
		n := bytes.IndexAny(b, ",]}")
		if n < 0 {
			n = len(b)
		}
		if n == 0 {
			return nil, nil, errWalk
		}
		return b[:n], b[n:], nil
	}
}

// quoted gives the length of the string at the front with its quotes, or -1.
func quoted(b []byte) int {
	for i := 1; ; {
		n := bytes.IndexByte(b[i:], '"')
		if n < 0 {
			return -1
		}
		i += n
		escapes := 0
		for b[i-1-escapes] == '\\' {
			escapes++
		}
		if i++; escapes%2 == 0 {
			return i
		}
	}
}

// members calls f with each member of an object. The key is as it is written,
// without quotes.
func members(object []byte, f func(key string, value []byte) error) error {
	return inside(object, '{', func(rest []byte) ([]byte, error) {
		if len(rest) == 0 || rest[0] != '"' {
			return nil, errWalk
		}
		key, rest, err := next(rest)
		if err != nil {
			return nil, err
		}
		if len(rest) == 0 || rest[0] != ':' {
			return nil, errWalk
		}
		value, rest, err := next(rest[1:])
		if err != nil {
			return nil, err
		}
		return rest, f(string(key[1:len(key)-1]), value)
	})
}

// elements calls f with each element of an array.
func elements(array []byte, f func(value []byte) error) error {
	return inside(array, '[', func(rest []byte) ([]byte, error) {
		value, rest, err := next(rest)
		if err != nil {
			return nil, err
		}
		return rest, f(value)
	})
}

// inside goes through what stands between brackets and commas. The value is one
// that next gave, so the last byte is its bracket.
func inside(value []byte, bracket byte, one func(rest []byte) ([]byte, error)) error {
	if len(value) < 2 || value[0] != bracket || value[len(value)-1] != bracket+2 {
		return errWalk
	}
	rest := value[1 : len(value)-1]
	for len(rest) > 0 {
		var err error
		if rest, err = one(rest); err != nil {
			return err
		}
		if len(rest) == 0 {
			return nil
		}
		if rest[0] != ',' || len(rest) == 1 {
			return errWalk
		}
		rest = rest[1:]
	}
	return nil
}

// text gives the text of a string.
func text(value []byte) (string, error) {
	if len(value) < 2 || value[0] != '"' {
		return "", errWalk
	}
	if body := value[1 : len(value)-1]; bytes.IndexByte(body, '\\') < 0 {
		return string(body), nil
	}
	var s string
	if json.Unmarshal(value, &s) != nil {
		return "", errWalk
	}
	return s, nil
}
