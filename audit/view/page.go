package view

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/bundle"
	"github.com/mmaudit/mmaudit/audit/canonical"
	"github.com/mmaudit/mmaudit/audit/lifecycle"
	"github.com/mmaudit/mmaudit/audit/toolchain"
	"github.com/mmaudit/mmaudit/audit/trust"
	"github.com/mmaudit/mmaudit/internal/human"
)

// A page is what page/page.html shows. Strings that come from records have gone
// through human.Visible.
type page struct {
	head
	Model, Version string
	State          string
	Good           bool
	Verdict        string
	Ledger         *lifecycle.Snapshot
	Now            string
	Proof          *proof
	Tiles          []tile
	Problems       []problem
	Events         []event
	Runs           []run
	Data           []data
	Artifacts      []artifact
	Decisions      []decision
	Devices        []device
	Setup          string
	All            string
}

type (
	proof struct {
		Good                    bool
		Class, Outcome, Meaning string
		Checks                  []check
	}
	check struct {
		Class, Status, ID, Where, Message string
	}
	tile struct {
		Class string
		Value int
		Label string
	}
	problem struct {
		Severity, Label, Code, Summary, Message, Hint string
		Index                                         int64
	}
	event struct {
		Index                   int64
		Time, Event, Name, Line string
		Run, Actor              string
		Signers                 []signer
		Problems                int
		Digest                  string
		Prev                    string
		Documents               []document
		Redo                    []command
	}
	signer struct{ Name, Roles, Key string }

	// document is something outside of the ledger that a record names.
	document struct {
		Name, Size string
		Listing    bool // of the files of a data set: in a bundle only if it was asked for
		Redo       command
	}
	run struct {
		ID, Outcome, Class  string
		Started, Ended      *lifecycle.Mark
		Heartbeats, Silence string
		Command, Exit       string
		Data                []string
		Hash                string
		Redo                *command
		Params              []param
		NoParams            string
		Tools               []tool
		Unknown             []unknown
		Flags               []string
		Gaps                []gap
	}
	param struct{ Key, Type, Value string }
	tool  struct{ Name, Value, Source, Method string }
	// unknown are fields that could not be had for one reason.
	unknown struct{ Reason, Names string }
	gap     struct{ What, Reason string }
	data    struct {
		Name, Roles, Files, Bytes, Status, Verdict string
		Registered, Validated                      *lifecycle.Mark
		Facts                                      []param
		Uses                                       []int64
		Hashes                                     []hash
		Redo                                       command
	}
	artifact struct {
		Name, Kind, Bytes, Event string
		From                     lifecycle.Mark
		Hashes                   []hash
		Redo                     []command
	}
	hash     struct{ Name, Value string }
	decision struct {
		Index           int64
		Event, Name     string
		Time, Reason    string
		Signers         []signer
		Metrics         []metric
		Thresholds      []string
		Verdict, Expiry string
	}
	metric struct{ Name, Value, On string }
	device struct {
		Name, Type, Environment, State, Class, Runs, SWIN, Result string
		Since                                                     lifecycle.Mark
	}
)

// A builder makes a page out of a timeline.
type builder struct {
	words *words
	o     Options
	t     *lifecycle.Timeline
}

var see = human.Visible

func (b *builder) page() (*page, error) {
	t, w := b.t, b.words
	p := &page{
		Model: see(t.Model), Version: see(t.Version), State: w.of("state", string(t.State)), Good: t.OK(),
		Ledger: snapshot(t.Ledger), Now: see(t.Now), Setup: setup, All: all,
	}
	p.head = newHead(w, p.Model+" "+p.Version+": "+p.State)
	if r := b.o.Proof; r != nil {
		p.Proof = b.proof(r)
		p.Good = p.Good && p.Proof.Good
	}
	p.Tiles = []tile{
		{"error", t.Counts.Errors, w.get("errors")},
		{"warning", t.Counts.Warnings, w.get("warnings")},
		{"note", t.Counts.Notes, w.get("notes")},
		{"", len(t.Events), w.get("records")},
		{"", len(t.Runs), w.get("runs")},
		{"", len(t.Devices), w.get("devices")},
	}
	b.problems(p)
	for i := range t.Events {
		p.Events = append(p.Events, b.event(&t.Events[i]))
	}
	for i := range t.Runs {
		r, err := b.run(&t.Runs[i])
		if err != nil {
			return nil, err
		}
		p.Runs = append(p.Runs, r)
	}
	for i := range t.Data {
		p.Data = append(p.Data, b.data(&t.Data[i]))
	}
	for _, a := range t.Artifacts {
		p.Artifacts = append(p.Artifacts, b.artifact(&a))
	}
	for i := range t.Events {
		if d, ok := b.decision(&t.Events[i]); ok {
			p.Decisions = append(p.Decisions, d)
		}
	}
	for _, d := range t.Devices {
		class := "good"
		if d.State != lifecycle.InUse {
			class = ""
		}
		p.Devices = append(p.Devices, device{
			see(d.Device), see(d.Type), see(d.Environment), w.of("onDevice", string(d.State)), class,
			see(d.Runs), see(d.SWIN), see(d.Result), mark(d.Since),
		})
	}
	return p, nil
}

func (b *builder) proof(r *bundle.Report) *proof {
	x := &proof{
		Good:    r.Outcome != bundle.Failed,
		Class:   map[bundle.Outcome]string{bundle.Verified: "good", bundle.Consistent: "warning", bundle.Failed: "error"}[r.Outcome],
		Outcome: b.words.of("proof", string(r.Outcome)), Meaning: see(r.Meaning),
	}
	class := map[bundle.Status]string{bundle.OK: "good", bundle.Wrong: "error", bundle.Skipped: "warning", bundle.Noted: "note"}
	for _, c := range r.Checks {
		x.Checks = append(x.Checks, check{
			class[c.Status], b.words.of("proof", string(c.Status)), see(c.ID), see(c.Where), see(c.Message),
		})
	}
	return x
}

// problems lists the gravest first.
func (b *builder) problems(p *page) {
	rank := map[lifecycle.Severity]int{lifecycle.Error: 0, lifecycle.Warning: 1, lifecycle.Note: 2}
	list := slices.Clone(b.t.Problems)
	slices.SortStableFunc(list, func(x, y lifecycle.Problem) int { return cmp.Compare(rank[x.Severity], rank[y.Severity]) })
	for _, q := range list {
		p.Problems = append(p.Problems, problem{
			Severity: string(q.Severity), Label: b.words.of("severity", string(q.Severity)),
			Code: see(q.Code), Summary: b.words.problems[q.Code], Message: see(q.Message), Hint: see(q.Hint), Index: q.Index,
		})
	}
}

func mark(m lifecycle.Mark) lifecycle.Mark { return lifecycle.Mark{Index: m.Index, Time: see(m.Time)} }

func markOf(m *lifecycle.Mark) *lifecycle.Mark {
	if m == nil {
		return nil
	}
	q := mark(*m)
	return &q
}

func (b *builder) signers(list []trust.Signer) []signer {
	var all []signer
	for _, s := range list {
		var roles []string
		for _, r := range s.Roles {
			roles = append(roles, b.words.of("role", string(r)))
		}
		all = append(all, signer{see(s.Name), strings.Join(roles, b.words.get("comma")), see(s.ID)})
	}
	return all
}

func (b *builder) event(e *lifecycle.Event) event {
	x := event{
		Index: e.Index, Time: see(e.Time), Event: see(string(e.Event)), Name: b.words.of("event", string(e.Event)),
		Line: see(e.Line), Run: see(e.Run), Actor: see(e.Actor), Signers: b.signers(e.Signers), Digest: see(e.Digest),
		Redo: recordCommands(e.Index, e.Digest),
	}
	for _, q := range b.t.Problems {
		if q.Index == e.Index && q.Severity != lifecycle.Note {
			x.Problems++
		}
	}
	if e.Record == nil {
		return x
	}
	p := e.Record.Predicate()
	if p.Prev != nil {
		x.Prev = strconv.FormatInt(p.Prev.Index, 10)
	}
	for _, d := range p.Documents() {
		x.Documents = append(x.Documents, document{see(d.Name), size(uint64(d.Size)), d.Listing, documentCommand(d.Attachment)})
	}
	return x
}

// records gives what the records of a run say, those about its end first.
func (b *builder) records(run string) []*audit.Predicate {
	var all []*audit.Predicate
	for _, e := range slices.Backward(b.t.Events) {
		if e.Run == run && e.Record != nil {
			all = append(all, e.Record.Predicate())
		}
	}
	return all
}

func (b *builder) run(r *lifecycle.Run) (run, error) {
	x := run{
		ID: see(r.ID), Outcome: b.words.of("outcome", string(r.Outcome)), Started: markOf(r.Started), Ended: markOf(r.Ended),
		Hash: see(r.Params), Heartbeats: strconv.Itoa(r.Heartbeats.Count), Silence: strconv.FormatInt(r.Heartbeats.Silence, 10),
	}
	switch r.Outcome {
	case lifecycle.RunFinished:
		x.Class = "good"
	case lifecycle.RunFailed, lifecycle.RunUnclear:
		x.Class = "error"
	case lifecycle.RunOpen, lifecycle.RunAborted:
		x.Class = "warning"
	}
	for _, name := range r.Data {
		x.Data = append(x.Data, see(name))
	}
	var params *audit.Params
	var tools *audit.Toolchain
	for _, p := range b.records(r.ID) {
		params, tools = cmp.Or(params, p.Params), cmp.Or(tools, p.Toolchain)
		if q := p.Process; q != nil {
			if x.Command == "" {
				x.Command = see(shellWords(q.Argv))
			}
			if q.Exit != nil && x.Exit == "" {
				x.Exit = strconv.Itoa(*q.Exit)
			}
			if q.Signal != "" && x.Exit == "" {
				x.Exit = see(q.Signal)
			}
		}
		for _, g := range p.Gaps {
			if q := (gap{see(g.What), see(g.Reason)}); !slices.Contains(x.Gaps, q) {
				x.Gaps = append(x.Gaps, q)
			}
		}
	}
	b.tools(&x, tools)
	if params == nil || params.Form == nil {
		return x, nil
	}
	redo := paramsCommand(params.Form, x.Hash)
	x.Redo = &redo
	var err error
	x.Params, err = b.params(params.Form)
	if x.Params == nil {
		x.NoParams = b.words.get("noParams")
	}
	return x, err
}

// tools lists what a record says of the toolchain: versions, fields, and what
// could not be had, by reason.
func (b *builder) tools(x *run, t *audit.Toolchain) {
	if t == nil {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(t.Versions)) {
		x.Tools = append(x.Tools, tool{Name: see(name), Value: see(t.Versions[name])})
	}
	if t.Summary == nil {
		return
	}
	missing := map[string][]string{}
	for _, name := range slices.Sorted(maps.Keys(t.Summary.Fields)) {
		if f := t.Summary.Fields[name]; f.Error != "" {
			missing[f.Error] = append(missing[f.Error], see(name))
		} else {
			x.Tools = append(x.Tools, tool{see(name), see(value(f)), see(f.Source), b.words.of("method", string(f.Method))})
		}
	}
	for _, reason := range slices.Sorted(maps.Keys(missing)) {
		x.Unknown = append(x.Unknown, unknown{see(reason), strings.Join(missing[reason], b.words.get("comma"))})
	}
	for _, f := range t.Summary.Flags {
		x.Flags = append(x.Flags, see(f.Message))
	}
}

// value is a field in one line: a text as it stands, the members of an object,
// else JSON.
func value(f toolchain.Field) string {
	text, err := canonical.Marshal(f.Value)
	if err != nil {
		return err.Error()
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(text, &members) != nil || members == nil {
		return plain(text)
	}
	var all []string
	for _, k := range slices.Sorted(maps.Keys(members)) {
		all = append(all, k+" "+plain(members[k]))
	}
	return strings.Join(all, "; ")
}

// plain takes the quotes off a JSON string.
func plain(text []byte) string {
	var s string
	if json.Unmarshal(text, &s) == nil {
		return s
	}
	return string(text)
}

// params reads the values of hyper-parameters. They are nil if the document is
// not there; one that is another than the record says is an error.
func (b *builder) params(a *audit.Attachment) ([]param, error) {
	if b.o.Documents == nil {
		return nil, nil
	}
	r, err := b.o.Documents.Open(a.Digest["sha3_512"])
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("document %q: %w", a.Name, err)
	}
	defer r.Close()
	text, err := io.ReadAll(io.LimitReader(r, canonical.MaxSize))
	if err != nil {
		return nil, fmt.Errorf("document %q: %w", a.Name, err)
	}
	if got := audit.DigestOf(text); got != a.Digest["sha3_512"] {
		return nil, fmt.Errorf("document %q is not the one that was recorded: its SHA3-512 is %s", a.Name, got)
	}
	var form struct {
		Params []struct {
			K, T string
			V    json.RawMessage
		}
	}
	if err := json.Unmarshal(text, &form); err != nil {
		return nil, fmt.Errorf("document %q: %w", a.Name, err)
	}
	all := []param{}
	for _, q := range form.Params {
		s := string(q.V)
		if q.T != "list" && q.T != "map" && q.T != "null" && q.T != "bool" {
			if err := json.Unmarshal(q.V, &s); err != nil {
				return nil, fmt.Errorf("document %q: %w", a.Name, err)
			}
		}
		all = append(all, param{see(q.K), see(q.T), see(s)})
	}
	return all, nil
}
