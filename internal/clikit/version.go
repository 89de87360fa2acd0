package clikit

import (
	"fmt"
	"runtime/debug"
	"strings"
)

// Version gives the module's version, or the commit that was built.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v := info.Main.Version
	if v == "" || v == "(devel)" {
		v = "devel"
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				v += fmt.Sprintf("-%.12s", s.Value)
			}
		}
	}
	return strings.TrimPrefix(v, "v")
}
