package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/mmaudit/mmaudit/audit/dsse"
	"github.com/mmaudit/mmaudit/ledger"
)

// KeysVersion changes whenever KeysOf answers otherwise than before.
const KeysVersion = 1

// Names of the keys under which a record is found.
const (
	KeyScope   = "scope"   // "ledger", of what changes keys and policy
	KeyEvent   = "event"   // the event's name
	KeyModel   = "model"   // id of the model, heartbeats left out
	KeyOfVer   = "version" // VersionKey of model and version, heartbeats left out
	KeyRun     = "run"     // id of the run, heartbeats included
	KeySubject = "subject" // ALGORITHM:HEX of each subject, artefact and attachment
	KeyData    = "data"    // HEX of the roots and the manifest of each data set
	KeyParams  = "params"  // HEX of the hash of the hyper-parameters
	KeyTool    = "tool"    // "NAME VERSION" of a part of the toolchain, and of each shorter version of it
	KeyDevice  = "device"  // device or type of device
	KeySigner  = "signer"  // id of a key that is said to have signed
	KeyID      = "id"      // the caller's idempotency key
)

// VersionKey is the value of KeyOfVer.
func VersionKey(model, version string) ledger.Key {
	return ledger.Key{Name: KeyOfVer, Value: model + "\n" + version}
}

// ToolKey is the key of what was trained with a version, such as driver 535.129,
// or a version that begins with it: 535.129.03, not 535.1290.
func ToolKey(name, version string) ledger.Key {
	return ledger.Key{Name: KeyTool, Value: name + " " + version}
}

// KeysOf derives the keys of a record from its bytes; it is a [ledger.KeysOf].
// It reads what it needs and does not check the rest: that a record is whole is
// for Open to say. The idempotency key is the caller's, or the statement: the
// same statement with other signatures is no other event.
func KeysOf(record []byte) (ledger.Keys, error) {
	e, err := dsse.Parse(record)
	if err != nil {
		return ledger.Keys{}, err
	}
	var x extract
	if err := x.statement(e.Payload); err != nil {
		return ledger.Keys{}, err
	}
	kind, ok := KindOf(x.event)
	if !ok {
		return ledger.Keys{}, fmt.Errorf("%w: unknown event %q", ErrInvalid, x.event)
	}
	k := ledger.Keys{ID: "id\n" + x.id}
	if x.id == "" {
		sum := sha256.Sum256(e.Payload)
		k.ID = "statement\n" + hex.EncodeToString(sum[:])
	}
	if x.event == TrainHeartbeat {
		x.keys = nil // there are many, and they are looked for by run only
	} else if x.model != "" {
		x.add(KeyModel, x.model)
		x.keys = append(x.keys, VersionKey(x.model, x.version))
	}
	if kind.Scope == OfLedger {
		x.add(KeyScope, string(OfLedger))
	}
	x.add(KeyEvent, string(x.event))
	x.add(KeyRun, x.run)
	x.add(KeyID, x.id)
	for _, s := range e.Signatures {
		x.add(KeySigner, s.KeyID)
	}
	k.Index = x.keys
	return k, nil
}

// extract is what of a statement becomes keys.
type extract struct {
	event                   Event
	id, model, version, run string
	keys                    []ledger.Key
}

func (x *extract) add(name, value string) {
	if value != "" {
		x.keys = append(x.keys, ledger.Key{Name: name, Value: value})
	}
}

// addText adds the text of a JSON string.
func (x *extract) addText(name string, value []byte) error {
	s, err := text(value)
	x.add(name, s)
	return err
}

func (x *extract) statement(payload []byte) error {
	return members(payload, func(member string, value []byte) error {
		switch member {
		case "subject":
			return x.digests(value)
		case "predicate":
			return members(value, x.predicate)
		}
		return nil
	})
}

func (x *extract) predicate(member string, value []byte) (err error) {
	switch member {
	case "event":
		var s string
		s, err = text(value)
		x.event = Event(s)
	case "id":
		x.id, err = text(value)
	case "modelId":
		x.model, err = text(value)
	case "version":
		x.version, err = text(value)
	case "runId":
		x.run, err = text(value)
	case "data":
		err = elements(value, func(set []byte) error { return members(set, x.dataset) })
	case "params":
		err = members(value, x.params)
	case "toolchain":
		err = members(value, x.toolchain)
	case "deployment":
		err = members(value, x.deployment)
	default:
		err = x.digests(value)
	}
	return err
}

func (x *extract) dataset(member string, value []byte) error {
	if member != "fingerprint" {
		return x.digests(value)
	}
	return members(value, func(member string, value []byte) error {
		switch member {
		case "tree", "content":
			return members(value, func(member string, value []byte) error {
				if member == "root" {
					return x.addText(KeyData, value)
				}
				return nil
			})
		case "manifestDigest":
			return x.addText(KeyData, value)
		}
		return nil
	})
}

func (x *extract) params(member string, value []byte) error {
	if member == "sha3_512" {
		return x.addText(KeyParams, value)
	}
	return x.digests(value)
}

func (x *extract) toolchain(member string, value []byte) error {
	switch member {
	case "summary": // is large, and names no document
		return nil
	case "versions":
		return members(value, func(tool string, value []byte) error {
			version, err := text(value)
			if err != nil {
				return err
			}
			if tool, err = text([]byte(`"` + tool + `"`)); err != nil {
				return err
			}
			for _, prefix := range prefixes(version) {
				x.keys = append(x.keys, ToolKey(tool, prefix))
			}
			return nil
		})
	}
	return x.digests(value)
}

func (x *extract) deployment(member string, value []byte) error {
	if member == "device" || member == "deviceType" {
		return x.addText(KeyDevice, value)
	}
	return nil
}

// digests finds the digests of artefacts and documents: the members "digest" of
// what is there, however deep.
func (x *extract) digests(value []byte) error {
	switch {
	case len(value) > 0 && value[0] == '[':
		return elements(value, x.digests)
	case len(value) == 0 || value[0] != '{' || !bytes.Contains(value, []byte(`"digest":{`)):
		return nil
	}
	return members(value, func(member string, value []byte) error {
		if member != "digest" || value[0] != '{' {
			return x.digests(value)
		}
		return members(value, func(algorithm string, value []byte) error {
			if algorithm != "sha3_512" && algorithm != "sha256" {
				return nil
			}
			digest, err := text(value)
			x.add(KeySubject, algorithm+":"+digest)
			return err
		})
	})
}

// prefixes gives a version and what comes before each of its dots, hyphens and
// plus signs: 12.4.1 is 12, 12.4 and 12.4.1.
func prefixes(version string) []string {
	var all []string
	for i, r := range version {
		if i > 0 && strings.ContainsRune(".-+", r) {
			all = append(all, version[:i])
		}
	}
	return append(all, version)
}
