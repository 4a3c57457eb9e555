package experiment

import (
	"lastack/harness/teardown"
	"lastack/stack/impair"
)

// The subjects of an experiment.
const (
	Lastack = "lastack"
	Kernel  = "kernel"
)

// Subjects are both, in the order in which they are run.
func Subjects() []string { return []string{Lastack, Kernel} }

// Experiment is one file. The tags are the format: the name of a field, what it
// means, whether it may be left out, and which values it takes.
type Experiment struct {
	Name     string   `yaml:"name" need:"yes" doc:"what the experiment is called: lower-case letters, digits and dashes"`
	Question string   `yaml:"question" need:"yes" doc:"the question that it answers, in one sentence that ends with a question mark"`
	Answer   string   `yaml:"answer" doc:"the answer in a phrase that stands by itself, without a full stop: the line of a result that passed shows it; if left out, all of shows"`
	Shows    string   `yaml:"shows" need:"yes" doc:"what it shows"`
	Wrong    string   `yaml:"wrong" doc:"what people get wrong about it"`
	Claims   []int    `yaml:"claims" doc:"the numbers, 1 to 49, of the claims that it examines"`
	Slow     bool     `yaml:"slow" doc:"true if it takes more than 10 seconds: it is run with --slow only"`
	Subject  string   `yaml:"subject" one:"server|client" doc:"which side is examined: the server (if left out) or the client; the other side is the kernel's, unless load.peer says otherwise"`
	Skip     Skip     `yaml:"skip" doc:"why it is not run on one of the subjects"`
	Tunables Tunables `yaml:"tunables" doc:"settings of either side, each NAME: VALUE"`
	Impair   Rules    `yaml:"impair" doc:"rules that make the wire between the two sides bad, as for lastack serve --impair; the host is the subject, the peer the other side. Something must fall to each"`
	Server   Server   `yaml:"server" need:"yes" doc:"the app or the program that serves"`
	Through  Through  `yaml:"through" doc:"what stands between client and server: nat for nftables, or a proxy's command as for lastack proxy, with {LISTEN_HOST}, {LISTEN_PORT}, {SERVER_HOST} and {SERVER_PORT} in it. expect is then about the client's leg, where the proxy's socket is the server's, and expect.behind about the server's"`
	Client   Client   `yaml:"client" need:"yes" doc:"what the client does: a command, steps or crafted segments"`
	Load     LoadSpec `yaml:"load" doc:"makes the client do its steps very often, with few ports: it is counted, and not captured"`
	Repeat   int      `yaml:"repeat" doc:"how often the client does that, one after the other; once if left out"`
	Expect   Expect   `yaml:"expect" need:"yes" doc:"what must be seen"`

	// File is where it was read from.
	File string `yaml:"-"`

	// extra are rules that are not the file's.
	extra []impair.Rule `yaml:"-"`
	// traced, tcpdump and progress are Config.Trace and so on.
	traced   bool           `yaml:"-"`
	tcpdump  bool           `yaml:"-"`
	progress func(Progress) `yaml:"-"`
}

// Skip says why a subject is left out; empty if it is not.
type Skip struct {
	Lastack string `yaml:"lastack" doc:"why it is not run on lastack"`
	Kernel  string `yaml:"kernel" doc:"why it is not run on the kernel, such as a tunable that only lastack has"`
}

// Tunables are the settings of both sides.
type Tunables struct {
	Subject map[string]string `yaml:"subject" doc:"of the subject: lastack's tunables (lastack sysctl -a lists them); those that begin with net. are sysctls on the kernel"`
	Peer    map[string]string `yaml:"peer" doc:"of the other side: sysctls of its network namespace, as it is the kernel's"`
}

// Server is the app behind the listener, or a program.
type Server struct {
	App     string            `yaml:"app" doc:"its kind, as for lastack serve --app"`
	Options map[string]string `yaml:"options" doc:"its options, each NAME: VALUE"`
	Port    int               `yaml:"port" doc:"where it listens; 8000 if left out"`
	Command []string          `yaml:"command" doc:"instead of an app, a program and its arguments; {HOST} and {PORT} stand for where it is to listen, and it prints a line once it does. Not on lastack, unless the subject is the client"`
}

// Client is what connects: a program, steps on a socket, or segments without one.
type Client struct {
	Command []string `yaml:"command" doc:"a program and its arguments; {HOST} and {PORT} stand for the server's. Only where the subject is the server"`
	Stdin   string   `yaml:"stdin" doc:"what the command reads from standard input"`
	Steps   []Step   `yaml:"steps" doc:"what is done with a socket, in order"`
	Crafted []Craft  `yaml:"crafted" doc:"what is done without a socket, by segments made for the purpose, sound or not. Only where the subject is the server; the client's state is CLOSED then. A connection whose SYN is refused counts for nothing"`
}

// Expect is what must be seen. A field that is left out matches anything.
type Expect struct {
	Close        teardown.Kind `yaml:"close" need:"yes" one:"three-way|four-way|simultaneous|half-closed|reset|refused|open|unanswered|any" doc:"how every connection closes; any with a load, and only there"`
	ActiveCloser teardown.Who  `yaml:"active_closer" one:"client|server|both|none" doc:"who sends the first FIN"`
	TimeWait     teardown.Who  `yaml:"time_wait" one:"client|server|both|none" doc:"who goes into TIME_WAIT, by what the wire shows"`
	ResetBy      teardown.Who  `yaml:"reset_by" one:"client|server|none" doc:"who sends the RST that ends the connection"`
	Segments     []Pattern     `yaml:"segments" doc:"the segments from the first FIN or RST on, in order; those that were lost, or that a busy machine made somebody send again, are left out of the comparison"`
	States       States        `yaml:"states" need:"yes" doc:"the states of both sockets afterwards; of several connections, of each"`
	AckDelay     Range         `yaml:"ack_delay_ms" doc:"the time from the first FIN to the first segment that acknowledges it, in ms"`
	HalfClose    Range         `yaml:"half_close_bytes" doc:"how many bytes the other side sends after the first FIN and before its own"`
	FINsAgain    Range         `yaml:"fins_again" doc:"how many FINs are sent again, by both sides together"`
	Lasts        Lasts         `yaml:"lasts" doc:"how long a state lasts, from the last segment on; the state is one of those in states"`
	Opening      Opening       `yaml:"opening" doc:"how the latest connection began"`
	ServerSays   string        `yaml:"server_says" doc:"what the server's program must print, among other things"`
	Rest         Rest          `yaml:"rest" doc:"what happens when nothing does"`
	Counts       Counts        `yaml:"counts" doc:"how many of something there are in the end"`
	NoPort       string        `yaml:"no_port" one:"never|after the last" doc:"with a load: when a connection finds no port: never, or after the last, which is when each port has been used once, unless TIME_WAIT is shorter than that"`
	Behind       Behind        `yaml:"behind" doc:"with through: what must be seen on the server's leg, where the proxy's socket is the client's"`
	Checks       []Check       `yaml:"checks" doc:"shell commands, run in the network namespace of the side that is not the subject once the states are as expected"`

	// fourToo takes a close in four segments for one in three: the subject does not wait
	// with the ACK of a FIN for its own FIN to carry it, which no RFC asks for.
	fourToo bool `yaml:"-"`
}

// States are RFC 9293's names, with underscores.
type States struct {
	Client string `yaml:"client" need:"yes" one:"ESTABLISHED|FIN_WAIT_1|FIN_WAIT_2|CLOSE_WAIT|CLOSING|LAST_ACK|TIME_WAIT|CLOSED|any" doc:"of the client's socket; CLOSED if there is none, any if it does not matter, as where counts tells"`
	Server string `yaml:"server" need:"yes" one:"ESTABLISHED|FIN_WAIT_1|FIN_WAIT_2|CLOSE_WAIT|CLOSING|LAST_ACK|TIME_WAIT|CLOSED|any" doc:"of the server's socket, likewise"`
}

// anyState stands for every state.
const anyState = "any"

// admit reports whether the states seen are those that are expected.
func (s States) admit(seen States) bool {
	return (s.Client == anyState || s.Client == seen.Client) && (s.Server == anyState || s.Server == seen.Server)
}

// Lasts is how long one side stays in the state that Expect.States gives it.
type Lasts struct {
	Side string `yaml:"side" need:"yes" one:"client|server" doc:"whose state"`
	MS   Range  `yaml:"ms" need:"yes" doc:"until the socket is gone, in ms"`
}

// Opening is how a connection begins.
type Opening struct {
	SYNBytes Range `yaml:"syn_bytes" doc:"how many bytes of data the client's SYN carries"`
	SYNACKs  Range `yaml:"synack_acks" doc:"how many of them the SYN+ACK acknowledges"`
	AnswerMS Range `yaml:"answer_ms" doc:"the time from the SYN to the server's first data, in ms"`
}

// Rest is a time in which nobody does anything.
type Rest struct {
	MS  int   `yaml:"ms" need:"yes" doc:"how long, in ms, once the states are as expected"`
	CPU Range `yaml:"cpu_ms" need:"yes" doc:"how much processor time this program takes meanwhile, the server's app and lastack included, in ms"`
}

// Counts are of all that the client did.
type Counts struct {
	Connections    Range `yaml:"connections" doc:"connections that were seen; if left out, as many as the client makes when it does not fail"`
	Failures       Range `yaml:"failures" doc:"how often the client failed; never if left out"`
	TimeWaitClient Range `yaml:"time_wait_client" doc:"sockets in TIME_WAIT at the client"`
	TimeWaitServer Range `yaml:"time_wait_server" doc:"sockets in TIME_WAIT at the server"`
}

// Check is a command and what it must print.
type Check struct {
	Run    string `yaml:"run" need:"yes" doc:"a line for sh -c that begins with a program; its exit status does not matter"`
	Prints string `yaml:"prints" doc:"what it must print, blanks around it left out"`
}

// Reason says why the experiment is not run on the subject, by its file; empty if it is.
func (e *Experiment) Reason(subject string) string {
	switch subject {
	case Kernel:
		return e.Skip.Kernel
	case Lastack:
		return e.Skip.Lastack
	}
	return ""
}

// Sides are what is at either end when the experiment is run on the subject, in
// the words of a ladder.
func (e *Experiment) Sides(subject string) (client, server string) {
	client, server = "the kernel", "the kernel"
	if len(e.Client.Crafted) > 0 {
		client = "crafted"
	}
	name := subject
	if subject == Kernel {
		name = Lastack // which may be the peer
	}
	switch atSubject := subject != Kernel; {
	case e.Through.given():
		server = e.Through.name()
	case !atSubject && e.Load.Peer != Lastack:
	case atSubject == (e.Subject == "client"):
		client = name
	default:
		server = name
	}
	return client, server
}

// defaultPort is where a server listens whose file does not say.
const defaultPort = 8000
