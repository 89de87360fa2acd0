#!/bin/sh
# Holds mmvalidate's check of tables against nuscenes-devkit's load of them, in
# turns in one run, on a generated v1.0-trainval.
#
#   tools/bench-tables.sh DIR [SAMPLES] [ROUNDS]
#
# DIR keeps the data set, and a Python environment with nuscenes-devkit, from
# run to run. SAMPLES is 34149 for all rows: 2.5 GB of tables, for which the
# devkit takes 9 GB of memory. PYTHON names an interpreter that has the devkit.
# GNU time is needed for the peak of memory.
set -eu
dir=${1:?a folder} samples=${2:-6830} rounds=${3:-3}
root=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
data=$dir/trainval-$samples

cd "$root"
CGO_ENABLED=0 go build -trimpath -o "$dir/mmvalidate" ./cmd/mmvalidate
[ -e "$data" ] || go run ./internal/datagen/mmgen new -format nuscenes-tables -frames "$samples" "$data"
if [ -z "${PYTHON:-}" ]; then
	PYTHON=$dir/venv/bin/python
	if [ ! -x "$PYTHON" ]; then
		python3 -m venv "$dir/venv"
		"$PYTHON" -m pip install --quiet nuscenes-devkit==1.2.0
	fi
fi
cat "$data"/v1.0-trainval/*.json >/dev/null

echo "$(wc -c "$data"/v1.0-trainval/*.json | tail -1 | awk '{print $1}') bytes of tables, load $(cut -d' ' -f1-3 /proc/loadavg)"
for i in $(seq "$rounds"); do
	printf 'devkit      '
	"$PYTHON" tools/devkit_load.py "$data" | sed 's/, "rows.*/}/'
	printf 'mmvalidate  '
	/usr/bin/time -f '{"seconds": %e, "processor": %U + %S, "peak_kb": %M}' \
		"$dir/mmvalidate" --quiet --select SCH,LNK,TMP "$data" 2>&1 >/dev/null | tail -1
done
