package hparams

import (
	"fmt"
	"strings"
)

var escapeKey = strings.NewReplacer(`\`, `\\`, `.`, `\.`)

// JoinKey gives the full key of a value in nested maps: the names from the
// outside in, with dots between them. A dot or backslash within a name is
// preceded by a backslash, so that different paths never have one key:
// ["a", "b"] is a.b, ["a.b"] is a\.b, and ["", ""] is a single dot.
func JoinKey(path []string) string {
	escaped := make([]string, len(path))
	for i, name := range path {
		escaped[i] = escapeKey.Replace(name)
	}
	return strings.Join(escaped, ".")
}

// SplitKey undoes [JoinKey]. It refuses a backslash before anything else than a
// dot or backslash, so that every key has one spelling.
func SplitKey(key string) ([]string, error) {
	path := []string{}
	var name strings.Builder
	for i := 0; i < len(key); i++ {
		switch c := key[i]; c {
		case '.':
			path = append(path, name.String())
			name.Reset()
		case '\\':
			i++
			if i == len(key) || key[i] != '.' && key[i] != '\\' {
				return nil, fmt.Errorf(`key %q: a backslash stands before a dot or a backslash only`, key)
			}
			name.WriteByte(key[i])
		default:
			name.WriteByte(c)
		}
	}
	return append(path, name.String()), nil
}
