member() { printf 'records/%012d.dsse.json' "$1"; }
bytes() { printf %s "$1" | openssl base64 -d -A; }
hash() { openssl dgst -sha256 -binary | openssl base64 -A; }
node() { { printf '\001'; bytes "$1"; bytes "$2"; } | hash; }

# What record N says: an in-toto statement.
said() { sed 's/^{"payload":"\([^"]*\)".*/\1/' "$(member "$1")" | openssl base64 -d -A; echo; }

# The keys that record N names signed it, and have the ids that are their names.
signed() (
  t=$(mktemp -d)
  said "$1" | tr -d '\n' > "$t/said"
  { printf 'DSSEv1 28 application/vnd.in-toto+json %d ' $(($(wc -c < "$t/said"))); cat "$t/said"; } > "$t/pae"
  grep -o '"keyid":"[0-9a-f]*","sig":"[^"]*"' "$(member "$1")" | tr -d '"' | tr ':,' '  ' |
  while read -r _ id _ sig; do
    bytes "$sig" > "$t/sig"
    own=$(openssl pkey -pubin -in "keys/$id.pem" -outform DER | openssl dgst -sha256 -r | cut -d' ' -f1)
    [ "$own" = "$id" ] &&
    openssl pkeyutl -verify -pubin -inkey "keys/$id.pem" -rawin -in "$t/pae" -sigfile "$t/sig" > "$t/out" 2>&1 &&
    echo "record $1 is signed by key $id: OK" || echo "record $1 is signed by key $id: WRONG"
  done
  rm -r "$t"
)

# Record N is in the tree of the checkpoint, at place N (RFC 9162, section 2.1.3.2).
included() (
  at=$1; last=$(($(sed -n 2p checkpoint) - 1))
  r=$({ printf '\000'; cat "$(member "$1")"; } | hash)
  while read -r p; do
    if [ $((at % 2)) = 1 ] || [ "$at" = "$last" ]; then
      r=$(node "$p" "$r")
      while [ $((at % 2)) = 0 ] && [ "$at" != 0 ]; do at=$((at / 2)); last=$((last / 2)); done
    else
      r=$(node "$r" "$p")
    fi
    at=$((at / 2)); last=$((last / 2))
  done < "$(printf 'proofs/%012d.txt' "$1")"
  [ "$r" = "$(sed -n 3p checkpoint)" ] && [ "$last" = 0 ] &&
  echo "record $1 is in the log: OK" || echo "record $1 is in the log: WRONG"
)

# The log signed the checkpoint: its name, its size and its root.
checkpoint() (
  t=$(mktemp -d)
  sed '/^$/,$d' checkpoint > "$t/text"
  grep -F "— $(sed -n 1p checkpoint) " checkpoint | sed 's/.* //' |
  while read -r s; do
    bytes "$s" > "$t/raw"
    id=$(od -An -tx1 -N4 "$t/raw" | tr -d ' \n')
    tail -c 64 "$t/raw" > "$t/sig"
    openssl pkeyutl -verify -pubin -inkey "keys/log-$id.pem" -rawin -in "$t/text" -sigfile "$t/sig" > "$t/out" 2>&1 &&
    echo "the checkpoint is signed by key $id of the log: OK" || echo "the checkpoint is signed by key $id of the log: WRONG"
  done
  rm -r "$t"
)

# Digest of the manifest of a folder: a line for each file, sorted by bytes.
# Names with line breaks need the command of docs/formats.md, section "Manifest".
manifest() (
  cd "$1" && find . -type f | sed 's|^\./||' | LC_ALL=C sort |
  while IFS= read -r f; do
    d=$(openssl dgst -sha3-512 < "$f" | sed 's/.* //')
    printf '%s  %s\n' "$d" "$(printf %s "$f" | sed 's/%/%25/g')"
  done | openssl dgst -sha3-512
)
