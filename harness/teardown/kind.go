package teardown

import "lastack/stack/flow"

// Kind names how a connection closed. The names are those of the JSON output
// and never change.
type Kind string

// The eight kinds; the package comment defines them.
const (
	ThreeWay     Kind = "three-way"
	FourWay      Kind = "four-way"
	Simultaneous Kind = "simultaneous"
	HalfClosed   Kind = "half-closed"
	Reset        Kind = "reset"
	Refused      Kind = "refused"
	Open         Kind = "open"
	Unanswered   Kind = "unanswered"
)

// Who names one side, both or none, as in the JSON output.
type Who string

// The four answers.
const (
	Client Who = "client"
	Server Who = "server"
	Both   Who = "both"
	None   Who = "none"
)

func whoIs(s flow.Side) Who {
	if s == flow.Client {
		return Client
	}
	return Server
}

// whoAre is the Who of a set of sides, indexed by flow.Side.
func whoAre(is [2]bool) Who {
	switch is {
	case [2]bool{true, true}:
		return Both
	case [2]bool{true, false}:
		return Client
	case [2]bool{false, true}:
		return Server
	}
	return None
}
