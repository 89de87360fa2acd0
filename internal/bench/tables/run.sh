#!/bin/sh
# Holds mmvalidate's check of tables against nuscenes-devkit's load of them, in
# turns in one run, on a generated v1.0-trainval, and prints a table of medians.
#
#   internal/bench/tables/run.sh DIR [SAMPLES] [ROUNDS]
#
# DIR keeps the data set, and a Python environment with nuscenes-devkit, from
# run to run; '' is a folder for this run. SAMPLES is 34149 for all rows: 2.5 GB
# of tables, for which the devkit takes 8 GB of memory. PYTHON names an
# interpreter that has the devkit, in place of the environment.
# GNU time is needed for the peak of memory.
set -eu
dir=$1 samples=${2:-6830} rounds=${3:-3}
root=$(cd "$(dirname "$0")/../../.." && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' INT TERM
: "${dir:=$tmp/data}"
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
data=$dir/trainval-$samples
peer=nuscenes-devkit

if [ ! -x /usr/bin/time ]; then
	echo "not run: tables: GNU time is not installed as /usr/bin/time"
	exit
fi
cd "$root"
CGO_ENABLED=0 go build -trimpath -o "$dir/mmvalidate" ./cmd/mmvalidate
[ -e "$data" ] || go run ./internal/datagen/mmgen new -format nuscenes-tables -frames "$samples" "$data"
if [ -z "${PYTHON:-}" ]; then
	PYTHON=$dir/venv/bin/python
	if ! "$PYTHON" -c 'import nuscenes' 2>/dev/null; then
		python3 -m venv "$dir/venv" && "$PYTHON" -m pip install --quiet nuscenes-devkit==1.2.0 || true
	fi
fi
if ! "$PYTHON" -c 'import nuscenes' 2>/dev/null; then
	echo "not run: $peer: $PYTHON does not have it"
	echo
	peer=
fi
cat "$data"/v1.0-trainval/*.json >/dev/null

# Each turn leaves seconds, processor time and megabytes in a file of its name.
devkit() {
	"$PYTHON" internal/bench/tables/devkit_load.py "$data" >"$tmp/devkit.json"
	sed -n 's/.*"seconds": \([0-9.]*\), "processor": \([0-9.]*\), "peak_mb": \([0-9]*\).*/\1 \2 \3/p' "$tmp/devkit.json" >>"$tmp/devkit"
}
mmvalidate() {
	/usr/bin/time -o "$tmp/time" -f '%e %U %S %M' "$dir/mmvalidate" --quiet --select SCH,LNK,TMP "$data" >/dev/null
	awk '{ print $1, $2 + $3, $4 * 1024 / 1e6 }' "$tmp/time" >>"$tmp/mmvalidate"
}
median() { # of a column of a file
	sort -n -k "$2,$2" "$1" | awk -v c="$2" '{ x[NR] = $c } END { print (x[int((NR + 1) / 2)] + x[int(NR / 2) + 1]) / 2 }'
}
row() { # name, file
	printf '| %s | %.3g | %.3g | %.0f |' "$1" "$(median "$tmp/$2" 1)" "$(median "$tmp/$2" 2)" "$(median "$tmp/$2" 3)"
	if [ -n "$peer" ]; then
		awk -v a="$(median "$tmp/devkit" 1)" -v b="$(median "$tmp/$2" 1)" 'BEGIN { printf " %.1fx |\n", a / b }'
	else
		echo ' |'
	fi
}

for _ in $(seq "$rounds"); do
	[ -z "$peer" ] || devkit
	mmvalidate
done
echo "$samples samples, $(cat "$data"/v1.0-trainval/*.json | wc -c) bytes of tables; medians of $rounds turns; load $(cut -d' ' -f1 /proc/loadavg 2>/dev/null)"
echo
echo '| | wall, s | processor, s | peak memory, MB | beside the devkit |'
echo '|---|---|---|---|---|'
[ -z "$peer" ] || row "$peer: load and reverse index, import not counted" devkit
row 'mmvalidate --select SCH,LNK,TMP' mmvalidate
