//go:build unix

package keys

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

func TestPassphrase(t *testing.T) {
	for content, want := range map[string]string{
		"correct horse\n":                "correct horse",
		"correct horse":                  "correct horse",
		" spaces are kept \n":            " spaces are kept ",
		"\xff\n":                         "\xff",
		strings.Repeat("x", 1024):        strings.Repeat("x", 1024),
		strings.Repeat("x", 1024) + "\n": strings.Repeat("x", 1024),
		"":                               "",
		"\n":                             "",
		"\n\n":                           "",
		"one\ntwo\n":                     "",
		"one\n\n":                        "",
		"windows\r\n":                    "",
		"zero\x00byte":                   "",
		strings.Repeat("x", 1025):        "",
		strings.Repeat("x", 1<<20):       "",
	} {
		path := filepath.Join(t.TempDir(), "pass")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			w.WriteString(content)
			w.Close()
		}()
		fd, err := syscall.Dup(int(r.Fd())) // whoever reads it closes it
		if err = errors.Join(err, r.Close()); err != nil {
			t.Fatal(err)
		}
		sources := []string{"file:" + path, "fd:" + strconv.Itoa(fd)}
		if !strings.Contains(content, "\x00") {
			t.Setenv("AUDITLOG_TEST_PASSPHRASE", content)
			sources = append(sources, "env:AUDITLOG_TEST_PASSPHRASE")
		}
		for _, s := range sources {
			src, err := ParsePassphraseSource(s)
			if err != nil || src.String() != s {
				t.Fatal(src, err)
			}
			got, err := src.ReadNew(t.Context(), "key")
			if string(got) != want || (err == nil) != (want != "") {
				t.Errorf("%.20q from %.8s: %.20q, %v", content, s, got, err)
			}
			if err != nil && strings.Contains(err.Error(), "horse") {
				t.Errorf("the message tells: %v", err)
			}
		}
	}
}

func TestPassphraseSources(t *testing.T) {
	for _, s := range []string{"", "correct horse", "pass:correct horse", "file:", "file", "env:", "fd:", "fd:x", "fd:-1", "fd:65536", "prompt:", "prompt:x", "FILE:x"} {
		if src, err := ParsePassphraseSource(s); err == nil || src != (PassphraseSource{}) {
			t.Errorf("%q is %v", s, src)
		} else if strings.Contains(err.Error(), "horse") {
			t.Errorf("the message tells: %v", err)
		}
	}
	dir := t.TempDir()
	for _, s := range []string{"file:" + dir, "file:" + dir + "/none", "fd:65535", "env:AUDITLOG_TEST_UNSET"} {
		src, err := ParsePassphraseSource(s)
		if err != nil {
			t.Fatal(err)
		}
		if p, err := src.Read(t.Context(), "key"); err == nil || !strings.Contains(err.Error(), s) {
			t.Errorf("%s: %q, %v", s, p, err)
		}
	}
	if p, err := (PassphraseSource{}).Read(context.Background(), "key"); err == nil {
		t.Errorf("from nowhere: %q", p)
	}
	path := filepath.Join(dir, "pass")
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	src, _ := ParsePassphraseSource("file:" + path)
	if mode, ok := src.Exposed(); ok {
		t.Errorf("mode %v is exposed", mode)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if mode, ok := src.Exposed(); !ok || mode != 0o640 {
		t.Errorf("mode %v, %v", mode, ok)
	}
}
