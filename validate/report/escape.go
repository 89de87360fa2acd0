package report

import "github.com/mmaudit/mmaudit/internal/human"

// Visible makes what comes from the data harmless to print, see human.Visible.
func Visible(s string) string { return human.Visible(s) }
