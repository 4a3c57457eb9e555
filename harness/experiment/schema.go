package experiment

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"strings"

	"lastack/harness/app"
	"lastack/harness/term/paragraph"
)

// Schema is the format of an experiment as a JSON Schema, for editors.
func Schema() []byte { return schemaFile(reflect.TypeFor[Experiment](), "An experiment of lastack") }

// SubjectSchema is that of a subject.
func SubjectSchema() []byte { return schemaFile(reflect.TypeFor[Stranger](), "A subject of lastack") }

func schemaFile(t reflect.Type, title string) []byte {
	s := schemaOf(field{typ: t})
	s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	s["title"] = title
	out, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		panic(err) // maps and strings cannot fail
	}
	return append(out, '\n')
}

func schemaOf(f field) map[string]any {
	s := map[string]any{}
	if f.doc != "" {
		s["description"] = f.doc
	}
	if what, pattern, ok := syntax(f.typ); ok {
		s["type"], s["pattern"] = []string{"string", "number"}, pattern
		s["$comment"] = what
		return s
	}
	if x, ok := reflect.New(f.typ).Interface().(shaper); ok {
		_, schema := x.shape()
		maps.Copy(s, schema)
		return s
	}
	switch f.typ.Kind() {
	case reflect.Bool:
		s["type"] = "boolean"
	case reflect.Int:
		s["type"] = "integer"
	case reflect.Float64:
		s["type"] = "number"
	case reflect.Slice:
		s["type"], s["items"] = "array", schemaOf(field{typ: f.typ.Elem()})
	case reflect.Map:
		s["type"] = "object"
		s["additionalProperties"] = map[string]any{"type": []string{"string", "number"}}
	case reflect.Struct:
		schemaOfObject(s, f.typ)
	default:
		s["type"] = "string"
		if f.one != "" {
			s["enum"] = strings.Split(f.one, "|")
		}
	}
	return s
}

func schemaOfObject(s map[string]any, t reflect.Type) {
	properties, required := map[string]any{}, []string{}
	for _, f := range fieldsOf(t) {
		p := schemaOf(f)
		if t == reflect.TypeFor[Server]() && f.name == "app" {
			p["enum"] = appKinds()
		}
		properties[f.name] = p
		if f.need {
			required = append(required, f.name)
		}
	}
	s["type"], s["additionalProperties"] = "object", false
	s["properties"], s["required"] = properties, required
}

func appKinds() []string {
	var out []string
	for _, k := range app.Kinds() {
		out = append(out, k.Name)
	}
	return out
}

// Help is the documentation of the format for a person.
func Help() string {
	var b strings.Builder
	b.WriteString(`An experiment is a YAML file. Every field that there is:

`)
	helpObject(&b, reflect.TypeFor[Experiment](), "")
	b.WriteString("\nSteps of a client; each may end with \"fails ERROR\", where ERROR is\n" +
		strings.Join(failureNames(), ", ") + ":\n\n")
	for _, v := range verbs() {
		fmt.Fprintf(&b, "  %s\n%s", v.form, paragraph.Indented(v.doc, "      "))
	}
	b.WriteString("\nSteps of crafted segments:\n\n")
	for _, c := range crafts() {
		b.WriteString(paragraph.Indented(c.form, "  ") + paragraph.Indented(c.doc, "      "))
	}
	b.WriteString("\n" + paragraph.Indented(craftSyntax+strings.Join(answers, ", ")+". FLAGS are "+strings.Join(craftFlagNames(), ", ")+".", "  "))
	b.WriteString("\nA segment is written\n\n" + paragraph.Indented(patternSyntax, "  ") + "\n" + paragraph.Indented("where FLAGS are "+
		strings.Join(flagSets, ", ")+" (PSH does not count), acks FIN marks the first segment that acknowledges the other "+
		"side's FIN, and at gives ms since the first FIN or RST.", "") + "\nApps and their options:\n\n")
	for _, k := range app.Kinds() {
		fmt.Fprintf(&b, "  %s\n%s", k.Name, paragraph.Indented(k.Doc, "      "))
		for _, o := range k.Options {
			b.WriteString(paragraph.Indented(fmt.Sprintf("%s: %s (%s if left out)", o.Name, o.Doc, o.Default), "        "))
		}
	}
	b.WriteString("\nAn example:\n\n" + indent(example, "    "))
	return b.String()
}

// HelpSubject is the documentation of a subject's file for a person.
func HelpSubject() string {
	var b strings.Builder
	b.WriteString(`A subject is a YAML file that describes a program with a TCP stack of its own. Every
field that there is:

`)
	helpObject(&b, reflect.TypeFor[Stranger](), "")
	b.WriteString("\nPlaceholders of the command, anywhere in it:\n\n")
	for _, p := range [][2]string{
		{"{TUN}", "is the name of the interface, which is there, up, and of the device that the file says; the program attaches to it"},
		{"{FD}", "is the number of an inherited descriptor that is attached to it, in place of that"},
		{"{HOST}", "is the IPv4 address that the program is to have on it"},
		{"{PEER}", "is the address of the kernel at the other end, which connects from there, and {PREFIX} the length of the prefix of both"},
		{"{MTU}", "is the interface's MTU"},
		{"{APP}", "is what the program is to serve in this experiment, and where, as for lastack serve --app: 8000=slow-closer,delay=60ms"},
	} {
		b.WriteString(paragraph.Indented(p[0]+" "+p[1], "  "))
	}
	b.WriteString("\n" + paragraph.Indented("\"lastack run --help-format\" describes the apps and their options.", ""))
	b.WriteString("\nAn example:\n\n" + indent(exampleSubject, "    "))
	return b.String()
}

// exampleSubject is a whole file.
const exampleSubject = `name: my-stack
command: [./my-stack, --tun, "{TUN}", --address, "{HOST}"]
serves:
  - 7=echo
  - 8001=server-closes
  - 8002=slow-closer,delay=60ms
  - 8003=half-closer,bytes=1000
ready: {line: listening}
lacks: [timestamps]
`

func helpObject(b *strings.Builder, t reflect.Type, in string) {
	for _, f := range fieldsOf(t) {
		need := ""
		if f.need {
			need = ", required"
		}
		takes := kind(f)
		inner := f.typ
		if inner.Kind() == reflect.Slice {
			inner = inner.Elem()
		}
		_, _, own := syntax(inner)
		if _, shaped := reflect.New(inner).Interface().(shaper); shaped {
			own = true
		}
		nested := inner.Kind() == reflect.Struct && !own
		fmt.Fprintf(b, "%s  %s\n", in, f.name+need)
		b.WriteString(paragraph.Indented(f.doc, in+"      "))
		if !nested {
			b.WriteString(paragraph.Indented("("+takes+")", in+"      "))
		} else {
			helpObject(b, inner, in+"    ")
		}
	}
}

// example is a whole experiment, from the corpus.
var example = mustRead("three-way.yaml")

func indent(text, by string) string {
	return by + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n"+by) + "\n"
}
