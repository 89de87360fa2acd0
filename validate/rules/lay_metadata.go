package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mmaudit/mmaudit/internal/suggest"
	"github.com/mmaudit/mmaudit/validate/nuscenes"
	"github.com/mmaudit/mmaudit/validate/rule"
)

// versions are the folders of tables that the owner of nuScenes released.
var versions = []string{"v1.0-mini", "v1.0-trainval", "v1.0-test"}

var layMetadata = []Rule{
	{
		ID: "LAY005", Slug: "table-missing", Severity: rule.Error, Formats: family,
		Summary: "The thirteen tables of the format are there.",
		Why:     "The devkits load all of them before anything else and stop at the first that is missing, even if nobody asks for its rows.",
		Example: "a folder v1.0-mini without visibility.json",
		Hint:    "copy the table again; a test set without annotations has tables that are empty: []",
		Checks:  []Check{rule.FromReader()},
	},
	{
		ID: "LAY006", Slug: "table-empty", Severity: rule.Error, Formats: formats{nuScenes, t4},
		Summary: "Tables have rows. (Annotations may be empty in a version that ends in -test, and in T4.)",
		Why:     "Every reference into the table dangles, and a training run reads no data without a word.",
		Example: "sensor.json with the content []",
		Hint:    "export the table again",
		Checks:  []Check{rule.FromReader()},
	},
	{
		ID: "LAY007", Slug: "version-dir", Severity: rule.Warning, Formats: formats{nuScenes},
		Summary: "The folder of the tables is v1.0-mini, v1.0-trainval or v1.0-test, or one that the configuration lists.",
		Why:     "The devkit takes the version from the name of the folder, and evaluation refuses names that it does not know.",
		Example: "v1.0-trainval-fixed/",
		Hint:    "rename the folder, or list its name in mmvalidate.yaml under versions",
		Checks: []Check{rule.On(func(c *Ctx, t *nuscenes.Tables) {
			name := t.Dataset.Tables
			if slices.Contains(versions, name) || slices.Contains(c.Params.Versions, name) {
				return
			}
			f := Finding{
				Message:  fmt.Sprintf("%s is no released version", name),
				Place:    Place{Path: name},
				Expected: "one of " + strings.Join(append(slices.Clone(versions), c.Params.Versions...), ", "), Actual: name,
			}
			if near := suggest.Nearest(name, versions); near != "" {
				f.Hint = fmt.Sprintf("did you mean %s? Otherwise list the name in mmvalidate.yaml under versions", near)
			}
			c.Report(f)
		})},
	},
}
