// Package figures is what the programs that measure have in common: the machine
// in words, medians, tables in Markdown, and the part of a document that a
// program writes.
//
// Nothing here decides whether a figure is good: times differ from machine to
// machine, and from minute to minute.
package figures

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Main is the main function of a program that measures: an interrupt ends ctx,
// and an error the process, with a line on stderr that begins with the name.
func Main(name string, run func(ctx context.Context) error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintf(os.Stderr, "%s: error: %v\n", name, err)
		os.Exit(1)
	}
}

// Median gives the middle of xs, which are not empty.
func Median(xs []float64) float64 {
	xs = slices.Sorted(slices.Values(xs))
	n := len(xs)
	return (xs[(n-1)/2] + xs[n/2]) / 2
}

// Digits writes three digits of a number, or all that it has before the point.
func Digits(x float64) string {
	switch {
	case x >= 100:
		return fmt.Sprintf("%.0f", x)
	case x >= 10:
		return fmt.Sprintf("%.1f", x)
	default:
		return fmt.Sprintf("%.2f", x)
	}
}

// Machine says what figures are taken on: processor, what vectors it has, cores,
// memory, system, Go, and the file system of a folder. Where the system does not
// tell, it is left out.
func Machine(dir string) string {
	words := []string{processor(), vectors(), fmt.Sprintf("%d cores", runtime.NumCPU()), memory(), system(), fileSystem(dir), runtime.Version()}
	return strings.Join(slices.DeleteFunc(words, func(w string) bool { return w == "" }), ", ")
}

// processor is its name, or else its architecture.
func processor() string {
	if name := field("/proc/cpuinfo", "model name"); name != "" {
		return name
	}
	return runtime.GOARCH
}

// vectors are the widest that hashing could use.
func vectors() string {
	flags := strings.Fields(field("/proc/cpuinfo", "flags"))
	for _, v := range []struct{ flag, name string }{{"avx512f", "AVX-512"}, {"avx2", "AVX2"}} {
		if slices.Contains(flags, v.flag) {
			return v.name
		}
	}
	return ""
}

func memory() string {
	var kb float64
	if _, err := fmt.Sscan(field("/proc/meminfo", "MemTotal"), &kb); err != nil {
		return ""
	}
	return fmt.Sprintf("%.0f GB", kb*1024/1e9)
}

func system() string {
	out, err := exec.Command("uname", "-sr").Output()
	if err != nil {
		return runtime.GOOS
	}
	name, _, _ := strings.Cut(strings.TrimSpace(string(out)), "-") // what its builder calls it
	return name
}

// field is the first value of a name in a file of lines "name: value".
func field(file, name string) string {
	data, _ := os.ReadFile(file)
	for line := range strings.Lines(string(data)) {
		if n, value, _ := strings.Cut(line, ":"); strings.TrimSpace(n) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// fileSystem is the type of file system that a folder lies on.
func fileSystem(dir string) string {
	out, err := exec.Command("df", "--output=fstype", dir).Output()
	if f := strings.Fields(string(out)); err == nil && len(f) == 2 {
		return f[1]
	}
	return "unknown file system"
}

// Load is how many processes wanted to run in the last minute, on average; empty
// where the system does not tell.
func Load() string {
	data, _ := os.ReadFile("/proc/loadavg")
	first, _, _ := strings.Cut(string(data), " ")
	return first
}

// Tool gives the path of a program of tools/go.mod, which is built first. The
// working folder must be the root of the repository.
func Tool(ctx context.Context, name string) (path string, err error) {
	out, err := exec.CommandContext(ctx, "go", "-C", "tools", "tool", "-n", name).Output()
	if err != nil {
		return "", fmt.Errorf("%s of tools/go.mod, in the root of the repository: %w", name, err)
	}
	return strings.TrimSpace(string(out)), nil
}

// Used gives what a process that has ended took: processor time, user and system,
// in s, and at the most so much resident memory, in MB. A process begins as a copy
// of its parent, so that the memory is never less than the parent's.
func Used(state *os.ProcessState) (processor, peak float64) {
	if usage, ok := state.SysUsage().(*syscall.Rusage); ok {
		peak = float64(usage.Maxrss) * 1024 / 1e6
		if runtime.GOOS == "darwin" { // in bytes there
			peak /= 1024
		}
	}
	return (state.UserTime() + state.SystemTime()).Seconds(), peak
}

// When says which day it is and which commit is measured, in the folder that the
// program runs in.
func When(now time.Time) string {
	day := now.UTC().Format(time.DateOnly)
	commit, err := exec.Command("git", "rev-parse", "--short=12", "HEAD").Output()
	if err != nil {
		return day
	}
	words := day + ", commit " + strings.TrimSpace(string(commit))
	if changed, err := exec.Command("git", "status", "--porcelain", "--untracked-files=no").Output(); err != nil || len(changed) > 0 {
		words += " with changes"
	}
	return words
}
