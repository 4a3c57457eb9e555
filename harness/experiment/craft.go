package experiment

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"lastack/stack/segment"
)

// Craft is one thing that a client does that is no socket, but makes its
// segments itself, as a line of words.
type Craft struct {
	// Verb is one of the table's.
	Verb string
	// Port is the local port that connect opens from.
	Port uint16
	// Flags are those of a segment to inject or to await.
	Flags segment.Flags
	// Seq, Ack and TS are where a segment's numbers are bent. Those of connect are
	// its initial sequence number and the timestamp of its SYN.
	Seq, Ack, TS bent
	// Plain: no timestamps.
	Plain bool
	// Data is what send and inject send; Text what read must read.
	Data, Text []byte
	// N is how many bytes read reads.
	N int
	// Wait is how long wait waits.
	Wait time.Duration
	// Gets is the answer that must come; empty if nobody waits for one.
	Gets string

	text string
}

// bent is a number of a segment that is not what a sound client would send.
type bent struct {
	given bool
	by    int64 // what is added to the sound number, or
	to    uint32
	fixed bool // the number itself
}

// of is the number, where sound would be right.
func (b bent) of(sound uint32) uint32 {
	if b.fixed {
		return b.to
	}
	return sound + uint32(b.by)
}

// craft is one row of the table.
type craft struct {
	name, form, doc string
	parse           func(c *Craft, words []string) error
}

// crafts are all that a client of crafted segments can do.
func crafts() []craft {
	return []craft{
		{
			"connect", "connect [from PORT] [isn N] [ts N|none] [gets ANSWER]",
			"send a SYN and, if it is answered by a SYN+ACK, complete the handshake; from a port that was used before, a new connection",
			(*Craft).connecting,
		},
		{"send", `send N | send "TEXT"`, "send data, and wait for nothing", (*Craft).sending},
		{"read", `read N | read "TEXT"`, "receive so many bytes, or this text, and acknowledge them", (*Craft).reading},
		{"await", "await FLAGS", "receive until a segment has all of these flags, and acknowledge nothing", (*Craft).awaiting},
		{"close", "close", "send a FIN, wait for the server's and acknowledge it", (*Craft).nothing},
		{"finish", "finish", "wait for the server's FIN, answer with one and wait for the last ACK: the server is in TIME_WAIT then", (*Craft).nothing},
		{
			"inject", `inject FLAGS [seq N] [ack N] [ts N|none] [data N|data "TEXT"] [gets ANSWER]`,
			"send a segment and go on as if it had not been sent", (*Craft).injecting,
		},
		{"wait", "wait DURATION", "do nothing for a while: wait 20ms", (*Craft).pause},
	}
}

const craftSyntax = "N is +1, -9000 and so on relative to what a sound client would send, or without a sign the number itself; " +
	"of a new connection from a port that was used before, relative to what the old one would send. ANSWER is the first segment " +
	"that comes back: "

// answers are what a segment may get: nothing, or the flags of a segment.
var answers = []string{"nothing", "ACK", "SYN+ACK", "FIN+ACK", "RST", "RST+ACK"}

// craftFlags are what may be injected.
var craftFlags = map[string]segment.Flags{
	"SYN": segment.SYN, "SYN+ACK": segment.SYN | segment.ACK, "ACK": segment.ACK, "PSH+ACK": segment.PSH | segment.ACK,
	"FIN+ACK": segment.FIN | segment.ACK, "RST": segment.RST, "RST+ACK": segment.RST | segment.ACK,
}

func craftFlagNames() []string {
	var names []string
	for name := range craftFlags {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (c *Craft) parse(text string) error {
	words, err := split(text)
	if err != nil {
		return fmt.Errorf("step %s: %w", quote(text), err)
	}
	all, names := crafts(), craftNames()
	name := ""
	if len(words) > 0 {
		name = words[0]
	}
	i := slices.Index(names, name)
	if i < 0 {
		return fmt.Errorf("there is no step %s for crafted segments; %s", quote(name), suggest(name, names))
	}
	*c = Craft{Verb: name, text: text}
	if err := all[i].parse(c, words[1:]); err != nil {
		return fmt.Errorf("step %s: %w; want %s", quote(text), err, all[i].form)
	}
	return nil
}

// split parts a step at its blanks; a quoted text is one word, quotes and all.
func split(text string) (words []string, err error) {
	for rest := strings.TrimSpace(text); rest != ""; rest = strings.TrimLeft(rest, " ") {
		word, _, _ := strings.Cut(rest, " ")
		if rest[0] == '"' {
			if word, err = strconv.QuotedPrefix(rest); err != nil {
				return nil, fmt.Errorf("the text is not quoted as in Go")
			}
		}
		words, rest = append(words, word), rest[len(word):]
	}
	return words, nil
}

func craftNames() []string {
	var names []string
	for _, c := range crafts() {
		names = append(names, c.name)
	}
	return names
}

// String is the step as the file has it.
func (c Craft) String() string { return c.text }

// MarshalText gives the step as the file has it.
func (c Craft) MarshalText() ([]byte, error) { return []byte(c.text), nil }

func (Craft) describe() (what, pattern string) {
	return "a step of crafted segments", "^(" + strings.Join(craftNames(), "|") + ")( .*)?$"
}
