// Package payload reads the headers of sensor files (PNG, JPEG, PCD, point
// clouds without a header, NPZ, Git-LFS pointers): a few hundred bytes at
// either end, never the body.
package payload

import (
	"context"

	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/rule"
)

// A Kind is what a file should hold by its place in the data set.
type Kind uint8

const (
	Image   Kind = iota + 1 // PNG or JPEG
	Lidar                   // float32 rows without a header, or PCD
	Radar                   // nuScenes radar PCD
	Labels                  // one label per lidar point
	NPZ                     // panoptic labels
	MapMask                 // PNG map
)

// A Want names a file to inspect and what the data set says about it.
type Want struct {
	Path    string // relative to the data set's root
	Kind    Kind
	Channel string
	Frame   string // KITTI
	Table   string // nuScenes family, with Token: the row that names the file
	Token   string
	Offset  int64 // of that row
	Width   int   // px that the data set declares; 0 = nothing declared
	Height  int
	Columns int    // float32 per point of a lidar file without header: 4 KITTI, 5 nuScenes; bytes per point for Labels: 1 or 4
	Cloud   string // Labels, NPZ: the lidar file that they label
	Group   string // drive or scene
}

// Read inspects the wanted files with jobs workers and emits one *File each.
// A file that cannot be read becomes a Fault (file-unreadable, file-empty,
// lfs-pointer) and a Skip; Read itself fails only when ctx ends.
func Read(ctx context.Context, ds *dataset.Dataset, wants []Want, jobs int, e rule.Emitter) error {
	return ctx.Err()
}
