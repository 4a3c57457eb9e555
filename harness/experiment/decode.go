package experiment

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// SyntaxError is something wrong with a file, and where.
type SyntaxError struct {
	File string
	Line int // from 1; 0 if it is about the whole file
	Why  string
}

// Error names the file, the line, and what would be right.
func (e *SyntaxError) Error() string {
	if e.Line == 0 {
		return e.File + ": " + e.Why
	}
	return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Why)
}

// texter is a type of value with a syntax of its own.
type texter interface {
	parse(text string) error
	// describe gives the syntax in words and as a regular expression.
	describe() (what, pattern string)
}

// shaper is a type of value that may be written in more than one shape.
type shaper interface {
	decode(d *decoder, n *yaml.Node, at spot)
	// shape gives the shapes in words and as a JSON Schema.
	shape() (words string, schema map[string]any)
}

// decoder reads YAML nodes into tagged structs and collects what is wrong.
type decoder struct {
	file  string
	lines map[string]int // of each field that was read, by its path
	errs  []error
}

func (d *decoder) fail(line int, format string, args ...any) {
	d.errs = append(d.errs, &SyntaxError{File: d.file, Line: line, Why: fmt.Sprintf(format, args...)})
}

// Parse reads an experiment. The error joins a SyntaxError for each mistake.
func Parse(file string, content []byte) (*Experiment, error) {
	e := &Experiment{File: file}
	err := decode(file, content, reflect.ValueOf(e).Elem(), top, func(d *decoder) { d.validate(e) })
	if err != nil {
		return nil, err
	}
	return e, nil
}

// decode reads a file into a tagged struct, and validates what is well-formed.
func decode(file string, content []byte, into reflect.Value, whole spot, validate func(*decoder)) error {
	d := &decoder{file: file, lines: map[string]int{}}
	dec := yaml.NewDecoder(strings.NewReader(string(content)))
	var doc, more yaml.Node
	if err := dec.Decode(&doc); err != nil || len(doc.Content) == 0 {
		return notYAML(file, err, whole.help)
	}
	d.value(doc.Content[0], into, whole)
	if dec.Decode(&more) == nil {
		_, what, _ := strings.Cut(whole.whole, " ")
		d.fail(more.Line, "a second document begins; a file holds one %s", what)
	}
	if len(d.errs) == 0 {
		validate(d)
	}
	return errors.Join(d.errs...)
}

// spot is where in the file a value stands: its path, and its field's tags. The whole
// has no path, but is called something, and a flag of lastack run describes it.
type spot struct {
	path        string
	one         string
	whole, help string
}

// What a whole file is.
var (
	top        = spot{whole: "an experiment", help: "--help-format"}
	subjectTop = spot{whole: "a subject", help: "--help-subject"}
)

// name is how a complaint calls the value.
func (s spot) name() string {
	if s.path == "" {
		return s.whole
	}
	return s.path
}

func (d *decoder) value(n *yaml.Node, v reflect.Value, at spot) {
	d.lines[at.path] = n.Line
	if n.Kind == yaml.AliasNode || n.Anchor != "" {
		d.fail(n.Line, "%s: anchors and aliases are not part of the format; write it out", at.name())
		return
	}
	if t, ok := v.Addr().Interface().(texter); ok {
		if text, ok := d.text(n, at); ok {
			if err := t.parse(text); err != nil {
				d.fail(n.Line, "%s: %v", at.name(), err)
			}
		}
		return
	}
	if t, ok := v.Addr().Interface().(shaper); ok {
		t.decode(d, n, at)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.object(n, v, at)
	case reflect.Slice:
		d.list(n, v, at)
	case reflect.Map:
		d.settings(n, v, at)
	default:
		d.scalar(n, v, at)
	}
}

// text is what a scalar says, whatever YAML takes it for.
func (d *decoder) text(n *yaml.Node, at spot) (string, bool) {
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		hint := ""
		if n.Kind == yaml.MappingNode {
			hint = "; " + colonHint
		}
		d.fail(n.Line, "%s is %s; want a value%s", at.name(), kindOf(n), hint)
		return "", false
	}
	return n.Value, true
}

func kindOf(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Tag == "!!null":
		return "empty"
	}
	return quote(n.Value)
}

func (d *decoder) scalar(n *yaml.Node, v reflect.Value, at spot) {
	text, ok := d.text(n, at)
	if !ok {
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		if text != "true" && text != "false" {
			d.fail(n.Line, "%s is %s; want true or false", at.name(), quote(text))
		}
		v.SetBool(text == "true")
	case reflect.Int:
		i, err := strconv.ParseInt(text, 10, 32)
		if err != nil {
			d.fail(n.Line, "%s is %s; want a whole number", at.name(), quote(text))
		}
		v.SetInt(i)
	case reflect.Float64:
		f, err := number(text)
		if err != nil {
			d.fail(n.Line, "%s is %s; want a number", at.name(), quote(text))
		}
		v.SetFloat(f)
	default:
		if names := strings.Split(at.one, "|"); at.one != "" && !slices.Contains(names, text) {
			d.fail(n.Line, "%s: there is no %s; %s", at.name(), quote(text), suggest(text, names))
		}
		v.SetString(text)
	}
}

func (d *decoder) list(n *yaml.Node, v reflect.Value, at spot) {
	if n.Kind != yaml.SequenceNode {
		d.fail(n.Line, "%s is %s; want a list: lines that begin with a dash, or [ONE, TWO]", at.name(), kindOf(n))
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, item := range n.Content {
		d.value(item, v.Index(i), spot{path: fmt.Sprintf("%s[%d]", at.path, i+1)})
	}
}

// pairs calls f for each key of a mapping, each of which may stand there once.
// The names are those that there may be, in words.
func (d *decoder) pairs(n *yaml.Node, at spot, names string, f func(key, value *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		d.fail(n.Line, "%s is %s; want fields, each NAME: VALUE, where NAME is %s", at.name(), kindOf(n), names)
		return
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if first := seen[key.Value]; first != 0 {
			d.fail(key.Line, "%s is given twice, first in line %d", quote(key.Value), first)
			continue
		}
		seen[key.Value] = key.Line
		f(key, n.Content[i+1])
	}
}

func (d *decoder) settings(n *yaml.Node, v reflect.Value, at spot) {
	v.Set(reflect.MakeMap(v.Type()))
	d.pairs(n, at, "that of a setting", func(key, value *yaml.Node) {
		path := at.path + "." + key.Value
		d.lines[path] = value.Line
		if text, ok := d.text(value, spot{path: path}); ok {
			v.SetMapIndex(reflect.ValueOf(key.Value), reflect.ValueOf(text))
		}
	})
}

func (d *decoder) object(n *yaml.Node, v reflect.Value, at spot) {
	fields := fieldsOf(v.Type())
	given := map[string]bool{}
	d.pairs(n, at, strings.Join(names(fields), ", "), func(key, value *yaml.Node) {
		f, ok := find(fields, key.Value)
		if !ok {
			d.fail(key.Line, "there is no field %s%s; %s", quote(key.Value), at.within(), suggest(key.Value, names(fields)))
			return
		}
		given[f.name] = true
		d.value(value, v.Field(f.index), spot{path: at.join(f.name), one: f.one})
	})
	for _, f := range fields {
		if f.need && !given[f.name] && n.Kind == yaml.MappingNode {
			d.fail(n.Line, "the field %q is missing%s: %s", f.name, at.within(), f.doc)
		}
	}
}

func (s spot) join(name string) string {
	if s.path == "" {
		return name
	}
	return s.path + "." + name
}

func (s spot) within() string {
	if s.path == "" {
		return ""
	}
	return " in " + s.path
}
