package metadata

import "github.com/google/uuid"

// Namespace is NS of the standard: UUIDv5(NAMESPACE_URL, the project's URL).
var Namespace = uuid.MustParse("a578fafa-4cdf-5673-81cf-7de12fe2d661")

// Derive gives the sensor_sync_id of a canonical key: UUIDv5(NS, key).
func Derive(key string) uuid.UUID { return DeriveIn(Namespace, key) }

// DeriveIn derives in a data set's own namespace.
func DeriveIn(ns uuid.UUID, key string) uuid.UUID { return uuid.NewSHA1(ns, []byte(key)) }

// ParseID reads the RFC 9562 text form: 36 characters, no braces, no prefix.
// upper tells hexadecimal digits in upper case, which the standard refuses but
// which leave the id readable.
func ParseID(s string) (id uuid.UUID, upper, ok bool) {
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return id, false, false
	}
	n := 0
	for i := range len(s) {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			continue
		}
		var v byte
		switch c := s[i]; {
		case '0' <= c && c <= '9':
			v = c - '0'
		case 'a' <= c && c <= 'f':
			v = c - 'a' + 10
		case 'A' <= c && c <= 'F':
			v = c - 'A' + 10
			upper = true
		default:
			return uuid.UUID{}, false, false
		}
		id[n/2] = id[n/2]<<4 | v
		n++
	}
	return id, upper, true
}
