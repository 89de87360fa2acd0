// Package message reads protocol buffers by field numbers, as
// hyperledger/fabric-protos gives them. It means what the generated code means,
// without that code: the descriptors of Fabric cost each program that links them
// megabytes and milliseconds, and two copies of them cannot live in one process.
// It reads as leniently as peers do, because they judge what is on the chain.
// Evidence is read by the stricter rules of package endorsed.
package message

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// Fields says where the fields of a message go. A target is a *[]byte, *string
// or *uint64, which gets the last occurrence of its field; a *[][]byte, which
// gets all, in order; or a *Embedded. It keeps its value if the field is absent.
// What is read shares the memory of the message.
type Fields map[protowire.Number]any

// Embedded is the bytes of a singular field that is a message: its occurrences,
// joined, because of such a field all occurrences count, merged.
type Embedded []byte

// Decode reads a message. Fields that are not asked for, or have another wire
// type than their target, are skipped.
func Decode(b []byte, to Fields) error {
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return fmt.Errorf("not a message: %w", protowire.ParseError(n))
		}
		if number > protowire.MaxValidNumber {
			return fmt.Errorf("not a message: field %d", number)
		}
		b = b[n:]
		target := to[number]
		switch kind {
		case protowire.BytesType:
			var v []byte
			if v, n = protowire.ConsumeBytes(b); n < 0 {
				break
			}
			v = v[:len(v):len(v)]
			switch t := target.(type) {
			case *[]byte:
				*t = v
			case *string:
				*t = string(v)
			case *[][]byte:
				*t = append(*t, v)
			case *Embedded:
				// Parts that are no messages could be one when joined.
				if err := Decode(v, nil); err != nil {
					return err
				}
				*t = append((*t)[:len(*t):len(*t)], v...)
			}
		case protowire.VarintType:
			var v uint64
			if v, n = protowire.ConsumeVarint(b); n < 0 {
				break
			}
			if t, ok := target.(*uint64); ok {
				*t = v
			}
		default:
			n = protowire.ConsumeFieldValue(number, kind, b)
		}
		if n < 0 {
			return fmt.Errorf("not a message: field %d: %w", number, protowire.ParseError(n))
		}
		b = b[n:]
	}
	return nil
}
