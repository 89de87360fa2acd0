// Package kitti reads the KITTI family: object, raw, tracking, odometry and
// SemanticKITTI, as the owner's development kits describe them. Each reader
// (ReadObject, ReadRaw, …) emits what it reads as items for the rules and gives
// the moments of the data set.
//
// Every value keeps the place in the file that it was read from. A row or file
// that cannot be read is emitted as a rule.Fault and skipped, never guessed.
// Stamps are int64 nanoseconds from the digits of the file. Memory is bounded
// by the list of files and the largest text file (32 MiB, the labels of a
// tracking sequence).
package kitti
