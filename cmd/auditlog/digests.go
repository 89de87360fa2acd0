package main

import (
	"errors"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/mmaudit/mmaudit/audit/toolchain"
)

// libraryDigests gives the digests of the toolchain's files that --cache
// remembers, and what saves them again. A cache that cannot be used costs time
// and nothing else, so it is said and not an error.
func (e *env) libraryDigests(c *cli.Context) (digests *toolchain.Digests, save func()) {
	digests = &toolchain.Digests{}
	dir := c.String("cache")
	if dir == "" {
		return digests, func() {}
	}
	name := filepath.Join(dir, "toolchain")
	if err := digests.Load(name); errors.Is(err, toolchain.ErrDigests) {
		e.remark(c, "warning: %v", err)
	} else if err != nil {
		e.remark(c, "warning: digests of the toolchain: %v", err)
	}
	return digests, func() {
		if err := digests.Save(name); err != nil {
			e.remark(c, "warning: digests of the toolchain were not kept: %v", err)
		}
	}
}
