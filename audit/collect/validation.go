package collect

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/mmaudit/mmaudit/audit"
)

// maxReport bounds a validation report, in bytes.
const maxReport = 256 << 20

// Validation keeps the report of a validator, the JSON of mmvalidate, and reads
// its verdict. That is incomplete, whatever the findings, where the run was not
// complete or looked at a part of the data only.
func (c *Collector) Validation(ctx context.Context, path string) (*audit.Validation, error) {
	data, err := readBounded(path, maxReport)
	if err != nil {
		return nil, err
	}
	var report struct {
		Schema   string `json:"schema_version"`
		Tool     struct{ Name, Version string }
		Totals   *struct{ Error, Warning int64 }
		Complete *bool
		// A complete run may have looked at a part of the data only.
		Scope struct {
			Sample   int
			Filtered bool
		}
	}
	if err := json.Unmarshal(data, &report); err != nil {
		return nil, fmt.Errorf("%s: not a report in JSON: %w", path, err)
	}
	if report.Schema != "1.0" || report.Tool.Name == "" || report.Totals == nil || report.Complete == nil {
		return nil, fmt.Errorf("%s: not a validation report of version 1.0", path)
	}
	v := &audit.Validation{Tool: report.Tool.Name, Verdict: "pass", Errors: report.Totals.Error, Warnings: report.Totals.Warning}
	if report.Tool.Version != "" {
		v.Tool += " " + report.Tool.Version
	}
	switch {
	case !*report.Complete || report.Scope.Filtered || report.Scope.Sample > 1:
		v.Verdict = "incomplete"
	case v.Errors > 0:
		v.Verdict = "fail"
	}
	name, err := nameOf("", path)
	if err != nil {
		return nil, err
	}
	v.Report, err = c.Blobs.Put(ctx, name, "application/json", bytes.NewReader(data))
	return v, err
}
