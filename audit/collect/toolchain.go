package collect

import (
	"bytes"
	"context"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/toolchain"
)

// Toolchain captures what a run runs on, keeps the whole report, and gives its
// summary for the record. The site key of o is that of the Collector.
func (c *Collector) Toolchain(ctx context.Context, o toolchain.Options) (*audit.Toolchain, error) {
	o.SiteKey = c.SiteKey
	report, err := toolchain.Capture(ctx, o)
	if err != nil {
		return nil, err
	}
	text, err := report.JSON()
	if err != nil {
		return nil, err
	}
	whole, err := c.Blobs.Put(ctx, "toolchain.json", "application/json", bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	summary, err := report.Summary()
	if err != nil {
		return nil, err
	}
	return &audit.Toolchain{Report: whole, Versions: report.Versions(), Summary: summary}, nil
}
