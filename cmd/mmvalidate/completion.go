package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/mmaudit/mmaudit/internal/clikit"
	"github.com/mmaudit/mmaudit/validate/report"
	"github.com/mmaudit/mmaudit/validate/rules"
)

// complete gives what the last of words may become, see clikit.Complete.
func complete(app *cli.App, words []string) []string {
	return clikit.Complete(words, func(words []string, cur string) []string { return offer(app, words, cur) })
}

// offer gives what may stand after the words.
func offer(app *cli.App, words []string, cur string) []string {
	var command *cli.Command
	flags, arguments, open := clikit.Separate(allFlags(app), words)
	if len(arguments) > 0 {
		command = app.Command(arguments[0])
	}
	var out []string
	switch {
	case open:
		out = valuesOf(strings.TrimLeft(flags[len(flags)-1], "-"), command)
	case strings.HasPrefix(cur, "-"):
		own := app.Flags
		if command != nil {
			own = command.Flags
		}
		out = flagWords(own)
	case len(arguments) == 0:
		for _, c := range app.Commands {
			out = append(out, c.Name+"\t"+c.Usage)
		}
		out = append(out, clikit.CompleteDirs)
	default:
		out = argumentsOf(command)
	}
	return out
}

func allFlags(app *cli.App) []cli.Flag {
	all := slices.Clone(app.Flags)
	for _, c := range app.Commands {
		all = append(all, c.Flags...)
	}
	return all
}

func flagWords(flags []cli.Flag) []string {
	var out []string
	for _, f := range flags {
		if d, ok := f.(cli.DocGenerationFlag); ok {
			out = append(out, "--"+f.Names()[0]+"\t"+strings.ReplaceAll(d.GetUsage(), "`", ""))
		}
	}
	return append(out, "--help\tshow help")
}

// valuesOf gives the values of a flag; nil where there is nothing to choose from.
func valuesOf(flag string, command *cli.Command) []string {
	switch flag {
	case "format", "f":
		switch {
		case command == nil || command.Name == "check":
			return report.FormatNames()
		case command.Name == "rules" || command.Name == "explain":
			return []string{"text", "json", "md"}
		}
		return []string{"text", "json"}
	case "fail-on":
		return []string{"error", "warning", "info", "never"}
	case "min-severity":
		return []string{"error", "warning", "info"}
	case "color":
		return []string{"auto", "always", "never"}
	case "progress":
		return []string{"auto", "on", "off"}
	case "select", "ignore", "severity":
		return ruleWords()
	case "raw", "mapping", "parts":
		return []string{clikit.CompleteDirs}
	case "config", "baseline", "output", "o", "map", "files-from":
		return []string{clikit.CompleteFiles}
	}
	return nil
}

func argumentsOf(command *cli.Command) []string {
	if command != nil {
		switch command.Name {
		case "rules", "explain":
			return ruleWords()
		case "schema":
			names, err := schemaNames()
			if err != nil {
				return nil
			}
			return names
		case "completion":
			return []string{"bash", "zsh", "fish"}
		}
	}
	return []string{clikit.CompleteDirs}
}

// ruleWords offers the groups and the ids.
func ruleWords() []string {
	var out []string
	group := ""
	for _, r := range rules.Catalogue() {
		if r.Group() != group {
			group = r.Group()
			out = append(out, group+"\tthe whole group")
		}
		out = append(out, r.ID+"\t"+r.Slug)
	}
	return out
}
