package experiment

import (
	"reflect"
	"strings"
)

// field is a field of the format, from the tags of a struct's.
type field struct {
	name, doc string
	one       string // the values that it takes, parted by |
	need      bool
	index     int
	typ       reflect.Type
}

// fieldsOf is the format of a struct, in the order of its fields.
func fieldsOf(t reflect.Type) []field {
	var out []field
	for i := range t.NumField() {
		f := t.Field(i)
		name := f.Tag.Get("yaml")
		if name == "-" {
			continue
		}
		out = append(out, field{
			name: name, doc: f.Tag.Get("doc"), one: f.Tag.Get("one"), need: f.Tag.Get("need") != "",
			index: i, typ: f.Type,
		})
	}
	return out
}

func find(fields []field, name string) (field, bool) {
	for _, f := range fields {
		if f.name == name {
			return f, true
		}
	}
	return field{}, false
}

func names(fields []field) []string {
	var out []string
	for _, f := range fields {
		out = append(out, f.name)
	}
	return out
}

// syntax is the field type's own, if it has one.
func syntax(t reflect.Type) (what, pattern string, ok bool) {
	x, ok := reflect.New(t).Interface().(texter)
	if ok {
		what, pattern = x.describe()
	}
	return what, pattern, ok
}

// kind is what a field of the type takes, in words.
func kind(f field) string {
	if what, _, ok := syntax(f.typ); ok {
		return what
	}
	if x, ok := reflect.New(f.typ).Interface().(shaper); ok {
		words, _ := x.shape()
		return words
	}
	switch f.typ.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int:
		return "whole number"
	case reflect.Float64:
		return "number"
	case reflect.Slice:
		return "list of: " + kind(field{typ: f.typ.Elem()})
	case reflect.Map, reflect.Struct:
		return "fields"
	}
	if f.one != "" {
		return strings.ReplaceAll(f.one, "|", ", ")
	}
	return "text"
}
