package toolchain

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/textproto"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/mmaudit/mmaudit/internal/lazyre"
)

// Package is an installed Python package.
type Package struct {
	Name      string `json:"name"` // normalised by PEP 503
	Version   string `json:"version"`
	Path      string `json:"path"` // of its metadata
	Record    string `json:"recordDigest,omitempty"`
	Installer string `json:"installer,omitempty"`
	Origin    string `json:"origin,omitempty"` // URL of direct_url.json, or conda's channel and build
	Commit    string `json:"commit,omitempty"` // of a VCS origin
	Editable  bool   `json:"editable,omitempty"`
	Shadowed  bool   `json:"shadowed,omitempty"` // one of that name comes before it in the search path
}

// Packages is what Python would find, without running it. Its digest is
// SHA3-512 over the sorted lines "name==version digest" LF of the packages that
// are not shadowed; the digest is that of RECORD, or - where there is none.
type Packages struct {
	Digest   string    `json:"sha3_512"`
	Packages []Package `json:"packages"`
	// Hooks are files that change the search path: *.pth and __editable__*.
	Hooks []string `json:"hooks"`
}

// pythonPrefixes gives the folders of the interpreters and environments that
// the process could use, most specific first.
func (e *env) pythonPrefixes() []string {
	var out []string
	for _, p := range []string{e.vars["VIRTUAL_ENV"], e.vars["CONDA_PREFIX"]} {
		if path.IsAbs(p) {
			out = append(out, path.Clean(p))
		}
	}
	// A virtual environment need not be activated: its python is a link, and
	// pyvenv.cfg lies beside the folder of the link.
	if c := e.command(); c != "" {
		out = append(out, path.Dir(path.Dir(c)))
	}
	if x := e.opts.Executable; path.IsAbs(x) {
		out = append(out, path.Dir(path.Dir(x)))
	}
	if exe := e.executable(); exe != "" {
		out = append(out, path.Dir(path.Dir(exe)))
	}
	// A shell in /usr/bin does not say which Python it will start.
	system := func(p string) bool { return p == "/" || p == "/usr" }
	if e.executable() == "" && !slices.ContainsFunc(out, func(p string) bool { return !system(p) }) {
		out = []string{"/usr/local", "/usr"}
	}
	var unique []string
	for _, p := range out {
		if !slices.Contains(unique, p) {
			unique = append(unique, p)
		}
	}
	return unique
}

// command gives the path of the command line's first word, as a shell would find
// it; "" if it is not there, or relative. A relative path to a Python is taken
// from the working folder: .venv/bin/python says which environment is meant.
func (e *env) command() string {
	if len(e.opts.Argv) == 0 {
		return ""
	}
	name := e.opts.Argv[0]
	if strings.Contains(name, "/") {
		if path.IsAbs(name) {
			return path.Clean(name)
		}
		if wd, err := os.Getwd(); err == nil && strings.HasPrefix(path.Base(name), "python") {
			at := path.Join(wd, name)
			if _, _, err := e.root.resolve(at); err == nil {
				return at
			}
		}
		return ""
	}
	for _, dir := range strings.Split(e.vars["PATH"], ":") {
		if !path.IsAbs(dir) {
			continue
		}
		at := path.Join(dir, name)
		if _, outside, err := e.root.resolve(at); err == nil {
			if info, err := os.Stat(outside); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
				return at
			}
		}
	}
	return ""
}

// executable gives the interpreter that the process runs, or ran, or will run as
// far as the command tells; "" if that is no Python.
func (e *env) executable() string {
	target := ""
	switch c := e.command(); {
	case e.opts.PID != 0:
		target, _ = os.Readlink(e.root.at(e.proc() + "/exe"))
	case e.opts.Executable != "":
		target, _, _ = e.root.resolve(e.opts.Executable)
	case c != "":
		inside, _, err := e.root.resolve(c)
		if err == nil && e.elf(inside) { // not a script that chooses one
			target = inside
		}
	}
	if !strings.HasPrefix(path.Base(target), "python") {
		return ""
	}
	return target
}

func (e *env) elf(name string) bool {
	f, _, err := e.root.open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	var magic [4]byte
	_, err = io.ReadFull(f, magic[:])
	return err == nil && string(magic[:]) == "\x7fELF"
}

func python(_ context.Context, e *env) (any, string, error) {
	out := map[string]any{"prefixes": e.pythonPrefixes()}
	from := "search path"
	if exe := e.executable(); exe != "" {
		out["executable"] = exe
		switch from = "command"; {
		case e.opts.PID != 0:
			from = e.proc() + "/exe"
		case e.opts.Executable != "":
			from = "/proc/PID/exe"
		}
	}
	found := out["executable"] != nil
	for _, prefix := range e.pythonPrefixes() {
		if data, err := e.root.read(path.Join(prefix, "pyvenv.cfg")); err == nil {
			if v, err := keyValues("home", "include-system-site-packages", "version", "version_info", "uv")(data); err == nil {
				out["pyvenv"], found = v, true
				break
			}
		}
	}
	var versions []string
	for _, dir := range e.siteFolders() {
		if m := pythonDir().FindStringSubmatch(dir); m != nil && !slices.Contains(versions, m[1]) {
			versions = append(versions, m[1])
		}
	}
	if len(versions) > 0 {
		out["versions"], found = versions, true
	}
	if !found {
		return nil, from, errAbsent
	}
	if v := pythonVersion(out); v != "" {
		out["version"] = v
	}
	return out, from, nil
}

// pythonVersion is that of the environment, which has three parts, or that in
// the name of the interpreter, or that of the first folder with packages.
func pythonVersion(found map[string]any) string {
	venv, _ := found["pyvenv"].(map[string]any)
	for _, name := range []string{"version", "version_info"} {
		if v, _ := venv[name].(string); version().MatchString(v) {
			return v
		}
	}
	exe, _ := found["executable"].(string)
	if v := strings.TrimPrefix(path.Base(exe), "python"); version().MatchString(v) {
		return v
	}
	if folders, _ := found["versions"].([]string); len(folders) > 0 {
		return folders[0]
	}
	return ""
}

// siteFolders gives the folders that hold packages, in order of precedence.
func (e *env) siteFolders() []string {
	var out []string
	add := func(patterns ...string) {
		for _, p := range patterns {
			for _, dir := range e.root.glob(p) {
				if inside, _, err := e.root.resolve(dir); err == nil && !slices.Contains(out, inside) {
					out = append(out, inside)
				}
			}
		}
	}
	for _, p := range strings.Split(e.vars["PYTHONPATH"], ":") {
		if path.IsAbs(p) && !strings.ContainsAny(p, "*?[") {
			add(p)
		}
	}
	if home := e.vars["HOME"]; path.IsAbs(home) && e.vars["PYTHONNOUSERSITE"] == "" {
		add(path.Join(home, ".local/lib/python3*/site-packages"))
	}
	for _, prefix := range e.pythonPrefixes() {
		add(path.Join(prefix, "lib/python3.*/site-packages"), path.Join(prefix, "lib64/python3.*/site-packages"),
			path.Join(prefix, "lib/python3.*/dist-packages"), path.Join(prefix, "local/lib/python3.*/dist-packages"),
			path.Join(prefix, "lib/python3/dist-packages"))
	}
	return out
}

func packages(_ context.Context, e *env) (any, string, error) {
	p, err := e.packages()
	return p.value, p.from, err
}

func (e *env) lookAtPackages(ctx context.Context) (located[Packages], error) {
	out := Packages{Packages: []Package{}, Hooks: []string{}}
	folders := e.siteFolders()
	for _, dir := range folders {
		names, err := e.root.list(dir)
		if err != nil {
			continue
		}
		for _, name := range names {
			if err := ctx.Err(); err != nil {
				return located[Packages]{}, err
			}
			at := path.Join(dir, name)
			var p Package
			switch {
			case strings.HasSuffix(name, ".dist-info"):
				p, err = e.distInfo(at)
			case strings.HasSuffix(name, ".egg-info"):
				p, err = e.eggInfo(at)
			case strings.HasSuffix(name, ".pth"), strings.HasPrefix(name, "__editable__"):
				out.Hooks = append(out.Hooks, strings.ToValidUTF8(at, "\ufffd"))
				continue
			default:
				continue
			}
			if err != nil {
				p = Package{Name: strings.ToValidUTF8(name, "\ufffd"), Version: "unreadable", Path: strings.ToValidUTF8(at, "\ufffd")}
			}
			out.Packages = append(out.Packages, p)
		}
	}
	for _, prefix := range e.pythonPrefixes() {
		for _, name := range e.root.glob(path.Join(prefix, "conda-meta/*.json")) {
			if p, err := e.conda(name); err == nil {
				out.Packages = append(out.Packages, p)
			}
		}
	}
	from := strings.Join(folders, ":")
	if len(out.Packages) == 0 {
		return located[Packages]{from: from}, errAbsent
	}
	out.seal()
	return located[Packages]{out, from}, nil
}

// seal marks what is shadowed and computes the digest.
func (p *Packages) seal() {
	seen := map[string]bool{}
	var text []string
	for i := range p.Packages {
		q := &p.Packages[i]
		// conda lists what dist-info also does: neither hides the other.
		key := q.Name
		if strings.HasSuffix(q.Path, ".json") {
			key = "conda:" + key
		}
		if q.Shadowed = seen[key]; !q.Shadowed {
			seen[key] = true
			text = append(text, fmt.Sprintf("%s==%s %s\n", q.Name, q.Version, cmp.Or(q.Record, "-")))
		}
	}
	slices.Sort(text)
	p.Digest = sha3Text(text...)
}

var (
	pythonDir  = lazyre.New(`/python(\d+\.\d+)/`)
	separators = lazyre.New(`[-_.]+`)
)

// metadata reads Name and Version, headers in the form of RFC 822.
func (e *env) metadata(name string) (Package, error) {
	data, err := e.root.read(name)
	if err != nil {
		return Package{}, err
	}
	header := map[string]string{}
	for _, l := range lines(data) {
		if l == "" {
			break // the description follows
		}
		if k, v, ok := strings.Cut(l, ":"); ok && !strings.HasPrefix(l, " ") {
			k = textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(k))
			if _, twice := header[k]; !twice {
				header[k] = strings.ToValidUTF8(strings.TrimSpace(v), "\ufffd")
			}
		}
	}
	if header["Name"] == "" || header["Version"] == "" {
		return Package{}, errors.New("no name and version")
	}
	return Package{
		Name:    strings.ToLower(separators().ReplaceAllString(header["Name"], "-")),
		Version: header["Version"], Path: strings.ToValidUTF8(path.Dir(name), "\ufffd"),
	}, nil
}

func (e *env) distInfo(dir string) (Package, error) {
	p, err := e.metadata(path.Join(dir, "METADATA"))
	if err != nil {
		return p, err
	}
	if data, err := e.root.read(path.Join(dir, "RECORD")); err == nil {
		p.Record = sha3Text(string(data))
	}
	if data, err := e.root.read(path.Join(dir, "INSTALLER")); err == nil {
		p.Installer = abbreviate(strings.TrimSpace(string(data)))
	}
	// PEP 610
	var direct struct {
		URL     string `json:"url"`
		DirInfo struct {
			Editable bool `json:"editable"`
		} `json:"dir_info"`
		VCSInfo struct {
			Commit string `json:"commit_id"`
		} `json:"vcs_info"`
	}
	if data, err := e.root.read(path.Join(dir, "direct_url.json")); err == nil && json.Unmarshal(data, &direct) == nil {
		p.Origin, _ = e.redact.Text(abbreviate(direct.URL))
		p.Commit, p.Editable = abbreviate(direct.VCSInfo.Commit), direct.DirInfo.Editable
	}
	return p, nil
}

// eggInfo reads a folder with PKG-INFO, or a file that is one.
func (e *env) eggInfo(at string) (Package, error) {
	p, err := e.metadata(path.Join(at, "PKG-INFO"))
	if err != nil {
		p, err = e.metadata(at)
		p.Path = strings.ToValidUTF8(at, "\ufffd")
	}
	return p, err
}

func (e *env) conda(name string) (Package, error) {
	data, err := e.root.read(name)
	if err != nil {
		return Package{}, err
	}
	var meta struct{ Name, Version, Build, Channel, SHA256 string }
	if err := json.Unmarshal(data, &meta); err != nil || meta.Name == "" || meta.Version == "" {
		return Package{}, errors.New("no name and version")
	}
	origin, _ := e.redact.Text(abbreviate(meta.Channel))
	return Package{
		Name: abbreviate(meta.Name), Version: abbreviate(meta.Version), Path: strings.ToValidUTF8(name, "\ufffd"), Record: sha3Text(string(data)),
		Installer: "conda", Origin: origin + " " + abbreviate(meta.Build),
	}, nil
}

// abbreviate bounds a text that a file gives, and makes it UTF-8.
func abbreviate(s string) string {
	const most = 1024
	if len(s) > most {
		s = s[:most]
	}
	return strings.ToValidUTF8(s, "\ufffd")
}

// wheel makes a source of the version of an installed package.
func wheel(names ...string) source {
	return func(_ context.Context, e *env) (any, string, error) {
		from := "packages " + strings.Join(names, ", ")
		found, err := e.packages()
		if err != nil {
			return nil, from, err
		}
		for _, p := range found.value.Packages {
			if slices.Contains(names, p.Name) && !p.Shadowed {
				return p.Version, p.Path, nil
			}
		}
		return nil, from, errAbsent
	}
}
