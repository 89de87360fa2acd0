package export

import (
	"bytes"
	"context"
	"crypto/sha3"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/google/uuid"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/fingerprint"
)

// hashNames are the names that CycloneDX has for digests of records, and their
// sizes in bytes.
var hashNames = []struct {
	name string
	alg  cdx.HashAlgorithm
	size int
}{
	{"sha3_512", cdx.HashAlgoSHA3_512, 64},
	{"sha256", cdx.HashAlgoSHA256, 32},
	{"sha384", cdx.HashAlgoSHA384, 48},
	{"sha512", cdx.HashAlgoSHA512, 64},
}

// hashes leaves out what is no digest: a document outside of the ledger may say
// anything.
func hashes(set map[string]string) *[]cdx.Hash {
	var all []cdx.Hash
	for _, n := range hashNames {
		if raw, err := hex.DecodeString(set[n.name]); err == nil && len(raw) == n.size {
			all = append(all, cdx.Hash{Algorithm: n.alg, Value: set[n.name]})
		}
	}
	return some(all)
}

// some is nil for an empty list: the format has no empty ones where something is
// not known.
func some[T any](list []T) *[]T {
	if len(list) == 0 {
		return nil
	}
	return &list
}

// properties are name and value pairs; empty values are left out.
type properties []cdx.Property

func (p *properties) add(name, value string) {
	if value != "" {
		*p = append(*p, cdx.Property{Name: "auditlog:" + name, Value: value})
	}
}

func makeCycloneDX(_ context.Context, v *version) ([]byte, error) {
	model := v.modelComponent()
	bom := cdx.BOM{
		JSONSchema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
		BOMFormat:  cdx.BOMFormat, SpecVersion: cdx.SpecVersion1_6, Version: 1,
		Metadata: &cdx.Metadata{
			Timestamp: v.Entries[len(v.Entries)-1].Record.Predicate().Time.Claimed,
			Component: &model,
			Tools:     &cdx.ToolsChoice{Components: &[]cdx.Component{{Type: cdx.ComponentTypeApplication, Name: "auditlog"}}},
		},
		Components:  some(append(v.dataComponents(), v.exports()...)),
		Formulation: v.formulation(),
	}
	// The serial number follows from the content, so that equal documents have
	// equal numbers and others do not.
	text, err := encode(&bom)
	if err != nil {
		return nil, err
	}
	sum := sha3.Sum512(text)
	id := uuid.NewSHA1(uuid.NameSpaceURL, []byte(namespace+"cyclonedx/v1#"+hex.EncodeToString(sum[:])))
	bom.SerialNumber = id.URN()
	return encode(&bom)
}

func encode(bom *cdx.BOM) ([]byte, error) {
	var b bytes.Buffer
	err := cdx.NewBOMEncoder(&b, cdx.BOMFileFormatJSON).SetPretty(true).SetEscapeHTML(false).Encode(bom)
	return b.Bytes(), err
}

func (v *version) modelComponent() cdx.Component {
	var p properties
	if v.run == nil {
		p.add("run", "none has finished")
	} else {
		p.add("run", v.run.id)
	}
	if q := v.recorded(); q != nil {
		p.add("params:hash", "sha3_512:"+q.Hash.String())
		p.add("params:count", strconv.Itoa(q.Tree.Count))
		p.add("params:method", q.Method)
		if v.params == nil {
			p.add("params", "the document with the values is not at hand")
		}
	}
	for _, q := range v.params {
		p.add("param:"+q.K, q.text())
	}
	outputs := v.outputs()
	c := cdx.Component{
		BOMRef: "model", Type: cdx.ComponentTypeMachineLearningModel, Name: v.Model, Version: v.Version,
		Description:        v.labels["model.description"],
		ModelCard:          v.modelCard(),
		ExternalReferences: some(v.records()),
	}
	if len(outputs) == 1 && outputs[0].Kind == "file" {
		c.Hashes = hashes(outputs[0].Digest)
	}
	var parts []cdx.Component
	for i, a := range outputs {
		parts = append(parts, artifact("model/"+strconv.Itoa(i), &a))
	}
	c.Components, c.Properties = some(parts), some(p)
	return c
}

// text is the value for people: strings as JSON, so that the string "1" is not
// the integer 1.
func (q *param) text() string {
	var s string
	if q.T != "str" && json.Unmarshal(q.V, &s) == nil {
		return s
	}
	return string(q.V)
}

// artifact is a file; of a folder the hash is that of its manifest.
func artifact(ref string, a *audit.Artifact) cdx.Component {
	var p properties
	p.add("kind", a.Kind)
	p.add("bytes", strconv.FormatInt(a.Size, 10))
	if a.Kind == "folder" {
		p.add("hashOf", fingerprint.ManifestName)
		p.add("tree", a.Tree.Root.String())
		p.add("leaves", strconv.FormatUint(a.Tree.Leaves, 10))
	}
	return cdx.Component{BOMRef: ref, Type: cdx.ComponentTypeFile, Name: a.Name, Hashes: hashes(a.Digest), Properties: some(p)}
}

// exports are the forms of the model that it was written in afterwards.
func (v *version) exports() []cdx.Component {
	var all []cdx.Component
	for _, e := range v.Entries {
		p := e.Record.Predicate()
		if p.Event != audit.Exported {
			continue
		}
		for i, a := range p.Outputs {
			c := artifact(fmt.Sprintf("export/%d/%d", e.Index, i), &a)
			c.Type, c.Version = cdx.ComponentTypeMachineLearningModel, v.Version
			var q properties
			q.add("export:format", p.Export.Format)
			q.add("export:tool", p.Export.Tool)
			if p.Export.IRVersion > 0 {
				q.add("export:irVersion", strconv.Itoa(p.Export.IRVersion))
			}
			for _, domain := range sortedKeys(p.Export.Opsets) {
				q.add("export:opset:"+domain, strconv.FormatInt(p.Export.Opsets[domain], 10))
			}
			c.Properties = some(append(*c.Properties, q...))
			all = append(all, c)
		}
	}
	return all
}

// modelCard says what the model is for, from labels, and how it did.
func (v *version) modelCard() *cdx.MLModelCard {
	one := func(label string) *[]string {
		if v.labels[label] == "" {
			return nil
		}
		return &[]string{v.labels[label]}
	}
	card := &cdx.MLModelCard{
		ModelParameters: &cdx.MLModelParameters{
			Task: v.labels["model.task"], ArchitectureFamily: v.labels["model.architectureFamily"],
			ModelArchitecture: v.labels["model.architecture"],
		},
		Considerations: &cdx.MLModelCardConsiderations{
			Users: one("model.users"), UseCases: one("model.useCases"),
			TechnicalLimitations: one("model.limitations"), PerformanceTradeoffs: one("model.tradeoffs"),
		},
	}
	approach := cdx.MLModelParametersApproachType(v.labels["model.approach"])
	if slices.Contains([]cdx.MLModelParametersApproachType{
		cdx.MLModelParametersApproachTypeSupervised, cdx.MLModelParametersApproachTypeUnsupervised,
		cdx.MLModelParametersApproachTypeReinforcementLearning, cdx.MLModelParametersApproachTypeSemiSupervised,
		cdx.MLModelParametersApproachTypeSelfSupervised,
	}, approach) {
		card.ModelParameters.Approach = &cdx.MLModelParametersApproach{Type: approach}
	}
	if text := v.labels["model.ethics"]; text != "" {
		card.Considerations.EthicalConsiderations = &[]cdx.MLModelCardEthicalConsideration{{Name: text}}
	}
	if *card.Considerations == (cdx.MLModelCardConsiderations{}) {
		card.Considerations = nil
	}
	var sets []cdx.MLDatasetChoice
	for i := range v.data {
		sets = append(sets, cdx.MLDatasetChoice{Ref: dataRef(i)})
	}
	card.ModelParameters.Datasets = some(sets)

	var metrics []cdx.MLPerformanceMetric
	for _, e := range v.Entries {
		p := e.Record.Predicate()
		if p.Model == "" || p.Run != "" && (v.run == nil || p.Run != v.run.id) || p.Event == audit.TrainHeartbeat {
			continue
		}
		for _, m := range p.Metrics {
			value := m.Value
			if m.Unit != "" {
				value += " " + m.Unit
			}
			metrics = append(metrics, cdx.MLPerformanceMetric{Type: m.Name, Value: value, Slice: v.slice(p, &m)})
		}
	}
	if len(metrics) > 0 {
		card.QuantitativeAnalysis = &cdx.MLQuantitativeAnalysis{PerformanceMetrics: &metrics}
	}
	return card
}

// slice says on what a metric was computed, as far as that is known.
func (v *version) slice(p *audit.Predicate, m *audit.Metric) string {
	slice := m.Stage
	if p.Evaluation != nil {
		slice = join(slice, "evaluation "+p.Evaluation.Name)
	}
	for _, d := range v.data {
		if m.Data != "" && d.Fingerprint.Tree.Root.String() == m.Data {
			return join(slice, "data set "+d.Name)
		}
	}
	if m.Data != "" {
		slice = join(slice, "data tree "+m.Data)
	}
	return slice
}

func join(a, b string) string {
	if a == "" {
		return b
	}
	return a + ", " + b
}

func dataRef(i int) string { return "data/" + strconv.Itoa(i) }

func (v *version) dataComponents() []cdx.Component {
	var all []cdx.Component
	for i, d := range v.data {
		f := &d.Fingerprint
		var p properties
		p.add("hashOf", fingerprint.ManifestName)
		p.add("role", d.Role)
		p.add("status", string(f.Status))
		p.add("files", strconv.FormatUint(f.Files, 10))
		p.add("bytes", strconv.FormatUint(f.Bytes, 10))
		p.add("tree", f.Tree.Root.String())
		p.add("content", f.Content.Root.String())
		p.add("source", d.Source)
		p.add("acquiredAt", d.AcquiredAt)
		p.add("medium", d.Medium)
		p.add("sampling", d.Sampling)
		c := cdx.Component{
			BOMRef: dataRef(i), Type: cdx.ComponentTypeData, Name: d.Name,
			Hashes: hashes(map[string]string{"sha3_512": f.Manifest.String()}),
			Data: &[]cdx.ComponentData{{
				Type: cdx.ComponentDataTypeDataset, Name: d.Name, Classification: d.Classification,
			}},
			Properties: some(p),
		}
		if d.Licence != "" {
			c.Licenses = &cdx.Licenses{{License: &cdx.License{Name: d.Licence}}}
		}
		if l := d.Listing; l != nil {
			c.ExternalReferences = &[]cdx.ExternalReference{{
				Type: cdx.ERTypeEvidence, URL: digestURI(l.Digest), Comment: "listing of the files: " + l.Name, Hashes: hashes(l.Digest),
			}}
		}
		all = append(all, c)
	}
	return all
}

// records refers to each record of the version, heartbeats left out.
func (v *version) records() []cdx.ExternalReference {
	var all []cdx.ExternalReference
	for _, e := range v.Entries {
		p := e.Record.Predicate()
		if p.Event == audit.TrainHeartbeat {
			continue
		}
		digest := map[string]string{"sha3_512": e.Record.Digest()}
		comment := fmt.Sprintf("record %d: %s at %s, as it says by %s", e.Index, p.Event, p.Time.Claimed, p.Actor.ID)
		if v.Ledger != "" {
			comment = "ledger " + v.Ledger + ", " + comment
		}
		all = append(all, cdx.ExternalReference{Type: cdx.ERTypeAttestation, URL: digestURI(digest), Comment: comment, Hashes: hashes(digest)})
	}
	return all
}

// digestURI names something by its digest, as RFC 6920 has it.
func digestURI(set map[string]string) string {
	for _, n := range []struct{ name, alg string }{{"sha3_512", "sha3-512"}, {"sha256", "sha-256"}} {
		if raw, err := hex.DecodeString(set[n.name]); err == nil && len(raw) > 0 {
			return "ni:///" + n.alg + ";" + base64.RawURLEncoding.EncodeToString(raw)
		}
	}
	return ""
}
