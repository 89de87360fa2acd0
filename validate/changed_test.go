package validate_test

import "runtime"

// changedTells: ctime is looked at.
const changedTells = runtime.GOOS == "linux"
