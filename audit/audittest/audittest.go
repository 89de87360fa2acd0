// Package audittest makes records for tests: for each event a predicate that
// says what the event must say, in a life that has no gaps.
package audittest

import (
	"crypto/sha256"
	"crypto/sha3"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/fingerprint"
	"github.com/mmaudit/mmaudit/audit/hparams"
	"github.com/mmaudit/mmaudit/audit/toolchain"
)

// Origin is the name of the ledger that records are for.
const Origin = "example.com/audit"

// Start is when the first event of a life happened.
var Start = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

// Digests gives the digests of a text.
func Digests(text string) audit.DigestSet {
	s3, s2 := sha3.Sum512([]byte(text)), sha256.Sum256([]byte(text))
	return audit.DigestSet{"sha3_512": hex.EncodeToString(s3[:]), "sha256": hex.EncodeToString(s2[:])}
}

// Attachment gives a document with that text.
func Attachment(name, text string) *audit.Attachment {
	return &audit.Attachment{Name: name, MediaType: "text/plain", Size: int64(len(text)), Digest: Digests(text)}
}

// Dataset gives a data set; equal names are equal data.
func Dataset(name, role string) audit.Dataset {
	root := func(what string) fingerprint.Head {
		return fingerprint.Head{Root: sha3.Sum512([]byte(what + name)), Leaves: 10, Bytes: 1000}
	}
	return audit.Dataset{Name: name, Role: role, Fingerprint: fingerprint.Result{
		Status: fingerprint.Complete, Tree: root("tree "), Content: root("content "),
		Manifest: sha3.Sum512([]byte("manifest " + name)), Files: 10, Bytes: 1000,
	}}
}

// Artifact gives a file with that text.
func Artifact(name, text string) audit.Artifact {
	return audit.Artifact{Name: name, Kind: "file", Size: int64(len(text)), Digest: Digests(text)}
}

// Params gives hyper-parameters from k=v strings.
func Params(args ...string) *audit.Params {
	doc, err := hparams.ParseArgs(args)
	if err != nil {
		panic(err)
	}
	hash, err := doc.Set.Hash()
	if err != nil {
		panic(err)
	}
	tree, err := doc.Set.Tree(make([]byte, hparams.SecretSize))
	if err != nil {
		panic(err)
	}
	form, err := doc.Set.Canonical()
	if err != nil {
		panic(err)
	}
	return &audit.Params{Hash: hash, Tree: tree.Root(), Method: "declared", Form: Attachment("params.json", string(form))}
}

// Toolchain gives a toolchain with these versions, such as driver, cuda.
func Toolchain(versions map[string]string) *audit.Toolchain {
	return &audit.Toolchain{Versions: versions, Summary: &toolchain.Report{
		V: 1,
		Fields: map[string]toolchain.Field{
			"nvidia.kernel_driver": {Value: versions["driver"], Source: "/proc/driver/nvidia/version", Method: toolchain.Observed},
		},
		Flags: []toolchain.Flag{},
	}}
}

// Event gives a predicate with what its event must say, and no more; training
// that finished leaves an artefact. It happens n minutes after Start.
func Event(e audit.Event, model, version, run string, n int) *audit.Predicate {
	p := &audit.Predicate{
		V: 1, Event: e, Origin: Origin,
		Time:  audit.Time{Claimed: audit.FormatTime(Start.Add(time.Duration(n) * time.Minute))},
		Actor: audit.Actor{ID: "team@example.com", KeyID: Digests("key")["sha256"]},
	}
	kind, ok := audit.KindOf(e)
	if !ok {
		panic(fmt.Sprintf("no event %q", e))
	}
	for _, member := range kind.Must {
		fill(p, member, model, version, run)
	}
	if e == audit.TrainFinished {
		fill(p, "outputs", model, version, run)
	}
	return p
}

func fill(p *audit.Predicate, member, model, version, run string) {
	signer := audit.SignerKey{
		ID: Digests("key")["sha256"], Algorithm: "ed25519", Public: []byte("key"), Name: "ci", Roles: audit.Roles(),
	}
	switch member {
	case "modelId":
		p.Model = model
	case "version":
		p.Version = version
	case "runId":
		p.Run = run
	case "data":
		p.Data = []audit.Dataset{Dataset("nuscenes", "train")}
	case "params":
		p.Params = Params("lr=0.001", "epochs=20")
	case "toolchain":
		p.Toolchain = Toolchain(map[string]string{"driver": "535.129.03", "cuda": "12.4"})
	case "outputs":
		p.Outputs = []audit.Artifact{Artifact("model.pt", model+version)}
	case "metrics":
		p.Metrics = []audit.Metric{{Name: "miou", Value: "0.61", Stage: "val"}}
	case "validation":
		p.Validation = &audit.Validation{Tool: "mmvalidate 0.1.0", Verdict: "pass"}
	case "evaluation":
		p.Evaluation = &audit.Evaluation{Name: "val-2026"}
	case "approval":
		p.Approval = &audit.Approval{Reason: "meets the plan"}
	case "export":
		p.Export = &audit.Export{Format: "onnx", IRVersion: 9, Opsets: map[string]int64{"ai.onnx": 20}}
	case "bridge":
		p.Bridge = &audit.Bridge{Config: Attachment("bridge-config.yaml", "operators: []"), Target: "orin"}
	case "deployment":
		p.Deployment = &audit.Deployment{Device: "vehicle-17", Environment: "fleet"}
	case "incident":
		p.Incident = &audit.Report{Severity: "high", Summary: "missed a kerb"}
	case "ledger":
		p.Ledger = &audit.Genesis{Origin: Origin, Log: Origin + "+00000000+AAAA", Keys: []audit.SignerKey{signer}}
	case "key":
		switch p.Event {
		case audit.KeyAdded:
			p.Key = &audit.KeyChange{New: &signer}
		case audit.KeyRotated:
			p.Key = &audit.KeyChange{Old: signer.ID, New: &signer}
		default:
			p.Key = &audit.KeyChange{Old: signer.ID}
		}
	case "policy":
		p.Policy = &audit.Policy{Threshold: map[audit.Event]int{audit.Approved: 2}}
	default:
		panic(fmt.Sprintf("no example of member %q", member))
	}
}
