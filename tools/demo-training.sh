#!/bin/sh
# A toy training run, from its data to a bundle that a regulator verifies:
# record, query, verify, bundle, and what tampering looks like.
# usage: demo-training.sh FOLDER   (made anew; needs python3)
set -eu
dir=${1:-demo/training}
top=$PWD
gen="go run ./internal/datagen/mmgen"

. tools/demo-words.sh

if ! command -v python3 >/dev/null; then
	echo "demo: needs python3" >&2
	exit 1
fi
rm -rf "$dir"
mkdir -p "$dir"
$gen new -format pair -seed 7 "$dir/drive" >/dev/null
bin/mmvalidate annotate "$dir/drive" --map "$dir/drive/sync_map.jsonl" --write >/dev/null
cd "$dir"
PATH=$top/bin:$PATH
# Keys and marks of this demonstration stay in its folder.
XDG_CONFIG_HOME=$PWD/config XDG_STATE_HOME=$PWD/state
PYTHONPATH=$top/clients/python PYTHONDONTWRITEBYTECODE=1
export PATH XDG_CONFIG_HOME XDG_STATE_HOME PYTHONPATH PYTHONDONTWRITEBYTECODE

echo "A key, and a ledger:"
run auditlog keys new --no-passphrase
run auditlog init --origin demo.example/audit
say "auditlog keys show --trust-file >trust.json"
auditlog keys show --trust-file >trust.json

echo; echo "The data are registered and validated:"
run auditlog record data.registered --data drive --licence CC-BY-4.0
mmvalidate drive --format json -o validation.json >/dev/null
run auditlog record data.validated --data drive --validation-report validation.json

echo; echo "What will be measured is said before; then the training runs:"
printf '{"lr": 0.05, "epochs": 3, "seed": 9007199254740993}\n' >cfg.json
run auditlog record eval.preregistered --model bev-seg --version 3.2.0 --evaluation val-2026 --require 'loss<=0.5'
run auditlog exec --model bev-seg --version 3.2.0 --run r1 --data train=drive --params cfg.json --hook used.json --output weights.json -- \
	python3 "$top/clients/python/train_toy.py" --data drive --config cfg.json --weights weights.json

echo; echo "Evaluated, approved, exported, deployed:"
run auditlog record eval.finished --model bev-seg --version 3.2.0 --evaluation val-2026 --require 'loss<=0.5' --metric val/loss=0.08
run auditlog record approved --model bev-seg --version 3.2.0 --reason "meets the plan"
cp weights.json model.onnx
run auditlog record exported --model bev-seg --version 3.2.0 --export-format onnx --opset 20 --ir-version 9 --from weights.json --output model.onnx
run auditlog record deployed --model bev-seg --version 3.2.0 --device vehicle-17 --environment fleet --result ok

echo; echo "The life of the version, and the questions of a regulator:"
expect 0 auditlog query --model bev-seg --version 3.2.0
say "auditlog query --model bev-seg --version 3.2.0 --format html >life.html"
auditlog query --model bev-seg --version 3.2.0 --format html >life.html
expect 0 auditlog query --contains-file drive/sync_map.jsonl
expect 0 auditlog query --device vehicle-17
expect 0 auditlog verify --trust trust.json
expect 0 auditlog verify --data drive
expect 0 auditlog verify --artifact weights.json
run auditlog export --model bev-seg --version 3.2.0 --format cyclonedx -o ml-bom.json

echo; echo "A second version skips what it should not:"
expect 0 auditlog exec --model bev-seg --version 3.3.0 --run r2 --data train=drive --params cfg.json --param lr=0.1 --output weights2.json -- \
	python3 "$top/clients/python/train_toy.py" --data drive --config cfg.json --weights weights2.json
run auditlog record deployed --model bev-seg --version 3.3.0 --device vehicle-18
expect 1 auditlog query --model bev-seg --version 3.3.0
expect 0 auditlog query --model bev-seg --diff 3.2.0 3.3.0

echo; echo "One file for the regulator, who has neither the ledger nor a network:"
run auditlog bundle --model bev-seg --version 3.2.0 -o bev-seg-3.2.0.zip
mkdir elsewhere
cp bev-seg-3.2.0.zip trust.json elsewhere
cd elsewhere
expect 0 env -i PATH="$PATH" HOME="$PWD" auditlog verify bev-seg-3.2.0.zip --trust trust.json
cd ..

echo; echo "Somebody changes one byte of a record:"
cp -R .auditlog tampered
printf 'X' | dd of="$(find tampered/log/tile/entries -type f | sort | tail -n 1)" bs=1 seek=2000 conv=notrunc 2>/dev/null
expect 1 auditlog verify --ledger tampered
expect 1 auditlog record incident --ledger tampered --model bev-seg --version 3.2.0 --severity low --summary "is not signed over"
echo; echo "The life for a browser: $dir/life.html"
