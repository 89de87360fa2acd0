package job

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// The reasons for which a command cannot be started.
var (
	ErrNotFound      = errors.New("command not found")
	ErrNotExecutable = errors.New("command cannot be executed")
)

// StartError is a command that was not started.
type StartError struct {
	Command string
	Reason  error // ErrNotFound or ErrNotExecutable
	Err     error // of the system; may be nil
}

func (e *StartError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("%q: %v", e.Command, e.Reason)
	}
	return fmt.Sprintf("%q: %v: %v", e.Command, e.Reason, e.Err)
}

func (e *StartError) Unwrap() []error { return []error{e.Reason, e.Err} }

// Code is the status with which shells exit: 127 if there is no such command,
// 126 if it cannot be executed.
func (e *StartError) Code() int {
	if e.Reason == ErrNotFound {
		return 127
	}
	return 126
}

// startError sorts an error of the system. ENOENT may also be that of a
// script's interpreter or a program's loader.
func startError(name string, err error) error {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return fmt.Errorf("starting %q: %w", name, err)
	}
	switch errno {
	case syscall.ENOENT, syscall.ENOTDIR:
		return &StartError{name, ErrNotFound, errno}
	case syscall.EACCES, syscall.EPERM, syscall.ENOEXEC, syscall.EISDIR, syscall.ETXTBSY, syscall.E2BIG:
		return &StartError{name, ErrNotExecutable, errno}
	}
	return fmt.Errorf("starting %q: %w", name, err)
}

// Find gives the path of a command as [Run] would start it from folder dir with
// environment env ("" and nil are the caller's), or a *[StartError]. It lets a
// caller refuse a mistyped command before anything is recorded.
func Find(name, dir string, env []string) (string, error) {
	if name == "" {
		return "", &StartError{name, ErrNotFound, nil}
	}
	if strings.Contains(name, "/") {
		if err := executable(within(dir, name)); err != nil {
			return "", startError(name, err)
		}
		return name, nil // relative to dir, as exec.Cmd has it
	}
	var refused error
	for _, folder := range filepath.SplitList(pathOf(env)) {
		if folder == "" {
			folder = "." // as in shells
		}
		path := filepath.Join(folder, name)
		if !filepath.IsAbs(path) {
			path = "./" + path
		}
		err := executable(within(dir, path))
		if err == nil {
			return path, nil
		}
		if errors.Is(err, fs.ErrPermission) && refused == nil {
			refused = startError(name, err)
		}
	}
	if refused != nil {
		return "", refused
	}
	return "", &StartError{name, ErrNotFound, nil}
}

func within(dir, path string) string {
	if dir == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// executable asks by the mode bits; the kernel has the last word at the start.
func executable(path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return err
	case info.IsDir():
		return &fs.PathError{Op: "exec", Path: path, Err: syscall.EISDIR}
	case info.Mode()&0o111 == 0:
		return &fs.PathError{Op: "exec", Path: path, Err: syscall.EACCES}
	}
	return nil
}

// pathOf gives PATH. Of a name given twice the last counts, as for exec.Cmd.
func pathOf(env []string) string {
	if env == nil {
		return os.Getenv("PATH")
	}
	value := ""
	for _, e := range env {
		if v, ok := strings.CutPrefix(e, "PATH="); ok {
			value = v
		}
	}
	return value
}
