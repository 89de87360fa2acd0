package datagen

import (
	"bytes"
	"math"
)

var baseNuScenesCAN = cached("nuscenes-can", NuScenes{Seed: 8, Scenes: smallScenes[:1], CAN: true}.write)

var tmpCANMutations = []Mutation{
	{Rule: "TMP022", Base: baseNuScenesCAN, Apply: func(d *Dir) error {
		return d.editCAN("vehicle_monitor", func(rows []*Record) []*Record {
			rows[0], rows[1] = rows[1], rows[0]
			return rows
		})
	}},
	{Rule: "TMP022", Name: "float", Base: baseNuScenesCAN, Apply: func(d *Dir) error {
		return d.editCAN("vehicle_monitor", func(rows []*Record) []*Record {
			rows[1].SetLiteral("utime", rows[1].Literal("utime")+".0")
			return rows
		})
	}},
	{Rule: "TMP022", Name: "short", Base: baseNuScenesCAN, Apply: func(d *Dir) error {
		return d.editCAN("pose", func(rows []*Record) []*Record { return rows[:0] })
	}},
	{Rule: "TMP022", Name: "other", Base: baseNuScenesCAN, Apply: func(d *Dir) error {
		// The messages of a scene two minutes later.
		return d.editCAN("vehicle_monitor", func(rows []*Record) []*Record {
			for _, r := range rows {
				r.Set("utime", r.Int("utime")+120_000_000)
			}
			return rows
		})
	}},
	{Rule: "TMP023", Base: baseNuScenesCAN, Apply: func(d *Dir) error {
		// The clock of the recorder is 100 ms late: 0.8 m.
		return d.editCAN("pose", func(rows []*Record) []*Record {
			for _, r := range rows {
				r.Set("utime", r.Int("utime")+100_000)
			}
			return rows
		})
	}},
	{Rule: "TMP023", Name: "heading", Base: baseNuScenesCAN, Apply: func(d *Dir) error {
		return d.editCAN("pose", func(rows []*Record) []*Record {
			for _, r := range rows {
				r.Set("orientation", yawQuaternion(math.Pi/2))
			}
			return rows
		})
	}},
}

// editCAN replaces the rows of a message of the first scene.
func (d *Dir) editCAN(message string, f func(rows []*Record) []*Record) error {
	return d.Edit("can_bus/scene-0061_"+message+".json", func(b []byte) []byte {
		rows, err := parseTable(b)
		if err != nil {
			return b
		}
		return bytes.TrimSpace(onOneLine(formatTable(f(rows))))
	})
}
