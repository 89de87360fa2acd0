//go:build !amd64 || purego

package keccak

// Engines lists the engines of this processor, the fastest first.
func Engines() []Engine { return []Engine{{"scalar", 1, newScalar}} }
