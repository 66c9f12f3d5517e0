package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

func completionCommand(a *app) *command {
	return &command{
		name:     "completion",
		summary:  "print a script that completes commands and flags in a shell",
		synopsis: []string{"trainer completion bash|zsh|fish"},
		text: `
Prints a script with which a shell completes commands, flags and files after the Tab key. Load it in each new shell with
one line in a file of your home folder, as the examples show.
`,
		examples: `
echo 'source <(trainer completion bash)' >> ~/.bashrc
echo 'source <(trainer completion zsh)' >> ~/.zshrc
trainer completion fish > ~/.config/fish/completions/trainer.fish
`,
		operands: true,
		run: func(_ context.Context, operands []string) error {
			if len(operands) != 1 {
				return badUsage("expected one shell, found %q", operands)
			}
			shells := map[string]func() string{"bash": bashCompletion, "zsh": zshCompletion, "fish": fishCompletion}
			write := shells[operands[0]]
			if write == nil {
				return badUsage("%w", suggest(fmt.Errorf("no completion for the shell %q: there are bash, zsh and fish",
					operands[0]), operands[0], []string{"bash", "zsh", "fish"}))
			}
			_, err := fmt.Fprint(a.stdout, write())
			return err
		},
	}
}

// bashCompletion offers the commands as the first word, then the flags of the command, else files.
func bashCompletion() string {
	var names []string
	var cases strings.Builder
	for _, c := range newCommands(new(app)) {
		names = append(names, c.name)
		fmt.Fprintf(&cases, "    %s) words=%q ;;\n", c.name, strings.Join(c.flagNames(), " "))
	}
	train := slices.IndexFunc(newCommands(new(app)), func(c *command) bool { return c.name == "train" })
	flags := newCommands(new(app))[train].flagNames() // "trainer -config" needs no word train
	return fmt.Sprintf(`_trainer() {
  local word=${COMP_WORDS[COMP_CWORD]} words
  case ${COMP_WORDS[1]} in
%s    *) words=%q ;;
  esac
  if [ "$COMP_CWORD" = 1 ] && [[ $word != -* ]]; then
    COMPREPLY=($(compgen -W %q -- "$word"))
  elif [[ $word == -* ]]; then
    COMPREPLY=($(compgen -W "$words" -- "$word"))
  fi
}
complete -o default -F _trainer trainer
`, cases.String(), strings.Join(flags, " "), strings.Join(append(names, "help"), " "))
}

// zshCompletion is bash's, which zsh understands.
func zshCompletion() string {
	return "autoload -Uz +X compinit bashcompinit && compinit && bashcompinit\n" + bashCompletion()
}

func fishCompletion() string {
	var b strings.Builder
	for _, c := range newCommands(new(app)) {
		fmt.Fprintf(&b, "complete -c trainer -n __fish_use_subcommand -a %s -d %q\n", c.name, c.summary)
		condition := "__fish_seen_subcommand_from " + c.name
		if c.name == "train" {
			condition += "; or __fish_use_subcommand"
		}
		for _, name := range c.flagNames() {
			fmt.Fprintf(&b, "complete -c trainer -n %q -o %s\n", condition, name[1:])
		}
	}
	return b.String()
}

// flagNames returns the flags of a command with their dash.
func (c *command) flagNames() (names []string) {
	for _, e := range c.allFlags() {
		names = append(names, "-"+e.name)
	}
	return names
}
