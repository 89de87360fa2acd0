package report_test

import (
	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/report"
	"github.com/mmaudit/mmaudit/validate/rule"
)

// nastyCatalogue has rules whose texts hold everything that needs escaping.
func nastyCatalogue() []*rule.Rule {
	return []*rule.Rule{
		{
			ID: "LAY015", Slug: "file-missing", Severity: rule.Error,
			Formats: []dataset.Schema{dataset.NuScenes, dataset.Lyft, dataset.T4},
			Summary: "Every `sample_data.filename` exists | in each *version*.",
			Why:     "a loader that meets <filename> fails at the first epoch [hours in], 100 % of the time",
			Example: "\"filename\": \"samples/CAM_BACK/nowhere.jpg\"\n```\n]]> </details><script>alert(1)</script>",
			Hint:    "fetch the missing blob, or run `git lfs pull`",
		},
		{
			ID: "SCH024", Slug: "label-number", Severity: rule.Error,
			Formats: []dataset.Schema{dataset.KITTIObject, dataset.KITTITracking},
			Summary: "Every numeric column of a label parses and is finite.",
			Why:     "Readers call float() on each column and stop at the first that fails.",
			Example: "Car 0.00 0 nan 1 2 3 4 5 6 7 8 9 10 11",
			Hint:    "write the row again with finite numbers",
			Fix:     func(_ string, b []byte) ([]byte, error) { return b, nil },
		},
		{
			ID: "PAY012", Slug: "lidar-intensity", Severity: rule.Warning, Deep: true,
			Summary: "Intensities lie in the range of the format.",
			Why:     "networks are trained on one scale",
			Example: "a column of 1533151603.5",
			Hint:    "scale the column",
		},
		{
			ID: "UMM040", Slug: "coverage", Severity: rule.Info, Statistic: true,
			Summary: "States how many samples carry all three fields.",
			Why:     "It is the figure that a release note quotes.",
			Example: "0 of 404 samples",
		},
		{
			ID: "LNK001", Slug: "fk-dangling", Severity: rule.Error,
			Summary: "Every foreign key names a row that exists.",
			Why:     "The devkit raises KeyError.",
			Example: "\"scene_token\": \"\"",
			Hint:    "restore the row",
		},
		{ID: "TMP002", Slug: "ts-order", Severity: rule.Error, Summary: "Stamps increase.", Why: "w", Example: "e", Hint: "h"},
	}
}

// nastyReport is a fixed report with every kind of content that breaks naive
// printers: line breaks, markup, XML ends, bytes that are not UTF-8, GitHub's
// and SARIF's own syntax, and marks that turn the direction of writing.
func nastyReport() *report.Report {
	offsets := make([]int64, 0, 512)
	for i := range int64(512) {
		offsets = append(offsets, -40_000_000+i*i*300+i*1000)
	}
	finding := func(id, slug string, s rule.Severity, root, msg string, p rule.Place) rule.Finding {
		return rule.Finding{Rule: id, Slug: slug, Severity: s, Dataset: root, Message: msg, Place: p, Fingerprint: "0123456789abcdef0123456789abcdef"}
	}
	r := &report.Report{
		SchemaVersion: report.SchemaVersion,
		Tool:          report.Tool{Name: "mmvalidate", Version: "1.2.3"},
		Scope:         report.Scope{Sample: 1},
		Rules:         []string{"LAY015", "LNK001", "SCH024", "TMP002", "UMM040"},
		Datasets: []report.Dataset{
			{
				Root: "data/nu <b>", Schema: dataset.NuScenes, Tables: "v1.0-mini", Evidence: []string{"v1.0-mini/sample_data.json"},
				Files: 31206, Samples: 404,
				Channels: []report.Channel{
					{Name: "CAM_FRONT", Samples: 404, Records: 404, SyncID: 404, Offset: 200, Schema: 404, OffsetNs: offsets},
					{Name: "LIDAR_TOP", Samples: 404, Records: 404, SyncID: 404, Offset: 404, Schema: 404, OffsetNs: []int64{0, 0, 0}},
					{Name: "RADAR_\"FRONT\"", Samples: 404},
				},
			},
			{Root: "data/kitti", Schema: dataset.KITTIObject, Evidence: []string{"training"}, Files: 29924, Samples: 7481, Channels: []report.Channel{}},
		},
		Counts:     map[string]int{"LAY015": 503, "SCH024": 5, "UMM040": 1, "XXX999": 1},
		Totals:     report.Totals{Error: 507, Warning: 2},
		Suppressed: map[string]int{"LAY015": 1},
		Skipped: []report.Skip{
			{Rule: "LNK001", Needs: "SCH001 on v1.0-mini/sample_data.json", Dataset: "data/nu <b>", Count: 3},
			{Rule: "TMP002", Needs: "SCH001 on v1.0-mini/sample_data.json", Dataset: "data/nu <b>", Count: 1},
			{Rule: "SCH024", Needs: "LAY023 on training/label_2/]]>\n000009.txt", Dataset: "data/kitti", Count: 1},
		},
		Complete:   false,
		Incomplete: "interrupted\n::error::forged",
	}
	row := rule.Place{Path: "v1.0-mini/sample_data.json", Line: 12, Column: 3, ByteOffset: 991, Table: "sample_data", Token: "f00d"}
	f := finding("LAY015", "file-missing", rule.Error, "data/nu <b>", "samples/a|b,c:100%.jpg is missing", row)
	f.Hint, f.Expected, f.Actual = "fetch the missing blob, or run `git lfs pull`", "a file", "nothing"
	f.Related = []rule.Place{{Path: "samples/a|b,c:100%.jpg"}, {Path: "samples/a|b,c:100%.jpg"}}
	r.Findings = append(r.Findings, f)
	for i := range 4 {
		p := row
		p.Line += 10 * (i + 1)
		r.Findings = append(r.Findings, finding("LAY015", "file-missing", rule.Error, "data/nu <b>", "line\nbreak\r\n::warning file=x::forged ]]> <script>alert('x')</script> & \"quotes\"", p))
	}
	f = finding("LAY015", "file-missing", rule.Error, "data/nu <b>", "accepted", row)
	f.Suppressed = "withdrawn <by> request"
	r.Findings = append(r.Findings, f,
		finding("UMM040", "coverage", rule.Info, "data/nu <b>", "404 of 404 samples [see](http://example.com) {0}", rule.Place{}),
		finding("SCH024", "label-number", rule.Error, "data/kitti", "column 4 is \x1b[31mnan\x1b[0m", rule.Place{Path: "training/label_2/000001.txt", Line: 1, Column: 12, Frame: "000001"}),
		finding("SCH024", "label-number", rule.Error, "data/kitti", "\u202ecod.exe 🚗 \ufeff", rule.Place{Path: "training/label_2/\xff\xfe bad.txt", Line: 2}),
		finding("SCH024", "label-number", rule.Warning, "data/kitti", "a warning", rule.Place{Path: "training/label_2/\n::error::x.txt"}),
		finding("SCH024", "label-number", rule.Error, "data/kitti", "in a binary", rule.Place{Path: "training/velodyne/000001.bin", ByteOffset: 4096, Channel: "velodyne"}),
		finding("SCH024", "label-number", rule.Warning, "data/kitti", "column without line", rule.Place{Path: "training/velodyne/000002.bin", Column: 7}),
		finding("XXX999", "unheard-of", rule.Error, "elsewhere", "a rule that the catalogue does not have", rule.Place{Path: "../../etc/passwd"}),
	)
	return r
}
