package payload_test

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"testing"

	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/payload"
)

// BenchmarkFiles lists a KITTI object data set of 100,000 files and reads the
// header of every image and cloud. docs/performance.md has its figures.
func BenchmarkFiles(b *testing.B) {
	const frames = 25_000 // image_2, image_3, velodyne, calib
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
		for b.Loop() {
			det, err := dataset.Detect(b.Context(), root, nil)
			if err != nil || len(det.Datasets) != 1 {
				b.Fatal(det, err)
			}
			det.Close()
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/(4*frames), "ns/file")
	})
	det, err := dataset.Detect(b.Context(), root, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer det.Close()
	for _, jobs := range []int{1, 2, 8} {
		b.Run(fmt.Sprintf("headers/jobs=%d", jobs), func(b *testing.B) {
			for b.Loop() {
				g := &count{}
				if err := payload.Read(b.Context(), det.Datasets[0], wants, jobs, g); err != nil || g.faults.Load() > 0 {
					b.Fatal(err, g.faults.Load())
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(wants)), "ns/file")
		})
	}
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
