package export

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/fingerprint"
	"github.com/mmaudit/mmaudit/audit/hparams"
	"github.com/mmaudit/mmaudit/audit/toolchain"
)

const (
	slsaType  = "https://slsa.dev/provenance/v1"
	buildType = namespace + "training/v1"
	builderID = namespace + "signer/v1#" // and the id of the key that signs for the run
)

// descriptor is an in-toto ResourceDescriptor.
type descriptor struct {
	Name        string            `json:"name,omitempty"`
	URI         string            `json:"uri,omitempty"`
	Digest      map[string]string `json:"digest,omitempty"`
	MediaType   string            `json:"mediaType,omitempty"`
	Annotations map[string]any    `json:"annotations,omitempty"`
}

type provenance struct {
	BuildDefinition struct {
		BuildType string         `json:"buildType"`
		External  map[string]any `json:"externalParameters"`
		Internal  map[string]any `json:"internalParameters,omitempty"`
		Resolved  []descriptor   `json:"resolvedDependencies,omitempty"`
	} `json:"buildDefinition"`
	RunDetails struct {
		Builder struct {
			ID string `json:"id"`
		} `json:"builder"`
		Metadata struct {
			Invocation string `json:"invocationId"`
			Started    string `json:"startedOn,omitempty"`
			Finished   string `json:"finishedOn,omitempty"`
		} `json:"metadata"`
		Byproducts []descriptor `json:"byproducts,omitempty"`
	} `json:"runDetails"`
}

func makeSLSA(_ context.Context, v *version) ([]byte, error) {
	var subject []descriptor
	for _, a := range v.outputs() {
		subject = append(subject, descriptor{Name: a.Name, Digest: a.Digest})
	}
	if len(subject) == 0 {
		return nil, ErrNoRun
	}
	if v.cut() {
		return nil, ErrCut
	}
	var p provenance
	def, details := &p.BuildDefinition, &p.RunDetails
	def.BuildType = buildType
	def.External = map[string]any{"model": v.Model, "version": v.Version}
	if x := v.process(); x != nil {
		def.External["command"] = x.Argv
	}
	if q := v.recorded(); q != nil {
		def.External["hyperparameters"] = v.hyperparameters(q)
	}
	if len(v.gaps) > 0 {
		def.Internal = map[string]any{"gaps": v.gaps}
	}
	for _, d := range v.data {
		if d.ofRun {
			def.Resolved = append(def.Resolved, dependency(&d.Dataset))
		}
	}
	def.Resolved = append(def.Resolved, v.tools()...)

	end := v.run.ended.Record.Predicate()
	details.Builder.ID = builderID + end.Actor.KeyID
	details.Metadata.Invocation = v.run.id
	details.Metadata.Started, details.Metadata.Finished = v.run.times()
	details.Byproducts = v.byproducts()
	return statement(subject, slsaType, p)
}

func (v *version) hyperparameters(q *audit.Params) map[string]any {
	h := map[string]any{
		"hash":   map[string]any{"domain": strings.TrimSuffix(hparams.Domain, "\n"), "sha3_512": q.Hash.String()},
		"count":  q.Tree.Count,
		"method": q.Method,
	}
	if v.params != nil {
		h["params"] = v.params
	}
	if len(q.Redacted) > 0 {
		h["redacted"] = q.Redacted
	}
	return h
}

// dependency is a data set, by the digest of its manifest.
func dependency(d *audit.Dataset) descriptor {
	f := &d.Fingerprint
	r := descriptor{
		Name:   d.Name,
		Digest: map[string]string{"sha3_512": f.Manifest.String()},
		Annotations: map[string]any{
			"digestOf": fingerprint.ManifestName,
			"status":   f.Status,
			"files":    strconv.FormatUint(f.Files, 10),
			"bytes":    strconv.FormatUint(f.Bytes, 10),
			"tree":     f.Tree.Root.String(),
			"content":  f.Content.Root.String(),
		},
	}
	if d.Role != "" {
		r.Annotations["role"] = d.Role
	}
	if d.Source != "" {
		if absolute(d.Source) {
			r.URI = d.Source
		} else {
			r.Annotations["source"] = d.Source
		}
	}
	return r
}

// tools are the parts of the toolchain that are known by a digest, or a name
// that identifies them.
func (v *version) tools() []descriptor {
	var all []descriptor
	add := func(field string, d descriptor) {
		f := v.toolchain.Fields[field]
		if d.Annotations == nil {
			d.Annotations = map[string]any{}
		}
		d.Annotations["field"], d.Annotations["method"] = field, f.Method
		all = append(all, d)
	}
	if v.toolchain == nil {
		return nil
	}
	var src toolchain.Source
	if v.toolchain.Decode("source.git", &src) && src.Commit != "" {
		d := descriptor{Name: "source", Digest: map[string]string{"gitCommit": src.Commit}, Annotations: map[string]any{"dirty": src.Dirty}}
		if absolute(src.Remote) {
			d.URI = "git+" + src.Remote + "@" + src.Commit
		} else if src.Remote != "" {
			d.Annotations["remote"] = src.Remote
		}
		if src.Patch != "" {
			d.Annotations["patchDigest"] = src.Patch
		}
		if src.Manifest != "" {
			d.Annotations["untrackedDigest"] = src.Manifest
		}
		add("source.git", d)
		for _, m := range src.Submodules {
			add("source.git", descriptor{
				Name: "source/" + m.Path, Digest: map[string]string{"gitCommit": m.Commit},
				Annotations: map[string]any{"state": m.State},
			})
		}
	}
	if image := text(v.toolchain, "container.image"); image != "" {
		d := descriptor{Name: "container image", URI: image}
		name, digest, found := strings.Cut(image, "@")
		if !found {
			name, digest = "", image
		}
		if sum, ok := strings.CutPrefix(digest, "sha256:"); ok && len(sum) == 64 {
			d.Digest = map[string]string{"sha256": sum}
		}
		if name != "" || d.Digest == nil {
			d.URI = "docker://" + image
		} else {
			d.URI = ""
		}
		add("container.image", d)
	}
	for _, part := range []struct{ field, name string }{
		{"cuda.runtime_set", "libraries that the process mapped"},
		{"cuda.toolkit_tree", "CUDA toolkit"},
		{"python.packages", "Python packages"},
	} {
		var set struct {
			Policy string
			Digest string `json:"sha3_512"`
		}
		if v.toolchain.Decode(part.field, &set) && set.Digest != "" {
			d := descriptor{Name: part.name, Digest: map[string]string{"sha3_512": set.Digest}}
			if set.Policy != "" {
				d.Annotations = map[string]any{"policy": set.Policy}
			}
			add(part.field, d)
		}
	}
	return all
}

// byproducts are the documents that the run's records name, and the records.
func (v *version) byproducts() []descriptor {
	var all []descriptor
	seen := map[string]bool{}
	document := func(role string, a *audit.Attachment) {
		if a == nil || seen[a.Digest["sha3_512"]+a.Digest["sha256"]] {
			return
		}
		seen[a.Digest["sha3_512"]+a.Digest["sha256"]] = true
		all = append(all, descriptor{
			Name: a.Name, Digest: a.Digest, MediaType: a.MediaType,
			Annotations: map[string]any{"role": role, "size": strconv.FormatInt(a.Size, 10)},
		})
	}
	for _, d := range v.data {
		if d.ofRun {
			document("listing", d.Listing)
		}
	}
	for _, e := range v.Entries {
		p := e.Record.Predicate()
		if p.Run != v.run.id || p.Event == audit.TrainHeartbeat {
			continue
		}
		if p.Params != nil {
			document("hyperparameters", p.Params.Form)
		}
		if p.Toolchain != nil {
			document("toolchain", p.Toolchain.Report)
		}
		for i := range p.Attachments {
			document("attachment", &p.Attachments[i])
		}
		all = append(all, descriptor{
			Name: fmt.Sprintf("record %d", e.Index), Digest: map[string]string{"sha3_512": e.Record.Digest()},
			MediaType:   "application/vnd.dsse.envelope.v1+json",
			Annotations: v.recordAnnotations(&e),
		})
	}
	return all
}

func (v *version) recordAnnotations(e *Entry) map[string]any {
	a := map[string]any{
		"role": "record", "event": e.Record.Predicate().Event, "index": strconv.FormatInt(e.Index, 10),
	}
	if v.Ledger != "" {
		a["ledger"] = v.Ledger
	}
	return a
}

// absolute reports whether s is a URI, and not the short form of ssh or a path.
func absolute(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.IsAbs()
}

// versionNames are what toolchain fields call their version.
var versionNames = []string{"version", "Version", "VERSION_ID", "package_version", "toolkit_installed_version"}

// text gives the value of a field that is a text, or the version in a field that
// is an object; "" if there is no one such.
func text(r *toolchain.Report, field string) string {
	var s string
	if r.Decode(field, &s) {
		return s
	}
	var of map[string]any
	r.Decode(field, &of)
	for _, name := range versionNames {
		if s, ok := of[name].(string); ok {
			return s
		}
	}
	if list, _ := of["versions"].([]any); len(list) == 1 {
		s, _ = list[0].(string)
	}
	return s
}
