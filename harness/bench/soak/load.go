package soak

import (
	"net/netip"
	"time"

	"lastack/harness/app"
)

// The servers that every subject has, by what the clients expect of them.
var (
	echoServer    = app.Spec{Port: 7, Kind: "echo"}
	closesServer  = app.Spec{Port: 8001, Kind: "server-closes"}
	abortsServer  = app.Spec{Port: 8002, Kind: "aborter"}
	ignoresServer = app.Spec{Port: 8003, Kind: "unread", Options: map[string]string{"delay": "50"}}
)

// load is what a process of clients does.
type load struct {
	To   netip.Addr `json:"to"`
	Seed uint64     `json:"seed"`
	// Workers have one connection each at a time.
	Workers int `json:"workers"`
	// Mix has a weight for each habit of a client. Nil is echoes alone.
	Mix map[string]int `json:"mix,omitempty"`
	// Least and Most are how many bytes an echo has.
	Least int64 `json:"least"`
	Most  int64 `json:"most"`
	// Count bounds the connections; 0 is no bound.
	Count int64 `json:"count,omitempty"`
	// Duration is for how long connections are begun, Grace for how much longer
	// they may take.
	Duration time.Duration `json:"duration"`
	Grace    time.Duration `json:"grace"`
	// Idle breaks a connection off that has made no progress for so long; 0 never.
	Idle time.Duration `json:"idle,omitempty"`
	// Forge is how many forged segments are sent each second, Flood how many SYNs
	// from addresses where nobody is.
	Forge int `json:"forge,omitempty"`
	Flood int `json:"flood,omitempty"`
	// FloodFor is how long the flood lasts.
	FloodFor time.Duration `json:"flood_for,omitempty"`
}

// Clients is what a process of clients has done so far.
type Clients struct {
	Begun int64 `json:"begun"`
	// Made were carried through as their habit wants; by habit in Habits.
	Made   int64            `json:"made"`
	Habits map[string]int64 `json:"habits"`
	// Bytes came back from echoes, and were compared.
	Bytes int64 `json:"bytes"`
	// Wrong counts connections that brought a byte that was not sent.
	Wrong int64 `json:"wrong"`
	// Unanswered counts connections whose handshake was given up: on a bad wire
	// that is TCP's way, not a fault.
	Unanswered int64 `json:"unanswered"`
	// Stalled were broken off because they made no progress.
	Stalled int64 `json:"stalled"`
	// Failed counts the others by error.
	Failed map[string]int64 `json:"failed"`
	// Samples are some of the failures in full.
	Samples []string `json:"samples,omitempty"`
	// Forged counts forged segments by kind, Flooded the SYNs of nobody.
	Forged  map[string]int64 `json:"forged,omitempty"`
	Flooded int64            `json:"flooded,omitempty"`
	// Open are the connections that are not over: in the last report only.
	Open []Open `json:"open,omitempty"`
	Done bool   `json:"done"`
}

// Open is a connection of a client that is not over.
type Open struct {
	Habit  string         `json:"habit"`
	Local  netip.AddrPort `json:"local"`
	Remote netip.AddrPort `json:"remote"`
	Size   int64          `json:"size"`
	Sent   int64          `json:"sent"`
	Back   int64          `json:"back"`
}

// failures is how many connections did not end as they should.
func (c *Clients) failures() int64 {
	n := c.Wrong + c.Stalled
	for _, k := range c.Failed {
		n += k
	}
	return n
}
