package datagen

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"slices"
	"sync"
)

// A picture is a size of image in pixels.
type picture struct{ width, height int }

// greyPNG is colourPNG for an 8-bit grey image.
func greyPNG(size picture, note string) []byte { return notedPNG(imageKey{size, true}, note) }

// colourPNG gives an 8-bit RGB image of a size: sky above, road below. A note
// in a text chunk makes the bytes of each image its own.
func colourPNG(size picture, note string) []byte { return notedPNG(imageKey{size, false}, note) }

type imageKey struct {
	picture
	grey bool
}

func notedPNG(k imageKey, note string) []byte {
	b := plainPNG(k)
	const header = 8 + 25 // signature and IHDR
	return slices.Concat(b[:header], pngChunk("tEXt", append([]byte("Comment\x00"), note...)), b[header:])
}

// pngChunk frames the data of a chunk.
func pngChunk(kind string, data []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	b = append(append(b, kind...), data...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
}

// plainPNG computes the image of each size and sort once.
var plainPNG = func() func(imageKey) []byte {
	var mu sync.Mutex // guards made
	made := map[imageKey][]byte{}
	return func(k imageKey) []byte {
		mu.Lock()
		defer mu.Unlock()
		if made[k] == nil {
			made[k] = encodePNG(k)
		}
		return made[k]
	}
}()

func encodePNG(k imageKey) []byte {
	var img draw.Image = image.NewRGBA(image.Rect(0, 0, k.width, k.height))
	if k.grey {
		img = image.NewGray(img.Bounds())
	}
	for y := range k.height {
		c := color.RGBA{150, 170, 200, 255}
		if y > k.height/2 {
			c = color.RGBA{90, 90, 85, 255}
		}
		for x := range k.width {
			img.Set(x, y, c)
		}
	}
	var buf bytes.Buffer
	if err := png.Encode(&buf, img); err != nil {
		panic(err) // a buffer takes everything
	}
	return buf.Bytes()
}
