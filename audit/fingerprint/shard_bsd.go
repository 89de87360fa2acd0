//go:build unix && !linux

package fingerprint

import (
	"io"

	"golang.org/x/sys/unix"
)

// readFolder reads more entries of the folder fd; io.EOF at the end. The kinds
// are not known here.
func readFolder(fd int) (list []entry, err error) {
	buf := make([]byte, 32<<10)
	n := 0
	if err := again(func() (err error) {
		n, err = unix.ReadDirent(fd, buf)
		return err
	}); err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, io.EOF
	}
	_, _, names := unix.ParseDirent(buf[:n], -1, nil)
	for _, name := range names {
		list = append(list, entry{name: name})
	}
	return list, nil
}
