package toolchain

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const npuTable = `+------------------------------------------------------------------------------------------------+
| npu-smi 23.0.rc3                 Version: 23.0.rc3                                             |
+---------------------------+---------------+----------------------------------------------------+
| NPU   Name                | Health        | Power(W)    Temp(C)           Hugepages-Usage(page)|
| Chip                      | Bus-Id        | AICore(%)   Memory-Usage(MB)  HBM-Usage(MB)        |
+===========================+===============+====================================================+
| 0     910B3               | OK            | 92.2        38                0    / 0             |
| 0                         | 0000:C1:00.0  | 0           0    / 0          3161 / 65536         |
+===========================+===============+====================================================+
| 1     910B3               | Alarm         | 90.1        39                0    / 0             |
| 0                         | 0000:01:00.0  | 0           0    / 0          3161 / 65536         |
+---------------------------+---------------+----------------------------------------------------+
| NPU     Chip              | Process id    | Process name             | Process memory(MB)      |
+===========================+===============+====================================================+
| 0       0                 | 12345         | python                   | 30000                   |
+===========================+===============+====================================================+
`

func TestOtherVendors(t *testing.T) {
	runner := func(_ context.Context, c Command, w io.Writer) error {
		switch c.Name {
		case "npu-smi":
			fmt.Fprint(w, npuTable)
		case "chronyc":
			fmt.Fprint(w, "C0A80001,192.168.0.1,3,1697741792.123456789,0.000012345,-0.000001234,0.000023456,-12.345,-0.001,0.023,0.000456,0.000123,64.2,Normal\n")
		default:
			return errAbsent
		}
		return nil
	}
	r := capture(t, Options{Root: tree(t, map[string]string{
		"usr/local/Ascend/firmware/version.info":                                           "Version=7.1.0.3.220\nfirmware_version=1.0\n",
		"usr/local/Ascend/ascend-toolkit/latest/aarch64-linux/ascend_toolkit_install.info": "package_name=Ascend-cann-toolkit\nversion=8.0.RC2\npath=/x\n",
		"opt/neuware/version.txt":                                                          "1.15.0\n",
		"sys/module/cambricon_drv/version":                                                 "5.10.22\n",
		"usr/local/musa/version.json":                                                      `{"musa_toolkits":{"version":"3.1.0"},"mcc":{"version":"3.0"}}`,
		"sys/module/mtgpu/version":                                                         "2.7.0\n",
		"sys/devices/system/cpu/vulnerabilities/meltdown":                                  "Mitigation: PTI\n",
		"var/lib/dpkg/status":                                                              "Package: nvidia-l4t-core\nStatus: deinstall ok config-files\nVersion: 1\n\nPackage: other\nStatus: install ok installed\nVersion: 2\n\nPackage: nvidia-l4t-core\nStatus: install ok installed\nArchitecture: arm64\nVersion: 35.4.1-20230801124926\nDescription: x\n y\n\n",
		"usr/local/cuda/include/cuda.h":                                                    "#ifndef X\n#define CUDA_VERSION 12040\n",
		"venv/pyvenv.cfg":                                                                  "version = 3.11.2\n",
		"venv/lib/python3.11/site-packages/torch-2.4.0+cu118.dist-info/METADATA":           "Name: torch\nVersion: 2.4.0+cu118\n",
		"venv/lib/python3.11/site-packages/nvidia_cudnn_cu12-9.1.0.70.dist-info/METADATA":  "Name: nvidia-cudnn-cu12\nVersion: 9.1.0.70\n",
	}), Run: runner, Env: []string{"NEUWARE_HOME=/opt/neuware", "VIRTUAL_ENV=/venv", "APPTAINER_CONTAINER=/images/train.sif"}})
	want(t, r, "ascend.npus", `{"npus":[{"health":"OK","id":"0","name":"910B3"},{"health":"Alarm","id":"1","name":"910B3"}],"version":"23.0.rc3"}`, "npu-smi")
	want(t, r, "ascend.firmware", `{"Version":"7.1.0.3.220","firmware_version":"1.0"}`, "/usr/local/Ascend/firmware/version.info")
	want(t, r, "ascend.toolkit", `{"version":"8.0.RC2"}`, "/usr/local/Ascend/ascend-toolkit/latest/aarch64-linux/ascend_toolkit_install.info")
	want(t, r, "cambricon.version", `"1.15.0"`, "/opt/neuware/version.txt")
	want(t, r, "cambricon.driver", `"5.10.22"`, "/sys/module/cambricon_drv/version")
	want(t, r, "musa.toolkit", `{"components":{"mcc":"3.0","musa_toolkits":"3.1.0"},"version":"3.1.0"}`, "/usr/local/musa/version.json")
	want(t, r, "musa.driver", `"2.7.0"`, "/sys/module/mtgpu/version")
	want(t, r, "cpu.vulnerabilities", `{"meltdown":"Mitigation: PTI"}`, "/sys/devices/system/cpu/vulnerabilities")
	want(t, r, "jetson.release", `"35.4.1-20230801124926"`, "/var/lib/dpkg/status")
	want(t, r, "cuda.toolkit", `{"version":"12.4"}`, "/usr/local/cuda/include/cuda.h")
	want(t, r, "cuda.runtime", `"11.8"`, "/venv/lib/python3.11/site-packages/torch-2.4.0+cu118.dist-info")
	want(t, r, "clock.reference", `{"daemon":"chrony","leap":"Normal","offset_s":"0.000012345","server":"192.168.0.1","stratum":"3"}`, "chronyc")
	if hints := show(r.Fields["container.hints"].Value); !strings.Contains(hints, `{"kind":"apptainer","id":"/images/train.sif","source":"APPTAINER_CONTAINER"}`) {
		t.Error(hints)
	}
	if v := r.Versions(); v["cann"] != "8.0.RC2" || v["musa"] != "3.1.0" || v["mlu"] != "5.10.22" || v["cuda"] != "11.8" || v["cudnn"] != "9.1.0.70" {
		t.Errorf("%v", v)
	}
	r = capture(t, Options{Root: tree(t, map[string]string{"run/systemd/timesync/synchronized": ""})})
	want(t, r, "clock.reference", `{"daemon":"systemd-timesyncd"}`, "/run/systemd/timesync/synchronized")
}

func TestTorchLocal(t *testing.T) {
	for v, want := range map[string]string{"2.4.0+cu124": "12.4", "1.7.1+cu92": "9.2", "1.13+cu117": "11.7", "2.4.0+cpu": "", "2.4.0": "", "2.4.0+rocm6.0": ""} {
		m := torchLocal().FindStringSubmatch(v)
		got := ""
		if m != nil && m[2] != "" {
			got = m[2] + "." + m[3]
		}
		if got != want {
			t.Errorf("%s: %q", v, got)
		}
	}
}

// What a compiler wrote, held against the compiler.
func TestCompilers(t *testing.T) {
	gcc, err := exec.LookPath("gcc")
	if err != nil {
		t.Skip("needs gcc")
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "x.c"), []byte("int x;\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "lib/x86_64-linux-gnu/libc.so.6")
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(gcc, "-shared", "-nostdlib", "-o", name, filepath.Join(dir, "x.c")).CombinedOutput(); err != nil {
		t.Skipf("%v\n%s", err, out)
	}
	short, err := exec.Command(gcc, "-dumpfullversion").Output()
	if err != nil {
		t.Fatal(err)
	}
	f := capture(t, Options{Root: dir}).Fields["compilers"]
	if got := show(f.Value); !strings.Contains(got, strings.TrimSpace(string(short))) || f.Source != "/lib/x86_64-linux-gnu/libc.so.6" {
		t.Errorf("%s from %s, compiled by %s", got, f.Source, short)
	}
}
