// Package remotefs tells file systems on which unchanged times do not mean
// unchanged content: another machine writes to them, or their times and inode
// numbers are not to be relied on. What is remembered by a file's identity is
// not remembered there.
package remotefs
