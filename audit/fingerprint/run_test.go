//go:build unix

package fingerprint

import (
	"bytes"
	"context"
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

	"golang.org/x/sys/unix"
)

// write makes files below dir; a name that ends in / makes a folder.
func write(t testing.TB, dir string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		at := filepath.Join(dir, name)
		must(t, os.MkdirAll(filepath.Dir(at), 0o755))
		if strings.HasSuffix(name, "/") {
			must(t, os.MkdirAll(at, 0o755))
			continue
		}
		must(t, os.WriteFile(at, []byte(content), 0o644))
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A taken fingerprint with its documents.
type taken struct {
	*Result
	manifest, listing bytes.Buffer
}

func take(ctx context.Context, dir string, o Options) (*taken, error) {
	f := new(taken)
	o.Manifest, o.Listing = &f.manifest, &f.listing
	var err error
	f.Result, err = Run(ctx, dir, o)
	return f, err
}

func mustTake(t testing.TB, dir string, o Options) *taken {
	t.Helper()
	f, err := take(t.Context(), dir, o)
	must(t, err)
	return f
}

// sample makes a folder with everything that a fingerprint takes.
func sample(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"a":            "one",
		"a-b":          "sorts before a/",
		"A/x":          "upper case",
		"d/b/c/deep":   strings.Repeat("deep", 1<<18), // several reads
		"d/copy":       "one",
		"d/empty file": "",
		"d.x":          "sorts before d/",
		"nothing/":     "",
		"line\nfeed":   "n",
		"cr\rhere":     "r",
		"100%":         "percent",
		"%0A":          "looks escaped",
		"back\\slash":  "b",
		"back\\n\n":    "both",
		" lead":        "blank",
		"*star":        "star",
		"é":            "utf-8",
		"-n":           "like a flag",
	})
	must(t, os.Link(filepath.Join(dir, "a"), filepath.Join(dir, "d", "hard")))
	must(t, os.Symlink("b/c/deep", filepath.Join(dir, "d", "link")))
	must(t, os.Symlink("nowhere", filepath.Join(dir, "dangling")))
	must(t, os.Symlink("loop", filepath.Join(dir, "loop")))
	must(t, os.Symlink("d", filepath.Join(dir, "to folder")))
	if err := os.WriteFile(filepath.Join(dir, "not\xffutf8"), []byte("raw"), 0o644); err != nil {
		t.Log("this file system takes no name that is not UTF-8:", err)
	}
	return dir
}

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
		if e.Type != File {
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

// TestProofs proves every file of a real listing, and some that are not there.
func TestProofs(t *testing.T) {
	f := mustTake(t, sample(t), Options{})
	listing := f.listing.Bytes()
	for e, err := range Entries(bytes.NewReader(listing)) {
		must(t, err)
		p, err := Prove(t.Context(), bytes.NewReader(listing), f.Tree, e.Path)
		must(t, err)
		p, err = ParseProof(p.Marshal())
		must(t, err)
		if err := p.VerifyPath(f.Tree, e.Path); err != nil || p.Found == nil || p.Found.Leaf.Digest != e.Digest {
			t.Errorf("%q: %+v, %v", e.Path, p, err)
		}
		p, err = ProveContent(t.Context(), bytes.NewReader(listing), f.Content, e.Digest, Options{})
		must(t, err)
		if (p.Found != nil) != (e.Type == File) {
			t.Errorf("%q: content found: %v", e.Path, p.Found != nil)
		}
		if e.Path == "a" && p.Found.Leaf.Copies != 3 {
			t.Errorf("%d copies, want 3", p.Found.Leaf.Copies)
		}
	}
	for _, path := range []string{"", "0", "zzz", "d", "d/", "\xff"} {
		p, err := Prove(t.Context(), bytes.NewReader(listing), f.Tree, path)
		must(t, err)
		if p.Found != nil || p.VerifyPath(f.Tree, path) != nil {
			t.Errorf("%q: %+v", path, p)
		}
		if p.VerifyContent(f.Content, Digest{}) == nil {
			t.Error("a proof of a path served for a content")
		}
	}
	other := f.Tree
	other.Bytes++
	if _, err := Prove(t.Context(), bytes.NewReader(listing), other, "a"); !errors.Is(err, ErrListing) {
		t.Errorf("another head: %v", err)
	}
	short := listing[:bytes.LastIndexByte(listing[:len(listing)-1], '\n')+1]
	if _, err := Prove(t.Context(), bytes.NewReader(short), f.Tree, "a"); !errors.Is(err, ErrListing) {
		t.Errorf("a listing without its last line: %v", err)
	}
	if _, err := ProveContent(t.Context(), bytes.NewReader(short), f.Content, Digest{}, Options{}); !errors.Is(err, ErrListing) {
		t.Errorf("a listing without its last line: %v", err)
	}
}

func TestOverlap(t *testing.T) {
	a, b, c := t.TempDir(), t.TempDir(), t.TempDir()
	write(t, a, map[string]string{"1": "x", "2": "y", "3": "y", "4": "only a"})
	write(t, b, map[string]string{"7": "y", "8": "zz", "9": "x", "x": "x"})
	write(t, c, map[string]string{"7": "w"})
	ta, tb, tc := mustTake(t, a, Options{}), mustTake(t, b, Options{}), mustTake(t, c, Options{})
	src := func(f *taken) Source { return Source{bytes.NewReader(f.listing.Bytes()), f.Content} }
	var shared []string
	got, err := Overlap(t.Context(), src(ta), src(tb), Options{}, func(s Shared) error {
		shared = append(shared, fmt.Sprintf("%d of %s, %d of %s", s.CopiesA, s.PathA, s.CopiesB, s.PathB))
		return nil
	})
	must(t, err)
	slices.Sort(shared)
	if want := (Overlapping{Contents: 2, FilesA: 3, FilesB: 3, Bytes: 2}); *got != want {
		t.Errorf("%+v, want %+v", *got, want)
	}
	if want := []string{"1 of 1, 2 of 9", "2 of 2, 1 of 7"}; !slices.Equal(shared, want) {
		t.Errorf("%q, want %q", shared, want)
	}
	if got, err = Overlap(t.Context(), src(ta), src(tc), Options{}, nil); err != nil || *got != (Overlapping{}) {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err = Overlap(t.Context(), src(ta), src(ta), Options{}, nil); err != nil || got.FilesA != 4 || got.Contents != 3 {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := Overlap(t.Context(), src(ta), Source{bytes.NewReader(tb.listing.Bytes()), tc.Content}, Options{}, nil); !errors.Is(err, ErrListing) {
		t.Errorf("a listing of another data set: %v", err)
	}
}

func TestCheck(t *testing.T) {
	dir := sample(t)
	f := mustTake(t, dir, Options{})
	check := func(doc []byte, want string) {
		t.Helper()
		c, err := Check(t.Context(), dir, bytes.NewReader(doc), Options{})
		must(t, err)
		got := ""
		for _, d := range c.First {
			got += fmt.Sprintf("%s %s;", d.Change, d.Path)
		}
		if got != want || c.OK() != (want == "") {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	check(f.manifest.Bytes(), "")
	check(f.listing.Bytes(), "")
	lines := strings.SplitAfter(f.manifest.String(), "\n")
	rand.New(rand.NewPCG(1, 1)).Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	check([]byte(strings.Join(lines, "")), "")

	write(t, dir, map[string]string{"a-b": "other", "new": "new"})
	must(t, os.Remove(filepath.Join(dir, "A", "x")))
	must(t, os.Remove(filepath.Join(dir, "é")))
	must(t, os.Remove(filepath.Join(dir, "dangling")))
	must(t, os.Symlink("a", filepath.Join(dir, "second")))
	check(f.manifest.Bytes(), "missing A/x;changed a-b;extra new;missing é;")
	check(f.listing.Bytes(), "missing A/x;changed a-b;missing dangling;extra new;extra second;missing é;")

	for name, doc := range map[string]string{
		"twice":     lines[0] + lines[0],
		"malformed": "hello\n",
		"torn":      strings.TrimSuffix(lines[0], "\n"),
		"listing":   "{\n",
	} {
		if _, err := Check(t.Context(), dir, strings.NewReader(doc), Options{}); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

// TestRefused puts one thing into a folder that must not be there.
func TestRefused(t *testing.T) {
	outside := t.TempDir()
	write(t, outside, map[string]string{"secret": "s"})
	link := func(target string) func(dir string) error {
		return func(dir string) error { return os.Symlink(target, dir+"/d/bad") }
	}
	for _, tt := range []struct {
		name string
		make func(dir string) error
		want error
	}{
		{"named pipe", func(dir string) error { return unix.Mkfifo(dir+"/d/bad", 0o644) }, ErrSpecial},
		{"socket", func(dir string) error {
			fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
			if err != nil {
				return err
			}
			defer unix.Close(fd)
			old, err := os.Getwd() // the name of a socket must be short
			if err != nil {
				return err
			}
			defer os.Chdir(old)
			return errors.Join(os.Chdir(dir+"/d"), unix.Bind(fd, &unix.SockaddrUnix{Name: "bad"}))
		}, ErrSpecial},
		{"link out", link("../../elsewhere"), ErrEscape},
		{"absolute link out", link(filepath.Join(outside, "secret")), ErrEscape},
		{"absolute link to nothing", link("/does/not/exist"), ErrEscape},
		{"link by way of a link", func(dir string) error {
			// up points to the root, so up/../x lies outside though it looks inside.
			return errors.Join(os.Symlink("../../d/..", dir+"/d/b/up"), os.Symlink("b/up/../x", dir+"/d/bad"))
		}, ErrEscape},
		{"absolute link inside", func(dir string) error { return os.Symlink(dir+"/a", dir+"/d/good") }, nil},
		{"link to the root", link(".."), nil},
		{"link out and in again", func(dir string) error {
			return os.Symlink("../../"+filepath.Base(dir)+"/a", dir+"/d/good")
		}, nil},
	} {
		dir := sample(t)
		must(t, tt.make(dir))
		res, err := Run(t.Context(), dir, Options{AllowUnreadable: true})
		if tt.want == nil {
			if err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
			continue
		}
		var pe *ProblemError
		if !errors.Is(err, tt.want) || res != nil || !errors.As(err, &pe) || pe.Count != 1 || pe.First[0].Path != "d/bad" {
			t.Errorf("%s: %v, %v", tt.name, res, err)
		}
	}
	dir := sample(t)
	if _, err := Run(t.Context(), dir, Options{TempDir: filepath.Join(dir, "d")}); !errors.Is(err, ErrInside) {
		t.Errorf("temporary folder inside: %v", err)
	}
	if _, err := Run(t.Context(), dir, Options{Cache: filepath.Join(dir, "new", "cache")}); !errors.Is(err, ErrInside) {
		t.Errorf("cache inside: %v", err)
	}
	if _, err := Run(t.Context(), filepath.Join(dir, "a"), Options{}); err == nil {
		t.Error("a file was taken for a folder")
	}
	must(t, os.Symlink(dir, filepath.Join(outside, "root")))
	if got := mustTake(t, filepath.Join(outside, "root"), Options{}); got.Tree != mustTake(t, dir, Options{}).Tree {
		t.Error("another result by way of a link to the root")
	}
}

func TestUnreadable(t *testing.T) {
	for _, tt := range []struct {
		during Phase
		path   string
	}{{Reading, "d/copy"}, {Scanning, "d/copy"}, {Scanning, "d/b"}, {Reading, "a"}} {
		dir := sample(t)
		o := Options{hooks: hooks{fail: func(ph Phase, path string) error {
			if ph == tt.during && path == tt.path {
				return unix.EACCES
			}
			return nil
		}}}
		_, err := take(t.Context(), dir, o)
		if !errors.Is(err, ErrUnreadable) || !strings.Contains(fmt.Sprint(err), "permission denied") {
			t.Errorf("%v: %v", tt, err)
		}
		o.AllowUnreadable = true
		f := mustTake(t, dir, o)
		names := uint64(1)
		if tt.path == "a" {
			names = 2 // it has another name
		}
		if f.Status != Partial || f.Tree.Unreadable != names || f.Content.Unreadable != names || f.Unreadable.Count != names || f.Unreadable.First[0].Path != tt.path {
			t.Errorf("%v: %+v", tt, f.Result)
		}
		listing := func() *bytes.Reader { return bytes.NewReader(f.listing.Bytes()) }
		p, err := Prove(t.Context(), listing(), f.Tree, tt.path)
		if err != nil || p.Found == nil || p.Found.Leaf.Type != Unreadable {
			t.Errorf("%v: %+v, %v", tt, p, err)
		}
		if _, err := Prove(t.Context(), listing(), f.Tree, "d/b/c/other"); !errors.Is(err, ErrPartial) {
			t.Errorf("%v: absence in a partial tree: %v", tt, err)
		}
		if _, err := ProveContent(t.Context(), listing(), f.Content, Digest{}, Options{}); !errors.Is(err, ErrPartial) {
			t.Errorf("%v: absence in a partial tree: %v", tt, err)
		}
		if _, err := Check(t.Context(), dir, listing(), o); !errors.Is(err, ErrUnreadable) {
			t.Errorf("%v: checked: %v", tt, err)
		}
	}
	// The system itself refuses, unless it is told not to.
	if os.Getuid() != 0 {
		dir := sample(t)
		must(t, os.Chmod(filepath.Join(dir, "a-b"), 0))
		must(t, os.Chmod(filepath.Join(dir, "d"), 0))
		defer os.Chmod(filepath.Join(dir, "d"), 0o755)
		_, err := Run(t.Context(), dir, Options{})
		var pe *ProblemError
		if !errors.As(err, &pe) || pe.Count != 2 {
			t.Errorf("%v", err)
		}
	}
	// Running out of descriptors is no fault of the data.
	o := Options{AllowUnreadable: true, hooks: hooks{fail: func(Phase, string) error { return unix.EMFILE }}}
	var pe *ProblemError
	if _, err := Run(t.Context(), sample(t), o); err == nil || errors.As(err, &pe) {
		t.Errorf("too many open files: %v", err)
	}
}

// TestChanging changes the data at every moment of a run.
func TestChanging(t *testing.T) {
	appendTo := func(name string) func(dir string) error {
		return func(dir string) error {
			f, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY|os.O_APPEND, 0)
			if err != nil {
				return err
			}
			_, err = f.WriteString("+")
			return errors.Join(err, f.Close())
		}
	}
	// The size stays, and the time of modification is put back: ctime tells.
	forge := func(dir string) error {
		name := dir + "/a-b"
		info, err := os.Stat(name)
		if err != nil {
			return err
		}
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		b[0] ^= 1
		return errors.Join(os.WriteFile(name, b, 0o644), os.Chtimes(name, info.ModTime(), info.ModTime()))
	}
	replace := func(dir string) error {
		return errors.Join(os.WriteFile(dir+"/d/tmp", []byte("new"), 0o644), os.Rename(dir+"/d/tmp", dir+"/d/copy"))
	}
	fifo := func(dir string) error {
		return errors.Join(os.Remove(dir+"/d/copy"), unix.Mkfifo(dir+"/d/copy", 0o644))
	}
	for _, tt := range []struct {
		name   string
		change func(dir string) error
		path   string
	}{
		{"grows", appendTo("d/copy"), "d/copy"},
		{"shrinks", func(dir string) error { return os.Truncate(dir+"/d/b/c/deep", 3) }, "d/b/c/deep"},
		{"forged", forge, "a-b"},
		{"hard link grows", appendTo("a"), "a"},
		{"replaced", replace, "d"},
		{"removed", func(dir string) error { return os.Remove(dir + "/d/copy") }, "d"},
		{"becomes a named pipe", fifo, "d"},
		{"link changes", func(dir string) error {
			return errors.Join(os.Remove(dir+"/d/link"), os.Symlink("copy", dir+"/d/link"))
		}, "d"},
		{"added", func(dir string) error { return os.WriteFile(dir+"/d/b/new", nil, 0o644) }, "d/b"},
		{"added to the root", func(dir string) error { return os.WriteFile(dir+"/new", nil, 0o644) }, ""},
		{"folder becomes a link out", func(dir string) error {
			return errors.Join(os.RemoveAll(dir+"/d/b"), os.Symlink("/etc", dir+"/d/b"))
		}, "d"},
	} {
		for _, when := range []string{"scanned", "hashed"} {
			dir := sample(t)
			once := func() { must(t, tt.change(dir)) }
			o := Options{AllowUnreadable: true}
			if when == "scanned" {
				o.hooks.scanned = once
			} else {
				o.hooks.hashed = once
			}
			_, err := Run(t.Context(), dir, o)
			if when == "scanned" && (tt.name == "grows" || tt.name == "shrinks" || tt.name == "forged" || tt.name == "hard link grows") {
				// It settled before it was read: the result is of what was read.
				if err != nil {
					t.Errorf("%s after scanning: %v", tt.name, err)
				}
				continue
			}
			var pe *ProblemError
			if !errors.Is(err, ErrUnstable) || !errors.As(err, &pe) || pe.First[0].Path != tt.path {
				t.Errorf("%s, %s: %v", tt.name, when, err)
			}
		}
	}
}

// TestRetry lets a file change while it is read: for a while, or for good.
func TestRetry(t *testing.T) {
	for times := 1; times <= retries+1; times++ {
		dir := sample(t)
		reads := 0
		o := Options{Workers: 1, hooks: hooks{read: func(path string, attempt int) {
			if path == "a-b" {
				if reads != attempt {
					t.Errorf("attempt %d after %d reads", attempt, reads)
				}
				if reads++; reads <= times {
					must(t, os.WriteFile(filepath.Join(dir, path), []byte(fmt.Sprint("version ", reads)), 0o644))
				}
			}
		}}}
		var last Progress
		o.Progress = func(p Progress) { last = p }
		f, err := take(t.Context(), dir, o)
		if times > retries {
			if !errors.Is(err, ErrUnstable) || reads != retries+1 {
				t.Errorf("changes for good: %v after %d reads", err, reads)
			}
			continue
		}
		must(t, err)
		if want := sum([]byte(fmt.Sprint("version ", times))).String() + "  a-b\n"; !strings.Contains(f.manifest.String(), want) {
			t.Errorf("not the last version:\n%s", f.manifest.String())
		}
		if last.Phase != Sealing || last.Files != f.Files || last.TotalFiles != f.Files {
			t.Errorf("%+v, want %d files", last, f.Files)
		}
	}
}
