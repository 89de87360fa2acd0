#!/bin/sh
# Runs Go benchmarks of two commits in turns, and shows by benchstat how they
# differ. An empty HEAD is the working tree as it is, changes and all.
# usage: benchstat.sh BASE HEAD REGEXP COUNT PACKAGE…
# BENCHFLAGS may have more flags, such as -test.benchtime=100x.
set -eu
base=$1 head=$2 regexp=$3 count=$4
shift 4
: "${base:?BASE is the commit to compare with}"
root=$(git rev-parse --show-toplevel)
cd "$root"
tmp=$(mktemp -d)
tidy() {
	for side in base head; do
		[ ! -e "$tmp/$side" ] || git -C "$root" worktree remove --force "$tmp/$side"
	done
	rm -rf "$tmp"
}
trap tidy EXIT
trap 'exit 1' INT TERM

git worktree add --quiet --detach "$tmp/base" "$base"
old=$tmp/base new=$root
if [ -n "$head" ]; then
	git worktree add --quiet --detach "$tmp/head" "$head"
	new=$tmp/head
fi

# Each package runs in its own folder, where its test data is.
mkdir "$tmp/old" "$tmp/new"
n=0
dirs=$(cd "$new" && go list -f '{{.Dir}}' "$@")
for dir in $dirs; do
	pkg=${dir#"$new"} # "" in the root
	grep -qs '^func Benchmark' "$dir"/*_test.go || continue
	if ! grep -qs '^func Benchmark' "$old$pkg"/*_test.go; then
		echo "not run: .$pkg: no benchmarks at $base" >&2
		continue
	fi
	n=$((n + 1))
	echo ".$pkg" >"$tmp/$n"
	(cd "$old$pkg" && go test -c -o "$tmp/old/$n")
	(cd "$new$pkg" && go test -c -o "$tmp/new/$n")
done
[ "$n" -gt 0 ] || { echo "no benchmarks in $*" >&2; exit 1; }

turn() { # old or new, the tree, and which package
	(cd "$2/$(cat "$tmp/$3")" && "$tmp/$1/$3" -test.run '^$' -test.bench "$regexp" -test.benchmem ${BENCHFLAGS:-} >>"$tmp/$1.txt")
}
for i in $(seq "$count"); do
	echo "turn $i of $count" >&2
	for k in $(seq "$n"); do
		# Who was first is second in the next turn.
		if [ $((i % 2)) = 1 ]; then
			turn old "$old" "$k"
			turn new "$new" "$k"
		else
			turn new "$new" "$k"
			turn old "$old" "$k"
		fi
	done
done
${BENCHSTAT:-go tool -modfile=tools/go.mod benchstat} "$base=$tmp/old.txt" "${head:-working tree}=$tmp/new.txt"
