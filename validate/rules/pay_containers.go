package rules

import "github.com/mmaudit/mmaudit/validate/rule"

var payContainers = []Rule{
	{
		ID: "PAY031", Slug: "mcap-container", Severity: rule.Error,
		Formats: formats{t4},
		Summary: "An MCAP recording has its magic at both ends, a summary with the CRC that the footer gives, and indexes that point at their records.",
		Why:     "A recording that was cut off has no index: players refuse it, or scan hours of data for one message.",
		Example: "input_bag/0.mcap without the trailing magic, because the disk was full",
		Hint:    "`mcap recover` writes a sound file from what is there; `mcap doctor` reads the bodies too",
		Checks:  []Check{rule.FromReader()},
	},
}
