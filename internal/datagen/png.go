package datagen

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/png"
	"slices"
	"sync"
)

// A picture is a size of image in pixels.
type picture struct{ width, height int }

// colourPNG gives an 8-bit RGB image of a size: sky above, road below. A note
// in a text chunk makes the bytes of each image its own.
func colourPNG(size picture, note string) []byte {
	b := colourPNGs(size)
	const header = 8 + 25 // signature and IHDR
	return slices.Concat(b[:header], pngChunk("tEXt", append([]byte("Comment\x00"), note...)), b[header:])
}

// pngChunk frames the data of a chunk.
func pngChunk(kind string, data []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	b = append(append(b, kind...), data...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
}

// colourPNGs computes the image of each size once.
var colourPNGs = func() func(picture) []byte {
	var mu sync.Mutex // guards made
	made := map[picture][]byte{}
	return func(size picture) []byte {
		mu.Lock()
		defer mu.Unlock()
		if made[size] == nil {
			made[size] = encodePNG(size)
		}
		return made[size]
	}
}()

func encodePNG(size picture) []byte {
	img := image.NewRGBA(image.Rect(0, 0, size.width, size.height))
	for y := range size.height {
		c := color.RGBA{150, 170, 200, 255}
		if y > size.height/2 {
			c = color.RGBA{90, 90, 85, 255}
		}
		for x := range size.width {
			img.SetRGBA(x, y, c)
		}
	}
	var buf bytes.Buffer
	if err := png.Encode(&buf, img); err != nil {
		panic(err) // a buffer takes everything
	}
	return buf.Bytes()
}
