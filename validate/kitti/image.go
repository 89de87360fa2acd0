package kitti

import (
	"bytes"
	"io"

	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/payload"
)

// readImage reads the size of a frame's image from its header. What is wrong
// with the header is the finding of the payload rules; the size is 0 then.
func readImage(ds *dataset.Dataset, s *FrameSet, channel, id string) Image {
	name, ok := s.file(channel, id)
	if !ok {
		return Image{}
	}
	im := Image{Path: name}
	if ds.Memo != nil { // what a worker has seen of it, if it is sound
		if im.Width, im.Height, ok = payload.Recall(ds, name); ok {
			return im
		}
	}
	f, err := ds.Open(name)
	if err != nil {
		return im
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return im
	}
	var magic [2]byte
	if _, err := io.ReadFull(io.NewSectionReader(f, 0, 2), magic[:]); err != nil {
		return im
	}
	if bytes.Equal(magic[:], []byte{0xFF, 0xD8}) {
		if h, err := payload.JPEGHeader(f, info.Size()); err == nil {
			im.Width, im.Height = h.Width, h.Height
		}
	} else if h, err := payload.PNGHeader(f, info.Size()); err == nil {
		im.Width, im.Height = h.Width, h.Height
	}
	return im
}
