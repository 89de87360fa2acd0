package rule

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/mmaudit/mmaudit/internal/human"
	"github.com/mmaudit/mmaudit/validate/dataset"
)

// Unreadable says that a file of the data set could not be opened or read: it
// emits a Fault of the rule that covers the reason and gives its slug, for the
// reader's Skip or Break. What the listing already refuted, a symbolic link
// that cannot be followed or something that is no file, is not reported again.
func Unreadable(e Emitter, ds *dataset.Dataset, place Place, err error) (slug string) {
	if l, ok := ds.Tree.BadLink(place.Path); ok {
		return l.Slug()
	}
	if entry, ok := ds.Tree.Entry(place.Path); ok && entry.Special() {
		return "file-unreadable"
	}
	if p := (*dataset.LFSPointer)(nil); errors.As(err, &p) {
		e.Emit(LFSFault(place, p))
		return "lfs-pointer"
	}
	f := Fault{Slug: "file-unreadable", Place: place, Key: "unreadable"}
	var pe *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f.Message = "the file was listed but has vanished since"
	case errors.As(err, &pe):
		f.Message = fmt.Sprintf("cannot be read: %v", pe.Err)
	default:
		f.Message = fmt.Sprintf("cannot be read: %v", err)
	}
	e.Emit(f)
	return f.Slug
}

// EmptyFault is the Fault of a file of 0 bytes, where some must be.
func EmptyFault(place Place) Fault {
	return Fault{Slug: "file-empty", Message: "the file is empty (0 bytes)", Place: place}
}

// LFSFault is the Fault of a Git-LFS pointer that lies in place of a file.
func LFSFault(place Place, p *dataset.LFSPointer) Fault {
	return Fault{
		Slug: "lfs-pointer", Place: place,
		Message:  fmt.Sprintf("is a Git-LFS pointer; the file itself (%s) was never pulled", human.Bytes(p.Size)),
		Expected: fmt.Sprintf("%d bytes with SHA-256 %s", p.Size, p.OID),
		Actual:   "pointer file",
		Key:      p.OID,
	}
}
