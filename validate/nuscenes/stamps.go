package nuscenes

import (
	"path"
	"strconv"
	"strings"

	"github.com/mmaudit/mmaudit/validate/dataset"
)

// gpsEpoch is 1980-01-06 in ns of Unix time, as Lyft's file names count from
// it: without leap seconds.
const gpsEpoch = 315964800e9

// NamedTime gives the time in the name of a payload, in ns, and how far the
// stamp of its row may lie from it: nuScenes writes the same microseconds,
// Lyft nanoseconds of GPS time that the table has as a float. ok is false for
// names without a time.
func NamedTime(s dataset.Schema, name string) (ns, tolerance int64, ok bool) {
	switch s {
	case dataset.NuScenes:
		stamp := ParseFileName(s, name).Stamp
		if n, err := strconv.ParseInt(stamp, 10, 64); err == nil && len(stamp) == 16 {
			return n * 1000, 0, true
		}
	case dataset.Lyft:
		base, _, _ := strings.Cut(path.Base(name), ".")
		stamp := base[strings.LastIndexByte(base, '_')+1:]
		if n, err := strconv.ParseInt(stamp, 10, 64); err == nil && len(stamp) == 19 {
			return n + gpsEpoch, 250, true
		}
	}
	return 0, 0, false
}
