package human

import (
	"math"
	"strings"
	"testing"
)

func TestCount(t *testing.T) {
	for n, want := range map[int]string{0: "0 frames", 1: "1 frame", 2: "2 frames", -1: "-1 frames"} {
		if got := Count(n, "frame"); got != want {
			t.Errorf("%d: %q", n, got)
		}
	}
}

func TestBytes(t *testing.T) {
	for n, want := range map[int64]string{0: "0 bytes", 1: "1 byte", 999: "999 bytes", 1000: "1.0 kB", 1863376: "1.9 MB", 4e9: "4.0 GB"} {
		if got := Bytes(n); got != want {
			t.Errorf("%d: %q", n, got)
		}
	}
}

func TestDuration(t *testing.T) {
	for ns, want := range map[int64]string{
		0: "0 ns", -999: "-999 ns", 1500: "1.5 µs", -6135296: "-6.135 ms", 7200e9: "7200 s",
		math.MinInt64: "-9.22337e+09 s",
	} {
		if got := Duration(ns); got != want {
			t.Errorf("%d: %q", ns, got)
		}
	}
}

func TestClip(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "abcd": "abcd", "abcde": "abcd…", "abcß": "abc…", "aßßß": "aß…", "\xff\xff\xff\xff\xff": "\xff\xff\xff\xff…",
		"abc\x80\x80": "ab…", strings.Repeat("\x80", 9): "\x80\x80\x80\x80…",
	} {
		if got := Clip(in, 4); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
		if got := Clip([]byte(in), 4); got != want {
			t.Errorf("bytes %q: %q, want %q", in, got, want)
		}
	}
}

func TestVisible(t *testing.T) {
	for in, want := range map[string]string{
		"plain é 模型":                 "plain é 模型",
		"a\nb\r\t\x1b[2J":            `a\nb\r\t\x1b[2J`,
		"x\u202ecod.exe\u2066":       `x\u202ecod.exe\u2066`,
		"\xff\u200b\U000e0001\ufffd": `\xff\u200b\U000e0001` + "\ufffd",
	} {
		if got := Visible(in); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}
