package toolchain

import (
	"context"
	"crypto/sha3"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// cudaHome gives the toolkit's folder, links followed.
func (e *env) cudaHome() (string, error) {
	for _, home := range []string{e.vars["CUDA_HOME"], e.vars["CUDA_PATH"], "/usr/local/cuda"} {
		if !path.IsAbs(home) {
			continue
		}
		if inside, outside, err := e.root.resolve(home); err == nil {
			if info, err := os.Stat(outside); err == nil && info.IsDir() {
				return inside, nil
			}
		}
	}
	return "", errAbsent
}

// inCUDA makes a source of a file in the toolkit.
func inCUDA(name string, parse func([]byte) (any, error)) source {
	return func(_ context.Context, e *env) (any, string, error) {
		home, err := e.cudaHome()
		if err != nil {
			return nil, "CUDA_HOME, /usr/local/cuda", err
		}
		from := path.Join(home, name)
		data, err := e.root.read(from)
		if err != nil {
			return nil, from, err
		}
		v, err := parse(data)
		return v, from, err
	}
}

// versionJSON reads version.json of CUDA 11.1 and later.
func versionJSON(data []byte) (any, error) {
	var parts map[string]struct{ Name, Version string }
	if err := json.Unmarshal(data, &parts); err != nil {
		return nil, err
	}
	if parts["cuda"].Version == "" {
		return nil, errors.New("no version of cuda")
	}
	components := map[string]any{}
	for name, part := range parts {
		if part.Version != "" {
			components[name] = part.Version
		}
	}
	return map[string]any{"version": parts["cuda"].Version, "components": components}, nil
}

// versionTxt reads version.txt of CUDA up to 10: CUDA Version 10.2.89
func versionTxt(data []byte) (any, error) {
	v, ok := strings.CutPrefix(strings.TrimSpace(lines(data)[0]), "CUDA Version ")
	if !ok || !version().MatchString(v) {
		return nil, errors.New("not of the form CUDA Version X.Y.Z")
	}
	return map[string]any{"version": v}, nil
}

// defines makes a parser of a header that gives a version in numbered macros.
func defines(macros ...string) func([]byte) (any, error) {
	return func(data []byte) (any, error) {
		var parts []string
		for _, macro := range macros {
			m := regexp.MustCompile(`(?m)^\s*#\s*define\s+` + macro + `\s+(\d+)\b`).FindSubmatch(data)
			if m == nil {
				return nil, fmt.Errorf("no %s", macro)
			}
			parts = append(parts, string(m[1]))
		}
		return strings.Join(parts, "."), nil
	}
}

// mapped makes a source of the libraries that the process mapped: the version
// in the name of the file behind a soname.
func mapped(soname string) source {
	return func(ctx context.Context, e *env) (any, string, error) {
		const from = "mapped libraries"
		libs, err := e.libraries()
		if err != nil {
			return nil, from, err
		}
		for _, l := range libs {
			if !strings.HasPrefix(l.SONAME, soname+".so") {
				continue
			}
			if _, v, ok := strings.Cut(path.Base(l.Path), ".so."); ok && version().MatchString(v) {
				return v, l.Path, nil
			}
		}
		return nil, from, errAbsent
	}
}

// Tree is a digest of a part of the file system by a named policy.
type Tree struct {
	Policy string   `json:"policy"`
	Root   string   `json:"root"`
	Digest string   `json:"sha3_512"`
	Files  int      `json:"files"`
	Links  int      `json:"links"`
	Bytes  string   `json:"bytes"` // decimal
	Absent []string `json:"absent"`
}

// cudaTree is what policy cuda-tree/v1 covers. Names without a wildcard that
// are missing are listed as absent.
var cudaTree = []string{
	"version.json",
	"bin/nvcc", "bin/ptxas", "bin/fatbinary", "bin/nvlink", "bin/cudafe++", "bin/cuobjdump",
	"nvvm/bin/cicc", "nvvm/libdevice/*.bc", "targets/*/lib/*.so*",
	"include/cuda.h", "include/cuda_runtime_api.h", "include/cudnn_version.h",
}

// toolkitTree digests the manifest of the toolkit: lines of digest, two spaces,
// path and LF, sorted by path. A link is a line of the digest of its target's
// text, with @ behind the path; what is absent is a line of - and the path.
func toolkitTree(ctx context.Context, e *env) (any, string, error) {
	if !e.opts.Toolkit {
		return nil, "", errNotAsked
	}
	home, err := e.cudaHome()
	if err != nil {
		return nil, "CUDA_HOME, /usr/local/cuda", err
	}
	t := Tree{Policy: "cuda-tree/v1", Root: home, Absent: []string{}}
	lines := map[string]string{} // by path
	size, method := int64(0), Observed
	for _, pattern := range cudaTree {
		found := e.root.glob(path.Join(home, pattern))
		if len(found) == 0 && !strings.Contains(pattern, "*") {
			t.Absent = append(t.Absent, pattern)
			lines[pattern] = "-  " + pattern
		}
		for _, name := range found {
			rel := strings.TrimPrefix(name, strings.TrimSuffix(home, "/")+"/")
			if target, err := os.Readlink(e.root.outside(name)); err == nil {
				t.Links++
				lines[rel] = sha3Text(target) + "  " + rel + "@"
				continue
			}
			digest, n, how, err := e.hashFile(ctx, name)
			if err != nil {
				return nil, home, fmt.Errorf("%s: %w", rel, err)
			}
			if how == Cached {
				method = Cached
			}
			t.Files++
			size += n
			lines[rel] = digest + "  " + rel
		}
	}
	paths := make([]string, 0, len(lines))
	for p := range lines {
		paths = append(paths, p)
	}
	slices.Sort(paths)
	h := sha3.New512()
	for _, p := range paths {
		h.Write([]byte(lines[p] + "\n"))
	}
	slices.Sort(t.Absent)
	t.Digest, t.Bytes = hex.EncodeToString(h.Sum(nil)), strconv.FormatInt(size, 10)
	return seen(t, method), home, nil
}

func (e *env) hashFile(ctx context.Context, name string) (digest string, size int64, how Method, err error) {
	f, info, err := e.root.open(name)
	if err != nil {
		return "", 0, "", err
	}
	defer f.Close()
	digest, how, err = e.digests.hash(ctx, f)
	return digest, info.Size(), how, err
}
