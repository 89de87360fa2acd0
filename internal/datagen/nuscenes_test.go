package datagen

import (
	"bytes"
	"image/png"
	"testing"
)

// TestBlackPNG has a decoder that is not ours read the maps' encoding.
func TestBlackPNG(t *testing.T) {
	for _, size := range [][2]int{{1, 1}, {7, 5}, {257, 1}, {258, 1}, {300, 40}, {1585, 202}} {
		img, err := png.Decode(bytes.NewReader(blackPNG(size[0], size[1])))
		if err != nil {
			t.Fatalf("%v: %v", size, err)
		}
		if b := img.Bounds(); b.Dx() != size[0] || b.Dy() != size[1] {
			t.Errorf("%v: bounds %v", size, b)
		}
	}
}
