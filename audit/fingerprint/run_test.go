//go:build unix

package fingerprint

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha3"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestOracle computes everything again with other means: filepath.WalkDir, the
// whole list in memory, the recursion of RFC 6962.
func TestOracle(t *testing.T) {
	dir := sample(t)
	var files, links, folders, empty, size uint64
	var paths []string
	must(t, filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if rel, _ := filepath.Rel(dir, p); rel != "." {
			paths = append(paths, rel)
		}
		return err
	}))
	// WalkDir orders by elements; the trees order by the bytes of whole paths.
	slices.Sort(paths)
	manifest := ""
	var leaves []Digest
	contents := map[Digest][]string{}
	var digests []string
	for _, p := range paths {
		info, err := os.Lstat(filepath.Join(dir, p))
		must(t, err)
		var content []byte
		kind := "f"
		switch {
		case info.IsDir():
			folders++
			if list, _ := os.ReadDir(filepath.Join(dir, p)); len(list) == 0 {
				empty++
			}
			continue
		case info.Mode()&fs.ModeSymlink != 0:
			kind = "l"
			links++
			target, err := os.Readlink(filepath.Join(dir, p))
			must(t, err)
			content = []byte(target)
		default:
			files++
			content, err = os.ReadFile(filepath.Join(dir, p))
			must(t, err)
			size += uint64(len(content))
			manifest += fmt.Sprintf("%x  %s\n", sha3.Sum512(content), escaper.Replace(p))
			d := Digest(sha3.Sum512(content))
			if contents[d] == nil {
				digests = append(digests, string(d[:]))
			}
			contents[d] = append(contents[d], string(content))
		}
		d := sha3.Sum512(content)
		if len(p) > 127 {
			t.Fatal("this oracle knows one-byte lengths only")
		}
		leaves = append(leaves, sum([]byte("\x00auditlog/file/v1"+kind+string(rune(len(p)))+p+be64(len(content))+string(d[:]))))
	}
	slices.Sort(digests)
	var contentLeaves []Digest
	for _, d := range digests {
		c := contents[Digest([]byte(d))]
		contentLeaves = append(contentLeaves, sum([]byte("\x00auditlog/content/v1"+d+be64(len(c[0]))+be64(len(c)))))
	}
	want := Result{
		Status:   Complete,
		Tree:     Head{mth(leaves), uint64(len(leaves)), size, 0},
		Content:  Head{mth(contentLeaves), uint64(len(digests)), size, 0},
		Manifest: sum([]byte(manifest)),
		Files:    files, Bytes: size, Symlinks: links, Folders: folders, EmptyFolders: empty, HardLinks: 2,
		Alike: Names{[]string{"a"}, 1}, // and A
	}
	got := mustTake(t, dir, Options{SHA256: true})
	if fmt.Sprint(*got.Result) != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v", *got.Result, want)
	}
	if got.manifest.String() != manifest {
		t.Errorf("manifest\n%s\nwant\n%s", got.manifest.String(), manifest)
	}
	n := 0
	for e, err := range Entries(&got.listing) {
		must(t, err)
		n++
		if e.Type != TypeFile {
			continue
		}
		content, err := os.ReadFile(filepath.Join(dir, e.Path))
		must(t, err)
		if want := sha256.Sum256(content); !bytes.Equal(e.SHA256, want[:]) {
			t.Errorf("%q: SHA-256 %x, want %x", e.Path, e.SHA256, want)
		}
	}
	if n != len(leaves) {
		t.Errorf("%d lines in the listing, want %d", n, len(leaves))
	}
	if got := mustTake(t, t.TempDir(), Options{}); got.Tree.Root != sum(nil) || got.Tree.Leaves != 0 {
		t.Errorf("an empty folder has %v", got.Tree)
	}
}

func be64(n int) string {
	b := make([]byte, 8)
	for i := range b {
		b[7-i] = byte(n >> (8 * i))
	}
	return string(b)
}

// TestShell recomputes the manifest with find, sort and openssl alone.
func TestShell(t *testing.T) {
	for _, tool := range []string{"bash", "find", "sort", "openssl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(err)
		}
	}
	if exec.Command("find", t.TempDir(), "-printf", "%P").Run() != nil {
		t.Skip("find has no -printf")
	}
	const script = `cd "$1" && find . -type f -printf '%P\0' | LC_ALL=C sort -z | while IFS= read -r -d '' f; do
	d=$(openssl dgst -sha3-512 < "$f") || exit 1
	e=${f//'%'/%25} e=${e//$'\r'/%0D} e=${e//$'\n'/%0A}
	printf '%s  %s\n' "${d##* }" "$e"
done`
	dir := sample(t)
	cmd := exec.Command("bash", "-c", script, "bash", dir)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	want, err := cmd.Output()
	must(t, err)
	got := mustTake(t, dir, Options{})
	if got.manifest.String() != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got.manifest.String(), want)
	}
	cmd = exec.Command("openssl", "dgst", "-sha3-512")
	cmd.Stdin = &got.manifest
	out, err := cmd.Output()
	must(t, err)
	if !strings.Contains(string(out), got.Manifest.String()) {
		t.Errorf("digest of the manifest: openssl says %s, we %s", out, got.Manifest)
	}

	// What openssl itself writes of the same files can be checked, in any order.
	cmd = exec.Command("bash", "-c", `cd "$1" && find . -type f ! -name 'back?n*' -exec openssl dgst -sha3-512 -r {} +`, "bash", dir)
	list, err := cmd.Output()
	must(t, err)
	must(t, os.Remove(filepath.Join(dir, "back\\n\n"))) // openssl's escape cannot be undone for this one
	c, err := Check(t.Context(), dir, bytes.NewReader(list), Options{})
	must(t, err)
	if !c.OK() || c.Same == 0 {
		t.Errorf("%+v", c)
	}
}

// TestForeign holds a folder to what Python's hashlib gives by docs/formats.md.
func TestForeign(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"a": "one", "b/c": "two"})
	must(t, os.Symlink("c", filepath.Join(dir, "b", strings.Repeat("x", 200))))
	if err := os.WriteFile(filepath.Join(dir, "d\xff"), []byte("one"), 0o644); err != nil {
		t.Skip("this file system takes no name that is not UTF-8:", err)
	}
	f := mustTake(t, dir, Options{})
	for _, d := range []struct {
		got  Digest
		want string
	}{
		{f.Tree.Root, "3c81d275b88b3b33fd37c6d7fba45af2682d7769a16d206ed1135b919218d1548348fdf7327b4e99bc067914e8977d258e25c3632209465c3e536cb65e5ae6b7"},
		{f.Content.Root, "b952a6efcdd2a87b99395e744c66b4f242f3b27c8faf0618f1ad5d7ca5adf58151d469665135eb712b6d2a74ae0983b22631581a007835bc897e0c9d96d37a9c"},
		{f.Manifest, "fca98bbdf42b0de2d683c317dd06f323c55091688b212b433f5cb3660463457df63e7f70139f52d418d8235cfa6971ca0a122cc03c33bce825265c4c9a8a19e9"},
	} {
		if d.got.String() != d.want {
			t.Errorf("%s, want %s", d.got, d.want)
		}
	}
}

// TestEqualResults holds every number of workers, and sorts that spill after a
// few rows, to one result.
func TestEqualResults(t *testing.T) {
	dir := sample(t)
	rng := rand.New(rand.NewPCG(1, 2))
	files := map[string]string{}
	for i := range 700 {
		files[fmt.Sprintf("many/%d/%x", rng.IntN(40), rng.Uint32())] = fmt.Sprint(i % 50)
	}
	write(t, dir, files)
	want := mustTake(t, dir, Options{Workers: 1})
	for _, o := range []Options{{Workers: 2}, {Workers: 16}, {Workers: 3, Memory: 1}, {Workers: 1, Memory: 20000}, {}} {
		if o.Memory == 1 && testing.Short() {
			continue
		}
		got := mustTake(t, dir, o)
		if fmt.Sprint(*got.Result) != fmt.Sprint(*want.Result) || got.listing.String() != want.listing.String() || got.manifest.String() != want.manifest.String() {
			t.Errorf("%d workers, %d bytes: another result", o.Workers, o.Memory)
		}
	}
	ents, err := os.ReadDir(t.TempDir())
	if err != nil || len(ents) > 0 {
		t.Error(ents, err)
	}
}

// TestSensitive changes one thing at a time and wants another root.
func TestSensitive(t *testing.T) {
	base := mustTake(t, sample(t), Options{})
	same := mustTake(t, sample(t), Options{})
	if base.Tree != same.Tree || base.Content != same.Content || base.Manifest != same.Manifest {
		t.Error("two equal folders differ")
	}
	for _, tt := range []struct {
		name          string
		change        func(dir string) error
		tree, content bool
	}{
		{"content", func(dir string) error { return os.WriteFile(dir+"/a-b", []byte("x"), 0o644) }, true, true},
		{"renamed", func(dir string) error { return os.Rename(dir+"/a-b", dir+"/a-c") }, true, false},
		{"moved without a change of order", func(dir string) error { return os.Rename(dir+"/é", dir+"/ê") }, true, false},
		{"target", func(dir string) error {
			return errors.Join(os.Remove(dir+"/dangling"), os.Symlink("elsewhere", dir+"/dangling"))
		}, true, false},
		{"link becomes a file with its target's text", func(dir string) error {
			return errors.Join(os.Remove(dir+"/dangling"), os.WriteFile(dir+"/dangling", []byte("nowhere"), 0o644))
		}, true, true},
		{"copy added", func(dir string) error { return os.WriteFile(dir+"/zz", []byte("one"), 0o644) }, true, true},
		{"copy removed", func(dir string) error { return os.Remove(dir + "/d/copy") }, true, true},
		{"hard link becomes a copy", func(dir string) error {
			return errors.Join(os.Remove(dir+"/d/hard"), os.WriteFile(dir+"/d/hard", []byte("one"), 0o644))
		}, false, false},
		{"mode", func(dir string) error { return os.Chmod(dir+"/a", 0o600) }, false, false},
		{"time", func(dir string) error { return os.Chtimes(dir+"/a", time.Now(), time.Unix(1, 0)) }, false, false},
		{"empty folder", func(dir string) error { return os.Mkdir(dir+"/more", 0o755) }, false, false},
	} {
		dir := sample(t)
		must(t, tt.change(dir))
		got := mustTake(t, dir, Options{})
		if (got.Tree != base.Tree) != tt.tree || (got.Content != base.Content) != tt.content {
			t.Errorf("%s: tree differs %v, content differs %v", tt.name, got.Tree != base.Tree, got.Content != base.Content)
		}
	}
}
