package fingerprint

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
)

// ChunkSize is the size of the chunks of a file, but for the last.
const ChunkSize = 64 << 20

// ChunkFormat is the first line of a list of chunks.
const ChunkFormat = "auditlog/chunks/v1"

// ErrOtherChunks says that a list of chunks was not made with the document that
// a folder is held against.
var ErrOtherChunks = errors.New("the list of chunks is of another content than the document")

// A Chunk is one line of a list of chunks: a piece of a file.
type Chunk struct {
	Digest         Digest // of the piece
	Offset, Length uint64 // in bytes
	File           Digest // of the whole file, read in the same pass
	Path           string
}

// append appends the line: digest, offset, length, digest of the file, each
// with a space, and another before the path, which is escaped as in a manifest.
func (c *Chunk) append(b []byte) []byte {
	b = append(append(b, c.Digest.String()...), ' ')
	b = append(strconv.AppendUint(b, c.Offset, 10), ' ')
	b = append(strconv.AppendUint(b, c.Length, 10), ' ')
	return appendManifestLine(b, c.File, c.Path)
}

// parseChunk reads a line without its line feed.
func parseChunk(line string) (c Chunk, err error) {
	fields := strings.SplitN(line, " ", 4)
	if len(fields) < 4 {
		return c, errors.New("want two digests, an offset, a length and a path")
	}
	if len(fields[0]) != 2*len(c.Digest) {
		return c, errors.New("does not begin with a digest")
	}
	if err := parseHex(c.Digest[:], []byte(fields[0])); err != nil {
		return c, err
	}
	for i, to := range [...]*uint64{&c.Offset, &c.Length} {
		if *to, err = strconv.ParseUint(fields[i+1], 10, 63); err != nil {
			return c, fmt.Errorf("%q is no offset or length", fields[i+1])
		}
	}
	if c.File, c.Path, err = parseManifestLine(fields[3]); err != nil {
		return c, err
	}
	if string(c.append(nil)) != line+"\n" {
		return c, errors.New("not as it would have been written")
	}
	return c, nil
}

// Chunks reads a list of chunks line by line. It ends at the first error: a line
// that Run would not have written, one out of order, or one that is not there,
// as far as the others tell.
func Chunks(r io.Reader) iter.Seq2[Chunk, error] { return chunks(r, ChunkSize) }

func chunks(r io.Reader, size uint64) iter.Seq2[Chunk, error] {
	return func(yield func(Chunk, error) bool) {
		lines := newLines(r)
		head, err := lines.next()
		if err != nil && !errors.Is(err, io.EOF) || err == nil && string(head) != ChunkFormat || errors.Is(err, io.EOF) {
			yield(Chunk{}, fmt.Errorf("not a list of chunks: its first line is not %s", ChunkFormat))
			return
		}
		var last Chunk
		for {
			line, err := lines.next()
			end := errors.Is(err, io.EOF)
			var c Chunk
			if err == nil {
				c, err = parseChunk(string(line))
			}
			if err == nil || end {
				err = follows(last, c, size, end)
			}
			if err != nil {
				yield(Chunk{}, fmt.Errorf("list of chunks, line %d: %w", lines.number, err))
				return
			}
			if end || !yield(c, nil) {
				return
			}
			last = c
		}
	}
}

// follows holds a line against the one before, if there is one, or the end.
func follows(last, c Chunk, size uint64, end bool) error {
	switch {
	case !end && (c.Length == 0 || c.Length > size || c.Offset%size != 0):
		return errors.New("no chunk has this offset and length")
	case !end && c.Path == last.Path:
		if last.Length != size || c.Offset != last.Offset+size || c.File != last.File {
			return errors.New("does not go on where the line before ends")
		}
	case last.Path != "" && last.Offset == 0:
		return errors.New("the file of the line before has one chunk")
	case !end && (c.Path < last.Path || c.Offset != 0):
		return errors.New("out of order")
	}
	return nil
}

// chunkKey sorts chunks as lists have them: no path has a NUL byte.
func chunkKey(path string, offset uint64) []byte {
	return binary.BigEndian.AppendUint64(append([]byte(path), 0), offset)
}

// fileOf encodes the size and the digest of a file, for parseFile.
func fileOf(size uint64, d Digest) []byte {
	return append(binary.BigEndian.AppendUint64(nil, size), d[:]...)
}

func parseFile(b []byte) (size uint64, d Digest, err error) {
	if len(b) != 8+len(d) {
		return 0, d, errRow
	}
	return binary.BigEndian.Uint64(b), Digest(b[8:]), nil
}

// A piece is what is read of a file.
type piece struct{ offset, length uint64 }

// A span is the first chunk of a file that differs, and how many do.
type span struct{ from, to, count uint64 }

func (s span) note() string {
	b := binary.BigEndian.AppendUint64(nil, s.from)
	b = binary.BigEndian.AppendUint64(b, s.to)
	return string(binary.BigEndian.AppendUint64(b, s.count))
}

func parseSpan(note string) (s span, err error) {
	if len(note) != 24 {
		return s, errRow
	}
	for i, to := range [...]*uint64{&s.from, &s.to, &s.count} {
		*to = binary.BigEndian.Uint64([]byte(note[8*i:]))
	}
	return s, nil
}
