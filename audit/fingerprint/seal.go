//go:build unix

package fingerprint

import (
	"context"

	"golang.org/x/sync/errgroup"
)

// sealBatch is how many rows are looked at again at once.
const sealBatch = 512

// seal looks at every entry a last time, in order, and emits those that are
// leaves. What is not as it was found becomes a problem: a folder too, into
// which something was put, or out of which it was taken. While the entries of
// one batch are looked at, those of the batch before are emitted.
func (r *run) seal(ctx context.Context, rows *sorter, emit func(*row) error) (err error) {
	climbers := make([]climber, r.o.Workers)
	for i := range climbers {
		climbers[i].root = r.root
		defer climbers[i].close()
	}
	var looking *errgroup.Group // at looked
	looked, batch := make([]row, 0, sealBatch), make([]row, 0, sealBatch)
	defer func() {
		if looking != nil {
			if last := looking.Wait(); err == nil {
				err = last
			}
		}
	}()
	flush := func() error {
		if looking != nil {
			if err := looking.Wait(); err != nil {
				looking = nil
				return err
			}
		}
		looking = r.look(ctx, climbers, batch)
		looked, batch = batch, looked
		r.sealed.Add(uint64(len(batch)))
		for i := range batch {
			if err := r.judge(&batch[i], emit); err != nil {
				return err
			}
		}
		batch = batch[:0]
		return nil
	}
	last := "\x00" // no path
	if err := rows.eachRow(func(f *row) error {
		if f.path == last {
			f.trouble, f.note = unstable, "its folder listed it twice"
		}
		last = f.path
		if batch = append(batch, *f); len(batch) == sealBatch {
			return flush()
		}
		return nil
	}); err != nil {
		return err
	}
	if err := flush(); err != nil {
		return err
	}
	return flush()
}

// look starts to look at entries again, with all climbers.
func (r *run) look(ctx context.Context, climbers []climber, rows []row) *errgroup.Group {
	group, ctx := errgroup.WithContext(ctx)
	share := (len(rows) + len(climbers) - 1) / len(climbers)
	for i := range climbers {
		part := rows[min(i*share, len(rows)):min((i+1)*share, len(rows))]
		group.Go(func() error {
			for j := range part {
				if err := ctx.Err(); err != nil {
					return err
				}
				if err := lookAgain(&climbers[i], &part[j]); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group
}

// lookAgain gives f trouble if it is not what it was.
func lookAgain(at *climber, f *row) error {
	if f.trouble != none {
		return nil
	}
	now, err := at.lstat(f.path)
	switch {
	case err != nil && fatal(err):
		return err
	case err != nil:
		f.trouble, f.note = unstable, errnoText(err)
	case !now.same(f.stat):
		f.trouble, f.note = unstable, "changed after it was read"
		if f.kind == 'd' {
			f.note = "the folder changed after it was listed"
		}
	}
	return nil
}

// judge emits f, counts it, or holds it against the fingerprint.
func (r *run) judge(f *row, emit func(*row) error) error {
	switch {
	case f.trouble == unreadable && r.o.AllowUnreadable && f.path != "":
		r.partial.add(f)
		return emit(f)
	case f.trouble != none:
		r.problems.add(f)
		return nil
	case f.kind == 'd':
		if f.path != "" {
			r.folders++
			if f.empty {
				r.emptyFolders++
			}
		}
		return nil
	}
	return emit(f)
}
