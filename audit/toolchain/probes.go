package toolchain

import (
	"fmt"
	"strings"
)

// table lists every field: sources in order of trust, the first that knows is
// the answer.
func table() []probe {
	one := func(s ...source) []source { return s }
	nvSMI := command(driverVersion, "nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader")
	return []probe{
		// Accelerators
		{"nvidia.kernel_driver", "driver in the kernel, and whether it is the open one", false, one(
			file("/proc/driver/nvidia/version", kernelDriver), file("/sys/module/nvidia/version", driverVersion), nvSMI)},
		{"nvidia.srcversion", "identity of the driver's source", false, one(file("/sys/module/nvidia/srcversion", line))},
		{"nvidia.user_driver", "driver that programs link to", false, one(userDriver)},
		{"nvidia.driver_files", "digests of the driver's modules and libraries", true, one(driverSet)},
		{"nvidia.gpus", "GPUs: model, firmware, error correction, partition, committed UUID and serial", false, one(smiGPUs, gpus)},
		{"cuda.toolkit", "installed toolkit, which need not be what runs", false, one(
			inCUDA("version.json", versionJSON), inCUDA("version.txt", versionTxt), inCUDA("include/cuda.h", cudaHeader))},
		{"cuda.toolkit_tree", "digest of the toolkit, policy cuda-tree/v1", true, one(toolkitTree)},
		{"cuda.runtime_set", "libraries that the process mapped, policy loaded-dso/v1", true, one(runtimeSet)},
		{"cuda.runtime", "CUDA runtime in use", true, one(
			mapped("libcudart"), wheel("nvidia-cuda-runtime-cu13", "nvidia-cuda-runtime-cu12", "nvidia-cuda-runtime-cu11", "nvidia-cuda-runtime"), ofTorch("cuda"))},
		{"cuda.cudnn", "cuDNN in use", true, one(
			mapped("libcudnn"), wheel("nvidia-cudnn-cu13", "nvidia-cudnn-cu12", "nvidia-cudnn-cu11"),
			inCUDA("include/cudnn_version.h", defines("CUDNN_MAJOR", "CUDNN_MINOR", "CUDNN_PATCHLEVEL")),
			file("/usr/include/cudnn_version.h", defines("CUDNN_MAJOR", "CUDNN_MINOR", "CUDNN_PATCHLEVEL")))},
		{"cuda.nccl", "NCCL in use", true, one(
			mapped("libnccl"), wheel("nvidia-nccl-cu13", "nvidia-nccl-cu12", "nvidia-nccl-cu11"),
			file("/usr/include/nccl.h", defines("NCCL_MAJOR", "NCCL_MINOR", "NCCL_PATCH")))},
		{"cuda.tensorrt", "TensorRT in use", true, one(
			mapped("libnvinfer"), wheel("tensorrt", "tensorrt-cu13", "tensorrt-cu12"),
			file("/usr/include/x86_64-linux-gnu/NvInferVersion.h", defines("NV_TENSORRT_MAJOR", "NV_TENSORRT_MINOR", "NV_TENSORRT_PATCH")),
			file("/usr/include/aarch64-linux-gnu/NvInferVersion.h", defines("NV_TENSORRT_MAJOR", "NV_TENSORRT_MINOR", "NV_TENSORRT_PATCH")))},
		{"rocm.version", "ROCm", true, one(in("ROCM_PATH", "/opt/rocm", ".info/version", line), in("ROCM_PATH", "/opt/rocm", "version", line), ofTorch("rocm"))},
		{"rocm.driver", "amdgpu driver", false, one(file("/sys/module/amdgpu/version", line))},
		{"jetson.release", "Jetson Linux", false, one(file("/etc/nv_tegra_release", jetson), dpkgVersion("nvidia-l4t-core"))},
		{"board.model", "board, of device trees", false, one(file("/proc/device-tree/model", line))},
		{"ascend.driver", "Ascend driver", false, one(file("/usr/local/Ascend/driver/version.info", keyValues("Version", "package_version", "Innerversion")))},
		{"ascend.firmware", "Ascend firmware", false, one(file("/usr/local/Ascend/firmware/version.info", keyValues("Version", "package_version", "firmware_version")))},
		{"ascend.npus", "Ascend NPUs, as npu-smi tells them", false, one(command(npus, "npu-smi", "info"))},
		{"ascend.toolkit", "Ascend toolkit (CANN)", false, one(
			file("/usr/local/Ascend/ascend-toolkit/latest/version.cfg", keyValues("toolkit_installed_version", "runtime_running_version", "version")),
			file("/usr/local/Ascend/ascend-toolkit/latest/x86_64-linux/ascend_toolkit_install.info", keyValues("version")),
			file("/usr/local/Ascend/ascend-toolkit/latest/aarch64-linux/ascend_toolkit_install.info", keyValues("version")))},
		{"cambricon.version", "Cambricon Neuware", false, one(in("NEUWARE_HOME", "/usr/local/neuware", "version.txt", line))},
		{"cambricon.driver", "Cambricon driver", false, one(file("/sys/module/cambricon_drv/version", line))},
		{"musa.toolkit", "Moore Threads MUSA", false, one(in("MUSA_HOME", "/usr/local/musa", "version.json", musaVersions))},
		{"musa.driver", "Moore Threads driver", false, one(file("/sys/module/mtgpu/version", line))},

		// Machine
		{"os.release", "distribution", false, one(
			file("/etc/os-release", keyValues("ID", "VERSION_ID", "PRETTY_NAME", "BUILD_ID")),
			file("/usr/lib/os-release", keyValues("ID", "VERSION_ID", "PRETTY_NAME", "BUILD_ID")))},
		{"os.platform", "operating system and architecture", false, one(platform)},
		{"kernel.release", "kernel", false, one(file("/proc/sys/kernel/osrelease", line))},
		{"kernel.version", "build of the kernel", false, one(file("/proc/version", line))},
		{"kernel.cmdline", "boot options that bear on results", false, one(file("/proc/cmdline", commandLine))},
		{"kernel.boot_id", "identity of this boot", false, one(file("/proc/sys/kernel/random/boot_id", line))},
		{"host.name", "committed host name", false, one(hostname)},
		{"host.product", "product name of the machine", false, one(file("/sys/class/dmi/id/product_name", line))},
		{"host.bios", "firmware of the machine", false, one(file("/sys/class/dmi/id/bios_version", line))},
		{"cpu", "processors", false, one(file("/proc/cpuinfo", cpu))},
		{"cpu.vulnerabilities", "flaws of the processor and what the kernel does about them", false, one(vulnerabilities)},
		{"compilers", "compilers of the interpreter, or of the C library", false, one(compilers)},
		{"libc", "GNU C library", false, one(glibc)},
		{"clock", "whether the kernel's clock is disciplined", false, one(clockState)},
		{"clock.reference", "what disciplines the clock", false, one(command(chrony, "chronyc", "-n", "-c", "tracking"), timesyncd)},
		{"clock.source", "source of the kernel's clock", false, one(file("/sys/devices/system/clocksource/clocksource0/current_clocksource", line))},

		// Software
		{"python", "interpreter and environment", false, one(python)},
		{"python.packages", "installed packages, read without running Python", true, one(packages)},
		{"python.drift", "files of packages that are not as installed", true, one(packageDrift)},
		{"dpkg.drift", "libraries that are not as dpkg installed them", true, one(dpkgDrift)},
		{"python.torch", "PyTorch", true, one(wheel("torch"))},
		{"source.git", "source code: commit, patch, untracked files, submodules", true, one(sourceCode)},

		// Run
		{"run.argv", "command line, redacted", false, one(argv)},
		{"run.determinism", "variables that change what is computed", false, one(variables(determinism))},
		{"run.job", "variables of scheduler and launcher", false, one(variables(jobs))},
		{"run.namespace", "Kubernetes namespace", false, one(file("/var/run/secrets/kubernetes.io/serviceaccount/namespace", line))},
		{"container.hints", "signs of a container; its image must be declared", false, one(containerHints)},
		{"container.image", "image of the container, with its digest; only declared", false, one(containerImage)},
	}
}

// flags says what fields mean together.
func flags(r *Report) []Flag {
	var out []Flag
	add := func(code, format string, args ...any) { out = append(out, Flag{code, fmt.Sprintf(format, args...)}) }
	var kernel, user struct{ Version string }
	if r.Decode("nvidia.kernel_driver", &kernel) && r.Decode("nvidia.user_driver", &user) && kernel.Version != user.Version {
		add("driver-mismatch", "the kernel has driver %s, programs link to %s: restart, or mount the driver of the host", kernel.Version, user.Version)
	}
	var toolkit struct{ Version string }
	if runtime := r.text("cuda.runtime"); r.Decode("cuda.toolkit", &toolkit) && runtime != "" && major(runtime) != major(toolkit.Version) {
		add("toolkit-unrelated", "the process uses CUDA runtime %s, the installed toolkit is %s", runtime, toolkit.Version)
	}
	var set RuntimeSet
	if r.Decode("cuda.runtime_set", &set) {
		for _, l := range set.Libraries {
			switch {
			case l.Deleted:
				add("library-deleted", "%s was replaced or removed after the process mapped it", l.Path)
			case l.Error != "":
				add("library-unread", "%s: %s", l.Path, l.Error)
			case !l.SameFile:
				add("library-other-file", "%s may not be the file that was mapped: device or inode differ", l.Path)
			}
		}
	}
	var packages Packages
	if r.Decode("python.packages", &packages) {
		for _, p := range packages.Packages {
			if p.Shadowed {
				add("package-shadowed", "%s %s in %s is hidden by another of that name", p.Name, p.Version, p.Path)
			}
			if p.Editable {
				add("package-editable", "%s is installed editable: its files are those of a working tree", p.Name)
			}
		}
	}
	for _, name := range []string{"python.drift", "dpkg.drift"} {
		var drift Drift
		if r.Decode(name, &drift) && len(drift.Changed) > 0 {
			first := drift.Changed[0]
			add("files-changed", "%d files are not as installed: %s of %s is %s", len(drift.Changed)+drift.More, first.Path, first.Package, first.How)
		}
	}
	var source Source
	if r.Decode("source.git", &source) && source.Dirty {
		add("source-dirty", "the source code differs from commit %s", source.Commit)
	}
	var hints []hint
	if r.Decode("container.hints", &hints) && len(hints) > 0 && r.Fields["container.image"].Value == nil {
		add("container-undeclared", "this looks like a container, and its image was not declared (container.image)")
	}
	var clock struct{ Synchronised bool }
	if r.Decode("clock", &clock) && !clock.Synchronised {
		add("clock-free", "the clock is not disciplined: times in records may be wrong")
	}
	return out
}

func major(version string) string {
	m, _, _ := strings.Cut(version, ".")
	return m
}
