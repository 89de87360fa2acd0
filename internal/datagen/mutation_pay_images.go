package datagen

import (
	"encoding/binary"
	"errors"
)

var payImagesMutations = []Mutation{
	{Rule: "PAY001", Base: baseKITTIObject, Apply: func(d *Dir) error {
		return d.Write("training/image_2/000001.png", gradient(kittiWidth, kittiHeight))
	}},
	{Rule: "PAY001", Name: "text", Base: baseKITTIObject, Apply: func(d *Dir) error {
		return d.Write("training/velodyne/000001.bin", []byte("12.5 1.25 -0.5 0.3\n12.5 1.30 -0.5 0.3\n"))
	}},
	{Rule: "PAY001", Name: "noise", Base: baseNuScenes, Apply: func(d *Dir) error {
		return d.Change("samples/CAM_FRONT/*", func(b []byte) []byte { b[0] ^= 0xff; return b })
	}},
	{Rule: "PAY002", Base: baseKITTIObject, Apply: func(d *Dir) error {
		return d.Edit("training/image_2/000001.png", cut(100))
	}},
	{Rule: "PAY002", Name: "crc", Base: baseKITTIObject, Apply: func(d *Dir) error {
		return d.Edit("training/image_2/000001.png", func(b []byte) []byte { b[19]++; return b })
	}},
	{Rule: "PAY002", Name: "16 bit", Base: baseKITTIObject, Apply: func(d *Dir) error {
		return d.Edit("training/image_3/000001.png", func(b []byte) []byte {
			header := append([]byte(nil), b[16:29]...)
			header[8] = 16
			copy(b[8:], pngChunk("IHDR", header))
			return b
		})
	}},
	{Rule: "PAY003", Base: baseNuScenes, Apply: func(d *Dir) error {
		return d.Change("samples/CAM_FRONT/*", cut(50))
	}},
	{Rule: "PAY004", Base: baseNuScenes, Apply: func(d *Dir) error {
		return d.Change("samples/CAM_FRONT/*", func([]byte) []byte { return gradient(nuScenesWidth/2, nuScenesHeight/2) })
	}},
	{Rule: "PAY006", Base: baseKITTITracking, Apply: func(d *Dir) error {
		return d.Write("training/image_03/0000/000001.png", colourPNG(picture{kittiWidth - 18, kittiHeight - 5}, "smaller"))
	}},
	{Rule: "PAY006", Name: "object", Base: baseKITTIObject, Apply: func(d *Dir) error {
		return errors.Join(
			d.Write("training/image_2/000001.png", colourPNG(picture{kittiWidth + 4, kittiHeight + 1}, "left")),
			d.Write("training/image_3/000001.png", colourPNG(picture{kittiWidth + 4, kittiHeight + 1}, "right")))
	}},
	{Rule: "PAY027", Base: baseNuScenes, Apply: func(d *Dir) error {
		return d.Change("maps/*.png", cut(20))
	}},
	{Rule: "PAY027", Name: "scale", Base: baseNuScenes, Apply: func(d *Dir) error {
		return d.Change("maps/*.png", func([]byte) []byte { return blackPNG(1586, 2025) })
	}},
}

// cut removes the last n bytes of a file.
func cut(n int) func([]byte) []byte {
	return func(b []byte) []byte { return b[:max(0, len(b)-n)] }
}

// f32 writes a number as the clouds have it.
func f32(v uint32) []byte { return binary.LittleEndian.AppendUint32(nil, v) }
