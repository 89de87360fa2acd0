#!/bin/sh
# The same records on Hyperledger Fabric 2.5: a network of two organisations, no
# containers. Organisation 1 records, the regulator's organisation asks its own
# peer; what the network refuses; and proofs that outlive it.
# usage: demo-fabric.sh FOLDER   (made anew; needs bin/auditlog, bin/auditlog-chaincode)
set -eu
dir=${1:-demo/fabric}
top=$PWD

. tools/demo-words.sh

rm -rf "$dir"
mkdir -p "$dir"
go build -o "$dir/fabricup" ./internal/fabricnet/fabricup
cd "$dir"
dir=$PWD
PATH=$top/bin:$PATH
# Keys and marks of this demonstration stay in its folder.
XDG_CONFIG_HOME=$PWD/config XDG_STATE_HOME=$PWD/state
export PATH XDG_CONFIG_HOME XDG_STATE_HOME

# The network stops when its standard input closes, which is when this ends.
mkfifo stop
(cd "$top" && exec "$dir/fabricup" -dir "$dir/network" -chaincode bin/auditlog-chaincode) <stop >up.log &
network=$!
exec 9>stop
until grep -q ready up.log; do
	kill -0 $network || { cat up.log >&2; exit 1; }
	sleep 0.1
done
writer=network/writer.yaml regulator=network/regulator.yaml

echo "A network of two organisations runs; the chaincode is approved by both:"
expect 0 auditlog fabric check $writer

echo; echo "Organisation 1 begins a ledger on the channel, and records:"
run auditlog keys new --no-passphrase
export AUDITLOG_LEDGER=fabric:$writer
run auditlog init --origin demo.example/fabric
mkdir data
echo "a picture" >data/0001.png
echo weights >weights.pt
run auditlog record data.registered --data data --licence CC-BY-4.0
run auditlog exec --model bev-seg --version 3.2.0 --run r1 --data train=data --param lr=0.001 --output weights.pt -- true
run auditlog record eval.finished --model bev-seg --version 3.2.0 --evaluation val-2026 --metric miou=0.61
run auditlog record approved --model bev-seg --version 3.2.0 --reason "meets the plan"

echo; echo "The regulator's organisation asks its own peer:"
expect 0 auditlog query --ledger fabric:$regulator --model bev-seg --version 3.2.0
expect 0 auditlog verify --ledger fabric:$regulator
run auditlog status --ledger fabric:$regulator

echo; echo "Who may only read is refused by the network; so is another record of the same name:"
expect 3 auditlog record incident --ledger fabric:$regulator --model bev-seg --version 3.2.0 --severity low --summary "not by us"
run auditlog record incident --id one --model bev-seg --version 3.2.0 --severity low --summary "a scratch"
expect 3 auditlog record incident --id one --model bev-seg --version 3.2.0 --severity low --summary "a dent"

echo; echo "One file that proves it, made by the regulator, and whom to believe, by another way:"
say "auditlog keys show --trust-file >trust.json"
auditlog keys show --trust-file >trust.json
expect 0 auditlog bundle --ledger fabric:$regulator --model bev-seg --version 3.2.0 -o bev-seg-3.2.0.zip

echo; echo "A ledger in a folder, thousands of records a second, has the network take its head:"
run auditlog init local --origin demo.example/local
cp -R local old
run auditlog exec --ledger local --model bev-seg --version 3.3.0 --run r2 --data train=data --param lr=0.01 --output weights.pt -- true
expect 0 auditlog anchor --ledger local --to fabric:$writer
say "auditlog keys show --ledger local --trust-file --anchor fabric:$writer >local.json"
auditlog keys show --ledger local --trust-file --anchor fabric:$writer >local.json
expect 0 auditlog bundle --ledger local --model bev-seg --version 3.3.0 -o bev-seg-3.3.0.zip

echo; echo "Somebody with all keys goes on from an old copy, on a machine that has not seen the rest:"
rm -rf "$XDG_STATE_HOME"
run auditlog record incident --ledger old --model bev-seg --version 3.3.0 --severity low --summary "another history"
expect 1 auditlog anchor --ledger old --to fabric:$writer

echo; echo "The network stops:"
exec 9>&-
wait $network
expect 3 auditlog status

echo; echo "What it signed still verifies, with nothing but the file and the trust:"
mkdir elsewhere
cp bev-seg-3.2.0.zip trust.json bev-seg-3.3.0.zip local.json elsewhere
cd elsewhere
expect 0 env -i "$top/bin/auditlog" verify bev-seg-3.2.0.zip --trust trust.json
expect 0 env -i "$top/bin/auditlog" verify bev-seg-3.3.0.zip --trust local.json
# What is skipped is no failure, so this is asked for by name.
auditlog verify bev-seg-3.3.0.zip --trust local.json | grep -q '^ok  *network '
