package nuscenes

import (
	"encoding/base64"
	"errors"
	"fmt"
)

// runLengths decodes the base64 of a mask in COCO's compressed form and gives
// the number of pixels that its runs cover. A run is written in groups of five
// bits, lowest first, each as a character from '0' on whose bit 5 says that
// more follow; from the fourth run on, the difference to the run two before.
func runLengths(text []byte) (pixels int64, err error) {
	code := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, err := base64.StdEncoding.Decode(code, text)
	if err != nil {
		return 0, errors.New("counts is not base64")
	}
	code = code[:n]
	var runs [2]int64 // the last two
	for k := 0; len(code) > 0; k++ {
		var v int64
		shift := 0
		for {
			if len(code) == 0 {
				return 0, errors.New("counts ends inside a run")
			}
			c := int64(code[0]) - '0'
			code = code[1:]
			if c < 0 || c > 0x3f || shift > 50 {
				return 0, fmt.Errorf("counts is not a run-length code at run %d", k+1)
			}
			v |= c & 0x1f << shift
			shift += 5
			if c&0x20 == 0 {
				if c&0x10 != 0 { // negative
					v |= -1 << shift
				}
				break
			}
		}
		if k > 2 {
			v += runs[k&1]
		}
		if v < 0 || v > 1<<40 {
			return 0, fmt.Errorf("run %d has the length %d", k+1, v)
		}
		runs[k&1] = v
		if pixels += v; pixels > 1<<40 {
			return 0, fmt.Errorf("the runs cover more than %d pixels", int64(1)<<40)
		}
	}
	return pixels, nil
}
