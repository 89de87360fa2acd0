// Package kitti reads the KITTI family: object, raw, tracking, odometry and
// SemanticKITTI. Readers emit what they read as items for the rules; numbers
// keep their place in the file.
package kitti
