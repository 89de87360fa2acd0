package toolchain

import (
	"context"
	"errors"
	"path"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
)

// cpu reads /proc/cpuinfo: model, number, microcode, and a digest of the flags,
// which are long and change little.
func cpu(data []byte) (any, error) {
	out := map[string]any{}
	for key, field := range map[string]string{
		"model name": "model", "microcode": "microcode", "CPU implementer": "implementer", "CPU part": "part", "Model": "board",
	} {
		if v := colonField(data, key); v != "" {
			out[field] = v
		}
	}
	flags := colonField(data, "flags")
	if flags == "" {
		flags = colonField(data, "Features")
	}
	if flags != "" {
		words := strings.Fields(flags)
		slices.Sort(words)
		out["flags_sha3_512"] = sha3Text(strings.Join(words, " "))
	}
	count := 0
	for _, l := range lines(data) {
		if k, _, ok := strings.Cut(l, ":"); ok && strings.TrimSpace(k) == "processor" {
			count++
		}
	}
	if count == 0 {
		return nil, errors.New("no processor lines")
	}
	out["processors"] = count
	return out, nil
}

// glibc reads the version in the file of the C library: banner "GNU C Library
// (…) stable release version 2.36."
func glibc(_ context.Context, e *env) (any, string, error) {
	patterns := []string{"/lib/*-linux-gnu/libc.so.6", "/lib64/libc.so.6", "/lib/libc.so.6", "/usr/lib/*-linux-gnu/libc.so.6"}
	for _, pattern := range patterns {
		for _, name := range e.root.glob(pattern) {
			data, err := e.root.read(name)
			if err != nil {
				return nil, name, err
			}
			if m := regexp.MustCompile(`GNU C Library [^\n\x00]{0,100}release version (\d+\.\d+(?:\.\d+)?)`).FindSubmatch(data); m != nil {
				return string(m[1]), name, nil
			}
		}
	}
	return nil, patterns[0], errAbsent
}

// commandLine keeps what of the kernel's command line bears on reproducibility.
func commandLine(data []byte) (any, error) {
	allowed := regexp.MustCompile(`^(?:mitigations|iommu|intel_iommu|amd_iommu|isolcpus|nohz_full|transparent_hugepage|hugepages|hugepagesz|numa_balancing|nvidia[\w.\-]*|pci|preempt|clocksource|tsc|lockdown|fips)(?:=|$)`)
	out := []any{}
	for _, word := range strings.Fields(strings.ToValidUTF8(string(data), "\ufffd")) {
		if allowed.MatchString(word) {
			out = append(out, word)
		}
	}
	return out, nil
}

func platform(context.Context, *env) (any, string, error) {
	return runtime.GOOS + "/" + runtime.GOARCH, "build of auditlog", nil
}

// hostname identifies an asset.
func hostname(_ context.Context, e *env) (any, string, error) {
	const from = "/proc/sys/kernel/hostname"
	data, err := e.root.read(from)
	if err != nil {
		return nil, from, err
	}
	v, err := line(data)
	if err != nil {
		return nil, from, err
	}
	return e.asset(v.(string)), from, nil
}

// A hint says that the process seems to run in a container. There is no way
// to know one's image from inside; whoever starts the run declares it.
type hint struct {
	Kind   string `json:"kind"`
	ID     string `json:"id,omitempty"`
	Source string `json:"source"`
}

type containerID struct {
	kind string
	re   *regexp.Regexp
}

// containerIDs is made when it is needed: it costs a good part of what a record does.
var containerIDs = sync.OnceValue(func() []containerID {
	return []containerID{
		{"docker", regexp.MustCompile(`/containers/([0-9a-f]{64})/`)},
		{"docker", regexp.MustCompile(`/docker[/-]([0-9a-f]{64})`)},
		{"podman", regexp.MustCompile(`/overlay-containers/([0-9a-f]{64})/userdata`)},
		{"podman", regexp.MustCompile(`/libpod-([0-9a-f]{64})`)},
		{"containerd", regexp.MustCompile(`cri-containerd-([0-9a-f]{64})`)},
		{"kubernetes pod", regexp.MustCompile(`/pods?/?([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})`)},
		{"kubernetes pod", regexp.MustCompile(`-pod([0-9a-f]{8}_[0-9a-f]{4}_[0-9a-f]{4}_[0-9a-f]{4}_[0-9a-f]{12})\.slice`)},
	}
})

// containerImage finds nothing: from inside, no container knows the digest of its
// image.
func containerImage(context.Context, *env) (any, string, error) {
	return nil, "", errors.New("was not declared")
}

// containerHints looks at mounts, control groups and marker files.
func containerHints(_ context.Context, e *env) (any, string, error) {
	hints := []hint{}
	add := func(h hint) {
		if !slices.Contains(hints, h) {
			hints = append(hints, h)
		}
	}
	proc := "/proc/self"
	if e.opts.PID != 0 {
		proc = e.proc()
	}
	for _, name := range []string{path.Join(proc, "mountinfo"), path.Join(proc, "cgroup")} {
		data, err := e.root.read(name)
		if err != nil {
			continue
		}
		for _, l := range lines(data) {
			// Of the mounts only those that a container engine makes for this
			// container: others show containers that run on the host.
			if strings.HasSuffix(name, "mountinfo") {
				if f := strings.Fields(l); len(f) < 5 || !slices.Contains([]string{"/etc/hostname", "/etc/hosts", "/etc/resolv.conf", "/run/.containerenv"}, f[4]) {
					continue
				}
			}
			for _, c := range containerIDs() {
				if m := c.re.FindStringSubmatch(l); m != nil {
					add(hint{c.kind, strings.ReplaceAll(m[1], "_", "-"), name})
				}
			}
		}
	}
	for name, kind := range map[string]string{"/.dockerenv": "docker", "/run/.containerenv": "podman", "/singularity": "apptainer", "/.singularity.d": "apptainer"} {
		if len(e.root.glob(name)) > 0 {
			add(hint{Kind: kind, Source: name})
		}
	}
	for _, name := range []string{"APPTAINER_CONTAINER", "SINGULARITY_CONTAINER"} {
		if image := e.vars[name]; image != "" {
			image, _ = e.redact.Value(name, abbreviate(image))
			add(hint{"apptainer", image, name})
			break
		}
	}
	if e.vars["KUBERNETES_SERVICE_HOST"] != "" {
		add(hint{Kind: "kubernetes", Source: "KUBERNETES_SERVICE_HOST"})
	}
	slices.SortFunc(hints, func(a, b hint) int { return strings.Compare(a.Kind+a.ID+a.Source, b.Kind+b.ID+b.Source) })
	return hints, proc, nil
}
