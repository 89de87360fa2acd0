// Package lifetest makes whole lives of model versions, and ledgers of them, for
// tests and benchmarks. The same arguments give the same bytes.
package lifetest

import (
	"time"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/audittest"
	"github.com/mmaudit/mmaudit/audit/hparams"
	"github.com/mmaudit/mmaudit/audit/keys"
	"github.com/mmaudit/mmaudit/audit/toolchain"
	"github.com/mmaudit/mmaudit/audit/trust/trusttest"
)

// A Plan is what a life is about. The zero values of all but Model and Version
// are fine.
type Plan struct {
	Model, Version string
	Run            string
	Train, Test    string // names of data sets, which stand for their contents
	Driver, CUDA   string
	Params         []string // k=v
	Device, Type   string
	Start          time.Time
	Heartbeats     int
}

func (p *Plan) fill() {
	or := func(s *string, value string) {
		if *s == "" {
			*s = value
		}
	}
	or(&p.Run, "run-"+p.Model+"-"+p.Version)
	or(&p.Train, "nuscenes")
	or(&p.Test, "nuscenes-test")
	or(&p.Driver, "535.129.03")
	or(&p.CUDA, "12.4")
	or(&p.Device, "vehicle-17")
	or(&p.Type, "orin")
	if p.Start.IsZero() {
		p.Start = audittest.Start
	}
	if p.Params == nil {
		p.Params = []string{"lr=0.001", "epochs=20"}
	}
}

// Data gives the events that register and validate a data set.
func Data(start time.Time, name, role string) []*audit.Predicate {
	var all []*audit.Predicate
	for i, e := range []audit.Event{audit.DataRegistered, audit.DataValidated} {
		p := audittest.Event(e, "", "", "", 0)
		p.Time.Claimed = audit.FormatTime(start.Add(time.Duration(i) * time.Minute))
		p.Data = []audit.Dataset{audittest.Dataset(name, role)}
		all = append(all, p)
	}
	return all
}

// Life gives a life without a fault, from the plan of its evaluation to its
// retirement, one event a minute. Its data sets are to be recorded before, see
// Data. Prev and the actor's key are left to a Book.
func (p Plan) Life() []*audit.Predicate {
	p.fill()
	at := p.Start
	var all []*audit.Predicate
	add := func(e audit.Event, run string, change func(*audit.Predicate)) {
		x := audittest.Event(e, p.Model, p.Version, run, 0)
		x.Time.Claimed = audit.FormatTime(at)
		at = at.Add(time.Minute)
		if change != nil {
			change(x)
		}
		all = append(all, x)
	}
	artifact := audittest.Artifact("model.pt", p.Run)
	onnx := audittest.Artifact("model.onnx", "onnx "+p.Run)
	thresholds := []audit.Threshold{{Metric: "miou", Op: ">=", Value: "0.60"}}
	train := []audit.Dataset{audittest.Dataset(p.Train, "train")}
	tools := audittest.Toolchain(map[string]string{"driver": p.Driver, "cuda": p.CUDA})
	tools.Summary.Fields["source.git"] = toolchain.Field{
		Value:  map[string]any{"commit": audittest.Digests(p.Run)["sha256"][:40], "dirty": false, "untracked": 0, "submodules": []any{}},
		Source: "git", Method: toolchain.Observed,
	}
	params := audittest.Params(p.Params...)

	add(audit.EvalPreregistered, "", func(x *audit.Predicate) {
		x.Evaluation = &audit.Evaluation{Name: "val-2026", Plan: audittest.Attachment("plan.md", "the plan"), Thresholds: thresholds}
	})
	add(audit.TrainStarted, p.Run, func(x *audit.Predicate) {
		x.Data, x.Params, x.Toolchain = train, params, tools
		x.Process = &audit.Process{Argv: []string{"python", "train.py"}, PID: 4711, Started: x.Time.Claimed}
	})
	for range p.Heartbeats {
		add(audit.TrainHeartbeat, p.Run, nil)
	}
	add(audit.TrainFinished, p.Run, func(x *audit.Predicate) {
		exit := 0
		x.Data, x.Params, x.Toolchain, x.Outputs = train, params, tools, []audit.Artifact{artifact}
		x.Process = &audit.Process{Argv: []string{"python", "train.py"}, PID: 4711, Ended: x.Time.Claimed, Exit: &exit}
	})
	add(audit.EvalFinished, "", func(x *audit.Predicate) {
		x.Data, x.Outputs = []audit.Dataset{audittest.Dataset(p.Test, "test")}, []audit.Artifact{artifact}
		x.Evaluation = &audit.Evaluation{Name: "val-2026", Plan: audittest.Attachment("plan.md", "the plan"), Thresholds: thresholds, Verdict: "pass"}
		x.Metrics = []audit.Metric{{Name: "miou", Value: "0.61", Stage: "test", Data: x.Data[0].Fingerprint.Tree.Root.String()}}
	})
	add(audit.Approved, "", func(x *audit.Predicate) {
		x.Approval.Expires = audit.FormatTime(at.AddDate(1, 0, 0))
		x.Outputs = []audit.Artifact{artifact}
	})
	add(audit.Exported, "", func(x *audit.Predicate) {
		x.Export.From, x.Outputs = &artifact, []audit.Artifact{onnx}
	})
	add(audit.BridgeMapped, "", nil)
	deployment := func(x *audit.Predicate) {
		x.Deployment = &audit.Deployment{Device: p.Device, DeviceType: p.Type, Environment: "fleet", SWIN: "R155-7", Result: "ok"}
		if x.Event != audit.OTARolledBack {
			x.Outputs = []audit.Artifact{onnx}
		}
	}
	add(audit.Deployed, "", deployment)
	add(audit.OTAUpdated, "", deployment)
	add(audit.Incident, "", nil)
	add(audit.OTARolledBack, "", deployment)
	add(audit.Retired, "", nil)
	return all
}

// ParamsForm gives the document of hyper-parameters to which a life with such
// parameters points.
func ParamsForm(params ...string) []byte {
	doc, err := hparams.ParseArgs(params)
	if err != nil {
		panic(err)
	}
	form, err := doc.Set.Canonical()
	if err != nil {
		panic(err)
	}
	return form
}

// A Book writes records as a ledger would hold them: each points at the one
// before it of its version, and is signed by the key of the role that its event
// asks for.
type Book struct {
	Records [][]byte
	sealer
}

// NewBook begins a ledger with a key for each role, named like it. Its policy
// keeps engineers and approvers apart.
func NewBook() *Book {
	b := &Book{sealer: sealer{keys: map[audit.Role]*keys.Private{}, last: map[[2]string]audit.Prev{}}}
	var signers []*audit.SignerKey
	for _, r := range audit.Roles() {
		b.keys[r] = trusttest.Key(string(r))
		signers = append(signers, trusttest.Signer(string(r), r))
	}
	g := trusttest.Genesis(trusttest.Origin, signers...)
	g.Ledger.Policy.Separate = [][2]audit.Role{{audit.Engineer, audit.Approver}}
	b.Add(g)
	return b
}

// Add writes a record for each predicate.
func (b *Book) Add(all ...*audit.Predicate) {
	for _, p := range all {
		b.Records = append(b.Records, b.seal(int64(len(b.Records)), p))
	}
}

type sealer struct {
	keys map[audit.Role]*keys.Private
	last map[[2]string]audit.Prev // newest record of each version, heartbeats left out
}

// seal fills in prev and the actor's key where they are left open, and signs.
func (s *sealer) seal(index int64, p *audit.Predicate) []byte {
	kind, _ := audit.KindOf(p.Event)
	role := kind.Role
	if role == audit.AnyRole {
		role = audit.Engineer
	}
	id := [2]string{p.Model, p.Version}
	if prev, ok := s.last[id]; ok && p.Prev == nil {
		p.Prev = &prev
	}
	if p.Actor.KeyID == audittest.Digests("key")["sha256"] {
		p.Actor.KeyID = s.keys[role].Public().ID()
	}
	record, err := audit.Seal(p, s.keys[role])
	if err != nil {
		panic(err)
	}
	if p.Model != "" && p.Event != audit.TrainHeartbeat {
		s.last[id] = audit.Prev{Index: index, Digest: audit.DigestOf(record)}
	}
	return record
}
