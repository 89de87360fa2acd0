package fingerprint

import (
	"bytes"
	"encoding/binary"
	"io"

	"golang.org/x/sys/unix"
)

// readFolder reads more entries of the folder fd; io.EOF at the end. The kinds
// come with the names (getdents64), so that nothing is asked about each.
func readFolder(fd int) (list []entry, err error) {
	const head = 19 // d_ino 8, d_off 8, d_reclen 2, d_type 1
	buf := make([]byte, 32<<10)
	n := 0
	if err := again(func() (err error) {
		n, err = unix.Getdents(fd, buf)
		return err
	}); err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, io.EOF
	}
	for b := buf[:n]; len(b) > head; {
		size := int(binary.NativeEndian.Uint16(b[16:]))
		if size <= head || size > len(b) {
			return nil, unix.EIO
		}
		name, _, _ := bytes.Cut(b[head:size], []byte{0})
		inode := binary.NativeEndian.Uint64(b)
		if s := string(name); inode != 0 && s != "." && s != ".." {
			list = append(list, entry{s, kindOfDirent(b[18])})
		}
		b = b[size:]
	}
	return list, nil
}

func kindOfDirent(t byte) byte {
	switch t {
	case unix.DT_UNKNOWN:
		return 0
	case unix.DT_DIR:
		return 'd'
	case unix.DT_REG:
		return 'f'
	case unix.DT_LNK:
		return 'l'
	}
	return 'o'
}
