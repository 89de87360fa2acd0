package toolchain

import (
	"context"
	"errors"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/mmaudit/mmaudit/internal/lazyre"
)

var (
	nvrm = lazyre.New(`^NVRM version:.*?\s(\d+\.\d+(?:\.\d+)?)\s`)
	// A driver's version: 535.129.03, 540.4.0, 390.48
	version = lazyre.New(`^\d+(?:\.\d+){1,3}$`)
)

// kernelDriver reads /proc/driver/nvidia/version, which has had three forms:
//
//	NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.129.03  Thu Oct 19 18:56:32 UTC 2023
//	NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  555.42.06  Release Build  (dvs-builder@U16)  …
//	NVRM version: NVIDIA UNIX Open Kernel Module for aarch64  540.4.0  Release Build  (buildbrain@…)  …
func kernelDriver(data []byte) (any, error) {
	for _, l := range lines(data) {
		// The version may be the last word.
		if m := nvrm().FindStringSubmatch(l + " "); m != nil {
			flavour := "proprietary"
			if strings.Contains(l, "Open Kernel Module") {
				flavour = "open"
			}
			return map[string]any{"version": m[1], "flavour": flavour}, nil
		}
	}
	return nil, errors.New("no NVRM version line")
}

// driverVersion reads a file or output that holds the version alone; of
// nvidia-smi, one line for each GPU.
func driverVersion(data []byte) (any, error) {
	found := ""
	for _, l := range lines(data) {
		l = strings.TrimSpace(l)
		if l == "" {
			continue
		}
		if !version().MatchString(l) || found != "" && l != found {
			return nil, errors.New("not a driver version")
		}
		found = l
	}
	if found == "" {
		return nil, errAbsent
	}
	return map[string]any{"version": found, "flavour": "unknown"}, nil
}

// libraryFolders are where the loader finds the libraries of a driver.
var libraryFolders = []string{
	"/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib", "/usr/lib/wsl/lib",
	"/usr/lib/aarch64-linux-gnu/tegra", "/usr/lib/aarch64-linux-gnu/nvidia", "/usr/local/nvidia/lib64", "/run/opengl-driver/lib",
}

// userDriver reads the version from the file name that libcuda.so.1 leads to.
func userDriver(_ context.Context, e *env) (any, string, error) {
	for _, dir := range libraryFolders {
		for _, name := range []string{"libcuda.so.1", "libnvidia-ml.so.1"} {
			link := path.Join(dir, name)
			if len(e.root.glob(link)) == 0 {
				continue
			}
			inside, _, err := e.root.resolve(link)
			if err != nil {
				continue
			}
			if _, v, ok := strings.Cut(path.Base(inside), ".so."); ok && version().MatchString(v) {
				return map[string]any{"version": v, "path": inside}, link, nil
			}
		}
	}
	return nil, "libcuda.so.1", errAbsent
}

// gpus reads /proc/driver/nvidia/gpus/*/information. UUIDs identify an asset,
// so they are committed to, not stored.
func gpus(_ context.Context, e *env) (any, string, error) {
	const from = "/proc/driver/nvidia/gpus"
	names, err := e.root.list(from)
	if err != nil {
		return nil, from, err
	}
	out := []any{}
	for _, name := range names {
		data, err := e.root.read(path.Join(from, name, "information"))
		if err != nil {
			return nil, from, err
		}
		gpu := map[string]any{"bus": name}
		for key, field := range map[string]string{"Model": "model", "Video BIOS": "vbios", "GPU Firmware": "firmware"} {
			if v := colonField(data, key); v != "" {
				gpu[field] = v
			}
		}
		if id := colonField(data, "GPU UUID"); id != "" {
			gpu["uuid"] = e.asset(id)
		}
		out = append(out, gpu)
	}
	if len(out) == 0 {
		return nil, from, errAbsent
	}
	return out, from, nil
}

// asset gives what a record says of an identity: equal for equal assets under
// one site key, and nothing to others.
func (e *env) asset(id string) string { return e.redact.Commit(id) }

// colonField gives the value of the first line "key: value".
func colonField(data []byte, key string) string {
	for _, l := range lines(data) {
		if k, v, ok := strings.Cut(l, ":"); ok && strings.TrimSpace(k) == key {
			return strings.TrimSpace(strings.ToValidUTF8(v, "\ufffd"))
		}
	}
	return ""
}

// jetson reads /etc/nv_tegra_release:
//
//	# R35 (release), REVISION: 4.1, GCID: 33958178, BOARD: t186ref, EABI: aarch64, DATE: …
func jetson(data []byte) (any, error) {
	first := lines(data)[0]
	m := regexp.MustCompile(`^# R(\d+) \(release\), REVISION: ([\d.]+)`).FindStringSubmatch(first)
	if m == nil {
		return nil, errors.New("no release line")
	}
	return "R" + m[1] + "." + m[2], nil
}

// keyValues makes a parser of NAME=value lines that keeps the names given.
func keyValues(names ...string) func([]byte) (any, error) {
	return func(data []byte) (any, error) {
		out := map[string]any{}
		for _, l := range lines(data) {
			k, v, ok := strings.Cut(strings.TrimSpace(l), "=")
			if k = strings.TrimSpace(k); ok && slices.Contains(names, k) {
				out[k] = strings.ToValidUTF8(strings.Trim(strings.TrimSpace(v), `"'`), "\ufffd")
			}
		}
		if len(out) == 0 {
			return nil, errors.New("none of the expected names")
		}
		return out, nil
	}
}
