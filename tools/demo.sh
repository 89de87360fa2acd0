#!/bin/sh
# The main job on generated data: a drive recorded once and published as KITTI
# (raw and object) and as nuScenes; annotate, validate, break, validate again.
# usage: demo.sh FOLDER   (made anew)
set -eu
dir=${1:-demo}
gen="go run ./internal/datagen/mmgen"
mm=bin/mmvalidate

. tools/demo-words.sh

rm -rf "$dir"
run $gen new -format pair -seed 7 "$dir/drive"
run $mm detect "$dir/drive"

echo; echo "Without sidecars, the metadata fields are missing:"
expect 1 $mm "$dir/drive"

echo; echo "annotate derives them from the native timestamps:"
run $mm annotate "$dir/drive" --map "$dir/drive/sync_map.jsonl"
run $mm annotate "$dir/drive" --map "$dir/drive/sync_map.jsonl" --write
expect 0 $mm "$dir/drive"

echo; echo "Break it in several ways, and look again:"
for r in SCH026 LAY015 LNK005 TMP005 GEO030; do
	$gen break -rule $r "$dir/drive"
done
expect 1 $mm "$dir/drive" -o "$dir/report.html" -o "$dir/report.sarif" -f text
expect 1 $mm fix "$dir/drive"
run $mm explain LNK005
echo; echo "The report for a browser: $dir/report.html"
