package dataset

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// An LFSPointer is the small text file that Git LFS leaves in place of a
// payload that was not pulled. As an error it says that a file holds a pointer
// instead of its content.
type LFSPointer struct {
	OID  string // hex digits of the SHA-256 of the payload
	Size int64  // bytes of the payload
}

func (p *LFSPointer) Error() string {
	return fmt.Sprintf("is a Git-LFS pointer to %d bytes", p.Size)
}

// MaxLFSPointer bounds the size of a pointer file: the specification says that
// it must be smaller than 1024 bytes.
const MaxLFSPointer = 1024

const lfsMagic = "version https://git-lfs.github.com/spec/v1\n"

// ParseLFSPointer reads the pointer that head begins with, or gives nil. head
// is the file from its first byte, at most MaxLFSPointer bytes of it.
func ParseLFSPointer(head []byte) *LFSPointer {
	rest, ok := bytes.CutPrefix(head, []byte(lfsMagic))
	if !ok {
		return nil
	}
	p := &LFSPointer{Size: -1}
	for line := range strings.Lines(string(rest)) {
		key, value, _ := strings.Cut(strings.TrimRight(line, "\r\n"), " ")
		switch key {
		case "oid":
			p.OID = strings.TrimPrefix(value, "sha256:")
		case "size":
			if n, err := strconv.ParseInt(value, 10, 64); err == nil && n >= 0 {
				p.Size = n
			}
		}
	}
	if p.OID == "" || p.Size < 0 {
		return nil
	}
	return p
}
