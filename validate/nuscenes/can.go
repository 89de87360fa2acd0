package nuscenes

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"

	"github.com/mmaudit/mmaudit/internal/ctxio"
	"github.com/mmaudit/mmaudit/internal/jsonrow"
	"github.com/mmaudit/mmaudit/internal/lazyre"
	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/rule"
	txt "github.com/mmaudit/mmaudit/validate/text"
)

// A CANFile is one message of the vehicle's CAN bus during one scene: a file
// can_bus/SCENE_MESSAGE.json of the CAN bus expansion.
type CANFile struct {
	Path, Scene, Message string
	Tables               *Tables
	Rows                 int
	Timed                int    // rows whose utime is an integer
	First, Last          int64  // ns: the least and the greatest of those
	Odd                  CANRow // rows without an integer utime
	Back                 CANRow // rows earlier than the one before them
	// Poses are the rows of the message pose, as far as they have a place, an
	// orientation and a time; at most maxPoses.
	Poses []CANPose
}

// A CANRow stands for N rows of one kind, by the first of them.
type CANRow struct {
	N      int
	Offset int64  // of its '{'
	Text   string // its utime, "" where there is none
}

// A CANPose is the vehicle as its own localisation saw it.
type CANPose struct {
	Time     int64 // ns
	Position [3]float64
	Rotation [4]float64 // w, x, y, z
}

// maxPoses is far beyond the 1000 of a scene: it bounds what a file can take.
const maxPoses = 1 << 18

// canName matches the messages that have a time: meta and route have none.
var canName = lazyre.New(`^(.+)_(ms_imu|pose|steeranglefeedback|vehicle_monitor|zoesensors|zoe_veh_info)\.json$`)

// readCAN emits a *CANFile for each message of each scene.
func readCAN(ctx context.Context, t *Tables, e rule.Emitter) error {
	if t.Dataset.Schema != dataset.NuScenes || !e.Wants((*CANFile)(nil)) {
		return nil
	}
	for _, name := range t.Dataset.Tree.Names("can_bus", ".json") {
		m := canName().FindStringSubmatch(name)
		file := path.Join("can_bus", name)
		if m == nil || !e.Selected(file) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		c := &CANFile{Path: file, Scene: m[1], Message: m[2], Tables: t}
		if slug := c.read(ctx, e); slug != "" {
			e.Skip(c, slug, file)
			continue
		}
		e.Emit(c)
	}
	return ctx.Err()
}

// read reads the file. It gives the rule that the file breaks as a whole.
func (c *CANFile) read(ctx context.Context, e rule.Emitter) (slug string) {
	f, slug := openFilled(c.Tables.Dataset, rule.Place{Path: c.Path}, e)
	if f == nil {
		return slug
	}
	defer f.Close()
	return c.parse(ctx, ctxio.Reader(ctx, f), e)
}

func (c *CANFile) parse(ctx context.Context, src io.Reader, e rule.Emitter) (slug string) {
	r := jsonrow.NewReader(src)
	previous := int64(0)
	for {
		rec, err := r.Next()
		if err == io.EOF {
			if r.BOM {
				txt.BOM(e, rule.Place{Path: c.Path, Line: 1, Column: 1})
			}
			if r.CR >= 0 {
				txt.CR(e, rule.Place{Path: c.Path, ByteOffset: r.CR}, 0)
			}
			return slug
		}
		if err != nil {
			var je *jsonrow.Error
			if !errors.As(err, &je) {
				if ctx.Err() != nil {
					return slug
				}
				slug = "file-unreadable"
				e.Emit(rule.Fault{Slug: slug, Message: fmt.Sprintf("cannot be read: %v", err), Place: rule.Place{Path: c.Path}})
				return slug
			}
			slug = "json-syntax"
			if je.Shape {
				slug = "json-not-array"
			}
			e.Emit(rule.Fault{Slug: slug, Message: je.Msg, Place: rule.Place{Path: c.Path, ByteOffset: je.Offset}})
			if je.Stop {
				return slug
			}
			continue
		}
		if r.Rows()%1024 == 0 && ctx.Err() != nil {
			return slug
		}
		for _, fl := range rec.Flaws {
			p := flaw(fl)
			e.Emit(rule.Fault{
				Slug: p.slug, Message: p.message, Place: rule.Place{Path: c.Path, ByteOffset: p.offset},
				Actual: p.actual, Hint: p.hint, Key: fmt.Sprint(c.Rows, p.field),
			})
		}
		c.row(rec, &previous)
	}
}

func (c *CANFile) row(rec *jsonrow.Record, previous *int64) {
	c.Rows++
	f := rec.Field("utime")
	if f == nil || f.Kind != jsonrow.Number || !jsonrow.IsInt(f.Raw) {
		text := ""
		if f != nil {
			text = clip(f.Raw)
		}
		c.Odd.note(rec.Offset, text)
		return
	}
	at, _ := jsonrow.Scaled(f.Raw, 3)
	if c.Timed > 0 && at < *previous {
		c.Back.note(rec.Offset, clip(f.Raw))
	}
	if c.Timed == 0 {
		c.First, c.Last = at, at
	}
	c.First, c.Last = min(c.First, at), max(c.Last, at)
	c.Timed++
	*previous = at
	if c.Message != "pose" || len(c.Poses) == maxPoses {
		return
	}
	p := CANPose{Time: at}
	pos, q := rec.Field("pos"), rec.Field("orientation")
	if pos != nil && q != nil && pos.Kind == jsonrow.Array && q.Kind == jsonrow.Array && numbers(pos.Raw, p.Position[:]) && numbers(q.Raw, p.Rotation[:]) {
		c.Poses = append(c.Poses, p)
	}
}

func (r *CANRow) note(offset int64, text string) {
	if r.N++; r.N == 1 {
		r.Offset, r.Text = offset, text
	}
}
