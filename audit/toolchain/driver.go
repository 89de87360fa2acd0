package toolchain

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// DriverSet is what lies below the toolkit, by policy nvidia-driver/v1: the
// modules of the running kernel, the libraries that programs link to, firmware.
// Its digest is SHA3-512 over lines "digest  path" LF in order of Files, which are
// sorted; the path of a module is that below the folder of the kernel's modules.
type DriverSet struct {
	Policy     string       `json:"policy"`
	Digest     string       `json:"sha3_512"`
	Kernel     string       `json:"kernel"`               // release
	SrcVersion string       `json:"srcversion,omitempty"` // of the module that is loaded
	Files      []DriverFile `json:"files"`
}

// DriverFile is a file of a driver.
type DriverFile struct {
	Path   string `json:"path"`
	Size   string `json:"size"` // decimal
	Digest string `json:"sha3_512"`
}

// moduleFolders are where distributions, DKMS and NVIDIA's installer put
// modules, below /lib/modules/RELEASE.
var moduleFolders = []string{
	"updates/dkms", "updates", "kernel/drivers/video", "kernel/drivers/video/nvidia", "extra", "extra/nvidia", "kernel/nvidia-*", "weak-updates/nvidia", "misc",
}

var driverLibraries = []string{"libcuda.so.1", "libnvidia-ml.so.1", "libnvidia-ptxjitcompiler.so.1", "libnvidia-nvvm.so.4"}

func driverSet(ctx context.Context, e *env) (any, string, error) {
	const osrelease = "/proc/sys/kernel/osrelease"
	release, err := e.root.read(osrelease)
	if err != nil {
		return nil, osrelease, err
	}
	set := DriverSet{Policy: "nvidia-driver/v1", Kernel: strings.TrimSpace(string(release)), Files: []DriverFile{}}
	modules := e.modules()
	if src, err := e.root.read("/sys/module/nvidia/srcversion"); err == nil {
		set.SrcVersion = abbreviate(strings.TrimSpace(string(src)))
	}
	names := e.driverFiles()
	method := Observed
	var text []string
	for _, name := range names {
		digest, size, how, err := e.hashFile(ctx, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, name, err
		}
		if how == Cached {
			method = Cached
		}
		name = strings.ToValidUTF8(name, "\ufffd")
		set.Files = append(set.Files, DriverFile{Path: name, Size: strconv.FormatInt(size, 10), Digest: digest})
		text = append(text, fmt.Sprintf("%s  %s\n", digest, strings.TrimPrefix(name, modules+"/")))
	}
	if len(set.Files) == 0 {
		return nil, modules, errAbsent
	}
	set.Digest = sha3Text(text...)
	return seen(set, method), modules, nil
}

// modules gives the folder of the modules of the running kernel.
func (e *env) modules() string {
	release, _ := e.root.read("/proc/sys/kernel/osrelease")
	return path.Join("/lib/modules", path.Base(strings.TrimSpace(string(release))))
}

// driverFiles lists what policy nvidia-driver/v1 covers, sorted.
func (e *env) driverFiles() []string {
	modules := e.modules()
	var names []string
	for _, folder := range moduleFolders {
		names = append(names, e.root.glob(path.Join(modules, folder, "nvidia*.ko*"))...)
	}
	for _, dir := range libraryFolders {
		for _, link := range driverLibraries {
			if found := e.root.glob(path.Join(dir, link)); len(found) > 0 {
				if inside, _, err := e.root.resolve(found[0]); err == nil {
					names = append(names, inside)
				}
			}
		}
	}
	// Of installed firmware only that of the driver that runs.
	for _, field := range []source{file("/proc/driver/nvidia/version", kernelDriver), file("/sys/module/nvidia/version", driverVersion)} {
		if v, _, err := field(context.Background(), e); err == nil {
			version := v.(map[string]any)["version"].(string)
			names = append(names, e.root.glob(path.Join("/lib/firmware/nvidia", version, "gsp*.bin"))...)
			break
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
