package view

import (
	"testing"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/lifecycle"
)

// TestChinese asks for a Chinese name of everything that has a table.
func TestChinese(t *testing.T) {
	for _, c := range lifecycle.Catalogue() {
		if problemsZH[c.Code] == "" {
			t.Errorf("problems_zh.go has no text for check %s", c.Code)
		}
	}
	if len(problemsZH) != len(lifecycle.Catalogue()) {
		t.Errorf("%d Chinese texts for %d checks", len(problemsZH), len(lifecycle.Catalogue()))
	}
	for _, k := range audit.Kinds() {
		if names["event"][string(k.Event)][1] == "" {
			t.Errorf("texts.go has no Chinese name for event %s", k.Event)
		}
	}
	for _, r := range audit.Roles() {
		if names["role"][string(r)][1] == "" {
			t.Errorf("no Chinese name for role %s", r)
		}
	}
	for key, text := range texts {
		if text[1] == "" || text[0] == "" && key != "original" {
			t.Errorf("text %q lacks a language", key)
		}
	}
}
