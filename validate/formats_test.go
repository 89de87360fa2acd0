package validate_test

import (
	"testing"

	"github.com/mmaudit/mmaudit/internal/datagen"
)

// TestFormats holds the generators to their word beyond the small bases of the
// mutations: every format, with all its channels and options.
func TestFormats(t *testing.T) {
	for _, f := range datagen.Formats() {
		if f.Name == "nuscenes-tables" { // names files that it does not make
			continue
		}
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			if err := f.Write(11, 7, root); err != nil {
				t.Fatal(err)
			}
			for _, x := range check(t, root, datagen.Mutation{}).Findings {
				if !statistic(x.Rule) {
					t.Errorf("%s %s:%d: %s", x.Rule, x.Path, x.Line, x.Message)
				}
			}
		})
	}
}
