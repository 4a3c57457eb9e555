package script

import (
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the golden files")

// TestGolden holds the trees of the scripts in testdata against what they were.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.pkt")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		s, err := Parse(filepath.Base(file), text, Config{})
		if err != nil {
			t.Error(err)
			continue
		}
		var b strings.Builder
		dump(&b, reflect.ValueOf(s), 0)
		golden := strings.TrimSuffix(file, ".pkt") + ".golden"
		if *update {
			if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if got := b.String(); got != string(want) {
			t.Errorf("%s differs from %s; with -update it is written anew. Got:\n%s", file, golden, got)
		}
	}
}

// dump writes a tree, a node a line, without fields that are zero.
func dump(b *strings.Builder, v reflect.Value, depth int) {
	switch x := v.Interface().(type) {
	case Pos:
		fmt.Fprintf(b, "%d:%d", x.Line, x.Column)
		return
	case time.Duration, netip.Addr:
		fmt.Fprint(b, x)
		return
	case Number:
		fmt.Fprintf(b, "%s%d%+d", x.Name, x.Value, x.Offset)
		return
	}
	indent := "\n" + strings.Repeat("  ", depth)
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		dump(b, v.Elem(), depth)
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			fmt.Fprintf(b, "%x", v.Bytes())
			return
		}
		for i := range v.Len() {
			b.WriteString(indent + "- ")
			dump(b, v.Index(i), depth+1)
		}
	case reflect.Struct:
		b.WriteString(v.Type().Name())
		for i := range v.NumField() {
			f, name := v.Field(i), v.Type().Field(i).Name
			if f.IsZero() || name == "Text" || name == "Statements" || name == "File" {
				continue
			}
			if name == "node" {
				fmt.Fprint(b, " ")
				dump(b, f.Field(0), depth)
				continue
			}
			b.WriteString(" " + name + "=")
			dump(b, f, depth+1)
		}
	case reflect.String:
		fmt.Fprintf(b, "%q", v.String())
	default:
		fmt.Fprint(b, v.Interface())
	}
}

// TestReadme parses the script by which the README shows the language.
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(readme), "## The language\n")
	text, _, _ := strings.Cut(after, "\n\nA script is ")
	s, err := Parse("README.md", []byte(text), Config{Strict: true})
	if err != nil || len(s.Events) != 13 {
		t.Fatalf("%v, %+v", err, s)
	}
}
