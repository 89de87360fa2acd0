package main

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/mmaudit/mmaudit/internal/clikit"
	"github.com/mmaudit/mmaudit/internal/suggest"
	"github.com/mmaudit/mmaudit/schemas"
)

func schemaCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "schema", Usage: "print a JSON Schema: of the sidecar record, the report, the configuration, …", ArgsUsage: "[NAME]",
		Description: "Without a name, the schemas are listed. Editors use them to complete and check\n" +
			"mmvalidate.yaml and sidecars.\n\nExit status: 0 printed, 2 usage.",
		Action: func(c *cli.Context) error {
			names, err := schemaNames()
			if err != nil {
				return err
			}
			if c.NArg() == 0 {
				_, err := fmt.Fprintln(e.stdout, strings.Join(names, "\n"))
				return err
			}
			want := strings.TrimSuffix(c.Args().First(), ".schema.json")
			if !slices.Contains(names, want) {
				hint := "`mmvalidate schema` lists them"
				if near := suggest.Nearest(want, names); near != "" {
					hint = "did you mean " + near + "?"
				}
				return clikit.Usagef(hint, "no schema %q", want)
			}
			b, err := schemas.Files.ReadFile(want + ".schema.json")
			if err != nil {
				return err
			}
			_, err = e.stdout.Write(b)
			return err
		},
	}
}

// schemaNames lists the embedded schemas: "config", "tables/nuscenes/sample".
func schemaNames() ([]string, error) {
	var names []string
	for _, pattern := range []string{"*.schema.json", "tables/*/*.schema.json"} {
		files, err := schemas.Glob(pattern)
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			names = append(names, strings.TrimSuffix(path.Clean(f), ".schema.json"))
		}
	}
	return names, nil
}
