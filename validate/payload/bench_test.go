package payload_test

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/payload"
	"github.com/mmaudit/mmaudit/validate/rule/ruletest"
)

// BenchmarkFiles lists a KITTI object data set of 100,000 files and reads the
// header of every image and cloud. docs/performance.md has its figures.
func BenchmarkFiles(b *testing.B) {
	frames := 25_000 // image_2, image_3, velodyne, calib
	if testing.Short() {
		frames = 250
	}
	root := b.TempDir()
	image, cloud := tinyPNG(1242, 375), make([]byte, 16*4)
	var wants []payload.Want
	for _, dir := range []string{"image_2", "image_3", "velodyne", "calib"} {
		if err := os.MkdirAll(filepath.Join(root, "training", dir), 0o755); err != nil {
			b.Fatal(err)
		}
		for i := range frames {
			ext, content, kind := ".png", image, payload.Image
			switch dir {
			case "velodyne":
				ext, content, kind = ".bin", cloud, payload.Lidar
			case "calib":
				ext, content, kind = ".txt", nil, 0
			}
			name := fmt.Sprintf("training/%s/%06d%s", dir, i, ext)
			if err := os.WriteFile(filepath.Join(root, name), content, 0o644); err != nil {
				b.Fatal(err)
			}
			if kind != 0 {
				wants = append(wants, payload.Want{Path: name, Kind: kind})
			}
		}
	}
	b.Run("list", func(b *testing.B) {
		before := cpu()
		for b.Loop() {
			det, err := dataset.Detect(b.Context(), root, nil)
			if err != nil || len(det.Datasets) != 1 {
				b.Fatal(det, err)
			}
			det.Close()
		}
		perFile(b, before, 4*frames)
	})
	det, err := dataset.Detect(b.Context(), root, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer det.Close()
	for _, jobs := range []int{1, 2, 8} {
		b.Run(fmt.Sprintf("headers/jobs=%d", jobs), func(b *testing.B) {
			before := cpu()
			for b.Loop() {
				g := &ruletest.Emitter{}
				if err := payload.Read(b.Context(), det.Datasets[0], wants, jobs, g); err != nil || len(g.Faults) > 0 {
					b.Fatal(err, len(g.Faults))
				}
			}
			perFile(b, before, len(wants))
		})
	}
}

// perFile reports the time and the processor time (user and system, which does
// not depend on what else the machine does) for each file.
func perFile(b *testing.B, before time.Duration, files int) {
	n := float64(b.N) * float64(files)
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/n, "ns/file")
	b.ReportMetric(float64((cpu()-before).Nanoseconds())/n, "cpu-ns/file")
	b.ReportMetric(0, "ns/op")
}

func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// tinyPNG is a PNG with header and end, and nothing between.
func tinyPNG(width, height uint32) []byte {
	b := []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR")
	b = binary.BigEndian.AppendUint32(b, width)
	b = binary.BigEndian.AppendUint32(b, height)
	b = append(b, 8, 2, 0, 0, 0)
	b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[12:]))
	return append(b, "\x00\x00\x00\x00IEND\xaeB`\x82"...)
}
