package audit

import "slices"

// An Event is the name of something that happens in the life of a model version.
type Event string

// The events.
const (
	LedgerCreated     Event = "ledger.created"
	KeyAdded          Event = "key.added"
	KeyRotated        Event = "key.rotated"
	KeyRevoked        Event = "key.revoked"
	PolicyChanged     Event = "policy.changed"
	DataRegistered    Event = "data.registered"
	DataValidated     Event = "data.validated"
	TrainStarted      Event = "train.started"
	TrainHeartbeat    Event = "train.heartbeat"
	TrainFinished     Event = "train.finished"
	TrainFailed       Event = "train.failed"
	TrainAborted      Event = "train.aborted"
	EvalPreregistered Event = "eval.preregistered"
	EvalFinished      Event = "eval.finished"
	Approved          Event = "approved"
	Rejected          Event = "rejected"
	Exported          Event = "exported"
	BridgeMapped      Event = "bridge.mapped"
	Deployed          Event = "deployed"
	OTAUpdated        Event = "ota.updated"
	OTARolledBack     Event = "ota.rolledback"
	Incident          Event = "incident"
	Retired           Event = "retired"
)

// A Scope is what an event is about, and so what events belong together.
type Scope string

// The scopes.
const (
	OfLedger  Scope = "ledger"
	OfData    Scope = "data"    // each data set that it names, by the root of its tree
	OfRun     Scope = "run"     // a run of training
	OfVersion Scope = "version" // a version of a model
	OfDevice  Scope = "device"  // a version on a device or type of device
)

// A Role is what the holder of a key may do. AnyRole is held by everybody.
type Role string

// The roles.
const (
	AnyRole   Role = ""
	Admin     Role = "admin"     // keys and policy
	Engineer  Role = "engineer"  // data, training, export
	Validator Role = "validator" // validation of data, evaluation of models
	Approver  Role = "approver"  // the decision about a version
	Releaser  Role = "releaser"  // deployment, updates, retirement
)

// Roles lists what a key can be given.
func Roles() []Role { return []Role{Admin, Engineer, Validator, Approver, Releaser} }

// A Kind is what is known of an event.
type Kind struct {
	Event   Event
	Summary string
	Scope   Scope
	Role    Role     // who may sign it
	Must    []string // members of the predicate that it must have
	// After are the events that must have come before, Should those that good
	// practice puts before. Each is looked for in its own scope: data.validated
	// for each data set, train.started for the run.
	After, Should []Event
}

var (
	version = []string{"modelId", "version"}
	run     = []string{"modelId", "version", "runId"}
)

func and(members []string, more ...string) []string { return slices.Concat(members, more) }

// kinds is the life-cycle, in its order.
var kinds = []Kind{
	{
		Event: LedgerCreated, Scope: OfLedger, Role: Admin, Must: []string{"ledger"},
		Summary: "the ledger was made, with these first keys and this policy",
	},
	{
		Event: KeyAdded, Scope: OfLedger, Role: Admin, Must: []string{"key"},
		After: []Event{LedgerCreated}, Summary: "a key may sign from here on",
	},
	{
		Event: KeyRotated, Scope: OfLedger, Role: Admin, Must: []string{"key"},
		After: []Event{LedgerCreated}, Summary: "a key took the place of another",
	},
	{
		Event: KeyRevoked, Scope: OfLedger, Role: Admin, Must: []string{"key"},
		After: []Event{LedgerCreated}, Summary: "a key may not sign any more",
	},
	{
		Event: PolicyChanged, Scope: OfLedger, Role: Admin, Must: []string{"policy"},
		After: []Event{LedgerCreated}, Summary: "how many signatures an event needs has changed",
	},
	{
		Event: DataRegistered, Scope: OfData, Role: Engineer, Must: []string{"data"},
		Summary: "a data set was fingerprinted",
	},
	{
		Event: DataValidated, Scope: OfData, Role: Validator, Must: []string{"data", "validation"},
		After: []Event{DataRegistered}, Summary: "a data set was validated, with this verdict",
	},
	{
		Event: TrainStarted, Scope: OfRun, Role: Engineer, Must: and(run, "data", "params", "toolchain"),
		After: []Event{DataRegistered}, Should: []Event{DataValidated},
		Summary: "training began, with these data, parameters and tools",
	},
	{
		Event: TrainHeartbeat, Scope: OfRun, Role: Engineer, Must: run,
		After: []Event{TrainStarted}, Summary: "training goes on",
	},
	{
		Event: TrainFinished, Scope: OfRun, Role: Engineer, Must: run,
		After: []Event{TrainStarted}, Summary: "training ended without an error, and left these artefacts",
	},
	{
		Event: TrainFailed, Scope: OfRun, Role: Engineer, Must: run,
		After: []Event{TrainStarted}, Summary: "training ended with an error",
	},
	{
		Event: TrainAborted, Scope: OfRun, Role: Engineer, Must: run,
		After: []Event{TrainStarted}, Summary: "training was stopped from outside",
	},
	{
		Event: EvalPreregistered, Scope: OfVersion, Role: Validator, Must: and(version, "evaluation"),
		Summary: "what will be evaluated, how, and with which thresholds, said before",
	},
	{
		Event: EvalFinished, Scope: OfVersion, Role: Validator, Must: and(version, "evaluation", "metrics"),
		After: []Event{TrainFinished}, Should: []Event{EvalPreregistered},
		Summary: "a version was evaluated, with these results",
	},
	{
		Event: Approved, Scope: OfVersion, Role: Approver, Must: and(version, "approval"),
		After: []Event{EvalFinished}, Summary: "a version was approved for use",
	},
	{
		Event: Rejected, Scope: OfVersion, Role: Approver, Must: and(version, "approval"),
		Should: []Event{EvalFinished}, Summary: "a version was refused",
	},
	{
		Event: Exported, Scope: OfVersion, Role: Engineer, Must: and(version, "export", "outputs"),
		After: []Event{TrainFinished}, Should: []Event{Approved},
		Summary: "the model was written in another form, such as ONNX",
	},
	{
		Event: BridgeMapped, Scope: OfVersion, Role: Engineer, Must: and(version, "bridge"),
		After: []Event{Exported}, Summary: "the operators of the exported model were mapped to a target",
	},
	{
		Event: Deployed, Scope: OfDevice, Role: Releaser, Must: and(version, "deployment"),
		After: []Event{Approved}, Should: []Event{Exported},
		Summary: "a version was put to use on a device or type of device",
	},
	{
		Event: OTAUpdated, Scope: OfDevice, Role: Releaser, Must: and(version, "deployment"),
		After: []Event{Approved}, Should: []Event{Deployed},
		Summary: "a device was updated to this version over the air",
	},
	{
		Event: OTARolledBack, Scope: OfDevice, Role: Releaser, Must: and(version, "deployment"),
		After: []Event{OTAUpdated}, Summary: "an update to this version was taken back",
	},
	{
		Event: Incident, Scope: OfVersion, Role: AnyRole, Must: and(version, "incident"),
		Summary: "something went wrong with a version in use",
	},
	{
		Event: Retired, Scope: OfVersion, Role: Releaser, Must: version,
		After: []Event{TrainFinished}, Summary: "a version was taken out of use",
	},
}

// Kinds lists the events in the order of a life.
func Kinds() []Kind { return slices.Clone(kinds) }

// KindOf finds what is known of an event.
func KindOf(e Event) (Kind, bool) {
	i := slices.IndexFunc(kinds, func(k Kind) bool { return k.Event == e })
	if i < 0 {
		return Kind{}, false
	}
	return kinds[i], true
}

// Scope is what the event is about; empty if it is unknown.
func (e Event) Scope() Scope {
	kind, _ := KindOf(e)
	return kind.Scope
}

// EndsRun reports whether a run is over with the event.
func (e Event) EndsRun() bool { return e == TrainFinished || e == TrainFailed || e == TrainAborted }
