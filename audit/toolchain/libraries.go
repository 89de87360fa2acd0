package toolchain

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"debug/elf"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/mmaudit/mmaudit/internal/lazyre"
)

// Library is a shared object that a process mapped.
type Library struct {
	SONAME  string `json:"soname"` // the file's name where it has none
	BuildID string `json:"buildId,omitempty"`
	Path    string `json:"path"`
	Size    string `json:"size,omitempty"` // decimal
	Digest  string `json:"sha3_512,omitempty"`
	Method  Method `json:"method"`
	Deleted bool   `json:"deleted,omitempty"` // the file was unlinked or replaced after it was mapped
	// SameFile says whether device and inode of the file are those of the
	// mapping. If not, Digest is that of another file. Where a file system
	// shows two devices, as overlayfs and Btrfs do, the inode decides.
	SameFile bool   `json:"sameFile"`
	Error    string `json:"error,omitempty"`
}

// recorded are the libraries that policy loaded-dso/v1 keeps.
var recorded = lazyre.New(`^(?:libcu|libnv|libnccl|libtorch|libc10|libamdhip|libhip|libhsa|librocm|libroc|librccl|libMIOpen|libascend|libmusa|libcnrt|libtensorflow|libjax|libonnxruntime)`)

// mapping is a line of /proc/PID/maps that names a file.
type mapping struct {
	path         string
	major, minor uint32
	inode        uint64
	deleted      bool
}

// as gives the mapping of the same file before or after it was deleted.
func (m mapping) as(deleted bool) mapping {
	m.deleted = deleted
	return m
}

// parseMaps reads /proc/PID/maps: address perms offset dev inode path. A path
// may hold spaces; a newline in it is written \012.
func parseMaps(r io.Reader) ([]mapping, error) {
	var out []mapping
	seen := map[mapping]bool{}
	s := bufio.NewScanner(r)
	s.Buffer(nil, 64<<10)
	for s.Scan() {
		l := s.Text()
		var fields [5]string
		ok := true
		for i := range fields {
			l = strings.TrimLeft(l, " ")
			fields[i], l, ok = strings.Cut(l, " ")
			if !ok {
				break
			}
		}
		name := strings.TrimLeft(l, " ")
		major, minor, _ := strings.Cut(fields[3], ":")
		maj, err1 := strconv.ParseUint(major, 16, 32)
		mnr, err2 := strconv.ParseUint(minor, 16, 32)
		inode, err3 := strconv.ParseUint(fields[4], 10, 64)
		if !ok || errors.Join(err1, err2, err3) != nil || inode == 0 || !strings.HasPrefix(name, "/") {
			continue
		}
		m := mapping{major: uint32(maj), minor: uint32(mnr), inode: inode}
		m.path, m.deleted = strings.CutSuffix(name, " (deleted)")
		m.path = strings.ReplaceAll(m.path, `\012`, "\n")
		if strings.Contains(path.Base(m.path), ".so") && !seen[m] {
			seen[m] = true
			out = append(out, m)
		}
	}
	return out, s.Err()
}

// Poller collects the libraries that a process and its descendants map while
// they run: libraries are loaded late, and short-lived workers load their own.
// Scan is cheap (it reads the maps only) and is called now and then; Libraries
// hashes what was seen, and remembers it: what was found first about a file
// stands, whatever becomes of it. Methods may be called concurrently.
type Poller struct {
	root    root
	pid     int
	digests *Digests

	mu     sync.Mutex            // guards the others
	seen   map[mapping]int       // by which process first
	done   map[mapping]inspected // without error
	python string                // the interpreter, as Executable gives it
}

// inspected is what was found about the file of a mapping.
type inspected struct {
	Library
	keep bool // by the policy
}

// NewPoller makes a Poller of a process. Folder rootDir stands for /, "" is /.
// The digests may be shared with Options, and nil.
func NewPoller(rootDir string, pid int, digests *Digests) *Poller {
	if rootDir == "" {
		rootDir = "/"
	}
	if digests == nil {
		digests = &Digests{}
	}
	return &Poller{root: root(rootDir), pid: pid, digests: digests, seen: map[mapping]int{}, done: map[mapping]inspected{}}
}

// maxProcesses bounds the descendants that a scan looks at.
const maxProcesses = 4096

// Scan looks at the maps once. It fails if those of the process itself cannot
// be read; descendants come and go.
func (p *Poller) Scan() error {
	for i, pid := range p.root.descendants(p.pid) {
		if err := p.scan(pid); err != nil && i == 0 {
			return fmt.Errorf("maps of process %d: %w", pid, err)
		}
	}
	return nil
}

// Descendants gives a process and those that descend from it now, in the order
// of generations; where there is no /proc, the process alone.
func Descendants(pid int) []int { return root("/").descendants(pid) }

func (r root) descendants(pid int) []int {
	pids := []int{pid}
	known := map[int]bool{pid: true}
	for i := 0; i < len(pids); i++ {
		for _, task := range r.glob(fmt.Sprintf("/proc/%d/task/*/children", pids[i])) {
			data, _ := r.read(task)
			for _, word := range strings.Fields(string(data)) {
				if child, err := strconv.Atoi(word); err == nil && child > 0 && !known[child] && len(pids) < maxProcesses {
					known[child] = true
					pids = append(pids, child)
				}
			}
		}
	}
	return pids
}

func (p *Poller) scan(pid int) error {
	f, _, err := p.root.open(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		return err
	}
	defer f.Close()
	found, err := parseMaps(io.LimitReader(f, 64<<20))
	python := p.Executable()
	if python == "" {
		python = p.root.interpreter(pid)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.python = cmp.Or(p.python, python)
	for _, m := range found {
		if _, known := p.seen[m]; !known && len(p.seen) < maxEntries {
			p.seen[m] = pid
		}
	}
	return err
}

// Libraries gives the recorded libraries of all scans, hashed, sorted by soname
// and path. One that cannot be read is listed with its error.
func (p *Poller) Libraries(ctx context.Context) ([]Library, error) {
	p.mu.Lock()
	var seen []mapping
	for m := range p.seen {
		if _, also := p.seen[m.as(true)]; also && !m.deleted {
			continue // told once, as deleted
		}
		seen = append(seen, m)
	}
	p.mu.Unlock()
	slices.SortFunc(seen, func(a, b mapping) int {
		return cmp.Or(cmp.Compare(a.path, b.path), cmp.Compare(a.inode, b.inode), cmp.Compare(a.major, b.major), cmp.Compare(a.minor, b.minor))
	})
	out := []Library{}
	for _, m := range seen {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if l, ok := p.library(ctx, m); ok {
			out = append(out, l)
		}
	}
	sortLibraries(out)
	return out, nil
}

// Executable gives the Python interpreter that was seen first, of the process or
// of a descendant, for [Options] when it has ended; "" if there was none. In a
// virtual environment that is a link, and the link is given if it was named.
func (p *Poller) Executable() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.python
}

// interpreter gives what a process runs if that is Python.
func (r root) interpreter(pid int) string {
	proc := fmt.Sprintf("/proc/%d/", pid)
	exe, err := os.Readlink(r.at(proc + "exe"))
	if err != nil || !strings.HasPrefix(path.Base(exe), "python") {
		return ""
	}
	args, _ := r.read(proc + "cmdline")
	named, _, _ := strings.Cut(string(args), "\x00")
	if strings.Contains(named, "/") && !path.IsAbs(named) {
		if cwd, err := os.Readlink(r.at(proc + "cwd")); err == nil { // if it has left the folder, the link is not found
			named = path.Join(cwd, named)
		}
	}
	if inside, _, err := r.resolve(named); err == nil && path.IsAbs(named) && inside == exe {
		return path.Clean(named)
	}
	return exe
}

// Known gives the libraries that were hashed already, in the same order. It
// reads nothing.
func (p *Poller) Known() []Library {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := []Library{}
	for m, i := range p.done {
		if i.keep {
			_, i.Deleted = p.seen[m.as(true)]
			out = append(out, i.Library)
		}
	}
	sortLibraries(out)
	return out
}

func sortLibraries(l []Library) {
	slices.SortFunc(l, func(a, b Library) int {
		return cmp.Or(cmp.Compare(a.SONAME, b.SONAME), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Digest, b.Digest))
	})
}

// library looks at one file. It gives false if the policy does not keep it.
func (p *Poller) library(ctx context.Context, m mapping) (Library, bool) {
	p.mu.Lock()
	pid := p.seen[m]
	known, ok := p.done[m.as(false)]
	p.mu.Unlock()
	if ok {
		known.Deleted = m.deleted
		return known.Library, known.keep
	}
	l, keep := p.inspect(ctx, m, pid)
	if l.Error == "" {
		p.mu.Lock()
		p.done[m] = inspected{l, keep}
		p.mu.Unlock()
	}
	return l, keep
}

func (p *Poller) inspect(ctx context.Context, m mapping, pid int) (Library, bool) {
	l := Library{SONAME: path.Base(m.path), Path: strings.ToValidUTF8(m.path, "\ufffd"), Method: Observed, Deleted: m.deleted}
	l.SONAME = strings.ToValidUTF8(l.SONAME, "\ufffd")
	named := recorded().MatchString(l.SONAME)
	if m.deleted {
		// Whatever has the name now is not what was mapped.
		l.Error = "deleted after it was mapped"
		return l, named
	}
	f, info, err := p.open(m, pid)
	if err != nil {
		l.Error = message(err)
		return l, named
	}
	defer f.Close()
	soname, buildID, err := readELF(f)
	if err == nil {
		l.SONAME, l.BuildID = cmp.Or(strings.ToValidUTF8(soname, "\ufffd"), l.SONAME), buildID
	}
	if !named && !recorded().MatchString(l.SONAME) {
		return l, false
	}
	if err != nil {
		l.Error = "not a readable ELF file: " + err.Error()
	}
	l.Size = strconv.FormatInt(info.Size(), 10)
	l.SameFile, _ = sameFile(f, m.major, m.minor, m.inode)
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		l.Error = err.Error()
		return l, true
	}
	digest, method, err := p.digests.hash(ctx, f)
	if err != nil {
		l.Error = message(err)
		return l, true
	}
	l.Digest, l.Method = digest, method
	return l, true
}

// open opens the file of a mapping: by its path or, if that is not the file, by
// the same path in the root of the process, which may be in a container.
func (p *Poller) open(m mapping, pid int) (*os.File, fs.FileInfo, error) {
	f, info, err := p.root.open(m.path)
	if err == nil {
		if same, _ := sameFile(f, m.major, m.minor, m.inode); same {
			return f, info, nil
		}
	}
	theirs := root(p.root.at(fmt.Sprintf("/proc/%d/root", pid)))
	g, ginfo, gerr := theirs.open(m.path)
	if gerr != nil {
		return f, info, err
	}
	if same, _ := sameFile(g, m.major, m.minor, m.inode); !same && err == nil {
		g.Close()
		return f, info, nil
	}
	if err == nil {
		f.Close()
	}
	return g, ginfo, nil
}

// lookAtLibraries gives those of the options, or of the process now.
func (e *env) lookAtLibraries(ctx context.Context) ([]Library, error) {
	if e.opts.Libraries != nil {
		return e.opts.Libraries, nil
	}
	if e.opts.PID == 0 {
		return nil, errors.New("no process was named")
	}
	p := NewPoller(e.opts.Root, e.opts.PID, e.digests)
	if err := p.Scan(); err != nil {
		return nil, err
	}
	return p.Libraries(ctx)
}

// RuntimeSet is the set of libraries by policy loaded-dso/v1. Its digest is
// SHA3-512 over lines "soname build-id size sha3_512" LF in order of the set, -
// for what is not known: paths do not matter, so equal installations agree.
type RuntimeSet struct {
	Policy    string    `json:"policy"`
	Digest    string    `json:"sha3_512"`
	Libraries []Library `json:"libraries"`
}

func runtimeSet(_ context.Context, e *env) (any, string, error) {
	const from = "/proc/PID/maps"
	libs, err := e.libraries()
	if err != nil {
		return nil, from, err
	}
	told, method := map[string]bool{}, Observed
	var text []string
	for _, l := range libs {
		if l.Method == Cached {
			method = Cached
		}
		t := strings.Join([]string{l.SONAME, cmp.Or(l.BuildID, "-"), cmp.Or(l.Size, "-"), cmp.Or(l.Digest, "-")}, " ") + "\n"
		if !told[t] {
			told[t] = true
			text = append(text, t)
		}
	}
	slices.Sort(text)
	return seen(RuntimeSet{Policy: "loaded-dso/v1", Digest: sha3Text(text...), Libraries: libs}, method), from, nil
}

// readELF gives the soname and the GNU build id of a shared object. The file
// may be hostile: debug/elf is asked for little, and its panics are caught.
func readELF(f *os.File) (soname, buildID string, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
	}()
	ef, err := elf.NewFile(f)
	if err != nil {
		return "", "", err
	}
	if names, err := ef.DynString(elf.DT_SONAME); err == nil && len(names) > 0 {
		soname = names[0]
	}
	for _, prog := range ef.Progs {
		if prog.Type != elf.PT_NOTE || buildID != "" {
			continue
		}
		data, err := io.ReadAll(io.LimitReader(prog.Open(), 64<<10))
		if err == nil {
			buildID = gnuBuildID(ef.ByteOrder, data)
		}
	}
	return soname, buildID, nil
}

// gnuBuildID finds the note of type 3 and owner GNU.
func gnuBuildID(order binary.ByteOrder, data []byte) string {
	for len(data) >= 12 {
		nameSize, descSize, kind := uint64(order.Uint32(data)), uint64(order.Uint32(data[4:])), order.Uint32(data[8:])
		name, desc := uint64(12), 12+(nameSize+3)&^3
		end := desc + (descSize+3)&^3
		if desc+descSize > uint64(len(data)) {
			return ""
		}
		if kind == 3 && bytes.Equal(data[name:name+nameSize], []byte("GNU\x00")) && descSize <= 64 {
			return hex.EncodeToString(data[desc : desc+descSize])
		}
		data = data[min(end, uint64(len(data))):] // the last may lack its padding
	}
	return ""
}
