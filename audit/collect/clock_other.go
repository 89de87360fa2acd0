//go:build !linux

package collect

// Other systems do not say it in a way that all of them share.
func synced() *bool { return nil }

func bootID() string { return "" }
