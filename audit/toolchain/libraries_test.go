//go:build linux

package toolchain

import (
	"bytes"
	"context"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// sharedObject makes a small ELF file with a soname and a build id.
func sharedObject(t testing.TB, soname string, buildID []byte) string {
	t.Helper()
	var note bytes.Buffer
	binary.Write(&note, binary.LittleEndian, []uint32{4, uint32(len(buildID)), 3})
	note.WriteString("GNU\x00")
	note.Write(buildID)
	dynstr := "\x00" + soname + "\x00"
	shstrtab := "\x00.dynstr\x00.dynamic\x00.shstrtab\x00"
	var dynamic bytes.Buffer
	binary.Write(&dynamic, binary.LittleEndian, []elf.Dyn64{{Tag: int64(elf.DT_SONAME), Val: 1}, {Tag: int64(elf.DT_NULL)}})

	const header, prog = 64, 56
	at := uint64(header + prog)
	place := func(n int) uint64 { a := at; at += uint64(n+7) &^ 7; return a }
	noteAt, strAt, dynAt, shstrAt := place(note.Len()), place(len(dynstr)), place(dynamic.Len()), place(len(shstrtab))
	h := elf.Header64{
		Type: uint16(elf.ET_DYN), Machine: uint16(elf.EM_X86_64), Version: 1, Ehsize: header, Phoff: header, Phentsize: prog, Phnum: 1,
		Shoff: at, Shentsize: 64, Shnum: 4, Shstrndx: 3,
	}
	copy(h.Ident[:], "\x7fELF\x02\x01\x01")
	out := make([]byte, at)
	var b bytes.Buffer
	binary.Write(&b, binary.LittleEndian, h)
	binary.Write(&b, binary.LittleEndian, elf.Prog64{Type: uint32(elf.PT_NOTE), Off: noteAt, Filesz: uint64(note.Len()), Memsz: uint64(note.Len())})
	copy(out, b.Bytes())
	copy(out[noteAt:], note.Bytes())
	copy(out[strAt:], dynstr)
	copy(out[dynAt:], dynamic.Bytes())
	copy(out[shstrAt:], shstrtab)
	b.Reset()
	binary.Write(&b, binary.LittleEndian, []elf.Section64{
		{},
		{Name: 1, Type: uint32(elf.SHT_STRTAB), Off: strAt, Size: uint64(len(dynstr))},
		{Name: 9, Type: uint32(elf.SHT_DYNAMIC), Off: dynAt, Size: uint64(dynamic.Len()), Link: 1, Entsize: 16},
		{Name: 18, Type: uint32(elf.SHT_STRTAB), Off: shstrAt, Size: uint64(len(shstrtab))},
	})
	return string(out) + b.String()
}

// device gives major, minor and inode of a file as /proc/PID/maps prints them.
func device(t *testing.T, name string) (dev string, inode uint64) {
	t.Helper()
	var st syscall.Stat_t
	if err := syscall.Stat(name, &st); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%02x:%02x", unix.Major(uint64(st.Dev)), unix.Minor(uint64(st.Dev))), st.Ino
}

func TestMappedLibraries(t *testing.T) {
	cudart := sharedObject(t, "libcudart.so.12", []byte{1, 2, 0xff})
	cudnn := sharedObject(t, "libcudnn.so.9", []byte{3})
	root := tree(t, map[string]string{
		"opt/my libs/libcudart.so.12.4.127": cudart,
		"opt/renamed.so":                    cudnn, // found by its soname
		"lib/libc.so.6":                     sharedObject(t, "libc.so.6", nil),
		"opt/libnccl.so.2.20.5":             "not ELF",
		"proc/10/root/image/libnvrtc.so.12": sharedObject(t, "libnvrtc.so.12", []byte{4}), // of a container
		"image/libnvrtc.so.12":              "another file of that name",
		"proc/7/task/7/children":            "8 ",
		"proc/7/exe":                        "->/bin/sh",
		"proc/8/exe":                        "->/usr/bin/python3.11",
		"proc/8/cmdline":                    "/venv/bin/python\x00train.py\x00",
		"proc/10/exe":                       "->/opt/bin/python3.12",
		"venv/bin/python":                   "->python3",
		"venv/bin/python3":                  "->/usr/bin/python3.11",
		"venv/pyvenv.cfg":                   "version = 3.11.2\n",
		"proc/7/task/9/children":            "8 7 10",
	})
	line := func(name, suffix string, other uint64) string {
		dev, inode := device(t, filepath.Join(root, name))
		return fmt.Sprintf("7f0000000000-7f0000001000 r-xp 00000000 %s %d                 /%s%s\n", dev, inode+other, name, suffix)
	}
	maps := map[string]string{
		"7": "00400000-00401000 r-xp 00000000 00:00 0 \n7ffd-7ffe rw-p 00000000 00:00 0                  [stack]\n" +
			line("opt/my libs/libcudart.so.12.4.127", "", 0) + line("opt/my libs/libcudart.so.12.4.127", "", 0) + line("lib/libc.so.6", "", 0),
		"8":  line("opt/renamed.so", "", 1) + "7f00-7f01 r-xp 00000000 08:01 99 /opt/libcublas.so.12 (deleted)\n7f00-7f01 r-xp 00000000 08:01 98 /opt/libcufft.so.11\n",
		"10": line("opt/libnccl.so.2.20.5", "", 0) + strings.Replace(line("proc/10/root/image/libnvrtc.so.12", "", 0), "/proc/10/root", "", 1),
	}
	for pid, text := range maps {
		if err := os.MkdirAll(filepath.Join(root, "proc", pid), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, "proc", pid, "maps"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	r := capture(t, Options{Root: root, PID: 7})
	var set RuntimeSet
	if !r.Decode("cuda.runtime_set", &set) {
		t.Fatalf("%+v", r.Fields["cuda.runtime_set"])
	}
	var got []string
	for _, l := range set.Libraries {
		got = append(got, fmt.Sprintf("%s|%s|%s|%t|%t|%s", l.SONAME, l.BuildID, l.Path, l.SameFile, l.Deleted, l.Error))
	}
	want := []string{
		"libcublas.so.12||/opt/libcublas.so.12|false|true|deleted after it was mapped",
		"libcudart.so.12|0102ff|/opt/my libs/libcudart.so.12.4.127|true|false|",
		"libcudnn.so.9|03|/opt/renamed.so|false|false|",
		"libcufft.so.11||/opt/libcufft.so.11|false|false|not found",
		"libnccl.so.2.20.5||/opt/libnccl.so.2.20.5|true|false|not a readable ELF file: EOF",
		"libnvrtc.so.12|04|/image/libnvrtc.so.12|true|false|",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("\n got %s\nwant %s", strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	}
	if set.Libraries[1].Digest != sha3Text(cudart) || set.Libraries[1].Size != fmt.Sprint(len(cudart)) {
		t.Errorf("%+v", set.Libraries[1])
	}
	text := "libcublas.so.12 - - -\n" + fmt.Sprintf("libcudart.so.12 0102ff %d %s\n", len(cudart), sha3Text(cudart)) +
		fmt.Sprintf("libcudnn.so.9 03 %d %s\n", len(cudnn), sha3Text(cudnn)) + "libcufft.so.11 - - -\n" + "libnccl.so.2.20.5 - 7 " + sha3Text("not ELF") + "\n" +
		fmt.Sprintf("libnvrtc.so.12 04 %s %s\n", set.Libraries[5].Size, sha3Text(sharedObject(t, "libnvrtc.so.12", []byte{4})))
	if set.Digest != sha3Text(text) {
		t.Errorf("the digest is not that of\n%s", text)
	}
	if f := r.Fields["cuda.runtime"]; f.Value != "12.4.127" || f.Source != "/opt/my libs/libcudart.so.12.4.127" {
		t.Errorf("%+v", f)
	}
	// When all have ended, the interpreter is known as it was named.
	p := NewPoller(root, 7, nil)
	if err := p.Scan(); err != nil || p.Executable() != "/venv/bin/python" {
		t.Errorf("%s, %v", p.Executable(), err)
	}
	// By a path from the folder in which it works, too.
	if err := errors.Join(os.Symlink("/venv", filepath.Join(root, "proc/8/cwd")),
		os.WriteFile(filepath.Join(root, "proc/8/cmdline"), []byte("bin/python\x00train.py\x00"), 0o644)); err != nil {
		t.Fatal(err)
	}
	p = NewPoller(root, 7, nil)
	if err := p.Scan(); err != nil || p.Executable() != "/venv/bin/python" {
		t.Errorf("%s, %v", p.Executable(), err)
	}
	later := capture(t, Options{Root: root, Executable: p.Executable(), Argv: []string{"./train.sh"}}).Fields["python"]
	if show(later.Value) != `{"executable":"/usr/bin/python3.11","prefixes":["/venv","/usr"],"pyvenv":{"version":"3.11.2"},"version":"3.11.2"}` || later.Source != "/proc/PID/exe" {
		t.Errorf("%+v", later)
	}
	for _, code := range []string{"library-deleted", "library-unread", "library-other-file"} {
		if !flagged(r, code) {
			t.Errorf("%s is not flagged: %v", code, r.Flags)
		}
	}
}

// The maps of a real process: this one.
func TestOwnMaps(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "libcudart.so.12.4.127")
	if err := os.WriteFile(name, []byte(sharedObject(t, "libcudart.so.12", []byte{9})), 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m, err := unix.Mmap(int(f.Fd()), 0, 64, unix.PROT_READ, unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(m)
	find := func() *Library {
		p := NewPoller("", os.Getpid(), nil)
		if err := p.Scan(); err != nil {
			t.Fatal(err)
		}
		libs, err := p.Libraries(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		for i := range libs {
			if libs[i].Path == name {
				return &libs[i]
			}
		}
		t.Fatalf("%s is not among %+v", name, libs)
		return nil
	}
	if l := find(); l.SONAME != "libcudart.so.12" || l.BuildID != "09" || l.Deleted || !l.SameFile || len(l.Digest) != 128 {
		t.Errorf("%+v", l)
	}
	poller := NewPoller("", os.Getpid(), nil)
	if err := poller.Scan(); err != nil {
		t.Fatal(err)
	}
	if _, err := poller.Libraries(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	if l := find(); !l.Deleted || l.Digest != "" {
		t.Errorf("%+v", l)
	}
	// Who hashed it in time still knows it, and tells it once.
	if err := poller.Scan(); err != nil {
		t.Fatal(err)
	}
	libs, err := poller.Libraries(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, l := range libs {
		if l.Path == name {
			if count++; !l.Deleted || !l.SameFile || len(l.Digest) != 128 || l.Error != "" {
				t.Errorf("%+v", l)
			}
		}
	}
	if count != 1 {
		t.Errorf("told %d times", count)
	}
	if err := NewPoller("", 1<<30, nil).Scan(); err == nil {
		t.Error("a process that does not exist has libraries")
	}
}

func TestDigestsAreRemembered(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	var d Digests
	hash := func() (string, Method) {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		digest, method, err := d.hash(context.Background(), f)
		if err != nil {
			t.Fatal(err)
		}
		return digest, method
	}
	if err := os.WriteFile(name, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	// Just written: not trusted.
	for range 2 {
		if digest, method := hash(); digest != sha3Text("x") || method != Observed {
			t.Errorf("%s, %s", digest, method)
		}
	}
	// A remembered digest is used, and only while nothing of the file changed.
	f, _ := os.Open(name)
	id, err := identify(f)
	f.Close()
	if err != nil {
		t.Fatal(err)
	}
	d.m = map[fileID]remembered{id: {digest: "remembered"}}
	if digest, method := hash(); digest != "remembered" || method != Cached {
		t.Errorf("%s, %s", digest, method)
	}
	if err := os.Chmod(name, 0o600); err != nil { // changes ctime alone
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte("yy"), 0o600); err != nil {
		t.Fatal(err)
	}
	if digest, method := hash(); digest != sha3Text("yy") || method != Observed {
		t.Errorf("%s, %s", digest, method)
	}
}

func FuzzMaps(f *testing.F) {
	f.Add([]byte("7f00-7f01 r-xp 00000000 08:01 5                  /opt/a b/libcuda.so.1 (deleted)\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		found, _ := parseMaps(bytes.NewReader(data))
		for _, m := range found {
			if m.inode == 0 || !strings.HasPrefix(m.path, "/") {
				t.Fatalf("%q gives %+v", data, m)
			}
		}
	})
}

func FuzzELF(f *testing.F) {
	f.Add([]byte(sharedObject(f, "libx.so.1", []byte{1, 2, 3})))
	f.Fuzz(func(t *testing.T, data []byte) {
		name := filepath.Join(t.TempDir(), "x")
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
		file, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		readELF(file)
		comment(file)
	})
}

func FuzzParsers(f *testing.F) {
	for _, text := range workstation {
		f.Add([]byte(text))
	}
	f.Add([]byte(npuTable))
	f.Add([]byte(smiXML))
	f.Add([]byte("# branch.oid " + strings.Repeat("a", 40) + "\x00# branch.head main\x001 .M N... 100644 100644 100644 a b f\x00? x\x00"))
	f.Fuzz(func(_ *testing.T, data []byte) {
		for _, parse := range []func([]byte) (any, error){
			kernelDriver, driverVersion, versionJSON, versionTxt, jetson, cpu, commandLine, line, keyValues("ID"), defines("CUDNN_MAJOR"),
			npus, chrony, musaVersions, cudaHeader,
		} {
			parse(data)
		}
		(&Source{}).status(data)
		commitSignature(data)
		tags(data)
		parseSMI(data)
		capabilities(data)
		submodules(data)
		remoteURL(string(data))
	})
}
