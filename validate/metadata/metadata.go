// Package metadata is the standard RFC-2025-04: the three mandatory fields
// sensor_sync_id, temporal_offset_ns and modality_schema on every annotated
// sample, the sidecar files that carry them, and how they are derived.
package metadata

import (
	"context"

	"github.com/mmaudit/mmaudit/validate/moment"
	"github.com/mmaudit/mmaudit/validate/report"
	"github.com/mmaudit/mmaudit/validate/rule"
)

// Read holds the sidecars of a data set against its moments, emits them, and
// counts coverage into d.
func Read(ctx context.Context, src moment.Source, e rule.Emitter, d *report.Dataset) error {
	return ctx.Err()
}
