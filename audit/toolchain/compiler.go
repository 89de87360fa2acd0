package toolchain

import (
	"bytes"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"

	"github.com/mmaudit/mmaudit/internal/lazyre"
)

// compilers reads which compilers made the interpreter of the run or, without
// one, the C library: the section .comment, which distributions may strip.
func compilers(_ context.Context, e *env) (any, string, error) {
	names := e.root.glob("/lib/*-linux-gnu/libc.so.6")
	if exe := e.executable(); exe != "" {
		names = append([]string{exe}, names...)
	}
	err := errAbsent
	for _, name := range names {
		f, _, openErr := e.root.open(name)
		if openErr != nil {
			err = openErr
			continue
		}
		found, readErr := comment(f)
		f.Close()
		if readErr == nil {
			return found, name, nil
		}
		err = fmt.Errorf("%s: %w", name, readErr)
	}
	return nil, ".comment", err
}

// comment gives the strings in .comment, sorted, each once. The file may be
// hostile.
func comment(f *os.File) (found []string, err error) {
	defer func() {
		if p := recover(); p != nil {
			found, err = nil, fmt.Errorf("%v", p)
		}
	}()
	ef, err := elf.NewFile(f)
	if err != nil {
		return nil, err
	}
	s := ef.Section(".comment")
	if s == nil || s.Type == elf.SHT_NOBITS || s.FileSize > 64<<10 || s.Flags&elf.SHF_COMPRESSED != 0 {
		return nil, errors.New("no .comment")
	}
	data, err := s.Data()
	if err != nil {
		return nil, err
	}
	for _, text := range bytes.Split(data, []byte{0}) {
		if t := abbreviate(string(bytes.TrimSpace(text))); t != "" && !slices.Contains(found, t) && len(found) < 32 {
			found = append(found, t)
		}
	}
	if len(found) == 0 {
		return nil, errors.New("no .comment")
	}
	slices.Sort(found)
	return found, nil
}

// cudaHeader reads CUDA_VERSION of cuda.h: 12040 is 12.4.
func cudaHeader(data []byte) (any, error) {
	v, err := defines("CUDA_VERSION")(data)
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(v.(string))
	if err != nil || n < 1000 || n > 1_000_000 {
		return nil, errors.New("CUDA_VERSION is no version")
	}
	return map[string]any{"version": fmt.Sprintf("%d.%d", n/1000, n%1000/10)}, nil
}

var torchLocal = lazyre.New(`\+(cu(\d{1,2})(\d)|rocm(\d+(?:\.\d+){1,2}))$`)

// ofTorch makes a source of what a wheel of PyTorch says it was built for, cuda
// or rocm: 2.4.0+cu124 is CUDA 12.4.
func ofTorch(kind string) source {
	return func(ctx context.Context, e *env) (any, string, error) {
		v, from, err := wheel("torch")(ctx, e)
		if err != nil {
			return nil, from, err
		}
		text, _ := v.(string)
		m := torchLocal().FindStringSubmatch(text)
		switch {
		case m != nil && kind == "cuda" && m[2] != "":
			return m[2] + "." + m[3], from, nil
		case m != nil && kind == "rocm" && m[4] != "":
			return m[4], from, nil
		}
		return nil, from, errAbsent
	}
}
