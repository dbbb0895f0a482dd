package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// The scripts hand the words so far to viaduct, the last of them being the one under the cursor, and
// take what it prints, a word a line. With nothing to offer, files are.
const (
	bashScript = `# In ~/.bashrc:  source <(viaduct completion bash)
_viaduct() {
	local IFS=$'\n'
	COMPREPLY=($("${COMP_WORDS[0]}" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _viaduct viaduct
`
	zshScript = `#compdef viaduct
# In ~/.zshrc, behind compinit:  source <(viaduct completion zsh)
_viaduct() {
	local -a found
	found=("${(@f)$("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
	if [[ -n "${found[*]}" ]]; then compadd -a found; else _files; fi
}
compdef _viaduct viaduct
`
	fishScript = `# viaduct completion fish > ~/.config/fish/completions/viaduct.fish
function __viaduct_complete
	set -l words (commandline -opc)
	$words[1] __complete $words[2..-1] (commandline -ct) 2>/dev/null
end
complete -c viaduct -a '(__viaduct_complete)'
`
)

// Run prints the script.
func (c completionCmd) Run(t terminal) error {
	script := map[string]string{"bash": bashScript, "zsh": zshScript, "fish": fishScript}[c.Shell]
	_, err := fmt.Fprint(t.out, script)
	return err
}

type completeCmd struct {
	Words []string `arg:"" optional:""`
}

// Run prints what the last word may become.
func (c completeCmd) Run(t terminal, k *kong.Kong) error {
	for _, word := range candidates(k.Model.Node, c.Words) {
		fmt.Fprintln(t.out, word)
	}
	return nil
}

// candidates returns what the last of the words, none or the beginning of one, may become.
func candidates(at *kong.Node, words []string) []string {
	last := ""
	if len(words) > 0 {
		last, words = words[len(words)-1], words[:len(words)-1]
	}
	var value *kong.Flag // whose value comes next
	for _, word := range words {
		if value != nil {
			value = nil
			continue
		}
		if name, isFlag := strings.CutPrefix(word, "--"); isFlag {
			if f := flagOf(at, name); f != nil && !f.IsBool() {
				value = f
			}
			continue
		}
		if i := slices.IndexFunc(at.Children, func(n *kong.Node) bool { return n.Name == word }); i >= 0 {
			at = at.Children[i]
		}
	}
	var all []string
	switch {
	case value != nil && value.Name == "profile":
		all = profileNames()
	case value != nil:
		all = value.EnumSlice()
	case strings.HasPrefix(last, "-"):
		for n := at; n != nil; n = n.Parent {
			for _, f := range n.Flags {
				if !f.Hidden {
					all = append(all, "--"+f.Name)
				}
			}
		}
	default:
		for _, n := range at.Children {
			if !n.Hidden {
				all = append(all, n.Name)
			}
		}
		for _, p := range at.Positional {
			all = append(all, p.EnumSlice()...)
		}
	}
	all = slices.DeleteFunc(all, func(word string) bool { return word == "" || !strings.HasPrefix(word, last) })
	slices.Sort(all)
	return slices.Compact(all)
}

func flagOf(at *kong.Node, name string) *kong.Flag {
	for n := at; n != nil; n = n.Parent {
		for _, f := range n.Flags {
			if f.Name == name {
				return f
			}
		}
	}
	return nil
}

func profileNames() []string {
	_, c, err := openConfig()
	if err != nil { // nobody completes from what cannot be read
		return nil
	}
	return sortedKeys(c.Profiles)
}
