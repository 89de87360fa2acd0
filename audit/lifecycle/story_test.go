package lifecycle_test

import (
	"testing"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/audittest"
	"github.com/mmaudit/mmaudit/audit/lifecycle"
)

func TestLine(t *testing.T) {
	for want, p := range map[string]*audit.Predicate{
		"retired; to be kept until 2036-08-02 (eu-ai-act)":         {Event: audit.Retired, Retention: &audit.Retention{Regime: "eu-ai-act", Until: "2036-08-02"}},
		"retired; to be kept until further notice (eu-ai-act)":     {Event: audit.Retired, Retention: &audit.Retention{Regime: "eu-ai-act", Until: "2036-08-02", Hold: true}},
		"retired; to be kept as bank asks":                         {Event: audit.Retired, Retention: &audit.Retention{Regime: "bank"}},
		"updated vehicle-17; before 1.0, map 7; after 2.0; failed": {Event: audit.OTAUpdated, Deployment: &audit.Deployment{Device: "vehicle-17", Before: "1.0, map 7", After: "2.0", Result: "failed"}},
		"run r finished and left model.pt (1 byte, sha3_512 " + audittest.Digests("x")["sha3_512"][:12] + ") and 299 more": {
			Event: audit.TrainFinished, Run: "r", Outputs: []audit.Artifact{audittest.Artifact("model.pt", "x")},
			Cut: []audit.Cut{{Member: "outputs", Items: 300}},
		},
	} {
		if got := lifecycle.Line(p); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
