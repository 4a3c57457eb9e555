package script

import (
	"iter"
	"slices"
	"strings"
)

// Names are what may stand for a number in a packet, with what each is: a variable of the
// TCP under test (RFC 9293, section 3.3.1) when the event happens, counted as the number
// that it stands for is counted. "snd_nxt" in an inbound acknowledgement, say, is relative
// to the initial sequence number of the TCP under test, as numbers there are.
var Names = map[string]string{
	"iss":          "initial send sequence number",
	"irs":          "initial receive sequence number",
	"snd_una":      "the first sequence number that is sent and not acknowledged",
	"snd_nxt":      "the next sequence number to be sent",
	"snd_wnd":      "the send window",
	"snd_wnd_edge": "the first sequence number beyond the send window: snd_una+snd_wnd",
	"rcv_nxt":      "the next sequence number expected",
	"rcv_wnd":      "the receive window",
	"rcv_wnd_edge": "the first sequence number beyond the receive window: rcv_nxt+rcv_wnd",
}

// syscalls are the system calls that google's scripts make.
var syscalls = []string{
	"accept", "bind", "cap_set", "close", "connect", "epoll_create", "epoll_ctl", "epoll_wait", "fcntl", "getsockopt",
	"ioctl", "listen", "open", "pipe", "poll", "psp_rx_assoc", "psp_tx_assoc", "read", "readv", "recv", "recvfrom",
	"recvmsg", "send", "sendfile", "sendmsg", "sendto", "setsockopt", "shutdown", "socket", "splice", "write", "writev",
}

func knownSyscall(name string) bool { return slices.Contains(syscalls, name) }

// fieldNames are those of the structs that system calls about TCP sockets have: sockaddr,
// msghdr, cmsghdr, iovec, sock_extended_err, scm_timestamping, pollfd, epoll_event, linger,
// and FreeBSD's accept_filter_arg, tcp_function_set, tcp_fastopen and sf_hdtr.
var fieldNames = []string{
	"sa_family", "sin_port", "sin_addr", "msg_name", "msg_iov", "msg_control", "msg_flags",
	"cmsg_len", "cmsg_level", "cmsg_type", "cmsg_data", "iov_base", "iov_len",
	"ee_errno", "ee_origin", "ee_type", "ee_code", "ee_info", "ee_data", "scm_sec", "scm_nsec",
	"fd", "events", "revents", "ptr", "u32", "u64", "onoff", "linger",
	"af_name", "af_arg", "function_set_name", "pcbcnt", "enable", "psk", "headers", "trailers",
}

// Const is a named constant of the socket interface.
type Const struct {
	// Value is Linux's on most processors.
	Value int64
	// Linux: Linux has it. Without, the name is another system's, and Value is zero.
	Linux bool
}

// Constant looks a constant up by its name in C.
func Constant(name string) (Const, bool) {
	if v, ok := linux(name); ok {
		return Const{Value: v, Linux: true}, true
	}
	if slices.Contains(strings.Fields(freebsdNames), name) {
		return Const{}, true
	}
	for _, prefix := range freebsdPrefixes {
		if strings.HasPrefix(name, prefix) {
			return Const{}, true
		}
	}
	return Const{}, false
}

func constants() []string {
	return slices.Concat(keys(linuxConstants), keys(linuxErrnos), strings.Fields(freebsdNames))
}

func errnos() []string { return keys(linuxErrnos) }

func sorted(names iter.Seq[string]) []string { return slices.Sorted(names) }

func linux(name string) (int64, bool) {
	if v, ok := linuxConstants[name]; ok {
		return v, true
	}
	v, ok := linuxErrnos[name]
	return v, ok
}
