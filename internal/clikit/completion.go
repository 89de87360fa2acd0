package clikit

import "strings"

// CompletionScript gives what makes a shell (bash, zsh or fish) complete the
// words of a command. It asks `COMMAND __complete WORDS...`, the last of which is
// being typed, for lines: a word, or a word, a tab and what it means; :dirs or
// :files where the shell adds names of its own.
func CompletionScript(shell, command string) (string, bool) {
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
