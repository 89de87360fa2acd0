package fingerprint

import "encoding/binary"

// A Type says what a leaf of the path tree stands for.
type Type string

// The types of leaves.
const (
	TypeFile       Type = "file"       // a regular file
	TypeSymlink    Type = "symlink"    // a symbolic link; size and digest are those of its target's text
	TypeUnreadable Type = "unreadable" // a file or folder that could not be read; digest and size are zero
)

// code is the byte that stands for a type in leaves and rows.
func (t Type) code() byte {
	switch t {
	case TypeFile:
		return 'f'
	case TypeSymlink:
		return 'l'
	case TypeUnreadable:
		return 'u'
	}
	return 0
}

// The domains of the two kinds of leaves.
const (
	pathDomain    = "auditlog/file/v1"
	contentDomain = "auditlog/content/v1"
)

// pathLeaf is the hash of a leaf of the path tree:
//
//	SHA3-512(0x00 || "auditlog/file/v1" || type || uvarint(len path) || path || u64be size || digest)
func pathLeaf(l *Leaf) Digest { return sum(appendPathLeaf(make([]byte, 0, 192+len(l.Path)), l)) }

func appendPathLeaf(b []byte, l *Leaf) []byte {
	b = append(b, 0)
	b = append(b, pathDomain...)
	b = append(b, l.Type.code())
	b = binary.AppendUvarint(b, uint64(len(l.Path)))
	b = append(b, l.Path...)
	b = binary.BigEndian.AppendUint64(b, l.Size)
	return append(b, l.Digest[:]...)
}

// contentLeaf is the hash of a leaf of the content tree:
//
//	SHA3-512(0x00 || "auditlog/content/v1" || digest || u64be size || u64be copies)
func contentLeaf(l *Leaf) Digest { return sum(appendContentLeaf(make([]byte, 0, 128), l)) }

func appendContentLeaf(b []byte, l *Leaf) []byte {
	b = append(b, 0)
	b = append(b, contentDomain...)
	b = append(b, l.Digest[:]...)
	b = binary.BigEndian.AppendUint64(b, l.Size)
	return binary.BigEndian.AppendUint64(b, l.Copies)
}
