package packetdrill

import (
	"net/netip"
	"time"
)

// Call is a system call. It is what goes to a subject in another process too, as JSON;
// names of constants are resolved, and their numbers are Linux's on x86-64. Which fields
// count depends on Name:
//
//	socket      Domain, Type, Protocol
//	bind        FD, Addr
//	listen      FD, Backlog
//	accept      FD, Flags (accept4's)
//	connect     FD, Addr
//	read        FD, Count, Flags (recv's); readv, recv, recvfrom and recvmsg are read too
//	write       FD, Data, Flags (send's), Addr (sendto's); writev, send, sendto and
//	            sendmsg are write too
//	close       FD
//	shutdown    FD, How
//	fcntl       FD, Command, Argument
//	ioctl       FD, Command; what it answers is Result.Value.Int
//	setsockopt  FD, Level, Option, Value
//	getsockopt  FD, Level, Option
//	poll        Poll, Timeout
//	epoll_create, epoll_ctl, epoll_wait   FD, Command (EPOLL_CTL_...), Poll, Timeout, Count
type Call struct {
	Name string `json:"call"`
	// FD is what the subject returned from socket, accept or epoll_create.
	FD       int        `json:"fd"`
	Domain   int        `json:"domain,omitempty"`
	Type     int        `json:"type,omitempty"`
	Protocol int        `json:"protocol,omitempty"`
	Addr     *Addr      `json:"addr,omitempty"`
	Backlog  int        `json:"backlog,omitempty"`
	Count    int        `json:"count,omitempty"`
	Data     []byte     `json:"data,omitempty"`
	Flags    int        `json:"flags,omitempty"`
	How      int        `json:"how,omitempty"`
	Command  int        `json:"command,omitempty"`
	Argument int64      `json:"argument,omitempty"`
	Level    int        `json:"level,omitempty"`
	Option   int        `json:"option,omitempty"`
	Value    *OptValue  `json:"value,omitempty"`
	Poll     []PollItem `json:"poll,omitempty"`
	// Timeout is in milliseconds; negative waits for ever.
	Timeout int `json:"timeout,omitempty"`
}

// Addr is a socket address.
type Addr struct {
	// Family is AF_INET (2) or AF_INET6 (10).
	Family int        `json:"family"`
	IP     netip.Addr `json:"ip"`
	Port   uint16     `json:"port"`
}

// OptValue is the value of a socket option, in the one field that fits it.
type OptValue struct {
	Int    *int64  `json:"int,omitempty"`
	Linger *Linger `json:"linger,omitempty"`
	// Bytes is of options that are a text, such as TCP_CONGESTION, or a key.
	Bytes []byte `json:"bytes,omitempty"`
	// Info is struct tcp_info, by the names of its fields ("tcpi_state"); those that the
	// subject does not know are not there.
	Info map[string]int64 `json:"info,omitempty"`
}

// Linger is struct linger.
type Linger struct {
	On      int `json:"on"`
	Seconds int `json:"seconds"`
}

// PollItem is struct pollfd or struct epoll_event: Events asked for, Returned those that
// are. Data is an epoll event's.
type PollItem struct {
	FD       int   `json:"fd"`
	Events   int   `json:"events"`
	Returned int   `json:"returned,omitempty"`
	Data     int64 `json:"data,omitempty"`
}

// Result is what a system call returned.
type Result struct {
	// Return is -1 if the call failed; Errno is then Linux's name of the error
	// ("ECONNRESET"), and "" otherwise.
	Return int64  `json:"return"`
	Errno  string `json:"errno,omitempty"`
	// Data is what read read, as far as the subject shows it.
	Data  []byte     `json:"data,omitempty"`
	Addr  *Addr      `json:"addr,omitempty"`
	Value *OptValue  `json:"value,omitempty"`
	Poll  []PollItem `json:"poll,omitempty"`
	// At is when the call returned, in the subject's time.
	At time.Duration `json:"-"`
}

// Int is the value of an option that is a number.
func Int(n int64) *OptValue { return &OptValue{Int: &n} }
