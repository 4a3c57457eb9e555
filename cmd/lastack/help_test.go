package main

import (
	"bytes"
	"io"
	"strings"
	"testing"
)

func TestWithin(t *testing.T) {
	const text = `A first paragraph that goes on
over two lines.

  lastack explain a-capture.pcap --report a-page.html
  name   what it is, in more words than fit
  short
         and a line far in`
	const want = `A first paragraph that goes
on over two lines.

  lastack explain a-capture.pcap --report a-page.html
  name   what it is, in more
         words than fit
  short
         and a line far in`
	if got := within(text, 28); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestNarrowHelp: on a narrow terminal nothing but a command or a usage is wider.
func TestNarrowHelp(t *testing.T) {
	const columns = 44
	for _, c := range append(command().Commands(), command()) {
		root := command()
		narrowHelp(root, columns)
		var out bytes.Buffer
		root.SetOut(io.MultiWriter(&out))
		root.SetArgs([]string{"help", c.Name()})
		if !c.HasParent() {
			root.SetArgs([]string{"help"})
		}
		if err := root.Execute(); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(out.String()) {
			body := strings.TrimSpace(line)
			whole := strings.HasPrefix(body, "lastack ") || strings.HasPrefix(body, "sudo ") || strings.Contains(body, "PORT=KIND[,KEY=VALUE]")
			if len(line)-1 > columns && !whole {
				t.Errorf("%s: %d columns: %s", c.Name(), len(line)-1, line)
			}
		}
	}
}
