package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// cpuTime is the processor time that this process and those that it has started
// have used: client, peers, orderer and chaincode. It is 0 where there is no
// /proc.
func cpuTime() time.Duration {
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	self := strconv.Itoa(os.Getpid())
	var ticks int64
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		// The name, in parentheses, may have spaces.
		_, rest, _ := strings.Cut(string(text[strings.LastIndexByte(string(text), ')')+1:]), " ")
		f := strings.Fields(rest) // from the third field of proc(5) on
		if len(f) < 13 || f[1] != self && filepath.Base(filepath.Dir(file)) != self {
			continue
		}
		for _, n := range f[11:13] { // user and system
			t, _ := strconv.ParseInt(n, 10, 64)
			ticks += t
		}
	}
	return time.Duration(ticks) * (time.Second / 100) // USER_HZ is 100 everywhere
}
