package toolchain

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"path"
	"strings"

	"github.com/mmaudit/mmaudit/internal/lazyre"
)

// in makes a source of a file in the folder that a variable names, or in the
// usual one.
func in(variable, usual, name string, parse func([]byte) (any, error)) source {
	return func(ctx context.Context, e *env) (any, string, error) {
		dir := usual
		if v := e.vars[variable]; path.IsAbs(v) {
			dir = v
		}
		return file(path.Join(dir, name), parse)(ctx, e)
	}
}

var (
	npuVersion = lazyre.New(`(?m)^\|\s*npu-smi\s+\S+\s+Version:\s*(\S+)`)
	npuRow     = lazyre.New(`(?m)^\|\s*(\d+)\s+([0-9A-Za-z][\w-]*)\s*\|\s*([A-Za-z]+)\s*\|`)
)

// npus reads the table that `npu-smi info` prints:
//
//	| npu-smi 23.0.rc3                 Version: 23.0.rc3            |
//	| NPU   Name                | Health        | Power(W)  Temp(C) |
//	| 0     910B3               | OK            | 92.2      38      |
//	| 0                         | 0000:C1:00.0  | 0         0 / 0   |
func npus(data []byte) (any, error) {
	v := npuVersion().FindSubmatch(data)
	if v == nil {
		return nil, errors.New("no version line")
	}
	list := []any{}
	for _, m := range npuRow().FindAllSubmatch(data, 1024) {
		list = append(list, map[string]any{"id": abbreviate(string(m[1])), "name": abbreviate(string(m[2])), "health": abbreviate(string(m[3]))})
	}
	return map[string]any{"version": abbreviate(string(v[1])), "npus": list}, nil
}

// musaVersions reads version.json of a MUSA toolkit: components with versions.
// That of the toolkit is the one whose name begins with musa.
func musaVersions(data []byte) (any, error) {
	var parts map[string]struct{ Version string }
	if err := json.Unmarshal(data, &parts); err != nil {
		return nil, err
	}
	out, components := map[string]any{}, map[string]any{}
	for name, part := range parts {
		if part.Version == "" {
			continue
		}
		components[name] = part.Version
		if low := strings.ToLower(name); low == "musa" || strings.HasPrefix(low, "musa_toolkit") {
			out["version"] = part.Version
		}
	}
	if len(components) == 0 {
		return nil, errors.New("no versions")
	}
	out["components"] = components
	return out, nil
}

// dpkgVersion makes a source of the version of an installed package of dpkg.
func dpkgVersion(name string) source {
	const status = "/var/lib/dpkg/status"
	return func(ctx context.Context, e *env) (any, string, error) {
		f, _, err := e.root.open(status)
		if err != nil {
			return nil, status, err
		}
		defer f.Close()
		s := bufio.NewScanner(f)
		s.Buffer(nil, 1<<20)
		here, installed := false, false
		for s.Scan() && ctx.Err() == nil {
			key, value, _ := strings.Cut(s.Text(), ": ")
			switch {
			case s.Text() == "":
				here, installed = false, false
			case key == "Package":
				here = value == name
			case key == "Status":
				installed = strings.HasSuffix(value, " installed")
			case key == "Version" && here && installed:
				return abbreviate(value), status, nil
			}
		}
		if s.Err() != nil {
			return nil, status, s.Err()
		}
		return nil, status, errAbsent
	}
}

// chrony reads what `chronyc -n -c tracking` prints: one line of 14 fields, of
// which these are read: 2 server, 3 stratum, 5 offset in seconds, 14 leap status.
func chrony(data []byte) (any, error) {
	f := strings.Split(strings.TrimSpace(lines(data)[0]), ",")
	if len(f) != 14 {
		return nil, errors.New("not 14 fields")
	}
	return map[string]any{
		"daemon": "chrony", "server": abbreviate(f[1]), "stratum": abbreviate(f[2]), "offset_s": abbreviate(f[4]), "leap": abbreviate(f[13]),
	}, nil
}

// timesyncd leaves a file when it has set the clock.
func timesyncd(_ context.Context, e *env) (any, string, error) {
	const from = "/run/systemd/timesync/synchronized"
	if len(e.root.glob(from)) == 0 {
		return nil, from, errAbsent
	}
	return map[string]any{"daemon": "systemd-timesyncd"}, from, nil
}

// vulnerabilities reads what the kernel does about flaws of the processor, by
// which speed and timing differ between equal machines.
func vulnerabilities(_ context.Context, e *env) (any, string, error) {
	const from = "/sys/devices/system/cpu/vulnerabilities"
	names, err := e.root.list(from)
	if err != nil {
		return nil, from, err
	}
	out := map[string]any{}
	for _, name := range names[:min(len(names), 100)] {
		data, err := e.root.read(path.Join(from, name))
		if err != nil {
			continue
		}
		if v, err := line(data); err == nil {
			out[abbreviate(name)] = v
		}
	}
	if len(out) == 0 {
		return nil, from, errAbsent
	}
	return out, from, nil
}
