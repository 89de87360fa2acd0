package bundle

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/audit"
	. "github.com/mmaudit/mmaudit/audit/trust/trusttest"
)

// repack zips members as another program might.
func repack(t testing.TB, k kit, edit func(h *zip.FileHeader), more ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range append(slices.Sorted(maps.Keys(k)), more...) {
		h := header(name, int64(len(k[name])), crc32.ChecksumIEEE(k[name]))
		edit(h)
		create := z.CreateRaw
		if h.Method != zip.Store {
			create = z.CreateHeader
		}
		w, err := create(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(k[name]); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestArchive: a zip that is anything but the one of these members is refused,
// before anybody is misled by what another program would unpack from it.
func TestArchive(t *testing.T) {
	s := tell(t, Origin, "log").live()
	file := s.write(s.options())
	k := unpack(t, file)
	same := func(*zip.FileHeader) {}
	with := func(name string, data []byte) kit {
		k := maps.Clone(k)
		k[name] = data
		return k
	}
	end := len(file) - 22 // the end record
	edit := func(f func(b []byte) []byte) []byte { return f(bytes.Clone(file)) }
	for _, test := range []struct {
		name, want string
		file       []byte
	}{
		{"empty", "not a whole zip file", nil},
		{"no zip", "not a whole zip file", []byte("PK\x03\x04 this is none")},
		{"truncated", "not a whole zip file", file[:len(file)-1]},
		{"half", "not a whole zip file", file[:len(file)/2]},
		{"byte behind", "1 byte behind its end", append(bytes.Clone(file), 0)},
		{"bytes before", "byte 0 of the file is 0x23", append([]byte("#!/bin/sh\n"), file...)},
		{"comment", "byte", edit(func(b []byte) []byte {
			binary.LittleEndian.PutUint16(b[end+20:], 5)
			return append(b, "hello"...)
		})},
		{"member twice", `"checkpoint" is there twice`, func() []byte {
			var b bytes.Buffer
			m := []member{memberOf("bundle.json", nil), memberOf("checkpoint", []byte("a")), memberOf("checkpoint", []byte("b"))}
			if err := writeZip(&b, m); err != nil {
				t.Fatal(err)
			}
			return b.Bytes()
		}()},
		{"member twice, apart", `"checkpoint" comes after`, repack(t, k, same, "checkpoint")},
		{"out of order", `"README.txt" comes after "records/`, func() []byte {
			less := maps.Clone(k)
			delete(less, "README.txt")
			return repack(t, less, same, "README.txt")
		}()},
		{"out of the folder", `"../bundle.json" cannot be the name`, repack(t, with("../bundle.json", nil), same)},
		{"absolute", `"/etc/passwd" cannot be the name`, repack(t, with("/etc/passwd", nil), same)},
		{"of Windows", `"a\\b" cannot be the name`, repack(t, with(`a\b`, nil), same)},
		{"folder", `"records/" cannot be the name`, repack(t, with("records/", nil), same)},
		{"like ours", `"BUNDLE.json" cannot be the name`, repack(t, with("BUNDLE.json", nil), same)},
		{"index of too many digits", "cannot be the name", repack(t, with("records/0000000000007.dsse.json", nil), same)},
		{"zip bomb", `"index.html" is compressed; members are stored, so that none is larger than it looks`, repack(t, with("index.html", make([]byte, 1<<20)), func(h *zip.FileHeader) {
			if h.Name == "index.html" {
				h.Method = zip.Deflate
			}
		})},
		{"packed again", "is compressed", repack(t, k, func(h *zip.FileHeader) { h.Method = zip.Deflate })},
		{"other permissions", "an archive that was packed again", repack(t, k, func(h *zip.FileHeader) { h.ExternalAttrs = 0o100600 << 16 })},
		{"symbolic link", "want 0x", repack(t, k, func(h *zip.FileHeader) { h.ExternalAttrs = 0o120777 << 16 })},
		{"encrypted", "want 0x00", repack(t, k, func(h *zip.FileHeader) { h.Flags |= 1 })},
		{"member with a comment", "want 0x", repack(t, k, func(h *zip.FileHeader) { h.Comment = "x" })},
		{"extra field", "want 0x", repack(t, k, func(h *zip.FileHeader) { h.Extra = []byte{1, 0, 0, 0} })},
		{"overlapping", "the members have more bytes than the file: they overlap", overlapping(t)},
		{"size that lies", "is compressed", edit(func(b []byte) []byte {
			at := binary.LittleEndian.Uint32(b[end+16:])
			binary.LittleEndian.PutUint32(b[at+24:], 1<<30)
			return b
		})},
	} {
		r := check(t, test.file, s.anchor())
		if len(r.Checks) != 1 || r.Checks[0].ID != checkArchive || r.Checks[0].Status != Wrong || r.Outcome != Failed || !strings.Contains(lines(r), test.want) {
			t.Errorf("%s: want %q, got\n%s", test.name, test.want, lines(r))
		}
	}
}

// TestMany: more members than the first zips could have.
func TestMany(t *testing.T) {
	if testing.Short() {
		t.Skip("65,536 members take a while: run without -short")
	}
	var members []member
	for i := range 1 << 16 {
		members = append(members, memberOf(proofFile(int64(i)), nil))
	}
	var b bytes.Buffer
	if err := writeZip(&b, members); err != nil {
		t.Fatal(err)
	}
	files, err := readZip(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil || len(files) != len(members) {
		t.Errorf("%d members, %v", len(files), err)
	}
}

// overlapping makes a zip whose members share their bytes.
func overlapping(t testing.TB) []byte {
	data := make([]byte, 10_000)
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := range 50 {
		w, err := z.CreateRaw(header(fmt.Sprintf("a%02d", i), int64(len(data)), crc32.ChecksumIEEE(data)))
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			w.Write(data)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestVerifyFile: what is not a bundle's fault is an error.
func TestVerifyFile(t *testing.T) {
	s := tell(t, Origin, "log").live()
	dir := t.TempDir()
	path := filepath.Join(dir, "bundle.zip")
	if err := os.WriteFile(path, s.write(s.options()), 0o600); err != nil {
		t.Fatal(err)
	}
	if r, err := Verify(t.Context(), path, s.anchor()); err != nil || r.Outcome != Verified {
		t.Error(r, err)
	}
	if _, err := Verify(t.Context(), filepath.Join(dir, "nothing"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if _, err := Verify(t.Context(), dir, nil); err == nil {
		t.Error("a folder was verified")
	}
	// A disk that fails is no forgery.
	file, broken := s.write(s.options()), errors.New("input/output error")
	for at := 0; at < len(file); at += 1000 {
		r, err := verify(t.Context(), failing{bytes.NewReader(file), int64(at), broken}, int64(len(file)), nil)
		if !errors.Is(err, broken) {
			t.Errorf("byte %d cannot be read: %v %v", at, r, err)
		}
	}
}

// failing cannot read one byte.
type failing struct {
	io.ReaderAt
	bad int64
	err error
}

func (f failing) ReadAt(p []byte, at int64) (int, error) {
	if at <= f.bad && f.bad < at+int64(len(p)) {
		return 0, f.err
	}
	return f.ReaderAt.ReadAt(p, at)
}

// FuzzVerify: whatever is in a file, Verify says what it thinks of it.
func FuzzVerify(f *testing.F) {
	s := tell(f, Origin, "log")
	s.add(Genesis(Origin, Signer("a", audit.Admin)), "a")
	s.add(s.event(audit.Incident, "3.2.0"), "a")
	o := s.options()
	o.Trust = s.anchor()
	file := s.write(o)
	f.Add(file, false)
	f.Add(overlapping(f), false)
	k := unpack(f, file)
	for name, data := range k {
		f.Add([]byte(name+"\n"+string(data)), true)
	}
	f.Fuzz(func(t *testing.T, data []byte, member bool) {
		if member { // one member, in an archive that is right otherwise
			name, content, _ := strings.Cut(string(data), "\n")
			k := maps.Clone(k)
			k[name] = []byte(content)
			if !ourNames().MatchString(name) && checkExtra(name) != nil {
				return
			}
			if name == manifestFile {
				data = k.pack(t)
			} else {
				data = k.forge(t)
			}
		}
		r, err := verify(t.Context(), bytes.NewReader(data), int64(len(data)), o.Trust)
		if err != nil {
			t.Fatal(err)
		}
		if r.Outcome == Failed {
			return
		}
		// Believed: then the records are the true ones.
		got := unpack(t, data)
		for name := range k {
			if strings.HasPrefix(name, "records/") || strings.HasPrefix(name, "keys/") || strings.HasPrefix(name, "proofs/") {
				if !bytes.Equal(k[name], got[name]) {
					t.Fatalf("%s was changed\n%s", name, lines(r))
				}
			}
		}
	})
}
