package main

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/export"
	"github.com/mmaudit/mmaudit/audit/lifecycle"
	"github.com/mmaudit/mmaudit/audit/store"
	"github.com/mmaudit/mmaudit/audit/toolchain"
	"github.com/mmaudit/mmaudit/internal/clikit"
)

// complete gives what the last of words may become, see clikit.Complete.
func complete(app *cli.App, words []string) []string {
	words, split := joinPlace(words)
	out := clikit.Complete(words, func(words []string, cur string) []string { return offer(app, words, cur) })
	if split {
		for i, w := range out {
			out[i] = strings.TrimPrefix(w, store.FabricPrefix)
		}
	}
	return out
}

// joinPlace makes one word of fabric:FILE at the end, which bash takes for three,
// and completes behind the colon.
func joinPlace(words []string) (joined []string, split bool) {
	for _, rest := range []int{0, 1} { // words behind the colon
		at := len(words) - rest - 2
		if at >= 0 && words[at] == "fabric" && words[at+1] == ":" {
			return append(slices.Clone(words[:at]), store.FabricPrefix+strings.Join(words[at+2:], "")), true
		}
	}
	return words, false
}

// placeFlags take a place of a ledger.
var placeFlags = []string{"ledger", "to", "both", "network", "anchor"}

// places offers folders and profiles.
func places(cur string) []string {
	begun, ok := store.OnFabric(cur)
	if !ok {
		return []string{clikit.CompleteDirs, store.FabricPrefix + "\tand the file of a profile"}
	}
	dir, _ := filepath.Split(begun)
	entries, err := os.ReadDir(cmp.Or(dir, "."))
	if err != nil {
		return nil
	}
	var out []string
	for _, e := range entries {
		switch name := store.FabricPrefix + dir + e.Name(); {
		case e.IsDir():
			out = append(out, name+"/")
		case slices.Contains([]string{".yaml", ".yml"}, filepath.Ext(name)):
			out = append(out, name)
		}
	}
	return out
}

// offer gives what may stand after the words.
func offer(app *cli.App, words []string, cur string) []string {
	flags, arguments, open := clikit.Separate(allFlags(app), words)
	var command *cli.Command
	chosen, arguments := descend(app, arguments)
	for ; chosen != nil; chosen = chosen.sub {
		command = chosen.Command
	}
	var out []string
	switch {
	case open:
		flag := strings.TrimLeft(flags[len(flags)-1], "-")
		if slices.Contains(placeFlags, flag) || flag == "from" && command != nil && command.Name == "copy" {
			return places(cur)
		}
		out = valuesOf(command, flag)
	case strings.HasPrefix(cur, "-"):
		out = flagWords(app, command, arguments)
	case command == nil:
		out = commandWords(app.Commands)
	case len(command.Subcommands) > 0:
		out = commandWords(command.Subcommands)
	case command.Name == "init":
		out = places(cur)
	default:
		out = argumentsOf(command)
	}
	return out
}

func commandWords(commands []*cli.Command) []string {
	var out []string
	for _, c := range commands {
		out = append(out, c.Name+"\t"+c.Usage)
	}
	return out
}

// allFlags lists the flags of all commands. Names that several share take a
// value in all or in none.
func allFlags(app *cli.App) []cli.Flag {
	all := slices.Clone(app.Flags)
	for c := range everyCommand(app.Commands) {
		all = append(all, c.Flags...)
	}
	return all
}

// everyCommand yields commands and those below them.
func everyCommand(commands []*cli.Command) func(func(*cli.Command) bool) {
	return func(yield func(*cli.Command) bool) {
		for _, c := range commands {
			if !yield(c) {
				return
			}
			for sub := range everyCommand(c.Subcommands) {
				if !yield(sub) {
					return
				}
			}
		}
	}
}

// flagWords offers the flags of a command; of `record` those of the event.
func flagWords(app *cli.App, command *cli.Command, arguments []string) []string {
	flags := app.Flags
	if command != nil {
		flags = command.Flags
	}
	var kind audit.Kind
	if command != nil && command.Name == "record" && len(arguments) > 0 {
		kind, _ = audit.KindOf(audit.Event(arguments[0]))
	}
	var out []string
	for _, f := range flags {
		n := f.Names()[0]
		if kind.Event != "" && !takes(kind, n) {
			continue
		}
		if d, ok := f.(cli.DocGenerationFlag); ok {
			out = append(out, "--"+n+"\t"+strings.ReplaceAll(d.GetUsage(), "`", ""))
		}
	}
	return append(out, "--help\tshow help")
}

// takes reports whether a record of an event may have a flag of `record`.
func takes(kind audit.Kind, flag string) bool {
	of := false
	for _, p := range parts() {
		if p.has(flag) {
			if of = true; p.allows(kind) {
				return true
			}
		}
	}
	return !of
}

// valuesOf gives the values of a flag; nil where there is nothing to choose from.
func valuesOf(command *cli.Command, flag string) []string {
	switch flag {
	case "format":
		if command != nil && command.Name == "export" {
			var out []string
			for _, f := range export.Formats() {
				out = append(out, f.Name+"\t"+f.Summary)
			}
			return out
		}
		return []string{"text", "json", "html"}
	case "lang":
		return []string{"en", "zh"}
	case "algorithm":
		return strings.Split(algorithmNames(), ", ")
	case "consistency":
		return []string{"linearizable", "eventual"}
	case "progress":
		return []string{"auto", "on", "off"}
	case "passphrase", "log-passphrase":
		return []string{"file:", "fd:", "env:", "prompt"}
	case "severity":
		return []string{"low", "medium", "high", "critical"}
	case "verdict":
		return []string{"pass", "fail"}
	case "result":
		return []string{"ok", "failed", "partial"}
	case "signatures":
		var out []string
		for _, k := range audit.Kinds() {
			out = append(out, string(k.Event)+"=\t"+k.Summary)
		}
		return out
	case "declare":
		var out []string
		for _, f := range toolchain.Fields() {
			out = append(out, f.Name+"=\t"+f.Summary)
		}
		return out
	case "data", "cache", "code", "files", "parts":
		return []string{clikit.CompleteDirs}
	case "artifact", "against", "attach", "bridge-config", "check", "contains-file", "document", "from", "hook", "key", "listing", "manifest",
		"client-cert", "client-key", "named", "o", "out", "output", "params", "plan", "prove-content", "report", "tls-ca", "trust", "validation-report", "verify-against":
		return []string{clikit.CompleteFiles}
	}
	return nil
}

func argumentsOf(command *cli.Command) []string {
	switch command.Name {
	case "record", "explain":
		var out []string
		for _, k := range recordable() {
			out = append(out, string(k.Event)+"\t"+k.Summary)
		}
		if command.Name == "explain" {
			for _, p := range lifecycle.Catalogue() {
				out = append(out, p.Code+"\t"+p.Summary)
			}
		}
		return out
	case "completion":
		return []string{"bash", "zsh", "fish"}
	case "verify", "sign", "append", "add", "rotate", "check":
		return []string{clikit.CompleteFiles}
	}
	return []string{clikit.CompleteDirs}
}
