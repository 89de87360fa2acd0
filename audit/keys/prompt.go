//go:build linux || darwin

package keys

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// prompt asks on the terminal of this process, whatever stdin and stderr are.
// The echo is off before the question is seen, so that nothing is answered in
// the clear. term.ReadPassword would be late.
func prompt(ctx context.Context, question string) ([]byte, error) {
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("no terminal to ask on: %w", err)
	}
	line, err := ask(ctx, tty, question)
	if ctx.Err() == nil { // or else its reader still waits
		tty.Close()
	}
	return bytes.TrimSuffix(line, []byte("\n")), err
}

func ask(ctx context.Context, tty *os.File, question string) ([]byte, error) {
	fd := int(tty.Fd())
	before, err := unix.IoctlGetTermios(fd, getTermios)
	if err != nil {
		return nil, fmt.Errorf("no terminal to ask on: %w", err)
	}
	silent := *before
	silent.Lflag = silent.Lflag&^unix.ECHO | unix.ECHONL | unix.ICANON | unix.ISIG
	silent.Iflag |= unix.ICRNL
	if err := unix.IoctlSetTermios(fd, setTermios, &silent); err != nil {
		return nil, err
	}
	defer unix.IoctlSetTermios(fd, setTermios, before)
	if _, err := io.WriteString(tty, question); err != nil {
		return nil, err
	}
	type answer struct {
		line []byte
		err  error
	}
	read := make(chan answer, 1)
	go func() {
		line, err := bufio.NewReader(tty).ReadBytes('\n') // the terminal bounds a line
		read <- answer{line, err}
	}()
	select {
	case a := <-read:
		return a.line, a.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
