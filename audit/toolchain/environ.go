package toolchain

import (
	"context"
	"fmt"
	"path"
	"strings"
)

// environment makes a map of NAME=value; the first of a name counts, as for
// getenv.
func environment(list []string) map[string]string {
	out := map[string]string{}
	for _, l := range list {
		if k, v, ok := strings.Cut(l, "="); ok {
			if _, twice := out[k]; !twice {
				out[k] = v
			}
		}
	}
	return out
}

func (e *env) proc() string { return fmt.Sprintf("/proc/%d", e.opts.PID) }

// determinism is the allow-list of variables that change what a run computes.
var determinism = []string{
	"CUBLAS_WORKSPACE_CONFIG", "CUDA_*", "NVIDIA_TF32_OVERRIDE", "NVIDIA_VISIBLE_DEVICES", "NVIDIA_DRIVER_CAPABILITIES",
	"NCCL_*", "CUDNN_*", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "HSA_OVERRIDE_GFX_VERSION", "MIOPEN_*", "ASCEND_*",
	"TF_DETERMINISTIC_OPS", "TF_CUDNN_DETERMINISTIC", "TF_ENABLE_ONEDNN_OPTS", "XLA_FLAGS", "TORCH_*", "PYTORCH_*",
	"OMP_NUM_THREADS", "OMP_PROC_BIND", "MKL_NUM_THREADS", "MKL_CBWR", "OPENBLAS_NUM_THREADS",
	"PYTHONHASHSEED", "PYTHONPATH", "PYTHONOPTIMIZE", "PYTHONNOUSERSITE", "LD_PRELOAD", "LD_LIBRARY_PATH", "TZ", "LANG", "LC_ALL",
}

// jobs are the variables of schedulers and launchers.
var jobs = []string{
	"SLURM_JOB_ID", "SLURM_JOB_NODELIST", "SLURM_NTASKS", "SLURM_PROCID", "SLURM_RESTART_COUNT", "SLURM_ARRAY_TASK_ID",
	"SLURM_ARRAY_JOB_ID", "SLURM_CLUSTER_NAME", "SLURM_JOB_PARTITION", "SLURM_JOB_ACCOUNT", "SLURM_JOB_NUM_NODES",
	"RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "TORCHELASTIC_RUN_ID", "TORCHELASTIC_RESTART_COUNT",
	"LSB_JOBID", "PBS_JOBID", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE",
}

// variables makes a source of the allowed variables that are set. Values go
// through the redactor: an allowed name may hold what it should not.
func variables(allowed []string) source {
	return func(_ context.Context, e *env) (any, string, error) {
		out := map[string]any{}
		for name, value := range e.vars {
			for _, pattern := range allowed {
				if ok, _ := path.Match(pattern, name); ok {
					out[strings.ToValidUTF8(name, "\ufffd")], _ = e.redact.Value(name, abbreviate(value))
				}
			}
		}
		if len(out) == 0 {
			return nil, "environment", errAbsent
		}
		return out, "environment", nil
	}
}

// argv is the command line without its secrets.
func argv(_ context.Context, e *env) (any, string, error) {
	if len(e.opts.Argv) == 0 {
		return nil, "command line", errAbsent
	}
	out := []any{}
	for _, arg := range e.redact.Args(e.opts.Argv) {
		out = append(out, strings.ToValidUTF8(arg, "\ufffd"))
	}
	return out, "command line", nil
}
