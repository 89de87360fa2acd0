package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// A Stream is a file that has no name until all of it is written: for what does
// not fit into memory, or is named by its content.
type Stream struct {
	root *os.Root
	file *os.File
	tmp  string
}

// NewStream begins a file below root, with mode perm before umask. It lies in
// dir as .NAME.RANDOM.tmp until Commit.
func NewStream(root *os.Root, dir string, perm fs.FileMode) (*Stream, error) {
	f, tmp, err := create(root, filepath.Join(dir, "stream"), perm)
	if err != nil {
		return nil, err
	}
	return &Stream{root, f, tmp}, nil
}

// Write implements io.Writer.
func (s *Stream) Write(p []byte) (int, error) { return s.file.Write(p) }

// Commit gives the file its name, in a folder below root that exists, in place
// of any that has it. Once it has returned nil, a power failure does not undo
// it; otherwise the file is gone.
func (s *Stream) Commit(name string) error {
	if err := errors.Join(s.file.Sync(), s.file.Close()); err != nil {
		s.root.Remove(s.tmp)
		return err
	}
	if err := s.root.Rename(s.tmp, name); err != nil {
		s.root.Remove(s.tmp)
		return err
	}
	return syncDir(s.root, filepath.Dir(name))
}

// Abort gives the file up. After Commit it does nothing.
func (s *Stream) Abort() {
	if s.file.Close() == nil { // else Commit has closed it
		s.root.Remove(s.tmp)
	}
}
