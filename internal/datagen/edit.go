package datagen

import (
	"bytes"
	"fmt"
	"os"
	"strings"
)

// EditLine replaces a line (from 1) of a text file by f of it.
func (d *Dir) EditLine(name string, line int, f func(string) string) error {
	return d.EditLines(name, func(lines []string) []string {
		lines[line-1] = f(lines[line-1])
		return lines
	})
}

// EditLines replaces the lines of a text file, which are given without their
// ends, by f of them. Every line of the outcome is ended.
func (d *Dir) EditLines(name string, f func([]string) []string) error {
	return d.Edit(name, func(b []byte) []byte {
		lines := f(strings.Split(strings.TrimSuffix(string(b), "\n"), "\n"))
		var out bytes.Buffer
		for _, l := range lines {
			fmt.Fprintln(&out, l)
		}
		return out.Bytes()
	})
}

// Copy copies a file.
func (d *Dir) Copy(from, to string) error {
	b, err := os.ReadFile(d.path(from))
	if err != nil {
		return err
	}
	return d.Write(to, b)
}

// column replaces a space-separated column (from 1) of a line.
func column(n int, value string) func(string) string {
	return func(line string) string {
		words := strings.Split(line, " ")
		words[n-1] = value
		return strings.Join(words, " ")
	}
}

// without leaves a line (from 1) out.
func without(n int) func([]string) []string {
	return func(lines []string) []string { return append(lines[:n-1:n-1], lines[n:]...) }
}
