package toolchain

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v5"

	"github.com/mmaudit/mmaudit/audit/redact"
	"github.com/mmaudit/mmaudit/schemas"
)

// tree makes a folder that stands for /. A content that starts with -> is a
// link to the rest.
func tree(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		at := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if target, ok := strings.CutPrefix(content, "->"); ok {
			err = os.Symlink(target, at)
		} else {
			err = os.WriteFile(at, []byte(content), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func capture(t testing.TB, o Options) *Report {
	t.Helper()
	r, err := Capture(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	validate(t, r)
	return r
}

// validate holds a report to its schema.
func validate(t testing.TB, r *Report) {
	t.Helper()
	data, err := r.JSON()
	if err != nil {
		t.Fatal(err)
	}
	text, err := schemas.Files.ReadFile("toolchain.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.Draft = jsonschema.Draft2020
	if err := c.AddResource("toolchain.schema.json", bytes.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("toolchain.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	if err := s.Validate(v); err != nil {
		t.Fatalf("%#v\n%s", err, data)
	}
}

func show(v any) string {
	b, _ := json.Marshal(v)
	return string(b)
}

func want(t *testing.T, r *Report, name, value, source string) {
	t.Helper()
	f := r.Fields[name]
	if show(f.Value) != value || f.Source != source {
		t.Errorf("%s: %s from %q (%s)\nwant %s from %q", name, show(f.Value), f.Source, f.Error, value, source)
	}
}

func flagged(r *Report, code string) bool {
	for _, f := range r.Flags {
		if f.Code == code {
			return true
		}
	}
	return false
}

const key = "0123456789abcdef"

var workstation = map[string]string{
	"proc/driver/nvidia/version":                                "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.129.03  Thu Oct 19 18:56:32 UTC 2023\nGCC version:  gcc version 12.3.0\n",
	"proc/driver/nvidia/gpus/0000:01:00.0/information":          "Model: \t\t NVIDIA RTX A6000\nIRQ:   \t\t 90\nGPU UUID: \t GPU-1b2c3d4e-0000-1111-2222-333344445555\nVideo BIOS: \t 94.02.5c.00.02\nGPU Firmware: \t 535.129.03\n",
	"sys/module/nvidia/version":                                 "535.129.03\n",
	"sys/module/nvidia/srcversion":                              "A8C4A1BC3FB4E6E0DCE1E5C\n",
	"usr/lib/x86_64-linux-gnu/libcuda.so.1":                     "->libcuda.so.550.54.14",
	"usr/lib/x86_64-linux-gnu/libcuda.so.550.54.14":             "user driver",
	"usr/local/cuda":                                            "->/etc/alternatives/cuda",
	"etc/alternatives/cuda":                                     "->/usr/local/cuda-11.5",
	"usr/local/cuda-11.5/version.json":                          `{"cuda":{"name":"CUDA SDK","version":"11.5.2"},"cuda_cudart":{"name":"CUDA Runtime (cudart)","version":"11.5.117"}}`,
	"usr/local/cuda-11.5/bin/nvcc":                              "nvcc",
	"usr/local/cuda-11.5/targets/x86_64-linux/lib/libx.so":      "->libx.so.1",
	"usr/local/cuda-11.5/targets/x86_64-linux/lib/libx.so.1":    "x",
	"usr/local/cuda-11.5/doc/ignored":                           "not part of the policy",
	"usr/include/nccl.h":                                        "#define NCCL_MAJOR 2\n#define NCCL_MINOR 18\n#define NCCL_PATCH 3\n#define NCCL_SUFFIX \"\"\n",
	"etc/os-release":                                            "NAME=\"Ubuntu\"\nID=ubuntu\nVERSION_ID=\"22.04\"\nPRETTY_NAME=\"Ubuntu 22.04.4 LTS\"\nHOME_URL=x\n",
	"proc/sys/kernel/osrelease":                                 "5.15.0-101-generic\n",
	"proc/sys/kernel/hostname":                                  "gpu07\n",
	"proc/version":                                              "Linux version 5.15.0-101-generic (buildd@lcy02) #111-Ubuntu SMP\n",
	"proc/cmdline":                                              "BOOT_IMAGE=/vmlinuz root=UUID=abc luks.key=hunter2 mitigations=off iommu=pt\n",
	"proc/cpuinfo":                                              "processor\t: 0\nmodel name\t: AMD EPYC 9354\nmicrocode\t: 0xa101148\nflags\t\t: fpu sse\nprocessor\t: 1\nmodel name\t: AMD EPYC 9354\nflags\t\t: fpu sse\n",
	"lib/x86_64-linux-gnu/libc.so.6":                            "\x7fELF\x00GNU C Library (Ubuntu GLIBC 2.35-0ubuntu3.6) stable release version 2.35.\nCopyright\x00",
	"lib/modules/5.15.0-101-generic/updates/dkms/nvidia.ko.xz":  "module",
	"lib/modules/5.15.0-101-generic/updates/dkms/nvidia-uvm.ko": "uvm",
	"lib/modules/4.0.0/updates/dkms/nvidia.ko":                  "of another kernel",
	"lib/firmware/nvidia/535.129.03/gsp_ga10x.bin":              "firmware",
	"lib/firmware/nvidia/550.54.14/gsp_ga10x.bin":               "of another driver",
	"proc/device-tree/model":                                    "NVIDIA Orin\x00",
	"etc/nv_tegra_release":                                      "# R35 (release), REVISION: 4.1, GCID: 33958178, BOARD: t186ref, EABI: aarch64, DATE: Tue Aug  1 19:57:35 UTC 2023\n",
	"opt/rocm/.info/version":                                    "6.0.2-115\n",
	"usr/local/Ascend/driver/version.info":                      "Version=23.0.rc3\nother=x\n",
}

func TestWorkstation(t *testing.T) {
	r := capture(t, Options{Root: tree(t, workstation), SiteKey: []byte(key), Toolkit: true})
	want(t, r, "nvidia.kernel_driver", `{"flavour":"proprietary","version":"535.129.03"}`, "/proc/driver/nvidia/version")
	want(t, r, "nvidia.user_driver", `{"path":"/usr/lib/x86_64-linux-gnu/libcuda.so.550.54.14","version":"550.54.14"}`, "/usr/lib/x86_64-linux-gnu/libcuda.so.1")
	want(t, r, "cuda.toolkit", `{"components":{"cuda":"11.5.2","cuda_cudart":"11.5.117"},"version":"11.5.2"}`, "/usr/local/cuda-11.5/version.json")
	want(t, r, "cuda.nccl", `"2.18.3"`, "/usr/include/nccl.h")
	want(t, r, "os.release", `{"ID":"ubuntu","PRETTY_NAME":"Ubuntu 22.04.4 LTS","VERSION_ID":"22.04"}`, "/etc/os-release")
	want(t, r, "kernel.cmdline", `["mitigations=off","iommu=pt"]`, "/proc/cmdline")
	want(t, r, "libc", `"2.35"`, "/lib/x86_64-linux-gnu/libc.so.6")
	want(t, r, "board.model", `"NVIDIA Orin"`, "/proc/device-tree/model")
	want(t, r, "jetson.release", `"R35.4.1"`, "/etc/nv_tegra_release")
	want(t, r, "rocm.version", `"6.0.2-115"`, "/opt/rocm/.info/version")
	want(t, r, "ascend.driver", `{"Version":"23.0.rc3"}`, "/usr/local/Ascend/driver/version.info")
	if !flagged(r, "driver-mismatch") {
		t.Errorf("kernel 535 and user space 550 are not flagged: %v", r.Flags)
	}
	data, err := r.JSON()
	if err != nil {
		t.Fatal(err)
	}
	for _, identity := range []string{"GPU-1b2c3d4e", "gpu07", "hunter2"} {
		if bytes.Contains(data, []byte(identity)) {
			t.Errorf("%s is in the report", identity)
		}
	}
	// The digest of the manifest, as sort and openssl compute it.
	manifest := ""
	for _, name := range []string{"bin/cudafe++", "bin/cuobjdump", "bin/fatbinary"} {
		manifest += "-  " + name + "\n"
	}
	manifest += sha3Text("nvcc") + "  bin/nvcc\n-  bin/nvlink\n-  bin/ptxas\n-  include/cuda.h\n-  include/cuda_runtime_api.h\n-  include/cudnn_version.h\n-  nvvm/bin/cicc\n"
	manifest += sha3Text("libx.so.1") + "  targets/x86_64-linux/lib/libx.so@\n" + sha3Text("x") + "  targets/x86_64-linux/lib/libx.so.1\n"
	manifest += sha3Text(workstation["usr/local/cuda-11.5/version.json"]) + "  version.json\n"
	var got Tree
	if !r.Decode("cuda.toolkit_tree", &got) || got.Digest != sha3Text(manifest) || got.Files != 3 || got.Links != 1 || len(got.Absent) != 9 {
		t.Errorf("toolkit tree: %+v", r.Fields["cuda.toolkit_tree"])
	}
	var set DriverSet
	const modules = "updates/dkms/nvidia"
	lines := sha3Text("firmware") + "  /lib/firmware/nvidia/535.129.03/gsp_ga10x.bin\n" + sha3Text("uvm") + "  " + modules + "-uvm.ko\n" +
		sha3Text("module") + "  " + modules + ".ko.xz\n" + sha3Text("user driver") + "  /usr/lib/x86_64-linux-gnu/libcuda.so.550.54.14\n"
	if !r.Decode("nvidia.driver_files", &set) || set.Digest != sha3Text(lines) || len(set.Files) != 4 || set.SrcVersion != "A8C4A1BC3FB4E6E0DCE1E5C" {
		t.Errorf("driver: %+v", r.Fields["nvidia.driver_files"])
	}
	// Capturing again gives the same bytes.
	again, err := capture(t, Options{Root: tree(t, workstation), SiteKey: []byte(key), Toolkit: true}).JSON()
	if err != nil || !bytes.Equal(data, again) {
		t.Error("a second capture differs")
	}
}

// On a machine that has nothing, every field says so.
func TestNothing(t *testing.T) {
	r := capture(t, Options{Root: t.TempDir()})
	if len(r.Fields) != len(table()) {
		t.Errorf("%d fields, want %d", len(r.Fields), len(table()))
	}
	for name, f := range r.Fields {
		if f.Value == nil && f.Error == "" {
			t.Errorf("%s: absent without a reason", name)
		}
	}
	if f := r.Fields["nvidia.kernel_driver"]; f.Value != nil || f.Error != "not found" || f.Method != Observed {
		t.Errorf("%+v", f)
	}
}

func TestKernelDriver(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.129.03  Thu Oct 19 18:56:32 UTC 2023\n", `{"flavour":"proprietary","version":"535.129.03"}`},
		{"NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  555.42.06  Release Build  (dvs-builder@U16-I3-B10-4-2)  Mon Jun  3\n", `{"flavour":"open","version":"555.42.06"}`},
		{"NVRM version: NVIDIA UNIX Open Kernel Module for aarch64  540.4.0  Release Build  (buildbrain@mobile-u64-5602)\n", `{"flavour":"open","version":"540.4.0"}`},
		{"NVRM version: NVIDIA UNIX x86_64 Kernel Module  390.48  Thu Mar 22\n", `{"flavour":"proprietary","version":"390.48"}`},
		{"NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.129.03\n", `{"flavour":"proprietary","version":"535.129.03"}`},
		{"", ""},
		{"GCC version: 12.3.0 \n", ""},
		{"NVRM version: unknown\n", ""},
	} {
		v, err := kernelDriver([]byte(c.in))
		if c.want == "" {
			if err == nil {
				t.Errorf("%q: %v", c.in, v)
			}
		} else if err != nil || show(v) != c.want {
			t.Errorf("%q: %s, %v", c.in, show(v), err)
		}
	}
}

func TestOldToolkitAndSMI(t *testing.T) {
	runner := func(_ context.Context, c Command, w io.Writer) error {
		if c.Name != "nvidia-smi" {
			return errAbsent
		}
		fmt.Fprint(w, "535.129.03\n535.129.03\n")
		return nil
	}
	dir := tree(t, map[string]string{"opt/cuda/version.txt": "CUDA Version 10.2.89\n", "opt/cuda/include/cudnn_version.h": "#define CUDNN_MAJOR 8\n#define CUDNN_MINOR 9\n#define CUDNN_PATCHLEVEL 7\n"})
	r := capture(t, Options{Root: dir, Env: []string{"CUDA_HOME=/opt/cuda"}, Run: runner})
	want(t, r, "cuda.toolkit", `{"version":"10.2.89"}`, "/opt/cuda/version.txt")
	want(t, r, "cuda.cudnn", `"8.9.7"`, "/opt/cuda/include/cudnn_version.h")
	want(t, r, "nvidia.kernel_driver", `{"flavour":"unknown","version":"535.129.03"}`, "nvidia-smi")
	if r.Fields["cuda.toolkit_tree"].Error != "was not asked for" {
		t.Errorf("%+v", r.Fields["cuda.toolkit_tree"])
	}
}

func TestPackages(t *testing.T) {
	meta := func(name, version string) string {
		return "Metadata-Version: 2.1\nName: " + name + "\nVersion: " + version + "\n\nName: not this one\n"
	}
	const site = "venv/lib/python3.11/site-packages/"
	dir := tree(t, map[string]string{
		"venv/pyvenv.cfg": "home = /usr/bin\ninclude-system-site-packages = false\nversion = 3.11.2\n",
		site + "torch-2.4.0+cu124.dist-info/METADATA":                           meta("torch", "2.4.0+cu124"),
		site + "torch-2.4.0+cu124.dist-info/RECORD":                             "torch/__init__.py,sha256=x,1\n",
		site + "torch-2.4.0+cu124.dist-info/INSTALLER":                          "pip\n",
		site + "nvidia_cuda_runtime_cu12-12.4.127.dist-info/METADATA":           meta("nvidia-cuda-runtime-cu12", "12.4.127"),
		site + "my_pkg-0.1.dist-info/METADATA":                                  meta("My.Pkg", "0.1"),
		site + "my_pkg-0.1.dist-info/direct_url.json":                           `{"url":"https://user:s3cret@host/x.git","vcs_info":{"vcs":"git","commit_id":"abc"},"dir_info":{"editable":true}}`,
		site + "old.egg-info":                                                   meta("old", "1"),
		site + "older.egg-info/PKG-INFO":                                        meta("older", "2"),
		site + "broken-1.dist-info/METADATA":                                    "nothing",
		site + "distutils-precedence.pth":                                       "import os",
		"home/u/.local/lib/python3.11/site-packages/torch-1.dist-info/METADATA": meta("torch", "1.0"),
		"conda/conda-meta/numpy-1.26.4-py311.json":                              `{"name":"numpy","version":"1.26.4","build":"py311h64a7726_0","channel":"https://channels.example/conda-forge/linux-64","sha256":"x"}`,
	})
	r := capture(t, Options{Root: dir, Env: []string{"VIRTUAL_ENV=/venv", "CONDA_PREFIX=/conda", "HOME=/home/u"}})
	var got Packages
	if !r.Decode("python.packages", &got) {
		t.Fatalf("%+v", r.Fields["python.packages"])
	}
	var text []string
	for _, p := range got.Packages {
		text = append(text, fmt.Sprintf("%s %s %t %t", p.Name, p.Version, p.Editable, p.Shadowed))
	}
	const wantText = "torch 1.0 false false; broken-1.dist-info unreadable false false; my-pkg 0.1 true false; nvidia-cuda-runtime-cu12 12.4.127 false false; " +
		"old 1 false false; older 2 false false; torch 2.4.0+cu124 false true; numpy 1.26.4 false false"
	if strings.Join(text, "; ") != wantText {
		t.Errorf("\n got %s\nwant %s", strings.Join(text, "; "), wantText)
	}
	if len(got.Hooks) != 1 || !flagged(r, "package-shadowed") || !flagged(r, "package-editable") {
		t.Errorf("hooks %v, flags %v", got.Hooks, r.Flags)
	}
	data, _ := r.JSON()
	if bytes.Contains(data, []byte("s3cret")) {
		t.Error("the password of an origin is in the report")
	}
	want(t, r, "cuda.runtime", `"12.4.127"`, "/"+site+"nvidia_cuda_runtime_cu12-12.4.127.dist-info")
	want(t, r, "python.torch", `"1.0"`, "/home/u/.local/lib/python3.11/site-packages/torch-1.dist-info")
	want(t, r, "python", `{"prefixes":["/venv","/conda"],"pyvenv":{"home":"/usr/bin","include-system-site-packages":"false","version":"3.11.2"},"version":"3.11.2","versions":["3.11"]}`, "search path")
}

func TestEnvironmentAndSecrets(t *testing.T) {
	token := "hf" + "_" + strings.Repeat("aB3dE", 7)
	r := capture(t, Options{
		Root: t.TempDir(), SiteKey: []byte(key),
		Env: []string{
			"CUBLAS_WORKSPACE_CONFIG=:4096:8", "PYTHONHASHSEED=0", "HF_TOKEN=" + token, "AWS_SECRET_ACCESS_KEY=x", "NCCL_DEBUG=" + token,
			"SLURM_JOB_ID=42", "RANK=0", "NOT_ALLOWED=value-of-it", "TORCH_HOME=https://u:pw1234@h/", "LD_PRELOAD=/a\xff.so", "malformed",
		},
		Argv:     []string{"python", "train.py", "--token", token, "--lr=0.1", "--wandb-api-key=" + "plain"},
		Declared: map[string]string{"container.image": "registry/x@sha256:abc", "os.platform": "vax", "source.git": "0123"},
	})
	data, _ := r.JSON()
	for _, secret := range []string{token, "value-of-it", "pw1234", "plain", "AWS_SECRET"} {
		if bytes.Contains(data, []byte(secret)) {
			t.Errorf("%q is in the report", secret)
		}
	}
	want(t, r, "run.job", `{"RANK":"0","SLURM_JOB_ID":"42"}`, "environment")
	if v := show(r.Fields["run.determinism"].Value); !strings.Contains(v, `"CUBLAS_WORKSPACE_CONFIG":":4096:8"`) || !strings.Contains(v, "PYTHONHASHSEED") {
		t.Errorf("determinism: %s", v)
	}
	if f := r.Fields["container.image"]; f.Method != Declared || f.Value != "registry/x@sha256:abc" {
		t.Errorf("%+v", f)
	}
	// What was seen is not overruled by what somebody says; what was not, is.
	if f := r.Fields["os.platform"]; f.Method != Observed || !flagged(r, "declared-ignored") {
		t.Errorf("%+v, %v", f, r.Flags)
	}
	if f := r.Fields["source.git"]; f.Method != Declared || f.Error != "" {
		t.Errorf("%+v", f)
	}
	if _, err := Capture(context.Background(), Options{SiteKey: []byte("short")}); err == nil {
		t.Error("a short site key was taken")
	}
}

func TestContainerHints(t *testing.T) {
	id := strings.Repeat("ab", 32)
	other := strings.Repeat("cd", 32)
	for _, c := range []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"docker", map[string]string{"proc/7/mountinfo": "1 2 8:1 /var/lib/docker/containers/" + id + "/hostname /etc/hostname rw - ext4 /dev/sda rw\n"}, `[{"kind":"docker","id":"` + id + `","source":"/proc/7/mountinfo"}]`},
		{"others of the host", map[string]string{"proc/7/mountinfo": "1 2 8:1 / /var/lib/docker/containers/" + other + "/mounts/shm rw - tmpfs shm rw\n"}, `[]`},
		{
			"podman",
			map[string]string{"proc/7/mountinfo": "1 2 0:1 /containers/storage/overlay-containers/" + id + "/userdata/hosts /etc/hosts rw - tmpfs x rw\n", "run/.containerenv": ""},
			`[{"kind":"podman","source":"/run/.containerenv"},{"kind":"podman","id":"` + id + `","source":"/proc/7/mountinfo"}]`,
		},
		{
			"kubernetes",
			map[string]string{"proc/7/cgroup": "0::/kubepods/burstable/pod123e4567-e89b-42d3-a456-426614174000/" + id + "\n"},
			`[{"kind":"kubernetes pod","id":"123e4567-e89b-42d3-a456-426614174000","source":"/proc/7/cgroup"}]`,
		},
		{"none", nil, `[]`},
	} {
		r := capture(t, Options{Root: tree(t, c.files), PID: 7})
		if got := show(r.Fields["container.hints"].Value); got != c.want {
			t.Errorf("%s: %s", c.name, got)
		}
		if f := r.Fields["container.image"]; f.Value != nil || f.Error != "was not declared" {
			t.Errorf("%+v", f)
		}
		if flagged(r, "container-undeclared") != (c.want != "[]") {
			t.Errorf("%s: %v", c.name, r.Flags)
		}
	}
}

// Files that no machine has: a pipe where a file is expected, a device, a loop
// of links, a huge file, rubbish. None hangs, panics or fails the capture.
func TestHostileFiles(t *testing.T) {
	dir := tree(t, map[string]string{
		"proc/cpuinfo":                      "->cpuinfo",
		"usr/local/cuda":                    "->/etc/passwd/..",
		"etc/os-release":                    strings.Repeat("\x00\xff", 1000),
		"sys/module/nvidia/version":         "->../../../../../../../../etc/hostname",
		"proc/driver/nvidia/gpus/x":         "a file, not a folder",
		"proc/7/maps":                       "rubbish\n7f00-7f01 r-xp 0 zz:zz 1 /x.so\n7f00-7f01 r-xp 00000000 08:01 5 /lib/libcuda.so.1\n" + strings.Repeat("x", 70<<10),
		"lib/libcuda.so.1":                  "\x7fELF\x02\x01\x01" + strings.Repeat("\xff", 100),
		"lib/x86_64-linux-gnu/libc.so.6":    "not a library",
		"proc/sys/kernel/osrelease":         "../../../../etc\n",
		"venv/lib/python3.11/site-packages": "a file",
		"etc/nv_tegra_release":              "",
	})
	if err := syscall.Mkfifo(filepath.Join(dir, "proc/version"), 0o600); err != nil {
		t.Fatal(err)
	}
	big, err := os.Create(filepath.Join(dir, "proc/cmdline"))
	if err != nil || big.Truncate(1<<40) != nil {
		t.Skip("no sparse files here")
	}
	big.Close()
	r := capture(t, Options{Root: dir, PID: 7, Env: []string{"VIRTUAL_ENV=/venv"}, Toolkit: true})
	for name, wantErr := range map[string]string{
		"proc": "", "kernel.version": "not a regular file", "kernel.cmdline": "larger than", "cpu": "too many", "os.release": "none of",
	} {
		if name != "proc" && !strings.Contains(r.Fields[name].Error, wantErr) {
			t.Errorf("%s: %+v", name, r.Fields[name])
		}
	}
}

func TestProbeIsBounded(t *testing.T) {
	e := &env{opts: Options{Timeout: time.Millisecond}}
	release := make(chan struct{})
	defer close(release)
	hang := probe{name: "hang", sources: []source{func(context.Context, *env) (any, string, error) { <-release; return 1, "", nil }}}
	if f := hang.capture(context.Background(), e); f.Value != nil || f.Error != "gave no answer in time" {
		t.Errorf("%+v", f)
	}
	e.opts.Timeout = time.Minute
	panics := probe{name: "panic", sources: []source{func(context.Context, *env) (any, string, error) { panic("oops") }}}
	if f := panics.capture(context.Background(), e); f.Value != nil || !strings.Contains(f.Error, "oops") {
		t.Errorf("%+v", f)
	}
	unfit := probe{name: "unfit", sources: []source{func(context.Context, *env) (any, string, error) { return int64(1) << 60, "x", nil }}}
	if f := unfit.capture(context.Background(), e); f.Value != nil || !strings.Contains(f.Error, "cannot be recorded") {
		t.Errorf("%+v", f)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Capture(ctx, Options{Root: t.TempDir()}); !errors.Is(err, context.Canceled) {
		t.Errorf("a capture that was stopped: %v", err)
	}
}

func TestFieldsAreDescribed(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range Fields() {
		if f.Summary == "" || seen[f.Name] {
			t.Errorf("%q: no summary, or twice", f.Name)
		}
		seen[f.Name] = true
	}
}

func mustRedact(t testing.TB) *redact.Redactor {
	t.Helper()
	r, err := redact.New([]byte(key))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Before the process runs, the interpreter is the one that a shell would find.
func TestPythonOfTheCommand(t *testing.T) {
	dir := tree(t, map[string]string{
		"venv/bin/python": "->../../usr/bin/python3.11", "venv/bin/torchrun": "#!/venv/bin/python\n", "venv/pyvenv.cfg": "version = 3.11.2\n",
		"shims/python":       "#!/bin/sh\n",
		"usr/bin/python3.11": "\x7fELF and so on",
		"venv/lib/python3.11/site-packages/torch-2.4.0.dist-info/METADATA": "Name: torch\nVersion: 2.4.0\n",
		"notes/python": "not executable",
	})
	for _, name := range []string{"venv/bin/torchrun", "shims/python", "usr/bin/python3.11"} {
		if err := os.Chmod(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	const venv = `"pyvenv":{"version":"3.11.2"},"version":"3.11.2","versions":["3.11"]}`
	for _, c := range []struct{ path, argv0, value, source string }{
		{"relative:/notes:/none:/venv/bin", "python", `{"executable":"/usr/bin/python3.11","prefixes":["/venv","/usr"],` + venv, "command"},
		{"/venv/bin", "torchrun", `{"prefixes":["/venv"],` + venv, "search path"},
		{"", "/venv/bin/python", `{"executable":"/usr/bin/python3.11","prefixes":["/venv","/usr"],` + venv, "command"},
		{"/shims", "python", `null`, "search path"},
		{"/venv/bin", "./python", `null`, "search path"},
	} {
		r := capture(t, Options{Root: dir, Env: []string{"PATH=" + c.path}, Argv: []string{c.argv0, "train.py"}})
		want(t, r, "python", c.value, c.source)
		if known := r.Versions()["torch"] == "2.4.0"; known != (c.value != "null") {
			t.Errorf("%s: torch is known: %t", c.argv0, known)
		}
	}
}
