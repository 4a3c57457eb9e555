package experiment

import (
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"lastack/harness/term"
)

//go:embed corpus/*.yaml
var files embed.FS

// Corpus is every built-in experiment, sorted by name.
var Corpus = sync.OnceValue(func() []*Experiment { return Embedded(files, "corpus/*.yaml") })

// Embedded is every experiment among the files of a program, sorted by name. It
// panics on one that is wrong, so a test parses them all.
func Embedded(files embed.FS, pattern string) []*Experiment {
	names, err := fs.Glob(files, pattern)
	if err != nil {
		panic(err) // the pattern is a constant
	}
	var all []*Experiment
	for _, name := range names {
		content, err := files.ReadFile(name)
		if err != nil {
			panic(err) // embedded, or not built
		}
		e, err := Parse(name, content)
		if err != nil {
			panic(err)
		}
		all = append(all, e)
	}
	return all
}

func mustRead(name string) string {
	content, err := files.ReadFile("corpus/" + name)
	if err != nil {
		panic(err) // embedded, or not built
	}
	return string(content)
}

// Select finds experiments: "all" of the corpus, or names of it, patterns of names
// ("time-wait-*") and files, and all of some groups. What has a slash or ends in .yaml or
// .yml is a file.
func Select(args []string, groups ...string) ([]*Experiment, error) {
	var out []*Experiment
	finds := make([]func() ([]*Experiment, error), 0, len(args)+len(groups))
	for _, arg := range args {
		finds = append(finds, func() ([]*Experiment, error) { return one(arg) })
	}
	for _, name := range groups {
		finds = append(finds, func() ([]*Experiment, error) { return InGroup(name) })
	}
	for _, find := range finds {
		found, err := find()
		if err != nil {
			return nil, err
		}
		for _, e := range found {
			if i := slices.IndexFunc(out, func(o *Experiment) bool { return o.Name == e.Name }); i >= 0 && out[i].File != e.File {
				return nil, fmt.Errorf("%s and %s are both called %s; rename one", out[i].File, e.File, e.Name)
			} else if i < 0 {
				out = append(out, e)
			}
		}
	}
	return out, nil
}

func one(arg string) ([]*Experiment, error) {
	all := Corpus()
	if arg == "all" {
		return all, nil
	}
	if isFile(arg) {
		e, err := Load(arg)
		return []*Experiment{e}, err
	}
	if strings.ContainsAny(arg, "*?[") {
		return matching(arg)
	}
	var names []string
	for _, e := range all {
		if e.Name == arg {
			return []*Experiment{e}, nil
		}
		names = append(names, e.Name)
	}
	return nil, fmt.Errorf("there is no experiment %s; %s", quote(arg), near(arg, names))
}

// near suggests names that begin with what was given, else those that contain
// it, else one that is few letters away.
func near(name string, names []string) string {
	const most = 8
	var begin, within []string
	for _, n := range names {
		if name != "" && strings.HasPrefix(n, strings.ToLower(name)) {
			begin = append(begin, n)
		}
		if name != "" && strings.Contains(n, strings.ToLower(name)) {
			within = append(within, n)
		}
	}
	if len(begin) > 0 {
		within = begin
	}
	if len(within) > most {
		return fmt.Sprintf("%d are called something with %s, such as %s; \"lastack list\" lists them", len(within), name, within[0])
	}
	if len(within) > 0 {
		return "did you mean " + strings.Join(within, ", ") + "?"
	}
	if near, ok := term.Nearest(name, names); ok {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return "\"lastack list\" lists them"
}

// Load reads an experiment's file.
func Load(file string) (*Experiment, error) {
	content, err := readFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading an experiment: %w", err)
	}
	return Parse(file, content)
}
