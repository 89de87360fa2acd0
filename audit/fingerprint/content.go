package fingerprint

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// addContent puts a file into a sort by content: key digest and path, value size.
func addContent(s *sorter, l *Leaf) error {
	key := append(append(make([]byte, 0, len(l.Digest)+len(l.Path)), l.Digest[:]...), l.Path...)
	return s.add(key, binary.BigEndian.AppendUint64(nil, l.Size))
}

// eachContent calls fn with each content once, in the order of digests, and
// with the first path that has it. The leaf is valid until fn returns.
func eachContent(s *sorter, fn func(l *Leaf, path string) error) error {
	var cur Leaf
	var first string
	flush := func() error {
		if cur.Copies == 0 {
			return nil
		}
		return fn(&cur, first)
	}
	err := s.each(func(key, val []byte) error {
		d, path := Digest(key[:len(Digest{})]), key[len(Digest{}):]
		size := binary.BigEndian.Uint64(val)
		if cur.Copies > 0 && d == cur.Digest {
			if size != cur.Size {
				return fmt.Errorf("%q and %q have one digest and two sizes", first, path)
			}
			cur.Copies++
			return nil
		}
		if err := flush(); err != nil {
			return err
		}
		cur, first = Leaf{Digest: d, Size: size, Copies: 1}, string(path)
		return nil
	})
	if err != nil {
		return err
	}
	return flush()
}

// contentsOf sorts the files of a listing by content, and counts them.
func contentsOf(ctx context.Context, listing io.Reader, o *Options) (s *sorter, head Head, err error) {
	s = newSorter(ctx, o)
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	for e, err := range Entries(listing) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return s, head, err
		}
		switch e.Type {
		case TypeUnreadable:
			head.Unreadable++
		case TypeFile:
			head.Bytes += e.Size
			if err := addContent(s, &e.Leaf); err != nil {
				return s, head, err
			}
		}
	}
	return s, head, nil
}

// ErrListing says that a listing is not the one that a head was made of.
var ErrListing = errors.New("the listing does not belong to this fingerprint")

func sameHead(got, want Head) error {
	if got != want {
		return fmt.Errorf("%w: it has %d leaves, %d bytes, root %.16s; the fingerprint %d, %d, %.16s",
			ErrListing, got.Leaves, got.Bytes, got.Root, want.Leaves, want.Bytes, want.Root)
	}
	return nil
}
