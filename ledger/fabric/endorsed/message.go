package endorsed

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// fields are those that a message may have: *[]byte and *uint64 take what
// appears at most once, *[][]byte what may repeat.
type fields map[protowire.Number]any

// read reads a message of protocol buffers that has these fields only.
func read(what string, data []byte, into fields) error {
	seen := map[protowire.Number]bool{}
	for len(data) > 0 {
		number, wire, n := protowire.ConsumeTag(data)
		if n < 0 {
			return fmt.Errorf("%s: %w", what, protowire.ParseError(n))
		}
		data = data[n:]
		to, ok := into[number]
		if !ok {
			return fmt.Errorf("%s: field %d is not known", what, number)
		}
		list, repeats := to.(*[][]byte)
		if seen[number] && !repeats {
			return fmt.Errorf("%s: field %d appears twice", what, number)
		}
		seen[number] = true
		want := protowire.BytesType
		if _, ok := to.(*uint64); ok {
			want = protowire.VarintType
		}
		if wire != want {
			return fmt.Errorf("%s: field %d is of type %d, want %d", what, number, wire, want)
		}
		var value []byte
		if to, ok := to.(*uint64); ok {
			*to, n = protowire.ConsumeVarint(data)
		} else {
			value, n = protowire.ConsumeBytes(data)
		}
		if n < 0 {
			return fmt.Errorf("%s: field %d: %w", what, number, protowire.ParseError(n))
		}
		data = data[n:]
		if repeats {
			*list = append(*list, value)
		} else if to, ok := to.(*[]byte); ok {
			*to = value
		}
	}
	return nil
}
