package datagen

import (
	"fmt"
	"os"
	"syscall"
)

var layFilesMutations = []Mutation{
	{Rule: "LAY019", Base: baseKITTIObject, Apply: func(d *Dir) error {
		return d.Link("training/velodyne/000001.bin", "/etc/hostname")
	}},
	{Rule: "LAY019", Name: "folder", Base: baseKITTIObject, Apply: func(d *Dir) error {
		return d.Link("training/velodyne_reduced", "../../elsewhere")
	}},
	{Rule: "LAY019", Name: "backslash", Base: baseKITTIObject, Apply: func(d *Dir) error {
		return d.Write(`training\image_2\000009.png`, []byte("x"))
	}},
	{Rule: "LAY020", Base: baseKITTIObject, Apply: func(d *Dir) error {
		return d.Link("training/image_2/000001.png", "../../store/000001.png")
	}},
	{Rule: "LAY020", Name: "loop", Base: baseKITTIObject, Apply: func(d *Dir) error {
		return d.Link("training/all", "..")
	}},
	{Rule: "LAY020", Name: "text", Base: baseKITTIObject, Apply: func(d *Dir) error {
		return d.Write("training/image_2/000001.png", []byte("../../store/000001.png"))
	}},
	{Rule: "LAY020", Name: "text folder", Base: baseKITTIObject, Apply: func(d *Dir) error {
		return d.Write("training/velodyne_reduced", []byte("../../store/velodyne_reduced"))
	}},
	{Rule: "LAY021", Base: baseKITTIObject, Apply: func(d *Dir) error {
		return d.Write("training/velodyne/000001.bin", lfsPointer)
	}},
	{Rule: "LAY021", Name: "calib", Base: baseKITTIObject, Apply: func(d *Dir) error {
		return d.Write("training/calib/000001.txt", lfsPointer)
	}},
	{Rule: "LAY022", Base: baseKITTIObject, Apply: func(d *Dir) error {
		return d.Write("training/velodyne/000001.bin", nil)
	}},
	{Rule: "LAY022", Name: "camera", Base: baseNuScenes, Apply: func(d *Dir) error {
		return d.Change("samples/CAM_FRONT/*", func([]byte) []byte { return nil })
	}},
	// Nobody but the owner of a file can be kept from reading it, and a test may
	// run as root, so a pipe lies in place of the file.
	{Rule: "LAY023", Base: baseKITTIObject, Apply: func(d *Dir) error {
		return d.Pipe("training/velodyne/000001.bin")
	}},
	{Rule: "LAY023", Name: "calib", Base: baseKITTIObject, Apply: func(d *Dir) error {
		return d.Pipe("training/calib/000001.txt")
	}},
	{Rule: "LAY024", Base: baseKITTIObject, Apply: func(d *Dir) error {
		return d.Rename("training/image_2/000001.png", "training/image_2/000001.PNG")
	}},
	{Rule: "LAY024", Name: "folder", Base: baseKITTIObject, Apply: func(d *Dir) error {
		return d.Rename("training/image_3", "training/IMAGE_3")
	}},
	{Rule: "LAY024", Name: "collision", Base: baseKITTIObject, Apply: func(d *Dir) error {
		if err := d.Write("notes/Readme.md", []byte("one\n")); err != nil {
			return err
		}
		return d.Write("notes/README.md", []byte("two\n"))
	}},
	{Rule: "LAY025", Base: baseKITTIObject, Apply: func(d *Dir) error {
		if err := d.Write("training/image_2/000001.jpg", gradient(kittiWidth, kittiHeight)); err != nil {
			return err
		}
		return d.Remove("training/image_2/000001.png")
	}},
	{Rule: "LAY026", Base: baseKITTIObject, Apply: func(d *Dir) error {
		return d.Write("training/image_2/._000001.png", []byte("\x00\x05\x16\x07"))
	}},
	{Rule: "LAY026", Name: "part", Base: baseNuScenes, Apply: func(d *Dir) error {
		return d.Write("v1.0-trainval.tgz.part", []byte("x"))
	}},
	{Rule: "LAY027", Base: baseKITTIObject, Apply: func(d *Dir) error {
		if err := os.Mkdir(d.path("training/prev_2"), 0o755); err != nil {
			return err
		}
		return d.Write("data_object_prev_2.zip", []byte("PK\x03\x04"))
	}},
}

var lfsPointer = []byte("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 1924288\n")

// Link puts a symbolic link in the place of a file, or where there was none.
func (d *Dir) Link(name, target string) error {
	if err := os.RemoveAll(d.path(name)); err != nil {
		return err
	}
	return os.Symlink(target, d.path(name))
}

// Pipe puts a named pipe in the place of a file.
func (d *Dir) Pipe(name string) error {
	if err := d.Remove(name); err != nil {
		return err
	}
	if err := syscall.Mkfifo(d.path(name), 0o644); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
