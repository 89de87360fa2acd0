package export

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/mmaudit/mmaudit/audit/toolchain"
)

// toolComponents are the fields of a toolchain that become one component with a
// version.
var toolComponents = []struct {
	field string
	kind  cdx.ComponentType
	name  string
}{
	{"nvidia.kernel_driver", cdx.ComponentTypeDeviceDriver, "NVIDIA driver (kernel)"},
	{"nvidia.user_driver", cdx.ComponentTypeDeviceDriver, "NVIDIA driver (user space)"},
	{"rocm.driver", cdx.ComponentTypeDeviceDriver, "amdgpu driver"},
	{"ascend.driver", cdx.ComponentTypeDeviceDriver, "Ascend driver"},
	{"cuda.toolkit", cdx.ComponentTypePlatform, "CUDA toolkit (installed)"},
	{"rocm.version", cdx.ComponentTypePlatform, "ROCm"},
	{"jetson.release", cdx.ComponentTypePlatform, "Jetson Linux"},
	{"ascend.toolkit", cdx.ComponentTypePlatform, "CANN"},
	{"cambricon.version", cdx.ComponentTypePlatform, "Cambricon Neuware"},
	{"cuda.runtime", cdx.ComponentTypeLibrary, "CUDA runtime"},
	{"cuda.cudnn", cdx.ComponentTypeLibrary, "cuDNN"},
	{"cuda.nccl", cdx.ComponentTypeLibrary, "NCCL"},
	{"cuda.tensorrt", cdx.ComponentTypeLibrary, "TensorRT"},
	{"libc", cdx.ComponentTypeLibrary, "GNU C library"},
	{"os.release", cdx.ComponentTypeOS, "operating system"},
	{"kernel.release", cdx.ComponentTypeOS, "kernel"},
	{"python", cdx.ComponentTypePlatform, "Python"},
	{"container.image", cdx.ComponentTypeContainer, "container image"},
}

// fromPyPI are installers that take a package from PyPI where no other origin is
// written down. What a distribution or conda installed is not from there.
var fromPyPI = map[string]bool{"pip": true, "uv": true, "poetry": true, "pdm": true}

// formulation is how the model came to be: the tools, and each run.
func (v *version) formulation() *[]cdx.Formula {
	if len(v.runs) == 0 {
		return nil
	}
	var p properties
	for _, g := range v.gaps {
		p.add("gap:"+g.What, g.Reason)
	}
	if v.toolchain != nil {
		for _, t := range toolComponents {
			p.add("absent:"+t.field, v.toolchain.Fields[t.field].Error)
		}
		for _, field := range []string{"cuda.runtime_set", "python.packages", "source.git"} {
			p.add("absent:"+field, v.toolchain.Fields[field].Error)
		}
		for _, f := range v.toolchain.Flags {
			p.add("flag:"+f.Code, f.Message)
		}
	}
	var runs []cdx.Workflow
	for _, r := range v.runs {
		runs = append(runs, v.workflow(r))
	}
	return &[]cdx.Formula{{
		BOMRef: "training", Components: some(v.toolComponents()), Workflows: &runs, Properties: some(p),
	}}
}

// workflow is a run. Only of the run that is exported are the data, tools and
// outputs listed: those of the others are not in the document.
func (v *version) workflow(r *run) cdx.Workflow {
	began, ended := r.times()
	var p properties
	p.add("result", r.result())
	w := cdx.Workflow{
		BOMRef: "run/" + r.id, UID: r.id, Name: "training", TaskTypes: &[]cdx.TaskType{cdx.TaskTypeBuild},
		TimeStart: began, TimeEnd: ended,
	}
	if r == v.run {
		var in []cdx.TaskInput
		var out []cdx.TaskOutput
		for i, d := range v.data {
			if d.ofRun {
				in = append(in, cdx.TaskInput{Resource: &cdx.ResourceReferenceChoice{Ref: dataRef(i)}})
			}
		}
		for i := range v.outputs() {
			out = append(out, cdx.TaskOutput{
				Type: cdx.TaskOutputTypeArtifact, Resource: &cdx.ResourceReferenceChoice{Ref: "model/" + strconv.Itoa(i)},
			})
		}
		w.Inputs, w.Outputs = some(in), some(out)
		if x := v.process(); x != nil {
			for i, word := range x.Argv {
				p.add("argv:"+strconv.Itoa(i), word)
			}
			if x.Exit != nil {
				p.add("exit", strconv.Itoa(*x.Exit))
			}
		}
	}
	w.Properties = some(p)
	return w
}

func (v *version) toolComponents() []cdx.Component {
	var all []cdx.Component
	if v.toolchain == nil {
		return nil
	}
	add := func(c cdx.Component, field string, p properties) {
		f := v.toolchain.Fields[field]
		p.add("method", string(f.Method))
		p.add("source", f.Source)
		c.BOMRef, c.Properties = "tool/"+strconv.Itoa(len(all)), some(p)
		all = append(all, c)
	}
	for _, t := range toolComponents {
		c := cdx.Component{Type: t.kind, Name: t.name, Version: text(v.toolchain, t.field)}
		var p properties
		var of map[string]any
		if !v.toolchain.Decode(t.field, &of) && c.Version == "" {
			continue
		}
		for _, k := range sortedKeys(of) { // what else it says, word for word
			if s, ok := of[k].(string); ok && s != c.Version {
				p.add(k, s)
			}
		}
		add(c, t.field, p)
	}
	var set toolchain.RuntimeSet
	if v.toolchain.Decode("cuda.runtime_set", &set) {
		for _, l := range set.Libraries {
			var p properties
			p.add("soname", l.SONAME)
			p.add("buildId", l.BuildID)
			p.add("path", l.Path)
			if !l.SameFile {
				p.add("sameFile", "false")
			}
			p.add("error", l.Error)
			add(cdx.Component{Type: cdx.ComponentTypeLibrary, Name: l.SONAME, Hashes: hashes(map[string]string{"sha3_512": l.Digest})}, "cuda.runtime_set", p)
		}
	}
	var packages toolchain.Packages
	if v.toolchain.Decode("python.packages", &packages) {
		for _, q := range packages.Packages {
			if q.Shadowed {
				continue // Python does not find it
			}
			var p properties
			p.add("path", q.Path)
			p.add("recordDigest", q.Record)
			p.add("origin", q.Origin)
			p.add("commit", q.Commit)
			c := cdx.Component{Type: cdx.ComponentTypeLibrary, Name: q.Name, Version: q.Version}
			p.add("installer", q.Installer)
			if fromPyPI[q.Installer] && q.Origin == "" && !q.Editable {
				c.PackageURL = "pkg:pypi/" + purl(q.Name) + "@" + purl(q.Version)
			}
			add(c, "python.packages", p)
		}
	}
	var src toolchain.Source
	if v.toolchain.Decode("source.git", &src) && src.Commit != "" {
		var p properties
		p.add("branch", src.Branch)
		p.add("dirty", strconv.FormatBool(src.Dirty))
		p.add("patchDigest", src.Patch)
		p.add("untrackedDigest", src.Manifest)
		c := cdx.Component{Type: cdx.ComponentTypeApplication, Name: "training source", Version: src.Commit}
		if !absolute(src.Remote) {
			p.add("remote", src.Remote)
		} else {
			c.ExternalReferences = &[]cdx.ExternalReference{{Type: cdx.ERTypeVCS, URL: src.Remote}}
		}
		add(c, "source.git", p)
	}
	return all
}

// purl escapes a part of a package URL.
func purl(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
