package durable

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// ErrNotRegular is something else in the place of a file that this program wrote.
var ErrNotRegular = errors.New("is no regular file")

// maxRead bounds ReadFile. Nothing that is read whole comes near it.
const maxRead = 64 << 20

// Open opens a regular file for reading. Whoever can write to a folder can put a
// pipe there, whose opening would wait for ever, or a link to a device that has
// no end: those are ErrNotRegular.
func Open(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: name, Err: ErrNotRegular}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// ReadFile gives the content of a regular file of at most 64 MiB.
func ReadFile(name string) ([]byte, error) {
	f, err := Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() > maxRead {
		return nil, &fs.PathError{Op: "read", Path: name, Err: fmt.Errorf("has %d bytes, at most %d", info.Size(), maxRead)}
	}
	data := make([]byte, info.Size()+1) // one more, to see the end
	n, err := io.ReadFull(f, data)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return data[:n], nil
	}
	if err == nil { // it has grown since
		rest, more := io.ReadAll(io.LimitReader(f, maxRead))
		data, err = append(data, rest...), more
	}
	return data, err
}
