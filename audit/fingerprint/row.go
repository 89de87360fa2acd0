package fingerprint

import (
	"encoding/binary"
	"errors"
	"math"
)

// A row is what is known of one path. Rows travel through the sorts in the
// encoding of append; they never are in memory all at once.
type row struct {
	path      string // relative to the root, "" for the root itself
	kind      byte   // 'f' file, 'l' symbolic link, 'd' folder, 'o' other
	trouble   trouble
	cached    bool // the digests come from an earlier run
	hasSHA256 bool
	empty     bool  // a folder without entries
	part      bool  // note is how far its reading came, see saved
	byChunks  bool  // compared by its chunks; note is where it differs, see span
	seen      int64 // when the reading began, in ns since 1970
	stat      stat  // what the reading found
	digest    Digest
	sha256    [32]byte
	note      string // target of a link; what is wrong where there is trouble

	piece *piece // what is to be read, if not all; not encoded
}

// A stat identifies a version of a file. If any of it differs, the content may.
type stat struct {
	dev, ino, links, size uint64
	mode                  uint32 // of the system: type and permissions
	mtime, ctime          int64  // ns since 1970
}

// same reports whether nothing was written, replaced or renamed between a and b.
func (a stat) same(b stat) bool {
	return a.dev == b.dev && a.ino == b.ino && a.size == b.size && a.mode == b.mode && a.mtime == b.mtime && a.ctime == b.ctime
}

const (
	flagCached = 1 << iota
	flagSHA256
	flagEmpty
	flagPart
	flagChunks
	flagAll = 1<<iota - 1
)

// fixedRow is the length of what every row has.
const fixedRow = 3 + 8*8 + len(Digest{})

// size is the length of what append appends.
func (r *row) size() int {
	if r.hasSHA256 {
		return fixedRow + len(r.sha256) + len(r.note)
	}
	return fixedRow + len(r.note)
}

// append encodes everything but the path, which is the key of the row.
func (r *row) append(b []byte) []byte {
	var flags byte
	if r.cached {
		flags |= flagCached
	}
	if r.hasSHA256 {
		flags |= flagSHA256
	}
	if r.empty {
		flags |= flagEmpty
	}
	if r.part {
		flags |= flagPart
	}
	if r.byChunks {
		flags |= flagChunks
	}
	b = append(b, r.kind, byte(r.trouble), flags)
	for _, v := range [...]uint64{uint64(r.seen), r.stat.dev, r.stat.ino, r.stat.links, r.stat.size, uint64(r.stat.mode), uint64(r.stat.mtime), uint64(r.stat.ctime)} {
		b = binary.BigEndian.AppendUint64(b, v)
	}
	b = append(b, r.digest[:]...)
	if r.hasSHA256 {
		b = append(b, r.sha256[:]...)
	}
	return append(b, r.note...)
}

var errRow = errors.New("damaged row")

// parseRow reads what append wrote.
func parseRow(path, b []byte) (row, error) {
	if len(b) < fixedRow || trouble(b[1]) > mount || b[2]&^flagAll != 0 {
		return row{}, errRow
	}
	r := row{
		path: string(path), kind: b[0], trouble: trouble(b[1]),
		cached: b[2]&flagCached != 0, hasSHA256: b[2]&flagSHA256 != 0, empty: b[2]&flagEmpty != 0,
		part: b[2]&flagPart != 0, byChunks: b[2]&flagChunks != 0,
	}
	b = b[3:]
	next := func() uint64 {
		v := binary.BigEndian.Uint64(b)
		b = b[8:]
		return v
	}
	r.seen = int64(next())
	r.stat.dev, r.stat.ino, r.stat.links, r.stat.size = next(), next(), next(), next()
	mode := next()
	if mode > math.MaxUint32 {
		return row{}, errRow
	}
	r.stat.mode, r.stat.mtime, r.stat.ctime = uint32(mode), int64(next()), int64(next())
	b = b[copy(r.digest[:], b):]
	if r.hasSHA256 {
		if len(b) < len(r.sha256) {
			return row{}, errRow
		}
		b = b[copy(r.sha256[:], b):]
	}
	r.note = string(b)
	return r, nil
}

// serial is how much of a file, whose stat is was, must be hashed one byte after
// the other. Pieces of files are small.
func (r *row) serial(was stat) uint64 {
	if r.piece != nil {
		return 0
	}
	return was.size
}

// leaf is the leaf of the path tree that r becomes.
func (r *row) leaf() Leaf {
	l := Leaf{Path: r.path, Size: r.stat.size, Digest: r.digest}
	switch {
	case r.trouble != none:
		return Leaf{Path: r.path, Type: TypeUnreadable}
	case r.kind == 'l':
		l.Type, l.Size = TypeSymlink, uint64(len(r.note)) // some file systems say 0
	default:
		l.Type = TypeFile
	}
	return l
}
