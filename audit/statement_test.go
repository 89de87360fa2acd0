package audit_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v5"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/audittest"
	"github.com/mmaudit/mmaudit/audit/toolchain"
	"github.com/mmaudit/mmaudit/schemas/draft2020"
)

func schema(t testing.TB) *jsonschema.Schema {
	t.Helper()
	s, err := draft2020.Compile("lifecycle.schema.json", "")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func valid(s *jsonschema.Schema, statement []byte) error {
	var v any
	d := json.NewDecoder(bytes.NewReader(statement))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return err
	}
	return s.Validate(v)
}

// TestEvents: what an event must say, and no more, is a statement by the code
// and by the schema; without any one of it, it is none by either.
func TestEvents(t *testing.T) {
	s := schema(t)
	for _, kind := range audit.Kinds() {
		t.Run(string(kind.Event), func(t *testing.T) {
			p := audittest.Event(kind.Event, "bev-seg", "3.2.0", "r1", 1)
			payload, err := p.Encode()
			if err != nil {
				t.Fatal(err)
			}
			if err := valid(s, payload); err != nil {
				t.Errorf("the schema refuses it: %v", err)
			}
			back, err := audit.Decode(payload)
			if err != nil {
				t.Fatal(err)
			}
			again, err := back.Predicate.Encode()
			if err != nil || !bytes.Equal(again, payload) {
				t.Errorf("read and written again it is %s (%v), want %s", again, err, payload)
			}
			for _, member := range kind.Must {
				without := remove(t, payload, member)
				if _, err := audit.Decode(without); !errors.Is(err, audit.ErrInvalid) {
					t.Errorf("without %s: %v", member, err)
				}
				if valid(s, without) == nil {
					t.Errorf("without %s the schema takes it", member)
				}
			}
		})
	}
}

// remove takes a member out of the predicate.
func remove(t *testing.T, payload []byte, member string) []byte {
	t.Helper()
	var s struct {
		Type          string                     `json:"_type"`
		Predicate     map[string]json.RawMessage `json:"predicate"`
		PredicateType string                     `json:"predicateType"`
		Subject       json.RawMessage            `json:"subject"`
	}
	if err := json.Unmarshal(payload, &s); err != nil {
		t.Fatal(err)
	}
	if _, ok := s.Predicate[member]; !ok {
		t.Fatalf("the predicate has no %s", member)
	}
	delete(s.Predicate, member)
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestFaults: each fault is refused by code and schema alike.
func TestFaults(t *testing.T) {
	s := schema(t)
	finished, err := audittest.Event(audit.TrainFinished, "bev-seg", "3.2.0", "r1", 1).Encode()
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, old, new string
		schemaTakesIt  bool
	}{
		{"unknown member", `"event":`, `"evnt":1,"event":`, false},
		{"unknown event", `"train.finished"`, `"train.done"`, false},
		{"version of the predicate", `"v":1`, `"v":2`, false},
		{"type of the statement", `Statement/v1`, `Statement/v0.1`, false},
		{"type of the predicate", `lifecycle/v1`, `lifecycle/v2`, false},
		{"upper-case digest", `"sha256":"`, `"sha256":"A`, false},
		{"time with a zone", `08:01:00Z`, `08:01:00+00:00`, false},
		{"time with idle digits", `08:01:00Z`, `08:01:00.50Z`, false},
		{"size as a number", `"size":"12"`, `"size":12`, false},
		{"size with a zero before", `"size":"12"`, `"size":"012"`, false},
		{"kind", `"kind":"file"`, `"kind":"folder"`, false},
		{"control character", `bev-seg`, `bev\u0007seg`, false},
		{"space", `"v":1`, `"v": 1`, true},
		{"other order", `"v":1,"version":"3.2.0"`, `"version":"3.2.0","v":1`, true},
		{"key twice", `"v":1`, `"v":1,"v":1`, true},
		{"subject that is another", `"name":"model.pt"}]`, `"name":"other.pt"}]`, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if !bytes.Contains(finished, []byte(tt.old)) {
				t.Fatalf("no %s in %s", tt.old, finished)
			}
			bad := bytes.Replace(finished, []byte(tt.old), []byte(tt.new), 1)
			if _, err := audit.Decode(bad); !errors.Is(err, audit.ErrInvalid) {
				t.Errorf("decoded: %v", err)
			}
			if err := valid(s, bad); (err == nil) != tt.schemaTakesIt {
				t.Errorf("the schema says %v", err)
			}
		})
	}
}

// TestPrerequisites: what must come before is an event, none needs itself, and
// each comes before what needs it in the table.
func TestPrerequisites(t *testing.T) {
	var seen []audit.Event
	for _, k := range audit.Kinds() {
		for _, e := range slices.Concat(k.After, k.Should) {
			if !slices.Contains(seen, e) {
				t.Errorf("%s comes after %s, which the table has not before it", k.Event, e)
			}
		}
		if k.Summary == "" || slices.Contains(seen, k.Event) {
			t.Errorf("%s has no summary, or is there twice", k.Event)
		}
		seen = append(seen, k.Event)
	}
}

func TestMetricValue(t *testing.T) {
	s := schema(t)
	for value, ok := range map[string]bool{
		"0.61": true, "-3": true, "1e-4": true, "nan": true, "-inf": true, ".5": true, "5.": true, "+1": true,
		"1e999999999": true,
		"":            false, "x": false, "0x10": false, "1/2": false, "1_000": false, "1e": false, "1e+-3": false, "Inf": false, " 1": false, "--1": false, "1e5e5": false,
		strings.Repeat("1", 65): false,
	} {
		p := audittest.Event(audit.EvalFinished, "m", "1", "", 1)
		p.Metrics[0].Value = value
		if _, err := p.Encode(); (err == nil) != ok {
			t.Errorf("%q: %v", value, err)
		}
		p.Metrics[0].Value = "1.25"
		payload, err := p.Encode()
		if err != nil {
			t.Fatal(err)
		}
		quoted, _ := json.Marshal(value)
		payload = bytes.Replace(payload, []byte(`"1.25"`), quoted, 1)
		if err := valid(s, payload); (err == nil) != ok {
			t.Errorf("%q: the schema says %v", value, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, k := range audit.Kinds() {
		payload, err := audittest.Event(k.Event, "m", "1", "r", 1).Encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(payload)
	}
	s := schema(f)
	f.Fuzz(func(t *testing.T, payload []byte) {
		st, err := audit.Decode(payload)
		if err != nil {
			return
		}
		again, err := st.Predicate.Encode()
		if err != nil || !bytes.Equal(again, payload) {
			t.Fatalf("%s became %s (%v)", payload, again, err)
		}
		if err := valid(s, payload); err != nil {
			t.Fatalf("code takes what the schema refuses: %s: %v", payload, err)
		}
	})
}

// TestCapturedToolchain: what is captured here fits the schema, cut or not.
func TestCapturedToolchain(t *testing.T) {
	report, err := toolchain.Capture(t.Context(), toolchain.Options{})
	if err != nil {
		t.Fatal(err)
	}
	report.Fields["python.packages"] = toolchain.Field{Value: strings.Repeat("x", toolchain.MaxSummary), Method: toolchain.Observed}
	for i := range 1000 {
		report.Fields[fmt.Sprintf("declared.x%d", i)] = toolchain.Field{Value: strings.Repeat("v", 100), Source: "flag", Method: toolchain.Declared}
	}
	summary, err := report.Summary()
	if err != nil || len(summary.Omitted) == 0 || summary.Dropped == 0 {
		t.Fatalf("%d omitted, %d dropped, %v", len(summary.Omitted), summary.Dropped, err)
	}
	p := audittest.Event(audit.TrainStarted, "m", "1", "r", 1)
	p.Toolchain.Summary = summary
	payload, err := p.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if err := valid(schema(t), payload); err != nil {
		t.Error(err)
	}
	if _, err := audit.Decode(payload); err != nil {
		t.Error(err)
	}
}

// TestLogKey: the key of a log may be long, and no longer than that; the schema
// says the same.
func TestLogKey(t *testing.T) {
	s := schema(t)
	p := audittest.Event(audit.KeyRotated, "", "", "", 1)
	for size, ok := range map[int]bool{audit.MaxName + 1: true, audit.MaxLogKey: true, audit.MaxLogKey + 1: false} {
		for _, change := range []*audit.KeyChange{
			{Old: "old", Log: strings.Repeat("x", size)}, {Old: strings.Repeat("x", size), Log: "new"},
		} {
			p.Key = change
			text, err := p.Encode()
			if (err == nil) != ok {
				t.Errorf("%d bytes: %v", size, err)
			}
			if err != nil {
				p.Key = &audit.KeyChange{Old: "old", Log: "new"}
				if text, err = p.Encode(); err != nil {
					t.Fatal(err)
				}
				text = bytes.Replace(text, []byte(`"old"`), []byte(`"`+change.Old+`"`), 1)
				text = bytes.Replace(text, []byte(`"new"`), []byte(`"`+change.Log+`"`), 1)
			}
			if err := valid(s, text); (err == nil) != ok {
				t.Errorf("%d bytes: the schema says %v", size, err)
			}
		}
	}
}
