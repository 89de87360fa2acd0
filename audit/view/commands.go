package view

import (
	_ "embed"
	"fmt"
	"strings"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/internal/human"
)

// setup are the functions that the commands of a page use: a POSIX shell, in the
// folder of an unpacked bundle.
//
//go:embed page/check.sh
var setup string

// all redoes every check of a bundle.
const all = `sed -n 's/^    | //p' README.txt | sh -e`

// A command computes something again.
type command struct {
	Text string
	Want string // what it prints, if that is one digest
}

// recordCommands are those for a record: its digest, place, signatures, content.
func recordCommands(index int64, digest string) []command {
	return []command{
		{fmt.Sprintf("openssl dgst -sha3-512 -r records/%012d.dsse.json", index), human.Visible(digest)},
		{fmt.Sprintf("included %d", index), ""},
		{fmt.Sprintf("signed %d", index), ""},
		{fmt.Sprintf("said %d", index), ""},
	}
}

// documentDigest is the digest by which a bundle names a document.
func documentDigest(a *audit.Attachment) (option, digest string) {
	if d := a.Digest["sha3_512"]; d != "" {
		return "-sha3-512", d
	}
	return "-sha256", a.Digest["sha256"]
}

func documentCommand(a *audit.Attachment) command {
	option, digest := documentDigest(a)
	return command{"openssl dgst " + option + " -r documents/" + digest, digest}
}

// paramsCommand hashes the typed form of hyper-parameters, as package hparams
// does.
func paramsCommand(form *audit.Attachment, hash string) command {
	_, digest := documentDigest(form)
	return command{`{ printf 'auditlog/hparams/v1\n'; cat documents/` + digest + `; } | openssl dgst -sha3-512`, hash}
}

func folderCommand(name, digest string) command {
	return command{"manifest " + quotePath(name), digest}
}

func fileCommand(option, name, digest string) command {
	return command{"openssl dgst " + option + " -r " + quotePath(name), digest}
}

// shellWords writes a command line so that a shell reads the same words.
func shellWords(argv []string) string {
	var all []string
	for _, word := range argv {
		all = append(all, quote(word))
	}
	return strings.Join(all, " ")
}

// quotePath quotes a file's name, which no program may take for an option. A
// name that would not look like what it is, is shown escaped, and names no file
// then.
func quotePath(name string) string {
	if strings.HasPrefix(name, "-") {
		name = "./" + name
	}
	return human.Visible(quote(name))
}

func quote(word string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:=+,@", r)
	}
	if word != "" && strings.IndexFunc(word, func(r rune) bool { return !plain(r) }) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
