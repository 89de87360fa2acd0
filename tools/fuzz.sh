#!/bin/sh
# Runs every fuzz target of the module for the time given (default 10s).
# go test -fuzz takes one target of one package at a time.
set -eu
time=${1:-10s}
for pkg in $(go list ./...); do
	listed=$(go test -list '^Fuzz' "$pkg") # which fails where the tests do not build
	for target in $(echo "$listed" | grep '^Fuzz' || true); do
		echo "== $pkg $target"
		# An input that writes files takes too long to be made smaller: one try.
		go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 1x "$pkg"
	done
done
