package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/mmaudit/mmaudit/internal/clikit"
)

func completionCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "completion", Usage: "print the completion script of a shell", ArgsUsage: "bash|zsh|fish",
		Description: "bash:  source <(mmvalidate completion bash)\nzsh:   source <(mmvalidate completion zsh)\nfish:  mmvalidate completion fish | source",
		Action: func(c *cli.Context) error {
			switch shell := c.Args().First(); shell {
			case "bash":
				fmt.Fprint(e.stdout, strings.ReplaceAll(bashCompletion, "NAME", name))
			case "zsh":
				fmt.Fprint(e.stdout, strings.ReplaceAll(zshCompletion, "NAME", name))
			case "fish":
				s, err := c.App.ToFishCompletion()
				if err != nil {
					return err
				}
				fmt.Fprint(e.stdout, s)
			default:
				return clikit.Usagef("one of bash, zsh, fish", "no completion for shell %q", shell)
			}
			return nil
		},
		BashComplete: func(*cli.Context) { fmt.Fprint(e.stdout, "bash\nzsh\nfish\n") },
	}
}

// Words come from the command itself; folders from the shell.
const bashCompletion = `_NAME() {
  local cur="${COMP_WORDS[COMP_CWORD]}" words
  if [[ "$cur" == -* ]]; then
    words=$("${COMP_WORDS[@]:0:COMP_CWORD}" "$cur" --generate-bash-completion 2>/dev/null)
  else
    words=$("${COMP_WORDS[@]:0:COMP_CWORD}" --generate-bash-completion 2>/dev/null)
  fi
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur"; compgen -d -- "$cur")
}
complete -o filenames -o bashdefault -F _NAME NAME
`

const zshCompletion = `#compdef NAME
_NAME() {
  local -a words_
  if [[ "${words[CURRENT]}" == -* ]]; then
    words_=("${(@f)$(${words[1,CURRENT-1]} ${words[CURRENT]} --generate-bash-completion 2>/dev/null)}")
  else
    words_=("${(@f)$(${words[1,CURRENT-1]} --generate-bash-completion 2>/dev/null)}")
  fi
  _describe 'values' words_
  _files -/
}
compdef _NAME NAME
`
