package experiment

import (
	"strings"
	"testing"

	"lastack/stack/segment"
)

func mustCraft(t *testing.T, text string) Craft {
	t.Helper()
	var c Craft
	if err := c.parse(text); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCraft(t *testing.T) {
	c := mustCraft(t, "connect from 40001 isn -9000 ts 70000 gets ACK")
	if c.Port != 40001 || c.Seq.of(10000) != 1000 || c.TS.of(5) != 70000 || c.Gets != "ACK" || c.Plain {
		t.Errorf("%+v", c)
	}
	c = mustCraft(t, `inject PSH+ACK seq +1 ack -1 ts none data "a b" gets nothing`)
	if c.Flags != segment.PSH|segment.ACK || c.Seq.of(7) != 8 || c.Ack.of(0) != 0xffffffff || !c.Plain || string(c.Data) != "a b" || c.Gets != "nothing" {
		t.Errorf("%+v", c)
	}
	if c.TS.given || !mustCraft(t, "inject RST ts +0").TS.given {
		t.Error("ts +0 is not the same as no ts")
	}
	if c = mustCraft(t, `read "x y"`); c.N != 3 || string(c.Text) != "x y" {
		t.Errorf("%+v", c)
	}
	if text, err := c.MarshalText(); err != nil || string(text) != `read "x y"` {
		t.Errorf("%s, %v", text, err)
	}
}

// TestCraftMistakes: each says what is wrong, and what would be right.
func TestCraftMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"":                           `there is no step ""`,
		"conect":                     `there is no step "conect" for crafted segments; did you mean "connect"?`,
		"half-close":                 `there is no step "half-close" for crafted segments; there are connect`,
		"connect form 40000":         `"form" is not understood; did you mean "from"?`,
		"connect from":               `"from" is without a value; want connect [from PORT]`,
		"connect from 70000":         `"70000" is not a local port`,
		"connect ts 1 ts 2":          `"ts" is not understood`,
		"connect gets SYNACK":        `no answer is "SYNACK"; did you mean "SYN+ACK"?`,
		"inject":                     "the flags are missing; want inject FLAGS",
		"inject FIN":                 `no flags "FIN"; did you mean "FIN+ACK"?`,
		"inject RST seq one":         `"one" is not a number of 32 bits, such as +1`,
		"inject RST seq +9999999999": `"+9999999999" is not a number of 32 bits`,
		"inject RST data 2000":       "2000 bytes do not fit one segment; send at most 1200",
		`send "open`:                 "the text is not quoted as in Go",
		"send 0":                     `"0" is not a number of bytes from 1`,
		"await":                      "the flags are missing; want await FLAGS",
		"await FIN+ACK now":          `"now" is one word too many`,
		"finish now":                 `"now" is one word too many; want finish`,
		"wait long":                  `"long" is not a duration`,
	} {
		var c Craft
		if err := c.parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

// TestCraftedMistakes are those that only the whole file shows.
func TestCraftedMistakes(t *testing.T) {
	const crafted = `name: crafted
question: Is it?
shows: It is.
server: {app: server-closes}
client:
  crafted:
    - connect
    - finish
expect:
  close: three-way
  states: {client: CLOSED, server: TIME_WAIT}
`
	if _, err := Parse("x.yaml", []byte(crafted)); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ old, new, want string }{
		{"    - connect\n", "", `x.yaml:7: the first step is "finish"; a client begins with connect`},
		{"client: CLOSED", "client: TIME_WAIT", "x.yaml:11: a client of crafted segments has no socket; its state is CLOSED"},
		{"server: {app", "subject: client\nserver: {app", "x.yaml:8: crafted segments cannot be the subject"},
		{"client:\n", "client:\n  steps: [connect]\n", "x.yaml:6: the client has more than one of command, steps and crafted"},
		{"- finish", "- finsh", `x.yaml:8: client.crafted[2]: there is no step "finsh" for crafted segments; did you mean "finish"?`},
	} {
		broken := strings.Replace(crafted, tt.old, tt.new, 1)
		if _, err := Parse("x.yaml", []byte(broken)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: %v, want %s", tt.new, err, tt.want)
		}
	}
}
