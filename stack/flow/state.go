package flow

// Side names an end of the connection.
type Side uint8

// Client is the side that sent the first SYN, or, where the handshake was not seen, the
// side that the owner took for it. Server is the other.
const (
	Client Side = iota
	Server
)

// Other is the opposite side.
func (s Side) Other() Side { return s ^ 1 }

// String is "client" or "server".
func (s Side) String() string {
	if s == Client {
		return "client"
	}
	return "server"
}

// State is a connection state of RFC 9293 3.3.2.
type State uint8

// The states, in the RFC's order. Unknown is the zero value: nothing seen yet.
const (
	Unknown State = iota
	Listen
	SynSent
	SynReceived
	Established
	FinWait1
	FinWait2
	CloseWait
	Closing
	LastAck
	TimeWait
	Closed
)

var stateNames = [...]string{
	"", "LISTEN", "SYN_SENT", "SYN_RECEIVED", "ESTABLISHED", "FIN_WAIT_1",
	"FIN_WAIT_2", "CLOSE_WAIT", "CLOSING", "LAST_ACK", "TIME_WAIT", "CLOSED",
}

// String is the state's name with an underscore: "FIN_WAIT_1".
func (s State) String() string { return stateNames[s] }

// Done reports whether the side is through: CLOSED, or TIME_WAIT, where only
// time is left to pass.
func (s State) Done() bool { return s == TimeWait || s == Closed }
