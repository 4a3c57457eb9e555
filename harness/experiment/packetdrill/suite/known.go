package suite

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Difference is a script that is known to fail, or not to run to its end, and why.
type Difference struct {
	// Name is the script's, without .pkt, and with its folders where others have the same
	// name ("time-wait/data-inside"); a pattern as path.Match has it stands for several.
	Name string `yaml:"name" json:"name"`
	// Why is what the subject does, and why that is no defect, or is one.
	Why string `yaml:"why" json:"why"`
	// Agrees says who does the same: a clause of an RFC, another system.
	Agrees string `yaml:"agrees" json:"agrees,omitempty"`

	used bool
}

// Known is a file of known differences: a list of Differences in YAML.
type Known struct {
	File  string
	Items []*Difference
}

// Bounds of a file of known differences.
const (
	maxKnownSize  = 1 << 20
	maxKnownItems = 10_000
)

// LoadKnown reads a file of known differences. Its errors name the file and the line.
func LoadKnown(file string) (*Known, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxKnownSize+1))
	switch {
	case err != nil:
		return nil, err
	case len(text) > maxKnownSize:
		return nil, fmt.Errorf("%s: more than %d bytes", file, maxKnownSize)
	}
	return ParseKnown(file, text)
}

// ParseKnown reads the text of such a file.
func ParseKnown(file string, text []byte) (*Known, error) {
	k := &Known{File: file}
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if len(doc.Content) == 0 {
		return k, nil
	}
	list := doc.Content[0]
	if list.Kind != yaml.SequenceNode {
		return nil, fmt.Errorf("%s:%d: want a list of differences, each with name, why and agrees", file, list.Line)
	}
	if len(list.Content) > maxKnownItems {
		return nil, fmt.Errorf("%s: %d differences; at most %d are read", file, len(list.Content), maxKnownItems)
	}
	for _, n := range list.Content {
		d, err := difference(n)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", file, n.Line, err)
		}
		k.Items = append(k.Items, d)
	}
	return k, nil
}

func difference(n *yaml.Node) (*Difference, error) {
	if n.Kind != yaml.MappingNode {
		return nil, errors.New("want a difference with name, why and agrees")
	}
	d := &Difference{}
	fields := map[string]*string{"name": &d.Name, "why": &d.Why, "agrees": &d.Agrees}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		to := fields[key.Value]
		switch {
		case to == nil:
			return nil, fmt.Errorf("there is no field %q; there are name, why and agrees", key.Value)
		case value.Kind != yaml.ScalarNode:
			return nil, fmt.Errorf("%s: want a text", key.Value)
		}
		*to = value.Value
	}
	if d.Name == "" || d.Why == "" {
		return nil, errors.New("a difference needs a name and a why")
	}
	if _, err := path.Match(d.Name, ""); err != nil {
		return nil, fmt.Errorf("name: %q is no pattern: %w", d.Name, err)
	}
	return d, nil
}

// judge marks a result that is known to fail, and one that is not as is known.
func (k *Known) judge(r *Result) {
	if k == nil || r.Unread {
		return
	}
	for _, d := range k.Items {
		if !d.names(r.File) {
			continue
		}
		d.used = true
		r.Known = d
		r.Surprise = r.Verdict == Pass
		return
	}
}

// names reports whether a script is meant: with as many folders as the name has.
func (d *Difference) names(file string) bool {
	file = filepath.ToSlash(file)
	parts := strings.Split(strings.TrimSuffix(file, path.Ext(file)), "/")
	folders := strings.Count(d.Name, "/")
	if folders >= len(parts) {
		return false
	}
	ok, _ := path.Match(d.Name, strings.Join(parts[len(parts)-1-folders:], "/")) // the pattern was tried
	return ok
}

// Unused lists the names that no script had.
func (k *Known) Unused() (names []string) {
	if k == nil {
		return nil
	}
	for _, d := range k.Items {
		if !d.used {
			names = append(names, d.Name)
		}
	}
	return names
}
