package clikit

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// CompleteWord is the first argument with which the scripts ask for words. The
// words of the command line follow, the last of which is being typed.
const CompleteWord = "__complete"

// What a flag or an argument takes where the shell itself knows the words.
const (
	CompleteDirs  = ":dirs"
	CompleteFiles = ":files"
)

// CompletionCommand prints the completion script of a shell for the program.
func CompletionCommand(program string, stdout io.Writer) *cli.Command {
	return &cli.Command{
		Name: "completion", Usage: "print the completion script of a shell", ArgsUsage: "bash|zsh|fish",
		Description: strings.ReplaceAll("bash:  source <(NAME completion bash)\nzsh:   source <(NAME completion zsh)\nfish:  NAME completion fish | source\n\n"+
			"Exit status: 0 printed, 2 usage.", "NAME", program),
		Action: func(c *cli.Context) error {
			script, ok := completionScript(c.Args().First(), program)
			if !ok {
				return Usagef("one of bash, zsh, fish", "no completion for shell %q", c.Args().First())
			}
			_, err := fmt.Fprint(stdout, script)
			return err
		},
	}
}

// Complete gives what the last of words may become: lines of a word, a tab and
// what it means, and at the end CompleteDirs or CompleteFiles where the shell adds
// its own. Offer gives what may stand after the words before; what does not begin
// as cur is left out.
func Complete(words []string, offer func(words []string, cur string) []string) []string {
	if len(words) > 1 {
		_, rest, err := takeProfiles(words)
		if err != nil || len(rest) == 0 {
			return []string{CompleteFiles}
		}
		words = rest
	}
	cur := ""
	if n := len(words); n > 0 {
		cur, words = words[n-1], words[:n-1]
	}
	// bash takes --format=json for three words.
	if cur == "=" {
		cur = ""
	}
	words = slices.DeleteFunc(slices.Clone(words), func(w string) bool { return w == "=" })
	return slices.DeleteFunc(offer(words, cur), func(w string) bool {
		return !strings.HasPrefix(w, cur) && w != CompleteDirs && w != CompleteFiles
	})
}

// completionScript gives what makes a shell (bash, zsh or fish) complete the
// words of a command. It asks `COMMAND __complete WORDS...` for the lines that
// Complete gives.
func completionScript(shell, command string) (string, bool) {
	script, ok := map[string]string{"bash": bashCompletion, "zsh": zshCompletion, "fish": fishCompletion}[shell]
	return strings.ReplaceAll(script, "NAME", command), ok
}

const bashCompletion = `_NAME() {
  local cur="${COMP_WORDS[COMP_CWORD]}" word IFS=$'\n'
  [ "$cur" = "=" ] && cur=
  COMPREPLY=()
  while read -r word; do
    case "$word" in
      :dirs) COMPREPLY+=($(compgen -d -- "$cur")) ;;
      :files) COMPREPLY+=($(compgen -f -- "$cur")) ;;
      *) COMPREPLY+=("${word%%$'\t'*}") ;;
    esac
  done < <("${COMP_WORDS[0]}" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o filenames -F _NAME NAME
`

const zshCompletion = `#compdef NAME
_NAME() {
  local -a offers
  local word
  for word in "${(@f)$(${words[1]} __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    case "$word" in
      :dirs) _files -/ ;;
      :files) _files ;;
      ?*) offers+=("${word/$'\t'/:}") ;;
    esac
  done
  (( $#offers )) && _describe NAME offers
}
if [[ "${funcstack[1]}" == _NAME ]]; then _NAME "$@"; else compdef _NAME NAME; fi
`

const fishCompletion = `function __NAME_words
  set -l before (commandline -opc)
  set -l cur (commandline -ct)
  for word in (command $before[1] __complete $before[2..-1] "$cur" 2>/dev/null)
    switch $word
      case :dirs
        __fish_complete_directories "$cur"
      case :files
        __fish_complete_path "$cur"
      case '*'
        echo $word
    end
  end
end
complete -c NAME -f -a '(__NAME_words)'
`
