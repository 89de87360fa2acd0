// Package shareddata finds the real sample data that some tests use. The data
// is not part of the project: tests skip where it is absent.
package shareddata

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// Dir gives the folder of the sample data: MMAUDIT_SHARED_DATA, or
// ../shared/data beside the repository. It skips the test where there is none.
func Dir(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("MMAUDIT_SHARED_DATA")
	if dir == "" {
		_, file, _, _ := runtime.Caller(0)
		dir = filepath.Join(filepath.Dir(file), "..", "..", "..", "shared", "data")
	}
	if _, err := os.Stat(filepath.Join(dir, "README.md")); err != nil {
		t.Skipf("real sample data is absent (%s); set MMAUDIT_SHARED_DATA to use it", dir)
	}
	return dir
}
