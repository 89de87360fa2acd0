//go:build unix

package fingerprint

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// BenchmarkRun takes the fingerprint of files in the page cache, 64 of 4 MiB and
// 20,000 of 1 KiB, beside openssl, which makes a list of digests and no more. With
// -short it only shows that it works.
func BenchmarkRun(b *testing.B) {
	sets := []struct{ files, size int }{{64, 4 << 20}, {20000, 1 << 10}}
	if testing.Short() {
		sets[0].files, sets[1].files = 8, 800
	}
	for _, set := range sets {
		dir := b.TempDir()
		for i := range set.files {
			sub := filepath.Join(dir, fmt.Sprint(i/1000))
			must(b, os.MkdirAll(sub, 0o755))
			content := make([]byte, set.size)
			copy(content, fmt.Sprint(i))
			must(b, os.WriteFile(filepath.Join(sub, fmt.Sprint(i)), content, 0o644))
		}
		bench := func(name string, workers, who int, once func() error) {
			b.Run(fmt.Sprintf("%dx%dKiB/%s=%d", set.files, set.size>>10, name, workers), func(b *testing.B) {
				b.SetBytes(int64(set.files) * int64(set.size))
				start := processor(who)
				for b.Loop() {
					if err := once(); err != nil {
						b.Skip(err)
					}
				}
				b.ReportMetric(float64(processor(who)-start)/float64(b.N*set.files), "cpu-µs/file")
			})
		}
		for _, workers := range []int{1, 2} {
			bench("workers", workers, unix.RUSAGE_SELF, func() error {
				_, err := take(b.Context(), dir, Options{Workers: workers})
				return err
			})
			bench("openssl", workers, unix.RUSAGE_CHILDREN, func() error {
				return exec.Command("sh", "-c", `find "$1" -type f -print0 | xargs -0 -n "$2" -P "$3" openssl dgst -sha3-512`,
					"sh", dir, fmt.Sprint(set.files/8), fmt.Sprint(workers)).Run()
			})
		}
	}
}

// processor is the time that processors have spent, in µs.
func processor(who int) int64 {
	var ru unix.Rusage
	if unix.Getrusage(who, &ru) != nil {
		return 0
	}
	return (ru.Utime.Nano() + ru.Stime.Nano()) / 1000
}

// BenchmarkSorter sorts a million rows in 32 MiB; with -short a hundredth of both.
func BenchmarkSorter(b *testing.B) {
	rows, limit := 1_000_000, 32<<20
	if testing.Short() {
		rows, limit = rows/100, limit/100
	}
	for b.Loop() {
		s := &sorter{ctx: b.Context(), dir: b.TempDir(), limit: limit}
		r := row{kind: 'f'}
		for i := range rows {
			r.path = fmt.Sprintf("sweeps/LIDAR_TOP/%08x", uint32(i)*2654435761)
			must(b, s.addRow(&r))
		}
		n := 0
		must(b, s.eachRow(func(*row) error { n++; return nil }))
		if n != rows {
			b.Fatal(n)
		}
		s.close()
	}
}
