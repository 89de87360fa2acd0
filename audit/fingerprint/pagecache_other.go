//go:build unix && !linux

package fingerprint

func announce(int) bool        { return false }
func forget(int, int64, int64) {}
func remote(int) string        { return "" }
